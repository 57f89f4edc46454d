package record_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// watcher is a node that keeps another's checkpoints.
type watcher struct {
	*node
	witness *record.Witness
	other   record.Remote
	woken   int
}

func newWatcher(t *testing.T, db *store.DB, other record.Remote) *watcher {
	t.Helper()
	n := newNode(t, db)
	n.log = record.New(db, n, n.signer, append([]record.Table{{Name: "witness"}}, record.WitnessTables...))
	w := &watcher{node: n, other: other}
	w.witness = record.NewWitness(db, n.log, n, other.Client, func(context.Context, string) (string, error) { return w.other.URL, nil })
	w.witness.Wake = func(context.Context, *store.Tx, string) error { w.woken++; return nil }
	return w
}

// receive keeps a checkpoint as a document brings it.
func (w *watcher) receive(t *testing.T, text string) {
	t.Helper()
	w.write(t, func(ctx context.Context, tx *store.Tx) error {
		_, err := w.log.Insert(ctx, tx, "witness", "witness.kept", time.Time{}, record.Fields{"agency": "unit", "checkpoint": text, "received_at": w.Now()})
		return err
	})
}

func (w *watcher) compare(t *testing.T) []record.Contradiction {
	t.Helper()
	if err := w.witness.Compare(context.Background(), "unit"); err != nil {
		t.Fatal(err)
	}
	return w.contradictions(t)
}

func (w *watcher) contradictions(t *testing.T) []record.Contradiction {
	t.Helper()
	c, err := record.Contradictions(context.Background(), w.db.Reader())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *watcher) mustVerify(t *testing.T) {
	t.Helper()
	r, err := record.Verify(context.Background(), w.db.Reader(), append([]record.Table{{Name: "witness"}}, record.WitnessTables...), w.verifier)
	if err != nil || !r.Verified {
		t.Errorf("%v %v", r.Problems, err)
	}
}

// fork makes a second log with the same key that has the first size entries of n and goes on with others.
func (n *node) fork(t *testing.T, first, more int) *node {
	t.Helper()
	f := newNode(t, storetest.SQLite(t))
	f.signer, f.verifier = n.signer, n.verifier
	f.log = record.New(f.db, f, n.signer, tables)
	f.log.Verifier = n.log.Verifier
	f.notes(t, first, "kite")
	f.notes(t, more, "basket")
	return f
}

func TestWitness(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, storetest.SQLite(t))
		n.notes(t, 10, "kite")
		w := newWatcher(t, db, serveRecord(t, n, nil))
		if err := w.witness.Compare(ctx, "nobody"); err != nil {
			t.Error(err)
		}
		w.receive(t, n.checkpoint(t, 4))
		w.receive(t, n.checkpoint(t, 7))
		if w.woken != 1 {
			t.Errorf("woken %d times for two checkpoints", w.woken)
		}
		if c := w.compare(t); len(c) != 0 {
			t.Errorf("an honest record contradicts itself: %+v", c)
		}
		n.notes(t, 290, "kite")
		w.receive(t, n.checkpoint(t, 299))
		w.receive(t, n.checkpoint(t, 7)) // a document that was signed early and came late
		if c := w.compare(t); len(c) != 0 {
			t.Errorf("an honest record contradicts itself: %+v", c)
		}
		all, err := record.Counterparts(ctx, db.Reader())
		if err != nil || len(all) != 1 || all[0].Size != 300 || all[0].RecordKey != n.log.Verifier || all[0].ComparedAt == 0 {
			t.Fatalf("%+v %v", all, err)
		}

		// Rolled back to 250 entries.
		w.other = serveRecord(t, n.fork(t, 250, 3), nil)
		w.receive(t, n.checkpoint(t, 250))
		c := w.compare(t)
		if len(c) != 1 || c[0].Agency != "unit" || !strings.Contains(c[0].Reason, "had 300 entries when it signed this, and now has 253: it was rolled back") || c[0].Kept != n.checkpoint(t, 300) {
			t.Errorf("rolled back: %+v", c)
		}
		if again := w.compare(t); len(again) != 1 {
			t.Errorf("recorded twice: %+v", again)
		}
		w.mustVerify(t)
	})
}

