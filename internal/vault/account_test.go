package vault

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

func (p place) do(t testing.TB, fn func(ctx context.Context, tx *store.Tx) error) error {
	t.Helper()
	return p.db.Write(record.WithActor(t.Context(), "person:counsel"), fn)
}

func (p place) check(t testing.TB) (blobs int64, problems []string) {
	t.Helper()
	blobs, err := p.Check(t.Context(), p.db.Reader(), func(format string, args ...any) { problems = append(problems, format) })
	if err != nil {
		t.Fatal(err)
	}
	return blobs, problems
}

// The account outlives the content: name, size, who, when and on what basis.
func TestProofOfDestruction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		sha := p.put(t, "kite")
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Shred(ctx, tx, sha, " ") }); fault.Of(err) != fault.Invalid {
			t.Errorf("without basis: %v", err)
		}
		p.now.at = p.now.at.Add(time.Hour)
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Shred(ctx, tx, sha, "order 7/2022") }); err != nil {
			t.Fatal(err)
		}
		b, err := p.Account(t.Context(), db.Reader(), sha)
		if err != nil || b.State != Shredded || b.ShreddedBy != "person:counsel" || b.ShredBasis != "order 7/2022" || b.Size != 4 || b.ShreddedAt != store.Micros(p.now.at) {
			t.Errorf("%+v %v", b, err)
		}
		lines, err := record.Tail(t.Context(), db.Reader(), -1, 1)
		if err != nil || lines[0].Kind != "vault.shredded" || lines[0].Actor != "person:counsel" || lines[0].Set["name"] != b.Name || lines[0].Set["size"] != int64(4) {
			t.Errorf("%+v %v", lines, err)
		}
		p.mustVerify(t)
		p.put(t, "kite")
		if b, err = p.Account(t.Context(), db.Reader(), sha); err != nil || b.State != Kept || b.ShreddedAt != 0 {
			t.Errorf("%+v %v", b, err)
		}
		p.mustVerify(t)
		if n, problems := p.check(t); n != 1 || len(problems) != 0 {
			t.Errorf("%d blobs, %v", n, problems)
		}
	})
}

func TestRetentionAndHold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		held, due, long := p.put(t, "kite"), p.put(t, "river"), p.put(t, "basket")
		p.put(t, "no limit")
		until := p.now.at.Add(180 * 24 * time.Hour)
		must := func(fn func(ctx context.Context, tx *store.Tx) error) {
			t.Helper()
			if err := p.do(t, fn); err != nil {
				t.Fatal(err)
			}
		}
		must(func(ctx context.Context, tx *store.Tx) error {
			return errors.Join(p.Retain(ctx, tx, held, until), p.Retain(ctx, tx, due, until), p.Retain(ctx, tx, long, until),
				p.Retain(ctx, tx, long, until.Add(time.Hour)), p.Retain(ctx, tx, long, until), p.Hold(ctx, tx, held, "case 1"), p.Hold(ctx, tx, held, "case 2"), p.Hold(ctx, tx, held, "case 2"))
		})
		if n, err := p.Expire(t.Context()); n != 0 || err != nil {
			t.Errorf("%d shredded before their time: %v", n, err)
		}
		p.now.at = until
		if n, err := p.Expire(t.Context()); n != 1 || err != nil {
			t.Errorf("%d shredded, want 1: %v", n, err)
		}
		if _, err := p.Get(t.Context(), due); fault.Of(err) != fault.NotFound {
			t.Errorf("past its time: %v", err)
		}
		err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Shred(ctx, tx, held, "order") })
		if fault.Code(err) != "legal_hold" {
			t.Errorf("shredded under a hold: %v", err)
		}
		must(func(ctx context.Context, tx *store.Tx) error { return p.Release(ctx, tx, held, "case 1", "closed") })
		if n, err := p.Expire(t.Context()); n != 0 || err != nil {
			t.Errorf("%d shredded under the second hold: %v", n, err)
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Release(ctx, tx, held, "case 1", "closed") }); fault.Of(err) != fault.NotFound {
			t.Errorf("released twice: %v", err)
		}
		must(func(ctx context.Context, tx *store.Tx) error { return p.Release(ctx, tx, held, "case 2", "closed") })
		p.now.at = until.Add(2 * time.Hour)
		if n, err := p.Expire(t.Context()); n != 2 || err != nil {
			t.Errorf("%d shredded, want 2: %v", n, err)
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Hold(ctx, tx, held, "case 3") }); fault.Of(err) != fault.Conflict {
			t.Errorf("a hold on what is gone: %v", err)
		}
		s, err := p.Status(t.Context())
		if err != nil || s.Blobs != 1 || s.Shredded != 3 || s.Held != 0 || s.Expiring != 0 {
			t.Errorf("%+v %v", s, err)
		}
		p.mustVerify(t)
	})
}

