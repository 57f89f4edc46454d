package exchange

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// hand is a clock that the test moves.
type hand struct{ at atomic.Int64 }

func (h *hand) Now() time.Time          { return time.UnixMicro(h.at.Load()).UTC() }
func (h *hand) forward(d time.Duration) { h.at.Add(d.Microseconds()) }

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func newHand() *hand {
	h := &hand{}
	h.at.Store(start.UnixMicro())
	return h
}

// bench is a node with lists and exchanges and nothing else.
type bench struct {
	testing.TB
	ctx      context.Context
	db       *store.DB
	log      *record.Log
	clock    *hand
	jobs     *jobs.Queue
	lists    *lists.Lists
	x        *Exchanges
	verifier note.Verifier
}

const self = "own.example"

var tables = append(append([]record.Table{}, lists.Tables...), Tables...)

var quick = Limits{Page: 1 << 20, Timeout: 5 * time.Second, Pause: time.Millisecond}

func each(t *testing.T, fn func(b *bench)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		secret, public, err := note.GenerateKey(nil, "lists.example")
		if err != nil {
			t.Fatal(err)
		}
		fn(newBench(t, db, newHand(), secret, public, quick))
	})
}

func newBench(t testing.TB, db *store.DB, c *hand, secret, public string, limits Limits) *bench {
	t.Helper()
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, ctx: context.Background(), db: db, clock: c}
	if b.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	b.log = record.New(db, b.clock, signer, tables)
	quiet := slog.New(slog.DiscardHandler)
	b.jobs = jobs.New(db, quiet)
	agency := func() string { return self }
	office := courier.NewOffice(courier.Config{Agency: agency, DB: db, Log: b.log, Jobs: b.jobs, Clock: b.clock})
	if b.lists, err = lists.Open(b.ctx, db, b.log, b.clock, office, agency); err != nil {
		t.Fatal(err)
	}
	b.x = New(Config{DB: db, Log: b.log, Clock: b.clock, Lists: b.lists, Jobs: b.jobs, Agency: agency, Key: make([]byte, 32), Logger: quiet, Limits: limits,
		Client: fetch.New(fetch.Options{AllowLoopback: true, HTTPSOnly: true, Timeout: -1, MaxBytes: MaxFile})})
	return b
}

func (b *bench) write(fn func(tx *store.Tx) error) {
	b.Helper()
	if err := b.db.Write(b.ctx, func(_ context.Context, tx *store.Tx) error { return fn(tx) }); err != nil {
		b.Fatal(err)
	}
}

// exchange enters an exchange with credentials.
func (b *bench) exchange(m Make, s Secret) (e Exchange) {
	b.Helper()
	b.write(func(tx *store.Tx) (err error) {
		if e, err = b.x.Create(b.ctx, tx, m); err == nil && s != nil {
			err = b.x.SetSecret(b.ctx, tx, e.ID, s)
		}
		return err
	})
	return e
}

// sync fetches and wants it to succeed.
func (b *bench) sync(e Exchange) Standing {
	b.Helper()
	s, err := b.x.Sync(b.ctx, e.ID, 0)
	if err != nil {
		b.Fatal(err)
	}
	if !s.UpToDate || !s.LastOK {
		b.Fatalf("after a fetch: %+v", s)
	}
	return s
}

// md5s gives how often each MD5 is on a list.
func (b *bench) md5s(list int64) map[string]int {
	b.Helper()
	out := map[string]int{}
	after := int64(0)
	for {
		items, err := lists.Entries(b.ctx, b.db.Reader(), list, after, 5000)
		if err != nil {
			b.Fatal(err)
		}
		for _, v := range items {
			if v.Kind == lists.MD5 {
				out[v.Value]++
			}
		}
		if len(items) < 5000 {
			return out
		}
		after = items[len(items)-1].ID
	}
}

func (b *bench) matches(md5 string) int {
	return len(b.lists.Find(lists.Query{Exact: []lists.Hash{{Kind: lists.MD5, Value: md5}}}))
}

func (b *bench) asides(e Exchange) []Aside {
	b.Helper()
	all, err := Asides(b.ctx, b.db.Reader(), e.ID, 0, 500)
	if err != nil {
		b.Fatal(err)
	}
	return all
}

func (b *bench) verify() {
	b.Helper()
	r, err := record.Verify(b.ctx, b.db.Reader(), tables, b.verifier)
	if err != nil {
		b.Fatal(err)
	}
	if !r.Verified {
		b.Fatalf("the record does not verify: %v", r.Problems)
	}
}
