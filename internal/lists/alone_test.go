package lists

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// bench is a node with hash lists and nothing else.
type bench struct {
	testing.TB
	ctx      context.Context
	db       *store.DB
	log      *record.Log
	verifier note.Verifier
	lists    *Lists
	files    string // folder of the index's files
}

const self = "own.example"

var testClock = clock.Fixed(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC))

func each(t *testing.T, fn func(b *bench)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) { fn(newBench(t, db)) })
}

func newBench(t testing.TB, db *store.DB) *bench {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, "lists.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, ctx: context.Background(), db: db, files: t.TempDir()}
	if b.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	b.log = record.New(db, testClock, signer, Tables)
	b.lists = b.open()
	return b
}

// open makes the lists as a start of the node does.
func (b *bench) open() *Lists {
	b.Helper()
	office := courier.NewOffice(courier.Config{Agency: func() string { return self }, DB: b.db, Log: b.log, Jobs: jobs.New(b.db, slog.New(slog.DiscardHandler)), Clock: testClock})
	l, err := Open(b.ctx, b.db, b.log, testClock, office, func() string { return self }, Files(b.files, []byte("key"), nil))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}

// write runs a change that must succeed.
func (b *bench) write(fn func(tx *store.Tx) error) {
	b.Helper()
	if err := b.try(fn); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) try(fn func(tx *store.Tx) error) error {
	return b.db.Write(b.ctx, func(_ context.Context, tx *store.Tx) error { return fn(tx) })
}

func (b *bench) list(n New) (id int64) {
	b.Helper()
	b.write(func(tx *store.Tx) (err error) {
		id, err = b.lists.CreateList(b.ctx, tx, n)
		return err
	})
	return id
}

// contents adds groups of entries and gives their numbers.
func (b *bench) contents(list int64, groups ...[]Entry) (ids []int64) {
	b.Helper()
	b.write(func(tx *store.Tx) (err error) {
		ids, err = b.lists.AddContents(b.ctx, tx, list, groups)
		return err
	})
	return ids
}

// verify proves the record of all that was done.
func (b *bench) verify() {
	b.Helper()
	r, err := record.Verify(b.ctx, b.db.Reader(), Tables, b.verifier)
	if err != nil {
		b.Fatal(err)
	}
	if !r.Verified {
		b.Fatalf("the record does not verify: %v", r.Problems)
	}
}
