package hamming

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// uniform gives n hashes of random bits.
func uniform(n int) [][32]byte {
	r := rand.New(rand.NewPCG(42, 42))
	out := make([][32]byte, n)
	for i := range out {
		for w := range 4 {
			binary.LittleEndian.PutUint64(out[i][8*w:], r.Uint64())
		}
	}
	return out
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000, 10_000_000} {
		var x *Index
		queries := uniform(1 << 14)
		for i := range queries {
			queries[i][0] ^= 0x55 // far from all
		}
		for _, k := range kernels {
			b.Run(fmt.Sprintf("miss/%s/n=%d", k.name, n), func(b *testing.B) {
				if x == nil {
					x = Build(uniform(n), nil)
				}
				x.kernel.Store(&k)
				var hits []Hit
				b.ResetTimer()
				for i := range b.N {
					q := queries[i&(1<<14-1)]
					q[1+i>>14&15] ^= byte(i >> 18)
					q[17] ^= 0x5a
					q[25] ^= 0xa5
					hits = x.Search(q, 31, hits[:0])
				}
			})
			b.Run(fmt.Sprintf("eight/%s/n=%d", k.name, n), func(b *testing.B) {
				if x == nil {
					x = Build(uniform(n), nil)
				}
				x.kernel.Store(&k)
				var hits []BatchHit
				for i := range b.N {
					hits = x.SearchBatch(queries[8*i&(1<<14-1)&^7:][:8], 31, hits[:0])
				}
			})
		}
	}
}

func BenchmarkScan(b *testing.B) {
	const n = 1_000_000
	x := Build(uniform(n), nil)
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			x.kernel.Store(&k)
			b.SetBytes(n * hashSize)
			for range b.N {
				x.Search([32]byte{1}, 40, nil)
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	const n = 1_000_000
	hashes := uniform(n)
	b.ResetTimer()
	for range b.N {
		Build(hashes, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/hash")
}
