package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// hold keeps the writer busy until release is called, so that what is written meanwhile goes into one transaction.
func hold(t *testing.T, db *store.DB) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Write(context.Background(), func(context.Context, *store.Tx) error {
			close(held)
			<-free
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	var once sync.Once
	release = func() { once.Do(func() { close(free); wg.Wait() }) }
	t.Cleanup(release)
	return release
}

var errRefused = errors.New("refused")

// ways are how a closure may fail after it has written a row, and what its caller must be told.
var ways = map[string]struct {
	fail func(ctx context.Context, cancel func(), tx *store.Tx) error
	says string
}{
	"an error of its own": {func(context.Context, func(), *store.Tx) error { return errRefused }, "refused"},
	"a panic":             {func(context.Context, func(), *store.Tx) error { panic("a broken closure") }, "a broken closure"},
	"a row that is there": {func(_ context.Context, _ func(), tx *store.Tx) error { return insert(tx, "there") }, "UNIQUE"},
	"a missing table": {func(_ context.Context, _ func(), tx *store.Tx) error {
		_, err := tx.Exec("SELECT * FROM kite")
		return err
	}, "kite"},
	"a check": {func(_ context.Context, _ func(), tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO route (kind, pattern, agency, created_at) VALUES ('x', '', '', 0)")
		return err
	}, "CHECK"},
	"a missing reference": {func(_ context.Context, _ func(), tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO team (case_id, name, created_at) VALUES (77, 'a', 0)")
		return err
	}, "FOREIGN KEY"},
	"its caller going away": {func(_ context.Context, cancel func(), tx *store.Tx) error {
		cancel()
		return errors.Join(insert(tx, "x"), errRefused)
	}, "refused"},
	"a commit of its own":   {func(_ context.Context, _ func(), tx *store.Tx) error { return tx.Commit() }, "shared"},
	"a rollback of its own": {func(_ context.Context, _ func(), tx *store.Tx) error { return tx.Rollback() }, "shared"},
}

// Whatever happens in a closure undoes its own part and nothing else of the transaction that it shares.
func TestOnlyItsOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.Write(context.Background(), func(_ context.Context, tx *store.Tx) error { return insert(tx, "there") }); err != nil {
			t.Fatal(err)
		}
		commits := 0
		db.BeforeCommit(func(context.Context, *store.Tx) error { commits++; return nil })
		for name, way := range ways {
			t.Run(name, func(t *testing.T) {
				before, commitsBefore := count(t, db), commits
				release := hold(t, db)
				var wg sync.WaitGroup
				for i := range 9 {
					wg.Go(func() {
						ctx, cancel := context.WithCancel(context.Background())
						defer cancel()
						err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
							if err := insert(tx, fmt.Sprint(name, i)); err != nil {
								return err
							}
							if i%3 == 1 {
								return way.fail(ctx, cancel, tx)
							}
							return nil
						})
						if i%3 != 1 && err != nil {
							t.Errorf("an innocent closure: %v", err)
						}
						if i%3 == 1 && (err == nil || !strings.Contains(strings.ToUpper(err.Error()), strings.ToUpper(way.says))) {
							t.Errorf("the closure that failed: %v, want %q", err, way.says)
						}
					})
				}
				waitFor(t, db, 9)
				release()
				wg.Wait()
				if n := count(t, db) - before; n != 6 {
					t.Errorf("%d rows, want those of the 6 that succeeded", n)
				}
				if n := commits - commitsBefore; n > 2 {
					t.Errorf("%d commits: the closures did not share one", n)
				}
			})
		}
	})
}

// waitFor waits until so many writes stand in the queue.
func waitFor(t *testing.T, db *store.DB, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); db.Waiting() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %d writes wait", db.Waiting())
		}
	}
}

// A closure that passes over the failure of a statement has failed on PostgreSQL, which takes nothing more after it: alone.
func TestErrorPassedOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		release := hold(t, db)
		var wg sync.WaitGroup
		var careless error
		for i := range 5 {
			wg.Go(func() {
				err := db.Write(context.Background(), func(_ context.Context, tx *store.Tx) error {
					if i == 2 {
						insert(tx, "twice")
						insert(tx, "twice")
						return nil
					}
					return insert(tx, fmt.Sprint(i))
				})
				if i == 2 {
					careless = err
				} else if err != nil {
					t.Errorf("an innocent closure: %v", err)
				}
			})
		}
		waitFor(t, db, 5)
		release()
		wg.Wait()
		want := 5
		if db.Engine() == store.Postgres {
			want = 4
		}
		if n := count(t, db); n != want || (careless != nil) != (want == 4) {
			t.Errorf("%d rows, want %d; the careless one was told %v", n, want, careless)
		}
	})
}

