package vault

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

var story = clock.Fixed(time.Date(2022, 9, 28, 6, 0, 0, 0, time.UTC))

type place struct {
	*Vault
	dir string
	db  *store.DB
	id  *age.X25519Identity
	key []byte
	log *record.Log
	now *hand

	verifier note.Verifier
}

func open(t testing.TB, db *store.DB) place {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p := place{dir: filepath.Join(t.TempDir(), "vault"), db: db, id: id, key: bytes.Repeat([]byte{7}, 32)}
	secret, public, err := note.GenerateKey(rand.Reader, "node.example")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	if p.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	p.now = &hand{story.Now()}
	p.log = record.New(db, p.now, signer, Tables)
	p.Vault = p.again(t, 0)
	return p
}

// again opens the vault once more, as another process would.
func (p place) again(t testing.TB, quota int64) *Vault {
	t.Helper()
	v, err := OpenFolder(p.db, Options{Dir: p.dir, NodeKey: p.key, Wrap: p.id, Quota: quota, Log: p.log, Clock: p.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// hand is a clock that a test moves.
type hand struct{ at time.Time }

func (h *hand) Now() time.Time { return h.at }

// mustVerify proves that what the vault did is on record.
func (p place) mustVerify(t testing.TB) {
	t.Helper()
	r, err := record.Verify(t.Context(), p.db.Reader(), Tables, p.verifier)
	if err != nil || !r.Verified {
		t.Fatalf("%v: %s", err, strings.Join(r.Problems, "\n"))
	}
}

func (p place) put(t testing.TB, plain string) string {
	t.Helper()
	var sha string
	err := p.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		sha, err = p.Put(ctx, tx, []byte(plain))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

func (p place) shred(t testing.TB, sha string) error {
	t.Helper()
	return p.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return p.Shred(ctx, tx, sha, "order 1/2022") })
}

// files lists the vault's files with their content.
func (p place) files(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPutGetShred(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		text := strings.Repeat("kite over the river ", 10000)
		sha := p.put(t, text)
		if got, err := p.Get(t.Context(), sha); err != nil || string(got) != text {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
		for path, content := range p.files(t) {
			if bytes.Contains(content, []byte("kite")) || strings.Contains(path, sha) {
				t.Errorf("%s shows its content or its hash", path)
			}
		}
		if again := p.put(t, text); again != sha || len(p.files(t)) != 1 {
			t.Errorf("kept twice: %d files", len(p.files(t)))
		}
		other := p.put(t, "basket")
		if err := p.shred(t, sha); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Get(t.Context(), sha); fault.Of(err) != fault.NotFound {
			t.Errorf("after shredding: %v", err)
		}
		if err := p.shred(t, sha); fault.Of(err) != fault.NotFound {
			t.Errorf("shredded twice: %v", err)
		}
		if got, err := p.Get(t.Context(), other); err != nil || string(got) != "basket" || len(p.files(t)) != 1 {
			t.Errorf("the other blob: %q %v, %d files", got, err, len(p.files(t)))
		}
		if back := p.put(t, text); back != sha {
			t.Errorf("put again as %s", back)
		}
		if held, err := p.Has(t.Context(), db.Reader(), sha); err != nil || !held {
			t.Errorf("has: %v %v", held, err)
		}
		for _, bad := range []string{"", "kite", strings.ToUpper(sha), sha + "00", "../" + sha} {
			if _, err := p.Get(t.Context(), bad); fault.Of(err) != fault.Invalid {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// TestTampered alters what lies on disk and in the table in every way that leaves something to read.
func TestTampered(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, p place, a, b string){
		"a byte of the file changed": func(t *testing.T, p place, a, _ string) {
			content, err := os.ReadFile(a)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)-1] ^= 1
			write(t, a, content)
		},
		"the file cut": func(t *testing.T, p place, a, _ string) {
			if err := os.Truncate(a, 100); err != nil {
				t.Fatal(err)
			}
		},
		"the file gone": func(t *testing.T, p place, a, _ string) {
			if err := os.Remove(a); err != nil {
				t.Fatal(err)
			}
		},
		"another blob's file": func(t *testing.T, p place, a, b string) {
			content, err := os.ReadFile(b)
			if err != nil {
				t.Fatal(err)
			}
			write(t, a, content)
		},
		"another blob's file and key": func(t *testing.T, p place, a, b string) {
			content, err := os.ReadFile(b)
			if err != nil {
				t.Fatal(err)
			}
			tag := filepath.Base(b)[65:]
			write(t, strings.TrimSuffix(a, filepath.Base(a)[65:])+tag, content)
			exec(t, p, "UPDATE blob SET wrapped = (SELECT wrapped FROM blob WHERE name = $1), size = (SELECT size FROM blob WHERE name = $1) WHERE name = $2",
				filepath.Base(b)[:64], filepath.Base(a)[:64])
		},
		"the key changed": func(t *testing.T, p place, a, _ string) {
			exec(t, p, "UPDATE blob SET wrapped = $1", []byte("kite over the river"))
		},
		"the size changed": func(t *testing.T, p place, a, _ string) { exec(t, p, "UPDATE blob SET size = 3") },
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, storetest.SQLite(t))
			a := p.put(t, strings.Repeat("kite ", 1000))
			first := p.files(t)
			p.put(t, "basket")
			var fileA, fileB string
			for path := range p.files(t) {
				if first[path] != nil {
					fileA = path
				} else {
					fileB = path
				}
			}
			harm(t, p, fileA, fileB)
			if got, err := p.Get(t.Context(), a); !errors.Is(err, fault.Tampered) {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		})
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, p place, query string, args ...any) {
	t.Helper()
	err := p.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAnotherNode: without the node's identity the content stays closed, and without its name key it is not even found.
func TestAnotherNode(t *testing.T) {
	p := open(t, storetest.SQLite(t))
	sha := p.put(t, "kite")
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key  []byte
		id   *age.X25519Identity
		kind fault.Kind
	}{{p.key, stranger, fault.Tampered}, {bytes.Repeat([]byte{8}, 32), p.id, fault.NotFound}} {
		v, err := OpenFolder(p.db, Options{Dir: p.dir, NodeKey: c.key, Wrap: c.id, Log: p.log, Clock: story})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Get(t.Context(), sha); fault.Of(err) != c.kind {
			t.Errorf("got %v, want %s", err, c.kind)
		}
		v.Close()
	}
	if _, err := OpenFolder(p.db, Options{Dir: p.dir, NodeKey: p.key[:31], Wrap: p.id, Log: p.log, Clock: story}); err == nil {
		t.Error("a short key was taken")
	}
}

// TestSweep: a failed transaction leaves a file that nobody can open; Sweep takes it, and only it.
func TestSweep(t *testing.T) {
	p := open(t, storetest.SQLite(t))
	kept := p.put(t, "kite")
	failure := errors.New("the rest of the step failed")
	err := p.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := p.Put(ctx, tx, []byte("basket")); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) || len(p.files(t)) != 2 {
		t.Fatalf("%v, %d files", err, len(p.files(t)))
	}
	if n, err := p.Sweep(t.Context(), time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d young files: %v", n, err)
	}
	if n, err := p.Sweep(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d files: %v", n, err)
	}
	if got, err := p.Get(t.Context(), kept); err != nil || string(got) != "kite" {
		t.Errorf("the kept one: %q %v", got, err)
	}
	p.put(t, "basket")
	if len(p.files(t)) != 2 {
		t.Errorf("%d files", len(p.files(t)))
	}
}

// TestStage: content staged twice at once is kept once, and the loser's file goes.
func TestStage(t *testing.T) {
	p := open(t, storetest.SQLite(t))
	for range 2 {
		one, err := p.Stage(t.Context(), []byte("kite"))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // keeping the same staged content again must not take its file
			if err := p.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return p.Keep(ctx, tx, one) }); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := p.Get(t.Context(), one.SHA256); err != nil || string(got) != "kite" || len(p.files(t)) != 1 {
			t.Errorf("%q %v, %d files", got, err, len(p.files(t)))
		}
	}
}

