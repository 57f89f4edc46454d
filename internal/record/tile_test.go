package record_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// serveRecord serves a node's record as the API does; change may alter an answer.
func serveRecord(t testing.TB, n *node, change func(path string, b []byte) []byte) record.Remote {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _, err := n.log.Serve(r.Context(), strings.TrimPrefix(r.URL.Path, record.Path))
		if err != nil {
			http.Error(w, fault.Message(err), fault.HTTPStatus(err))
			return
		}
		if change != nil {
			b = change(r.URL.Path, b)
		}
		w.Write(b)
	}))
	t.Cleanup(s.Close)
	return record.Remote{Client: s.Client(), URL: s.URL}
}

// notes adds count entries, each in a transaction of its own, so that there is a checkpoint of every size.
func (n *node) notes(t testing.TB, count int, word string) {
	t.Helper()
	for range count {
		n.noted++
		n.write(t, func(ctx context.Context, tx *store.Tx) error {
			return n.log.Note(ctx, tx, "look", record.Fields{"n": n.noted, "word": word}, nil)
		})
	}
}

func (n *node) checkpoint(t testing.TB, size int64) string {
	t.Helper()
	var text string
	if err := n.db.Reader().QueryRow("SELECT note FROM record_checkpoint WHERE size = $1", size).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestProofs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		if _, err := record.ProveInclusion(ctx, db.Reader(), 0); fault.Of(err) != fault.NotFound {
			t.Errorf("proof in an empty log: %v", err)
		}
		n.notes(t, 21, "kite")
		for leaf := range int64(21) {
			p, err := record.ProveInclusion(ctx, db.Reader(), leaf)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(n.verifier); err != nil {
				t.Errorf("entry %d: %v", leaf, err)
			}
			for name, forge := range map[string]func(*record.Inclusion){
				"public part": func(p *record.Inclusion) { p.Public = strings.Replace(p.Public, "kite", "mite", 1) },
				"sealed hash": func(p *record.Inclusion) { p.SealedHash[3] ^= 1 },
				"leaf":        func(p *record.Inclusion) { p.Leaf++ },
				"proof":       func(p *record.Inclusion) { p.Proof[0][0] ^= 1 },
				"shorter":     func(p *record.Inclusion) { p.Proof = p.Proof[1:] },
				"checkpoint":  func(p *record.Inclusion) { p.Checkpoint = n.checkpoint(t, 20) },
				"signature":   func(p *record.Inclusion) { p.Checkpoint = strings.Replace(p.Checkpoint, "21", "22", 1) },
			} {
				forged := p
				forged.Proof, forged.SealedHash = append([]tlog.Hash{}, p.Proof...), append([]byte{}, p.SealedHash...)
				forge(&forged)
				if err := forged.Check(n.verifier); fault.Of(err) != fault.Refused {
					t.Errorf("entry %d, forged %s: %v", leaf, name, err)
				}
			}
		}
		for from := int64(1); from <= 21; from++ {
			p, err := record.ProveConsistency(ctx, db.Reader(), from)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(n.checkpoint(t, from), n.verifier); err != nil {
				t.Errorf("from %d: %v", from, err)
			}
			if from > 1 {
				if err := p.Check(n.checkpoint(t, from-1), n.verifier); fault.Of(err) != fault.Refused {
					t.Errorf("from %d with another checkpoint: %v", from, err)
				}
				q := p
				q.Checkpoint = n.checkpoint(t, from-1)
				if err := q.Check(n.checkpoint(t, from), n.verifier); fault.Of(err) != fault.Refused {
					t.Errorf("rolled back to %d: %v", from-1, err)
				}
			}
		}
		for _, from := range []int64{-1, 0, 22} {
			if _, err := record.ProveConsistency(ctx, db.Reader(), from); fault.Of(err) != fault.NotFound {
				t.Errorf("from %d: %v", from, err)
			}
		}
	})
}

// A remote reader computes every earlier root from tiles alone, and notices a tile that was altered.
func TestTiles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		n := newNode(t, db)
		n.write(t, func(ctx context.Context, tx *store.Tx) error {
			for i := range 600 {
				if err := n.log.Note(ctx, tx, "look", record.Fields{"n": i}, nil); err != nil {
					return err
				}
			}
			return nil
		})
		n.notes(t, 5, "kite")
		honest := serveRecord(t, n, nil)
		now, err := honest.Checkpoint(ctx, n.verifier)
		if err != nil || now.Size != 605 {
			t.Fatal(now, err)
		}
		if v, _, err := honest.Key(ctx); err != nil || v.Name() != n.verifier.Name() || v.KeyHash() != n.verifier.KeyHash() {
			t.Errorf("key %v, %v", v, err)
		}
		for _, size := range []int64{600, 601, 604, 605} {
			root, err := honest.Root(ctx, now, size)
			if err != nil {
				t.Fatal(err)
			}
			if c, _ := record.ParseCheckpoint(n.checkpoint(t, size)); c.Root != root {
				t.Errorf("root of %d", size)
			}
		}
		altered := serveRecord(t, n, func(path string, b []byte) []byte {
			if strings.HasSuffix(path, "tile/0/001") {
				b[77] ^= 1
			}
			return b
		})
		if _, err := altered.Root(ctx, now, 400); fault.Of(err) != fault.Refused {
			t.Errorf("an altered tile: %v", err)
		}
		for _, path := range []string{"tile/0/002.p/93", "tile/0/002.p/1", "tile/0/000.p/7", "tile/1/000.p/2", "tile/0/001"} {
			if b, _, err := n.log.Serve(ctx, path); err != nil || len(b)%32 != 0 || len(b) == 0 {
				t.Errorf("%s: %d bytes, %v", path, len(b), err)
			}
		}
		for _, path := range []string{"tile/0/002", "tile/0/002.p/94", "tile/1/000", "tile/1/000.p/3", "tile/2/000.p/1", "tile/0/x001/000", "tile/entries/000", "tile/data/000",
			"tile/-1/000", "tile/0/1", "tile/0/000.p/0", "tile/0/000.p/256", "tile/63/000.p/1", "tile/0/x999/x999/x999/x999/x999/x999/999", "", "tile/", "checkpoint/", "../keys.json"} {
			if _, _, err := n.log.Serve(ctx, path); fault.Of(err) != fault.NotFound {
				t.Errorf("%q was served (%v)", path, err)
			}
		}
	})
}

func FuzzTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/0/x001/000.p/3", "tile/1/x123/x456/789", "tile/8/0/000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := record.ParseTilePath(path)
		if err == nil && record.TilePath(tile) != path {
			t.Errorf("%q is read as %q", path, record.TilePath(tile))
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	n := newNode(f, storetest.SQLite(f))
	n.notes(f, 3, "river")
	f.Add(n.checkpoint(f, 3))
	f.Add("node.example\n1\nAAAA\n\n\u2014 node.example AAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := record.ParseCheckpoint(text)
		if err == nil && !strings.HasPrefix(text, fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)) {
			t.Errorf("%q is read as %+v", text, c)
		}
		if c, err := record.OpenCheckpoint(text, n.verifier); err == nil && (c.Size < 1 || c.Size > 3) {
			t.Errorf("a forged checkpoint was opened: %q", text)
		}
	})
}