// Any mixture of closures: what is kept is exactly what was acknowledged.
func TestAcknowledgedIsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		all := []string{""}
		for name := range ways {
			all = append(all, name)
		}
		round := 0
		rapid.Check(t, func(r *rapid.T) {
			round++
			want, got := map[string]bool{}, map[string]bool{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			for i, name := range rapid.SliceOfN(rapid.SampledFrom(all), 1, 12).Draw(r, "ways") {
				host := fmt.Sprintf("%d/%d", round, i)
				wg.Go(func() {
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
						if err := insert(tx, host); err != nil || name == "" {
							return err
						}
						if name == "a row that is there" {
							return insert(tx, host)
						}
						return ways[name].fail(ctx, cancel, tx)
					})
					if err == nil {
						mu.Lock()
						want[host] = true
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			hosts, err := store.Collect(context.Background(), db.Reader(), scanText, "SELECT host FROM platform_secret WHERE host LIKE $1", fmt.Sprintf("%d/%%", round))
			if err != nil {
				r.Fatal(err)
			}
			for _, h := range hosts {
				got[h] = true
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				r.Errorf("kept %v, acknowledged %v", got, want)
			}
		})
	})
}

func scanText(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) }

// A caller whose time ends while others are before it is told so, and its closure never runs.
func TestBackPressure(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		release := hold(t, db)
		ctx, cancel := context.WithCancel(context.Background())
		ran := false
		told := make(chan error)
		go func() {
			told <- db.Write(ctx, func(context.Context, *store.Tx) error { ran = true; return nil })
		}()
		waitFor(t, db, 1)
		cancel()
		if err := <-told; !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("one that waited in line: %v", err)
		}
		var wg sync.WaitGroup
		for i := range 1023 { // and the one that gave up: the queue is full
			wg.Go(func() {
				if err := db.Write(context.Background(), func(_ context.Context, tx *store.Tx) error { return insert(tx, fmt.Sprint(i)) }); err != nil {
					t.Error(err)
				}
			})
		}
		waitFor(t, db, 1024)
		late, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer stop()
		err := db.Write(late, func(context.Context, *store.Tx) error { ran = true; return nil })
		if !errors.Is(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) || db.Waiting() != 1024 {
			t.Errorf("one that found no place: %v; %d wait", err, db.Waiting())
		}
		wg.Go(func() { // waits for a place, and gets one
			if err := db.Write(context.Background(), func(_ context.Context, tx *store.Tx) error { return insert(tx, "last") }); err != nil {
				t.Error(err)
			}
		})
		release()
		wg.Wait()
		if n := count(t, db); n != 1024 || ran {
			t.Errorf("%d rows; an abandoned closure ran: %v", n, ran)
		}
	})
}

// A closure that has begun is waited for, also when its caller's time ends: it may be durable already.
func TestBegunIsWaitedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		err := db.Write(ctx, func(given context.Context, tx *store.Tx) error {
			cancel()
			if given.Err() != nil {
				t.Error("the closure's context ends with its caller's")
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO platform_secret (host, token) VALUES ('a', '')") // the caller's context, by mistake
			return err
		})
		if err != nil || count(t, db) != 1 {
			t.Errorf("%v, %d rows", err, count(t, db))
		}
	})
}

// A closure that writes through the store would wait for itself for ever.
func TestWriteInsideWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var kept context.Context
		err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			kept = ctx
			return db.Write(ctx, func(context.Context, *store.Tx) error { return nil })
		})
		if err == nil || !strings.Contains(err.Error(), "inside") {
			t.Errorf("got %v", err)
		}
		if err := db.Write(kept, func(context.Context, *store.Tx) error { return nil }); err != nil {
			t.Errorf("afterwards, with the context that it was given: %v", err)
		}
	})
}

func TestBeforeCommitFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		broken := errors.New("no sequencer")
		var fail func() error
		db.BeforeCommit(func(context.Context, *store.Tx) error { return fail() })
		told := false
		write := func() error {
			return db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				tx.AfterCommit(func() { told = true })
				return insert(tx, "a")
			})
		}
		fail = func() error { return broken }
		if err := write(); !errors.Is(err, broken) || told || count(t, db) != 0 {
			t.Fatalf("err %v, told %v, %d rows", err, told, count(t, db))
		}
		fail = func() error { panic("a broken sequencer") }
		if err := write(); err == nil || told || count(t, db) != 0 {
			t.Fatalf("err %v, told %v, %d rows", err, told, count(t, db))
		}
		fail = func() error { return nil }
		if err := write(); err != nil || !told || count(t, db) != 1 {
			t.Fatalf("err %v, told %v, %d rows", err, told, count(t, db))
		}
	})
}

// Writes that wait when the database is closed are carried out or refused, never half.
func TestCloseUnderWrites(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		dsn := fresh()
		db := storetest.Open(t, dsn)
		var mu sync.Mutex
		kept := 0
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				err := db.Write(context.Background(), func(_ context.Context, tx *store.Tx) error { return insert(tx, fmt.Sprint(i)) })
				if err == nil {
					mu.Lock()
					kept++
					mu.Unlock()
				} else if !errors.Is(err, fault.Unavailable) {
					t.Error(err)
				}
				if i == 20 {
					db.Close()
				}
			})
		}
		wg.Wait()
		if n := count(t, storetest.Open(t, dsn)); n != kept {
			t.Errorf("%d rows, %d acknowledged", n, kept)
		}
	})
}
