package lists

import (
	"math/rand/v2"
	"testing"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// BenchmarkAdd enters batches of 10,000 hashes, durable, recorded and searchable.
func BenchmarkAdd(b *testing.B) {
	storetest.EachBench(b, func(b *testing.B, db *store.DB) {
		n := newBench(b, db)
		list := n.list(New{Name: "L"})
		r := rand.New(rand.NewPCG(1, 2))
		for b.Loop() {
			entries := make([]Entry, 10_000)
			for i := range entries {
				entries[i] = pdqEntry(random(r))
			}
			n.write(func(tx *store.Tx) error { return n.lists.Add(n.ctx, tx, list, 0, entries) })
		}
		b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "hashes/s")
	})
}
