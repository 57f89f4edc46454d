package story

import (
	"image"
	"math"
	"math/rand/v2"
)

// Patterns are drawn on a small grid and enlarged: they hold nothing finer than PDQ sees.
const (
	gridW, gridH   = 256, 192
	clipFrames     = 8
	clipSeconds    = 1.0 // how long each frame of motion media stands
	darkest        = 30
	brightest      = 190 // above it a ramp has little colour left
	pictureW       = 512
	pictureH       = 384
	waves          = 16 // PDQ keeps the coefficients 1 to 16 of each direction
	discs, bands   = 7, 3
	waveFloor      = 0.55
	waveDamp       = 0.09
	ornamentWeight = 0.55
)

// grid is a pattern's luma.
type grid [gridW * gridH]uint8

// cosines[k][i] is the k+1-th wave along a side of n points.
func cosines(n int) [waves][]float32 {
	var t [waves][]float32
	for k := range t {
		t[k] = make([]float32, n)
		for i := range t[k] {
			t[k][i] = float32(math.Cos(math.Pi * (float64(i) + 0.5) * float64(k+1) / float64(n)))
		}
	}
	return t
}

var waveX, waveY = cosines(gridW), cosines(gridH)

// drawPattern draws sums of waves, gradients, discs and bands. Every wave that PDQ looks at has a strength well away
// from nothing, so that recompression does not turn its sign.
func drawPattern(rng *rand.Rand) *grid {
	var strength [waves][waves]float32
	for v := range strength {
		for u := range strength[v] {
			s := (waveFloor + (1-waveFloor)*rng.Float32()) / (1 + waveDamp*float32(u+v))
			if rng.IntN(2) == 0 {
				s = -s
			}
			strength[v][u] = s
		}
	}
	f := make([]float32, gridW*gridH)
	for y := range gridH {
		var row [waves]float32
		for v := range strength {
			c := waveY[v][y]
			for u := range row {
				row[u] += strength[v][u] * c
			}
		}
		line := f[y*gridW : (y+1)*gridW]
		for u, r := range row {
			for x, c := range waveX[u] {
				line[x] += r * c
			}
		}
	}
	ornament(f, rng)
	return level(f)
}

// ornament adds what makes a pattern look like something: a slope, bands and discs.
func ornament(f []float32, rng *rand.Rand) {
	var sum float64
	for _, v := range f {
		sum += float64(v) * float64(v)
	}
	unit := float32(math.Sqrt(sum/float64(len(f)))) * ornamentWeight
	pick := func(lo, hi float32) float32 { return lo + (hi-lo)*rng.Float32() }
	slopeX, slopeY := pick(-1, 1)*unit/gridW, pick(-1, 1)*unit/gridH
	for y := range gridH {
		for x := range gridW {
			f[y*gridW+x] += slopeX*float32(x) + slopeY*float32(y)
		}
	}
	for range bands {
		at, width, by := pick(0, gridH), pick(8, 26), pick(-1, 1)*unit
		for y := max(0, int(at)); y < min(gridH, int(at+width)); y++ {
			for x := range gridW {
				f[y*gridW+x] += by
			}
		}
	}
	for range discs {
		cx, cy, r, by := pick(0, gridW), pick(0, gridH), pick(10, 40), pick(-1.3, 1.3)*unit
		for y := max(0, int(cy-r)); y < min(gridH, int(cy+r)+1); y++ {
			half := r*r - (float32(y)-cy)*(float32(y)-cy)
			if half <= 0 {
				continue
			}
			w := float32(math.Sqrt(float64(half)))
			for x := max(0, int(cx-w)); x < min(gridW, int(cx+w)); x++ {
				f[y*gridW+x] += by
			}
		}
	}
}

// level brings values to the range of luma that the ramps colour well: three standard deviations fill it.
func level(f []float32) *grid {
	var sum, squares float64
	for _, v := range f {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	mean := sum / float64(len(f))
	dev := math.Sqrt(max(squares/float64(len(f))-mean*mean, 1e-9))
	const middle, half = (darkest + brightest) / 2.0, (brightest - darkest) / 2.0
	scale := float32(half / (2.2 * dev))
	var g grid
	for i, v := range f {
		g[i] = uint8(min(brightest, max(darkest, middle+scale*(v-float32(mean)))))
	}
	return &g
}

// blend gives the step-th of clipFrames stages between two patterns, at full contrast.
func blend(a, b *grid, step int) *grid {
	t := float32(step) / (clipFrames - 1)
	f := make([]float32, len(a))
	for i := range f {
		f[i] = float32(a[i])*(1-t) + float32(b[i])*t
	}
	return level(f)
}

// crop says what part of each side is cut off, from 0 to 1.
type crop struct{ left, top, right, bottom float32 }

// sample enlarges or shrinks the part of g that c leaves to w x h points, bilinearly.
func (g *grid) sample(w, h int, c crop) []uint8 {
	x0, y0 := c.left*gridW, c.top*gridH
	stepX, stepY := (1-c.left-c.right)*gridW/float32(w), (1-c.top-c.bottom)*gridH/float32(h)
	type tap struct {
		i, j int32
		t    int32 // 0 to 256
	}
	taps := make([]tap, w)
	for x := range taps {
		p := min(max(x0+(float32(x)+0.5)*stepX-0.5, 0), gridW-1)
		i := int32(p)
		taps[x] = tap{i, min(i+1, gridW-1), int32((p - float32(i)) * 256)}
	}
	out := make([]uint8, w*h)
	for y := range h {
		p := min(max(y0+(float32(y)+0.5)*stepY-0.5, 0), gridH-1)
		i := int(p)
		j, t := min(i+1, gridH-1), int32((p-float32(i))*256)
		up, down, line := g[i*gridW:(i+1)*gridW], g[j*gridW:(j+1)*gridW], out[y*w:(y+1)*w]
		for x, k := range taps {
			a := int32(up[k.i])*(256-k.t) + int32(up[k.j])*k.t
			b := int32(down[k.i])*(256-k.t) + int32(down[k.j])*k.t
			line[x] = uint8((a*(256-t) + b*t + 1<<15) >> 16)
		}
	}
	return out
}

// paint colours luma of w x h points, for JPEG.
func paint(y []uint8, w, h int, r *ramp) *image.YCbCr {
	img := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	for line := range h {
		copy(img.Y[line*img.YStride:], y[line*w:(line+1)*w])
	}
	cw, ch := (w+1)/2, (h+1)/2
	for cy := range ch {
		for cx := range cw {
			c := r[y[min(2*cy, h-1)*w+min(2*cx, w-1)]]
			img.Cb[cy*img.CStride+cx], img.Cr[cy*img.CStride+cx] = c.cb, c.cr
		}
	}
	return img
}
