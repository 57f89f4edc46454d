package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storebench"
	"raksha.example/raksha/internal/store/storetest"
)

// Durable writes one after another, and under many concurrent writers. PostgreSQL is durable only if its server flushes:
// RAKSHA_POSTGRES_FSYNC=on test/setup/postgres.sh go test -bench . ./internal/store/
func BenchmarkWrite(b *testing.B) {
	storetest.EachBench(b, func(b *testing.B, db *store.DB) {
		for _, writers := range []int{1, storebench.Writers} {
			b.Run(fmt.Sprint(writers, "writers"), func(b *testing.B) {
				if err := storebench.Prepare(context.Background(), db); err != nil {
					b.Fatal(err)
				}
				var n atomic.Int64
				err := storebench.Spread(writers, func() (bool, error) {
					if n.Add(1) > int64(b.N) {
						return false, nil
					}
					return true, storebench.Write(context.Background(), db)
				})
				if err != nil {
					b.Error(err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			})
		}
	})
}