// TestModel keeps and shreds at random and compares with a map after each step.
func TestModel(t *testing.T) {
	db := storetest.SQLite(t)
	rapid.Check(t, func(r *rapid.T) {
		p := open(t, db)
		p.nodeKey = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(r, "node") // rows of earlier runs have other names
		model := map[string]string{}
		texts := rapid.SampledFrom([]string{"", "kite", "river", strings.Repeat("b", 70000)})
		for range rapid.IntRange(1, 4).Draw(r, "steps") {
			text := texts.Draw(r, "text")
			sha := p.put(t, text)
			model[sha] = text
			if rapid.Bool().Draw(r, "shred") {
				if err := p.shred(t, sha); err != nil {
					r.Fatal(err)
				}
				delete(model, sha)
			}
			for sha, want := range model {
				if got, err := p.Get(t.Context(), sha); err != nil || string(got) != want {
					r.Fatalf("%d bytes, %v", len(got), err)
				}
			}
			if n := len(p.files(t)); n != len(model) {
				r.Fatalf("%d files for %d blobs", n, len(model))
			}
		}
	})
}

func BenchmarkStage(b *testing.B) {
	p := open(b, storetest.SQLite(b))
	content := bytes.Repeat([]byte("kite"), 1<<18)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		if _, err := p.Stage(b.Context(), content); err != nil {
			b.Fatal(err)
		}
	}
}
