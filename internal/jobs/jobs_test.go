package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

type mark struct {
	Name string `json:"name"`
}

func (mark) Kind() string { return "mark" }

type broken struct {
	For string `json:"for"`
}

func (broken) Kind() string { return "broken" }

func newQueue(t testing.TB, db *store.DB) *Queue {
	t.Helper()
	return New(db, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
}

func start(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// write adds a row that a worker leaves behind; a second run of the same job finds it there.
func write(ctx context.Context, db *store.DB, name string) error {
	return db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO platform_secret (host, token) VALUES ($1, '') ON CONFLICT (host) DO NOTHING", name)
		return err
	})
}

func rows(t testing.TB, db *store.DB) (n int) {
	t.Helper()
	if err := db.Reader().QueryRow("SELECT COUNT(*) FROM platform_secret").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// wait waits until done says so. The limit is for a test that hangs, not a measure.
func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}

func idle(t testing.TB, q *Queue) {
	t.Helper()
	wait(t, "the queue to empty", func() bool {
		n, err := q.Unfinished(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

func TestRunsWhatIsCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		q := newQueue(t, db)
		var ran sync.Map
		Register(q, func(ctx context.Context, m mark) error {
			ran.Store(m.Name, true)
			return write(ctx, db, m.Name) // a worker needs the writing connection, as the queue itself does
		})
		start(t, q)
		refused := errors.New("refused")
		var wg sync.WaitGroup
		for i := range 120 {
			wg.Go(func() {
				err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
					if err := q.Enqueue(ctx, tx, mark{fmt.Sprint(i)}); err != nil {
						return err
					}
					if i%3 == 0 {
						return refused
					}
					return nil
				})
				if (i%3 == 0) != errors.Is(err, refused) {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		idle(t, q)
		for i := range 120 {
			if _, did := ran.Load(fmt.Sprint(i)); did == (i%3 == 0) {
				t.Errorf("job %d: ran is %v", i, did)
			}
		}
		if n := rows(t, db); n != 80 {
			t.Errorf("%d rows, want 80", n)
		}
	})
}

// What is enqueued before Start, or by a process that runs no jobs, waits.
func TestEnqueueBeforeStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		first := newQueue(t, db) // registers nothing
		if err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			return first.Enqueue(ctx, tx, mark{"early"})
		}); err != nil {
			t.Fatal(err)
		}
		q := newQueue(t, db) // the tables are there already
		Register(q, func(ctx context.Context, m mark) error { return write(ctx, db, m.Name) })
		start(t, q)
		idle(t, q)
		if n := rows(t, db); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestFailures(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		q := newQueue(t, db)
		var cured atomic.Bool
		var attempts atomic.Int32
		Register(q, func(ctx context.Context, m mark) error {
			if attempts.Add(1) == 1 {
				return errors.New("the kite is in the tree")
			}
			return nil
		})
		Register(q, func(ctx context.Context, b broken) error {
			if cured.Load() {
				return nil
			}
			return fmt.Errorf("step two: %w", Permanent(errors.New("no such river")))
		})
		start(t, q)
		put := func(a Args) {
			t.Helper()
			if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return q.Enqueue(ctx, tx, a) }); err != nil {
				t.Fatal(err)
			}
		}
		failures := func() []Failure {
			t.Helper()
			f, err := q.Failed(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}

		put(mark{"second time lucky"})
		wait(t, "a first failure", func() bool { return len(failures()) == 1 || attempts.Load() > 1 })
		idle(t, q)
		if n := attempts.Load(); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
		if f := failures(); len(f) != 0 {
			t.Errorf("a job that was done in the end is shown as failed: %+v", f)
		}

		put(broken{"a day"})
		idle(t, q)
		f := failures()
		if len(f) != 1 || !f[0].GivenUp || !f[0].NextAt.IsZero() || f[0].At.IsZero() || f[0].Kind != "broken" ||
			f[0].Attempts != 1 || !strings.Contains(f[0].Error, "no such river") {
			t.Fatalf("failures: %+v", f)
		}
		var back broken
		if err := json.Unmarshal([]byte(f[0].Args), &back); err != nil || back.For != "a day" {
			t.Errorf("args %q: %v", f[0].Args, err)
		}

		cured.Store(true)
		if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return q.Retry(ctx, tx, f[0].ID) }); err != nil {
			t.Fatal(err)
		}
		idle(t, q)
		if f := failures(); len(f) != 0 {
			t.Errorf("after the cure: %+v", f)
		}
		err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return q.Retry(ctx, tx, 1<<40) })
		if fault.Of(err) != fault.NotFound {
			t.Errorf("retry of nothing: %v", err)
		}
	})
}

func TestKeepsFailing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		q := newQueue(t, db)
		Register(q, func(ctx context.Context, m mark) error { panic("a broken worker") })
		start(t, q)
		if err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			return q.Enqueue(ctx, tx, mark{"x"})
		}); err != nil {
			t.Fatal(err)
		}
		wait(t, "the failure to show", func() bool {
			f, err := q.Failed(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			return len(f) == 1 && !f[0].GivenUp && !f[0].NextAt.IsZero() && strings.Contains(f[0].Error, "a broken worker")
		})
	})
}

func TestEnqueueAt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		q := newQueue(t, db)
		var early atomic.Bool
		at := time.Now().Add(1500 * time.Millisecond)
		Register(q, func(ctx context.Context, m mark) error {
			if m.Name == "later" && time.Now().Before(at) {
				early.Store(true)
			}
			return write(ctx, db, m.Name)
		})
		start(t, q)
		if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := q.EnqueueAt(ctx, tx, mark{"later"}, at); err != nil {
				return err
			}
			if err := q.EnqueueAt(ctx, tx, mark{"past"}, at.AddDate(-3, 0, 0)); err != nil {
				return err
			}
			return q.EnqueueAt(ctx, tx, mark{"tomorrow"}, at.AddDate(0, 0, 1))
		}); err != nil {
			t.Fatal(err)
		}
		wait(t, "the later job", func() bool { return rows(t, db) == 2 })
		if early.Load() {
			t.Error("it ran before its time")
		}
		wait(t, "only tomorrow's job to be left", func() bool {
			n, err := q.Unfinished(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n == 1
		})
	})
}

func TestRegisterTwice(t *testing.T) {
	q := newQueue(t, storetest.SQLite(t))
	Register(q, func(context.Context, mark) error { return nil })
	Register(q, func(context.Context, mark) error { return nil })
	if err := q.Start(context.Background()); err == nil {
		q.Stop(context.Background())
		t.Error("two workers for one kind were accepted")
	}
}

func TestBackoff(t *testing.T) {
	if firstRetry<<8 >= longRetry<<1 || firstRetry<<9 < longRetry {
		t.Error("backoff's last doubling is not where it reaches longRetry")
	}
}

// BenchmarkEnqueue measures from the call of Write to the run of its job.
func BenchmarkEnqueue(b *testing.B) {
	db := storetest.SQLite(b)
	q := newQueue(b, db)
	ran := make(chan struct{})
	Register(q, func(context.Context, mark) error { ran <- struct{}{}; return nil })
	start(b, q)
	for b.Loop() {
		if err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			return q.Enqueue(ctx, tx, mark{"x"})
		}); err != nil {
			b.Fatal(err)
		}
		<-ran
	}
}
