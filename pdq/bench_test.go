package pdq

import (
	"math/rand/v2"
	"strconv"
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
			b.Run(k.name+"/"+strconv.Itoa(side), func(b *testing.B) {
				for range b.N {
					Meta512.result(Meta512.rgb(k, pix, side, side, 3*side))
				}
			})
		}
	}
}

// BenchmarkReference is the direct transcription, from luma.
func BenchmarkReference(b *testing.B) {
	for _, side := range []int{64, 512} {
		pix := pattern(rand.New(rand.NewPCG(1, 1)), 0, side, side)
		b.Run(strconv.Itoa(side), func(b *testing.B) {
			for range b.N {
				var out block
				referenceReduce(referencePlane{side, side, pix}, &out)
				c := referenceTransform(&out)
				referenceQuality(&out)
				referenceHash(&c)
			}
		})
	}
}