func TestQuota(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		p.Vault = p.again(t, 100)
		first := p.put(t, strings.Repeat("k", 60))
		if _, err := p.Stage(t.Context(), make([]byte, 41)); fault.Code(err) != "vault_full" || !strings.Contains(fault.Message(err), "60 of the 100 bytes") {
			t.Errorf("%v", err)
		}
		if len(p.files(t)) != 1 {
			t.Error("something was written before it was refused")
		}
		one, err := p.Stage(t.Context(), make([]byte, 40))
		if err != nil {
			t.Fatal(err)
		}
		other, err := p.Stage(t.Context(), []byte(strings.Repeat("r", 40)))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Keep(ctx, tx, one) }); err != nil {
			t.Fatal(err)
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Keep(ctx, tx, other) }); fault.Code(err) != "vault_full" {
			t.Errorf("two that were staged at once: %v", err)
		}
		if err := p.shred(t, first); err != nil {
			t.Fatal(err)
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return p.Keep(ctx, tx, other) }); err != nil {
			t.Errorf("after shredding: %v", err)
		}
	})
}

func TestScrub(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		shas := []string{}
		for i := range 150 {
			shas = append(shas, p.put(t, strings.Repeat("kite ", i+1)))
		}
		r, err := p.Scrub(t.Context(), 0)
		if err != nil || r.Blobs != 150 || r.Damaged != 0 || r.FinishedAt == 0 {
			t.Fatalf("%+v %v", r, err)
		}
		name, _ := p.nameOf(shas[7])
		for path, content := range p.files(t) {
			if strings.Contains(path, name) {
				content[len(content)/2] ^= 1
				write(t, path, content)
			}
		}
		ended, cancel := context.WithCancel(t.Context()) // the first round is broken off at once, the next goes on with it
		cancel()
		if _, err := p.Scrub(ended, 1); err == nil {
			t.Error("a scrub ran without a context")
		}
		if r, err = p.Scrub(t.Context(), 1<<40); err != nil || r.Blobs != 150 || r.Damaged != 1 {
			t.Fatalf("%+v %v", r, err)
		}
		b, err := p.Account(t.Context(), db.Reader(), shas[7])
		if err != nil || !strings.Contains(b.Damage, "cannot be decrypted") {
			t.Errorf("%+v %v", b, err)
		}
		if s, err := p.Status(t.Context()); err != nil || s.Damaged != 1 || s.Scrub == nil || s.Scrub.Damaged != 1 {
			t.Errorf("%+v %v", s, err)
		}
		if n, problems := p.check(t); n != 150 || len(problems) != 1 {
			t.Errorf("%d %v", n, problems)
		}
		p.put(t, strings.Repeat("kite ", 8)) // the same content again mends it
		if got, err := p.Get(t.Context(), shas[7]); err != nil || len(got) != 40 {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if r, err = p.Scrub(t.Context(), 0); err != nil || r.Damaged != 0 || len(p.files(t)) != 150 {
			t.Errorf("%+v %v, %d files", r, err, len(p.files(t)))
		}
		p.mustVerify(t)
	})
}

