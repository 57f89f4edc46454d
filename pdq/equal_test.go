package pdq

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sizes cover every phase of the filter: sides under 64, window 1, even and odd windows, and strips that do not end evenly.
var sizes = [][2]int{{5, 5}, {5, 700}, {7, 64}, {17, 33}, {63, 65}, {64, 64}, {64, 65}, {100, 80}, {127, 128}, {128, 129}, {129, 200},
	{256, 255}, {300, 511}, {512, 512}, {513, 400}, {640, 480}, {1000, 37}, {1023, 769}}

// pattern draws luma of some kind: noise, a slope, blocks, waves.
func pattern(r *rand.Rand, kind, w, h int) []float32 {
	out := make([]float32, w*h)
	for y := range h {
		for x := range w {
			var v float64
			switch kind {
			case 0:
				v = float64(r.IntN(256))
			case 1:
				v = 255 * float64(x+2*y) / float64(w+2*h)
			case 2:
				v = float64((x/9 ^ y/7) & 1 * 200)
			case 3:
				v = 127 + 127*math.Sin(float64(x)/11)*math.Cos(float64(y)/17)
			}
			out[y*w+x] = float32(v)
		}
	}
	return out
}

func TestKernelsEqualTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, size := range sizes {
		w, h := size[0], size[1]
		for kind := range 4 {
			pix := pattern(r, kind, w, h)
			var want block
			referenceReduce(referencePlane{w, h, pix}, &want)
			wantC := referenceTransform(&want)
			wantQ, wantH := referenceQuality(&want), referenceHash(&wantC)
			for _, k := range kernels {
				var got block
				newReducer(k, w, h).reduce(func(y int, dst []float32) { copy(dst, pix[y*w:]) }, &got)
				if got != want {
					t.Errorf("%s, %dx%d, kind %d: the 64x64 values differ", k.name, w, h, kind)
					continue
				}
				var c coefficients
				if k.transform(&got, &c); c != wantC {
					t.Errorf("%s, %dx%d, kind %d: the transform differs", k.name, w, h, kind)
				}
				if q := k.quality(&got); q != wantQ {
					t.Errorf("%s, %dx%d, kind %d: quality %d, want %d", k.name, w, h, kind, q, wantQ)
				}
				if c.hash() != wantH {
					t.Errorf("%s, %dx%d, kind %d: the hash differs", k.name, w, h, kind)
				}
			}
		}
	}
}

func TestLumaOfKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for n := range 70 {
		rgb := make([]byte, 3*n)
		for i := range rgb {
			rgb[i] = byte(r.Uint32())
		}
		for _, k := range kernels {
			got := make([]float32, n)
			k.luma(got, rgb)
			for i, v := range got {
				want := float32(weightR*float32(rgb[3*i])) + float32(weightG*float32(rgb[3*i+1])) + float32(weightB*float32(rgb[3*i+2]))
				if v != want {
					t.Fatalf("%s: pixel %d of %d is %v, want %v", k.name, i, n, v, want)
				}
			}
		}
	}
}
