package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func insert(tx *store.Tx, host string) error {
	_, err := tx.Exec("INSERT INTO platform_secret (host, token) VALUES ($1, $2)", host, "t")
	return err
}

func count(t *testing.T, db *store.DB) (n int) {
	t.Helper()
	if err := db.Reader().QueryRow("SELECT COUNT(*) FROM platform_secret").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					if err := insert(tx, fmt.Sprint("host", i)); err != nil {
						return err
					}
					switch i % 3 {
					case 0:
						return refused
					case 1:
						panic("a broken closure")
					}
					return nil
				})
				if (err == nil) != (i%3 == 2) || (i%3 == 0 && !errors.Is(err, refused)) {
					t.Errorf("closure %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if n := count(t, db); n != 20 {
			t.Errorf("%d rows, want those of the 20 closures that succeeded", n)
		}
	})
}

// A failed statement inside a closure must not poison the closures that share its transaction (PostgreSQL would).
func TestWriteErrorIsOnesOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					return insert(tx, fmt.Sprint(i%10))
				})
				_ = err // ten of them meet a row that is there
			})
		}
		wg.Wait()
		if n := count(t, db); n != 10 {
			t.Errorf("%d rows, want 10", n)
		}
	})
}

func TestBeforeCommitFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		broken := errors.New("no sequencer")
		fail := true
		db.BeforeCommit(func(context.Context, *store.Tx) error {
			if fail {
				return broken
			}
			return nil
		})
		told := false
		write := func() error {
			return db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				tx.AfterCommit(func() { told = true })
				return insert(tx, "a")
			})
		}
		if err := write(); !errors.Is(err, broken) || told || count(t, db) != 0 {
			t.Fatalf("err %v, told %v, %d rows", err, told, count(t, db))
		}
		fail = false
		if err := write(); err != nil || !told || count(t, db) != 1 {
			t.Fatalf("err %v, told %v, %d rows", err, told, count(t, db))
		}
	})
}

// $N binds by number on both engines, not by order of appearance.
func TestPlaceholderOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var a, b string
		if err := db.Reader().QueryRow("SELECT CAST($2 AS TEXT), CAST($1 AS TEXT)", "one", "two").Scan(&a, &b); err != nil {
			t.Fatal(err)
		}
		if a != "two" || b != "one" {
			t.Errorf("$2, $1 gave %q, %q", a, b)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers, "writers"), func(b *testing.B) {
			db := storetest.SQLite(b)
			b.SetParallelism(writers)
			var mu sync.Mutex
			n := 0
			next := func() string { mu.Lock(); defer mu.Unlock(); n++; return fmt.Sprint(n) }
			work := func() {
				host := next()
				if err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error { return insert(tx, host) }); err != nil {
					b.Error(err)
				}
			}
			if writers == 1 {
				for b.Loop() {
					work()
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					work()
				}
			})
		})
	}
}