func TestAdopt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		sha := p.put(t, "kite")
		exec(t, p, "DELETE FROM vault_blob") // as a database of before
		exec(t, p, "DELETE FROM record_entry")
		exec(t, p, "DELETE FROM record_hash")
		exec(t, p, "DELETE FROM record_checkpoint")
		if n, err := p.Unrecorded(t.Context()); n != 1 || err != nil {
			t.Errorf("%d %v", n, err)
		}
		again := open(t, db)
		again.Vault, again.dir, again.id = p.Vault, p.dir, p.id
		for _, want := range []int{1, 0} {
			if n, err := p.Adopt(t.Context()); n != want || err != nil {
				t.Errorf("adopted %d, want %d: %v", n, want, err)
			}
		}
		if b, err := p.Account(t.Context(), db.Reader(), sha); err != nil || b.State != Kept || b.Size != 4 {
			t.Errorf("%+v %v", b, err)
		}
	})
}

// What somebody with the database and the folder might do to the vault is named by the check.
func TestTamperVault(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		sha, gone := p.put(t, "kite"), p.put(t, "river")
		if err := p.shred(t, gone); err != nil {
			t.Fatal(err)
		}
		name, _ := p.nameOf(sha)
		var wrapped []byte
		if err := db.Reader().QueryRow("SELECT wrapped FROM blob WHERE name = $1", name).Scan(&wrapped); err != nil {
			t.Fatal(err)
		}
		changed := 0
		for i := 0; i < len(wrapped); i += 5 {
			other := append([]byte{}, wrapped...)
			other[i] ^= 4
			exec(t, p, "UPDATE blob SET wrapped = $1 WHERE name = $2", other, name)
			if _, problems := p.check(t); len(problems) != 1 {
				t.Errorf("byte %d of the wrapped key: %v", i, problems)
			}
			changed++
		}
		exec(t, p, "UPDATE blob SET wrapped = $1 WHERE name = $2", wrapped, name)
		for path, content := range p.files(t) {
			for i := range content {
				other := append([]byte{}, content...)
				other[i] ^= 4
				write(t, path, other)
				if _, problems := p.check(t); len(problems) != 1 {
					t.Errorf("byte %d of the file: %v", i, problems)
				}
				changed++
			}
			write(t, path, content)
		}
		t.Log(changed, "changes")
		for what, query := range map[string]string{
			"a key deleted":        "DELETE FROM blob",
			"a size":               "UPDATE blob SET size = size + 1",
			"a key put back":       "INSERT INTO blob (name, wrapped, size, created_at) SELECT v.name, b.wrapped, 5, 1 FROM vault_blob v, blob b WHERE v.state = 'shredded'",
			"an unknown node key":  "UPDATE blob SET key_id = 'age1kite'",
			"a destruction denied": "UPDATE vault_blob SET state = 'kept' WHERE state = 'shredded'",
		} {
			tx, err := db.Raw().Begin()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(query); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if _, problems := p.check(t); len(problems) != 1 {
				t.Errorf("%s: %v", what, problems)
			}
			for _, undo := range []string{"DELETE FROM blob", "UPDATE vault_blob SET state = 'shredded' WHERE size = 5"} {
				exec(t, p, undo)
			}
			exec(t, p, "INSERT INTO blob (name, wrapped, size, created_at, key_id) VALUES ($1, $2, 4, 1, '')", name, wrapped)
		}
		if _, problems := p.check(t); len(problems) != 0 {
			t.Errorf("the test left something behind: %v", problems)
		}
	})
}

