package record_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

var tables = []record.Table{
	{Name: "person", Sealed: []string{"name"}},
	{Name: "platform"},
	{Name: "hash_list"},
	{Name: "list_batch"},
	{Name: "list_entry", Bulk: true},
}

// node is a log on an empty database, with a clock that a test sets.
type node struct {
	db       *store.DB
	log      *record.Log
	verifier note.Verifier
	signer   note.Signer

	noted int // notes so far

	mu  sync.Mutex
	now time.Time
}

// Now implements clock.Clock.
func (n *node) Now() time.Time { n.mu.Lock(); defer n.mu.Unlock(); return n.now }

func (n *node) pass(d time.Duration) { n.mu.Lock(); n.now = n.now.Add(d); n.mu.Unlock() }

func newNode(t testing.TB, db *store.DB) *node {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "node.example")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{db: db, now: time.Date(2022, 9, 20, 10, 0, 0, 0, time.UTC)}
	if n.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	if n.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	n.log = record.New(db, n, n.signer, tables)
	n.log.Verifier = public
	return n
}

func (n *node) write(t testing.TB, fn func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := n.db.Write(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func (n *node) verify(t testing.TB, q store.Queryer) record.Report {
	t.Helper()
	r, err := record.Verify(context.Background(), q, tables, n.verifier)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verified != (len(r.Problems) == 0) {
		t.Errorf("verified %v with %d problems", r.Verified, len(r.Problems))
	}
	return r
}

func (n *node) mustVerify(t testing.TB) record.Report {
	t.Helper()
	r := n.verify(t, n.db.Reader())
	if !r.Verified {
		t.Fatalf("a log that nobody touched is not verified:\n%s", strings.Join(r.Problems, "\n"))
	}
	return r
}

// person adds a person; the columns of a real stage, with types of its own.
func (n *node) person(ctx context.Context, tx *store.Tx, username, name string) (int64, error) {
	type roles string
	return n.log.Insert(ctx, tx, "person", "person.add", time.Time{},
		record.Fields{"username": username, "name": name, "roles": roles("officer"), "created_at": n.Now(), "disabled_at": time.Time{}})
}

// story writes a little of everything: 5 entries of persons, 1 list, 2 batches with 5 rows, 1 note.
func (n *node) story(t testing.TB) {
	t.Helper()
	n.write(t, func(ctx context.Context, tx *store.Tx) error {
		ctx = record.WithActor(ctx, "person:1")
		for _, p := range []string{"asha", "bina", "chitra"} {
			if _, err := n.person(ctx, tx, p, "Name of "+p); err != nil {
				return err
			}
		}
		return n.log.Note(ctx, tx, "session.open", record.Fields{"from": "127.0.0.1"}, record.Fields{"agent": "kite"})
	})
	n.pass(time.Minute)
	n.write(t, func(ctx context.Context, tx *store.Tx) error {
		return n.log.Update(ctx, tx, "person", "person.rename", time.Time{}, 2, record.Fields{"name": "Bina the second", "roles": ""})
	})
	n.write(t, func(ctx context.Context, tx *store.Tx) error {
		return n.log.Update(ctx, tx, "person", "person.disable", n.Now().Add(-time.Hour), 3, record.Fields{"disabled_at": n.Now()})
	})
	n.write(t, func(ctx context.Context, tx *store.Tx) error {
		list, err := n.log.Insert(ctx, tx, "hash_list", "list.add", time.Time{}, record.Fields{"name": "baskets", "holder": "agency:x", "own": true, "created_at": n.Now()})
		if err != nil {
			return err
		}
		for b := range 2 {
			batch, err := n.log.Insert(ctx, tx, "list_batch", "list.import", time.Time{},
				record.Fields{"list_id": list, "document_id": int64(0), "entries": 2 + b, "created_at": n.Now()})
			if err != nil {
				return err
			}
			rows := []record.Fields{}
			for i := range 2 + b {
				rows = append(rows, record.Fields{"kind": "md5", "value": fmt.Sprintf("%d%d", b, i), "label": []string{"", "A1", "B2"}[i]})
			}
			if err := n.log.InsertBatch(ctx, tx, "list_entry", "list.entries", batch, rows); err != nil {
				return err
			}
		}
		return nil
	})
}