// It is found as well when the rolled back record has grown beyond what is kept, and when it signs another of the same size.
func TestWitnessForks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, storetest.SQLite(t))
		n.notes(t, 20, "kite")
		w := newWatcher(t, db, serveRecord(t, n, nil))
		w.receive(t, n.checkpoint(t, 20))
		if c := w.compare(t); len(c) != 0 {
			t.Fatal(c)
		}
		fork := n.fork(t, 15, 30)
		w.other = serveRecord(t, fork, nil)
		w.receive(t, fork.checkpoint(t, 20))
		if c := w.contradictions(t); len(c) != 1 || !strings.Contains(c[0].Reason, "two different records of 20 entries") {
			t.Errorf("not seen at receipt: %+v", c)
		}
		w.receive(t, fork.checkpoint(t, 45))
		c := w.compare(t)
		if len(c) != 1 { // the same kept checkpoint, told once
			t.Errorf("%+v", c)
		}
		w.mustVerify(t)
	})
}

func TestWitnessGrownFork(t *testing.T) {
	n := newNode(t, storetest.SQLite(t))
	n.notes(t, 20, "kite")
	fork := n.fork(t, 15, 30)
	w := newWatcher(t, storetest.SQLite(t), serveRecord(t, fork, nil))
	w.receive(t, n.checkpoint(t, 20))
	w.receive(t, fork.checkpoint(t, 45))
	if c := w.compare(t); len(c) != 1 || !strings.Contains(c[0].Reason, "of 45 entries does not begin with the 20 entries") {
		t.Errorf("%+v", c)
	}
	stranger := newNode(t, storetest.SQLite(t))
	stranger.notes(t, 30, "kite")
	w.receive(t, stranger.checkpoint(t, 22)) // same name, another key
	w.receive(t, "no checkpoint")
	w.other = serveRecord(t, stranger, nil)
	if c := w.compare(t); len(c) != 4 {
		t.Errorf("%+v", c)
	}
	w.other = record.Remote{Client: w.other.Client, URL: "http://127.0.0.1:1"}
	w.receive(t, fork.checkpoint(t, 44))
	if err := w.witness.Compare(context.Background(), "unit"); fault.Of(err) != fault.Unavailable {
		t.Errorf("an unreachable counterpart: %v", err)
	}
	w.mustVerify(t)
}

// A node's own record against what a counterpart keeps of it, by file and over HTTP.
func TestCompareOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		n.notes(t, 20, "kite")
		w := newWatcher(t, storetest.SQLite(t), serveRecord(t, n, nil))
		w.receive(t, n.checkpoint(t, 12))
		w.receive(t, n.checkpoint(t, 18))
		w.compare(t)
		kept, err := record.AllKept(ctx, w.db.Reader(), "")
		if err != nil {
			t.Fatal(err)
		}
		file, err := json.Marshal(record.KeptList{Kept: kept})
		if err != nil {
			t.Fatal(err)
		}
		if kept, err = record.ReadKept(file); err != nil || len(kept) != 2 {
			t.Fatal(kept, err)
		}
		public := serveRecord(t, w.node, nil)
		fetched, err := record.FetchKept(ctx, public.Client, public.URL, n.log.Origin())
		if err != nil || len(fetched) != 2 {
			t.Fatalf("%+v %v", fetched, err)
		}
		if _, err := record.FetchKept(ctx, public.Client, public.URL, "another"); fault.Of(err) != fault.NotFound {
			t.Errorf("a record that nobody knows: %v", err)
		}
		for _, list := range [][]record.Kept{kept, fetched} {
			if c, err := record.CompareOwn(ctx, db.Reader(), n.verifier, list); err != nil || !c.Agrees || c.Compared != 2 {
				t.Errorf("%+v %v", c, err)
			}
			fork := n.fork(t, 11, 4)
			if c, err := record.CompareOwn(ctx, fork.db.Reader(), n.verifier, list); err != nil || c.Agrees || len(c.Problems) != 2 {
				t.Errorf("%+v %v", c, err)
			}
		}
		if c, err := record.CompareOwn(ctx, db.Reader(), newNode(t, storetest.SQLite(t)).verifier, kept); err != nil || c.Agrees {
			t.Errorf("another's key: %+v %v", c, err)
		}
		for _, bad := range []string{"", "{}", "[]", `{"kept":[]}`, "x\n1\n"} {
			if _, err := record.ReadKept([]byte(bad)); fault.Of(err) != fault.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}
