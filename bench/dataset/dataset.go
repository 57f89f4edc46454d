// Package dataset makes the hashes that are searched in measurements: uniform bits, and the hashes of synthetic pictures. The same
// seed gives the same data everywhere.
package dataset

import (
	"encoding/binary"
	"iter"
	"math"
	"math/rand/v2"

	"raksha.example/raksha/pdq"
)

// Hash is a hash of 256 bits.
type Hash = [32]byte

// Set is what one measurement searches.
type Set struct {
	Name   string
	Hashes []Hash
	Miss   []Hash                  // queries of the same kind that were not put in
	Hit    []Hash                  // copies of hashes with 0 to 31 bits changed
	Stream iter.Seq2[Hash, uint64] // the hashes with their places, where they are too many for memory
	Source []int                   // Source[i] is the place in Hashes that Hit[i] was made of, at a distance of i%32
}

// Uniform makes n hashes of random bits.
func Uniform(n int, seed uint64) Set {
	r := rand.New(rand.NewPCG(seed, 1))
	s := Set{Name: "uniform", Hashes: make([]Hash, n)}
	for i := range s.Hashes {
		s.Hashes[i] = randomHash(r)
	}
	s.queries(r, func() Hash { return randomHash(r) })
	return s
}

// Pictures makes n hashes from base synthetic pictures of many kinds, with series of near-identical ones: the first are the hashes of
// the pictures themselves, the others are copies of those with up to 60 bits changed. The queries that miss are other pictures.
func Pictures(n, base int, seed uint64) Set {
	r := rand.New(rand.NewPCG(seed, 2))
	s := Set{Name: "pictures", Hashes: make([]Hash, 0, n)}
	d := newDrawer(r)
	for len(s.Hashes) < min(n, base) {
		s.Hashes = append(s.Hashes, d.next())
	}
	for len(s.Hashes) < n {
		s.Hashes = append(s.Hashes, flipped(r, s.Hashes[r.IntN(base)], r.IntN(61)))
	}
	other := newDrawer(rand.New(rand.NewPCG(seed+1, 3)))
	s.queries(r, other.next)
	return s
}

// Crowded makes n hashes of which half agree in two neighbouring chunks of 16 bits, and queries that agree with them there: the worst
// that an index of such chunks can meet, made on purpose.
func Crowded(n int, seed uint64) Set {
	r := rand.New(rand.NewPCG(seed, 5))
	s := Set{Name: "crowded", Hashes: make([]Hash, n)}
	crowd := func() Hash {
		h := randomHash(r)
		copy(h[6:10], "kite")
		return h
	}
	for i := range s.Hashes {
		if s.Hashes[i] = crowd(); i%2 == 0 {
			s.Hashes[i] = randomHash(r)
		}
	}
	s.queries(r, crowd)
	return s
}

const (
	misses = 4096
	hits   = 3200
)

func (s *Set) queries(r *rand.Rand, miss func() Hash) {
	for range misses {
		s.Miss = append(s.Miss, miss())
	}
	for i := range hits {
		at := r.IntN(len(s.Hashes))
		s.Source = append(s.Source, at)
		s.Hit = append(s.Hit, flipped(r, s.Hashes[at], i%32))
	}
}

func randomHash(r *rand.Rand) (h Hash) {
	for w := range 4 {
		binary.LittleEndian.PutUint64(h[8*w:], r.Uint64())
	}
	return h
}

// flipped gives h with d different bits changed.
func flipped(r *rand.Rand, h Hash, d int) Hash {
	var done Hash
	for d > 0 {
		b := r.IntN(256)
		if done[b>>3]>>(b&7)&1 == 0 {
			done[b>>3] |= 1 << (b & 7)
			h[b>>3] ^= 1 << (b & 7)
			d--
		}
	}
	return h
}

// drawer draws pictures of 64x64, the size at which PDQ looks at any picture.
type drawer struct {
	r    *rand.Rand
	base [128 * 128]float64 // the scene that a series varies
	left int                // pictures left of the series
	kind int
	crop [3]int // side and place of the window that a series looks through
}

func newDrawer(r *rand.Rand) *drawer { return &drawer{r: r} }