func TestRotate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		shas := map[string]string{}
		for i := range 450 {
			text := strings.Repeat("kite ", i+1)
			shas[p.put(t, text)] = text
		}
		before := p.files(t)
		other := p.again(t, 0) // another process, which knows only the old key
		staged, err := other.Stage(t.Context(), []byte("staged under the old key"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Rotate(t.Context())
		if err != nil || r.Rewrapped != 450 || r.Retired != 1 || r.Resumed {
			t.Fatalf("%+v %v", r, err)
		}
		for path, content := range p.files(t) {
			if old, ok := before[path]; ok && string(old) != string(content) {
				t.Errorf("%s was rewritten", path)
			}
		}
		if err := p.do(t, func(ctx context.Context, tx *store.Tx) error { return other.Keep(ctx, tx, staged) }); err != nil {
			t.Fatal(err)
		}
		for _, v := range []*Vault{p.Vault, other, p.again(t, 0)} {
			for sha, text := range shas {
				if got, err := v.Get(t.Context(), sha); err != nil || string(got) != text {
					t.Fatalf("%d bytes, %v", len(got), err)
				}
			}
			if got, err := v.Get(t.Context(), staged.SHA256); err != nil || string(got) != "staged under the old key" {
				t.Errorf("%q %v", got, err)
			}
		}
		ring, err := readRing(p.keyFile, p.id)
		if err != nil || len(ring.identities) != 1 || ring.current().Recipient().String() != r.KeyID || ring.current().String() == p.id.String() {
			t.Errorf("%d keys in the file, %v", len(ring.identities), err)
		}
		var oldKey int
		if err := db.Reader().QueryRow("SELECT COUNT(*) FROM blob WHERE key_id <> $1", r.KeyID).Scan(&oldKey); err != nil || oldKey != 0 {
			t.Errorf("%d blobs are under an old key", oldKey)
		}
		again, err := p.Rotate(t.Context())
		if err != nil || again.Rewrapped != 451 || again.Retired != 1 || again.KeyID == r.KeyID {
			t.Errorf("%+v %v", again, err)
		}
		if s, err := p.Status(t.Context()); err != nil || s.KeyID != again.KeyID || s.OldKeys != 0 {
			t.Errorf("%+v %v", s, err)
		}
		p.mustVerify(t)
	})
}

// A rotation that is broken off after any of its transactions leaves everything readable, and the next one finishes it.
func TestRotateBrokenOff(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := open(t, db)
		shas := []string{}
		for i := range 420 {
			shas = append(shas, p.put(t, strings.Repeat("river ", i+1)))
		}
		broken := errors.New("the power went")
		left := 1 << 30
		db.BeforeCommit(func(context.Context, *store.Tx) error {
			if left--; left < 0 {
				return broken
			}
			return nil
		})
		for writes := 0; ; writes++ {
			left = writes
			_, err := p.Rotate(t.Context())
			left = 1 << 30
			if err == nil {
				if writes < 3 {
					t.Errorf("a rotation of %d writes", writes)
				}
				break
			}
			if !errors.Is(err, broken) {
				t.Fatal(err)
			}
			p.Vault = p.again(t, 0) // a new process
			for _, sha := range []string{shas[0], shas[210], shas[419]} {
				if _, err := p.Get(t.Context(), sha); err != nil {
					t.Fatalf("after %d writes: %v", writes, err)
				}
			}
		}
		p.Vault = p.again(t, 0)
		if n, problems := p.check(t); n != 420 || len(problems) != 0 {
			t.Errorf("%d blobs, %v", n, problems)
		}
		if ring, err := readRing(p.keyFile, p.id); err != nil || len(ring.identities) != 1 {
			t.Errorf("%d keys in the file, %v", len(ring.identities), err)
		}
		p.mustVerify(t)
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(`{"identities":["AGE-SECRET-KEY-1KITE"]}`))
	f.Add([]byte(`{"identities":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := t.TempDir() + "/keys.json"
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := readRing(path, nil); err == nil && r.current() == nil {
			t.Error("no key was read")
		}
	})
}
