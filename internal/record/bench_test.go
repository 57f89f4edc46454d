package record_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// BenchmarkVerify prints entries/s of the log's pass and of the rows' pass, over entries with a sealed part in transactions of 100.
func BenchmarkVerify(b *testing.B) {
	const entries = 100_000
	n := newNode(b, storetest.SQLite(b))
	for first := 0; first < entries; first += 100 {
		n.write(b, func(ctx context.Context, tx *store.Tx) error {
			for i := first; i < first+100; i++ {
				if _, err := n.person(ctx, tx, fmt.Sprint("kite", i), "Name of a person"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ResetTimer()
	var logTime, rowTime time.Duration
	for b.Loop() {
		start := time.Now()
		r, err := record.VerifyLog(context.Background(), n.db.Reader(), n.verifier)
		if err != nil || !r.Verified || r.Entries != entries {
			b.Fatal(r, err)
		}
		half := time.Now()
		if r, err = record.VerifyRows(context.Background(), n.db.Reader(), tables); err != nil || !r.Verified || r.Rows != entries {
			b.Fatal(r, err)
		}
		logTime, rowTime = logTime+half.Sub(start), rowTime+time.Since(half)
	}
	b.ReportMetric(entries*float64(b.N)/logTime.Seconds(), "log_entries/s")
	b.ReportMetric(entries*float64(b.N)/rowTime.Seconds(), "fold_entries/s")
}
