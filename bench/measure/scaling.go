package measure

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"raksha.example/raksha/pdq"
)

// Scaling says how far the hashes of JPEG files under the profile fast are from those of all their pixels, in bits.
type Scaling struct {
	Scale    int     `json:"scale"` // the file is decoded at one of Scale of its size
	Pictures int     `json:"pictures"`
	FullMean float64 `json:"full_mean"` // from the profile full
	FullMax  int     `json:"full_max"`
	MetaMean float64 `json:"meta512_mean"` // from the profile meta-512
	MetaMax  int     `json:"meta512_max"`
	BothMean float64 `json:"full_from_meta512_mean"` // of full from meta-512, to compare with
	BothMax  int     `json:"full_from_meta512_max"`
}

// RunScaling hashes n synthetic pictures for each scale. Pictures of one of 8 of the size have 17 million pixels or more.
func RunScaling(n int) (out []Scaling, err error) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, scale := range []int{1, 2, 4, 8} {
		s := Scaling{Scale: scale, Pictures: n}
		for range n {
			short := 512*scale + r.IntN(60*scale)
			m := scene(r, short+short/3, short)
			var file bytes.Buffer
			if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 75 + r.IntN(20)}); err != nil {
				return nil, err
			}
			fast, err := pdq.FromJPEG(file.Bytes())
			if err != nil {
				return nil, err
			}
			img, err := jpeg.Decode(&file)
			if err != nil {
				return nil, fmt.Errorf("image/jpeg: %w", err)
			}
			full, meta := pdq.Full.FromImage(img), pdq.FromImage(img)
			d := fast.Hash.Distance(full.Hash)
			s.FullMean, s.FullMax = s.FullMean+float64(d), max(s.FullMax, d)
			d = fast.Hash.Distance(meta.Hash)
			s.MetaMean, s.MetaMax = s.MetaMean+float64(d), max(s.MetaMax, d)
			d = full.Hash.Distance(meta.Hash)
			s.BothMean, s.BothMax = s.BothMean+float64(d), max(s.BothMax, d)
		}
		s.FullMean, s.MetaMean, s.BothMean = round(s.FullMean/float64(n)), round(s.MetaMean/float64(n)), round(s.BothMean/float64(n))
		out = append(out, s)
	}
	return out, nil
}

// scene draws a picture of soft light, hard edges at any place, fine texture and grain, in brightness and colour.
func scene(r *rand.Rand, w, h int) image.Image {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	type wave struct{ sx, cx, sy, cy []float64 }
	waves := make([]wave, 12)
	for i := range waves {
		f := 2 * math.Pi * math.Pow(1.6, float64(i)) * (0.5 + r.Float64()) // radians across the picture
		a, turn, phase := 75/math.Pow(1.45, float64(i)), 2*math.Pi*r.Float64(), 2*math.Pi*r.Float64()
		v := wave{make([]float64, w), make([]float64, w), make([]float64, h), make([]float64, h)}
		for x := range w {
			s, c := math.Sincos(f*math.Cos(turn)*float64(x)/float64(h) + phase)
			v.sx[x], v.cx[x] = a*s, a*c
		}
		for y := range h {
			v.sy[y], v.cy[y] = math.Sincos(f * math.Sin(turn) * float64(y) / float64(h))
		}
		waves[i] = v
	}
	type patch struct{ x, y, w, h, lift int }
	patches := make([]patch, 3+r.IntN(9))
	for i := range patches {
		patches[i] = patch{r.IntN(w), r.IntN(h), w/20 + r.IntN(w/3), h/20 + r.IntN(h/3), r.IntN(160) - 80}
	}
	grain := 2 + r.IntN(16)
	row := make([]float64, w)
	for y := range h {
		for x := range row {
			row[x] = 120 + float64(r.IntN(grain)) - float64(grain)/2
		}
		for _, v := range waves {
			for x := range row {
				row[x] += v.sx[x]*v.cy[y] + v.cx[x]*v.sy[y]
			}
		}
		for _, p := range patches {
			if y >= p.y && y < p.y+p.h {
				for x := p.x; x < min(p.x+p.w, w); x++ {
					row[x] += float64(p.lift)
				}
			}
		}
		for x, v := range row { // within what red, green and blue can show, as every camera's file is
			light := func(v float64) uint8 { return uint8(max(0, min(255, v))) }
			var cb, cr uint8
			m.Y[m.YOffset(x, y)], cb, cr = color.RGBToYCbCr(light(v+waves[0].cx[x]/2), light(v), light(v+waves[1].sx[x]/2))
			if x&1 == 0 {
				m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = cb, cr
			}
		}
	}
	return m
}
