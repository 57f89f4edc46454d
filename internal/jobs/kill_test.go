package jobs

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const childEnv = "RAKSHA_JOBS_TEST_CHILD"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(childEnv); dsn != "" {
		if err := child(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child is a process that works until it is killed: it prints a line when a job begins.
func child(dsn string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	q := New(db, slog.New(slog.DiscardHandler))
	q.timeout, q.rescue = time.Second, 2*time.Second
	Register(q, func(ctx context.Context, m mark) error {
		fmt.Println(m.Name)
		time.Sleep(15 * time.Millisecond) // somewhere in here the process dies
		return write(ctx, db, m.Name)
	})
	if err := q.Start(ctx); err != nil {
		return err
	}
	<-make(chan struct{})
	return nil
}

// spawn starts a child and kills it, with no warning, after it began n jobs; n below zero: when the test ends.
func spawn(t *testing.T, dsn string, n int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dsn)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { cmd.Process.Kill(); cmd.Wait() }
	if n < 0 {
		t.Cleanup(kill)
		go io.Copy(io.Discard, out)
		return
	}
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			kill()
			t.Fatal("the child ended before it was killed")
		}
	}
	kill()
}

// Every job that was committed is done in the end, though the process that works on them is killed again and again.
func TestKilled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if db.Engine() == store.Postgres && testing.Short() {
			t.Skip("a new process waits about twenty seconds for the dead one's jobs")
		}
		const jobs = 40
		q := newQueue(t, db)
		if err := db.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			for i := range jobs {
				if err := q.Enqueue(ctx, tx, mark{fmt.Sprint(i)}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		dsn := storetest.DSN(t, db)
		spawn(t, dsn, 10)
		spawn(t, dsn, 10)
		var running int
		if err := db.Reader().QueryRow("SELECT COUNT(*) FROM river_job WHERE state = 'running'").Scan(&running); err != nil {
			t.Fatal(err)
		}
		if running == 0 {
			t.Error("the kill met no running job: the test shows nothing")
		}
		spawn(t, dsn, -1)
		idle(t, q)
		if n := rows(t, db); n != jobs {
			t.Errorf("%d of %d jobs were done", n, jobs)
		}
	})
}
