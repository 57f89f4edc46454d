package exchange

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"context"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const childEnv = "RAKSHA_TEST_EXCHANGE_CHILD"

// TestMain is also the process that is killed: it fetches exchange 1 of a database.
func TestMain(m *testing.M) {
	if dsn := os.Getenv(childEnv); dsn != "" {
		if err := child(dsn, os.Getenv(childEnv+"_KEY")); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		fmt.Println("done")
		return
	}
	os.Exit(m.Run())
}

func child(dsn, secret string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return err
	}
	c, quiet, agency := clock.Fixed(start), slog.New(slog.DiscardHandler), func() string { return self }
	log := record.New(db, c, signer, tables)
	queue := jobs.New(db, quiet)
	l, err := lists.Open(ctx, db, log, c, courier.NewOffice(courier.Config{Agency: agency, DB: db, Log: log, Jobs: queue, Clock: c}), agency)
	if err != nil {
		return err
	}
	x := New(Config{DB: db, Log: log, Clock: c, Lists: l, Jobs: queue, Agency: agency, Key: make([]byte, 32), Logger: quiet, Limits: quick,
		Client: fetch.New(fetch.Options{AllowLoopback: true, HTTPSOnly: true, Timeout: -1, MaxBytes: MaxFile})})
	fmt.Println("ready")
	_, err = x.Sync(ctx, 1, 0)
	return err
}

// TestKilledInTheMiddle kills a process while it takes pages, again and again, and wants every entry once in the end.
func TestKilledInTheMiddle(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		dsn := fresh()
		db := storetest.Open(t, dsn)
		secret, public, err := note.GenerateKey(nil, "lists.example")
		if err != nil {
			t.Fatal(err)
		}
		b := newBench(t, db, newHand(), secret, public, quick)
		u := newUpstream(t)
		u.posts = many(3000)
		e := b.exchange(u.make(), credentials)
		r := rand.New(rand.NewPCG(3, 4))
		// The process is killed a moment after it was answered: while it asks, parses, writes or has just committed.
		kills := 0
		for range 12 {
			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), childEnv+"="+dsn, childEnv+"_KEY="+secret)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			left := 1 + r.IntN(3) // pages that it gets
			answered := make(chan struct{}, 1)
			u.set(func() {
				u.bad = func(http.ResponseWriter, *http.Request, []post) bool {
					if left--; left == 0 {
						answered <- struct{}{}
					}
					return false
				}
			})
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			if !lines.Scan() || lines.Text() != "ready" {
				rest, _ := io.ReadAll(out)
				t.Fatalf("the process does not start: %q %s", lines.Text(), rest)
			}
			ended := make(chan string, 1)
			go func() {
				rest, _ := io.ReadAll(out)
				ended <- string(rest)
			}()
			select {
			case <-answered:
				time.Sleep(time.Duration(r.IntN(20_000)) * time.Microsecond)
				cmd.Process.Kill()
				kills++
			case text := <-ended:
				if !strings.Contains(text, "done") {
					t.Fatal(text)
				}
			}
			cmd.Wait()
		}
		if kills < 5 {
			t.Fatalf("the process was killed %d times only", kills)
		}
		u.set(func() { u.bad = nil })
		// This process's own index does not know what others wrote: open it anew, as a start does.
		db.Close()
		again := newBench(t, storetest.Open(t, dsn), newHand(), secret, public, quick)
		s := again.sync(e)
		if s.Items != 3000 || s.Replaced != 0 || s.Removed != 0 {
			t.Errorf("%+v", s)
		}
		again.wants(e, wanted(u.posts))
		again.verify()
	})
}
