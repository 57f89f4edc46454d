package pdq

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkRGB(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, side := range []int{64, 512} {
		pix := make([]byte, 3*side*side)
		for i := range pix {
			pix[i] = byte(r.Uint32())
		}
		for _, k := range kernels {
			b.Run(k.name+"/"+map[int]string{64: "64", 512: "512"}[side], func(b *testing.B) {
				for range b.N {
					Meta512.result(Meta512.rgb(k, pix, side, side, 3*side))
				}
			})
		}
	}
}

func BenchmarkReference512(b *testing.B) {
	pix := pattern(rand.New(rand.NewPCG(1, 1)), 0, 512, 512)
	for range b.N {
		var out block
		referenceReduce(referencePlane{512, 512, pix}, &out)
		c := referenceTransform(&out)
		referenceQuality(&out)
		referenceHash(&c)
	}
}
