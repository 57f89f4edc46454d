// Package storebench measures how many durable writes a second a database takes, from one writer and from many at once.
package storebench

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"raksha.example/raksha/internal/store"
)

// Writers is how many write at once when commits are shared.
const Writers = 64

// Rates are durable writes of one row a second.
type Rates struct {
	Engine  store.Engine `json:"engine"`
	Single  float64      `json:"single_per_s"`  // one writer: a commit each
	Group64 float64      `json:"group64_per_s"` // 64 writers: commits are shared
	Ratio   float64      `json:"ratio"`         // Group64 / Single
}

const rounds = 3 // the two are measured in turn, since other work on the machine comes and goes

// Run measures for about twice as long as given. It makes a table of its own and drops it.
func Run(ctx context.Context, db *store.DB, each time.Duration) (Rates, error) {
	r := Rates{Engine: db.Engine()}
	if err := Prepare(ctx, db); err != nil {
		return r, err
	}
	for range rounds {
		for _, m := range []struct {
			writers int
			rate    *float64
		}{{1, &r.Single}, {Writers, &r.Group64}} {
			n, took, err := measure(ctx, db, m.writers, each/rounds)
			if err != nil {
				return r, err
			}
			*m.rate += float64(n) / took.Seconds() / rounds
		}
	}
	r.Ratio = r.Group64 / r.Single
	return r, db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "DROP TABLE bench_write")
		return err
	})
}

func measure(ctx context.Context, db *store.DB, writers int, each time.Duration) (n int64, took time.Duration, err error) {
	begin := time.Now()
	var done atomic.Int64
	err = Spread(writers, func() (bool, error) {
		if time.Since(begin) > each {
			return false, nil
		}
		done.Add(1)
		return true, Write(ctx, db)
	})
	return done.Load(), time.Since(begin), err
}

// Prepare makes the empty table that Write writes to.
func Prepare(ctx context.Context, db *store.DB) error {
	return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "DROP TABLE IF EXISTS bench_write; CREATE TABLE bench_write (at BIGINT NOT NULL)")
		return err
	})
}

// Write adds a row; it is durable when Write returns.
func Write(ctx context.Context, db *store.DB) error {
	return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO bench_write (at) VALUES ($1)", store.Micros(time.Now()))
		return err
	})
}

// Spread lets so many goroutines call one until it says that there is no more.
func Spread(writers int, one func() (more bool, err error)) error {
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for more := true; more && errs[i] == nil; {
				more, errs[i] = one()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