// next hashes the next picture: a fresh scene, or a crop of the last with noise and another brightness.
func (d *drawer) next() Hash {
	r := d.r
	if d.left == 0 {
		d.left = 1
		if r.IntN(4) == 0 {
			d.left = 2 + r.IntN(30)
		}
		d.kind = r.IntN(8)
		d.scene()
		d.crop = [3]int{96 + r.IntN(28), r.IntN(5), r.IntN(5)}
	}
	d.left--
	// A window of the scene, nearly the same within a series.
	size := d.crop[0] - r.IntN(3)
	x0, y0 := min(128-size, d.crop[1]+r.IntN(3)), min(128-size, d.crop[2]+r.IntN(3))
	gain, noise := 0.7+0.6*r.Float64(), 12*r.Float64()
	var pix [64 * 64]float32
	for y := range 64 {
		for x := range 64 {
			v := d.base[(y0+y*size/64)*128+x0+x*size/64]
			v = 128 + (v-128)*gain + noise*(r.Float64()-0.5)
			pix[64*y+x] = float32(max(0, min(255, v)))
		}
	}
	h, err := pdq.FromLuma(pix[:], 64, 64)
	if err != nil {
		panic(err) // the size fits
	}
	return Hash(h.Hash)
}

// scene draws one of eight kinds of picture.
func (d *drawer) scene() {
	r := d.r
	p, q, phase := 0.02+0.3*r.Float64(), 0.02+0.3*r.Float64(), 7*r.Float64()
	cx, cy := 128*r.Float64(), 128*r.Float64()
	waves := d.clouds()
	cells := [64]float64{}
	for i := range cells {
		cells[i] = 255 * r.Float64()
	}
	step := 6 + r.IntN(30)
	for y := range 128 {
		for x := range 128 {
			fx, fy := float64(x), float64(y)
			var v float64
			switch d.kind {
			case 0, 1: // like landscapes: power falls with frequency
				v = waves(x, y)
			case 2: // a slope with a bright disc
				v = 40 + 1.2*fx*p*4 + 0.4*fy + 120*math.Exp(-((fx-cx)*(fx-cx)+(fy-cy)*(fy-cy))/900)
			case 3: // stripes
				v = 128 + 110*math.Sin(p*fx+q*fy+phase) + 0.2*waves(x, y)
			case 4: // blocks
				v = cells[(x/step*5+y/step*11)&63]
			case 5: // lines of writing
				v = 230
				if y%step < step/2 && (x*x/7+y/step*13)%5 < 2 {
					v = 30
				}
			case 6: // rings
				v = 128 + 100*math.Sin(p*math.Hypot(fx-cx, fy-cy)+phase) + 0.3*waves(x, y)
			case 7: // a dark room with a window
				v = 20 + 0.15*waves(x, y)
				if math.Abs(fx-cx) < 20+60*p && math.Abs(fy-cy) < 20+60*q {
					v += 160
				}
			}
			d.base[128*y+x] = v
		}
	}
}

// clouds gives a sum of waves whose strength falls with their frequency, as in photographs.
func (d *drawer) clouds() func(x, y int) float64 {
	type wave struct{ sinX, cosX, sinY, cosY [128]float64 }
	var all [14]wave
	for i := range all {
		f := 0.03 * math.Pow(1.25, float64(i))
		turn, phase, a := 2*math.Pi*d.r.Float64(), 2*math.Pi*d.r.Float64(), 2.2/f
		for k := range 128 {
			s, c := math.Sincos(f*math.Cos(turn)*float64(k) + phase)
			all[i].sinX[k], all[i].cosX[k] = a*s, a*c
			all[i].sinY[k], all[i].cosY[k] = math.Sincos(f * math.Sin(turn) * float64(k))
		}
	}
	return func(x, y int) float64 {
		v := 128.0
		for i := range all {
			w := &all[i]
			v += w.sinX[x]*w.cosY[y] + w.cosX[x]*w.sinY[y] // the sine of the sum
		}
		return v
	}
}

// UniformQueries is Uniform without the hashes in memory: they come from Stream.
func UniformQueries(n int, seed uint64) Set {
	s := Set{Name: "uniform"}
	s.Stream = func(yield func(Hash, uint64) bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		for i := range n {
			if !yield(randomHash(r), uint64(i)) {
				return
			}
		}
	}
	r := rand.New(rand.NewPCG(seed, 4))
	for range misses {
		s.Miss = append(s.Miss, randomHash(r))
	}
	every := max(1, n/hits)
	for h, i := range s.Stream {
		if k := int(i) / every; int(i)%every == 0 && k < hits {
			s.Source = append(s.Source, int(i))
			s.Hit = append(s.Hit, flipped(r, h, k%32))
		}
	}
	return s
}
