package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// TestMain is a restore that the test kills, when the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv("RAKSHA_TEST_RESTORE") == "" {
		os.Exit(m.Run())
	}
	id, err := ReadIdentity(os.Getenv("RAKSHA_TEST_IDENTITY"))
	if err == nil {
		var f *os.File
		if f, err = os.Open(os.Getenv("RAKSHA_TEST_RESTORE")); err == nil {
			_, err = Restore(context.Background(), f, id, Target{Dir: os.Getenv("RAKSHA_TEST_DIR"), DSN: os.Getenv("RAKSHA_TEST_DSN"), Replace: true, Now: time.Now()})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// engines runs fn with a maker of empty databases for each engine; "" is SQLite in the folder.
func engines(t *testing.T, fn func(t *testing.T, dsn func() string)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, func() string { return "" }) })
	if server := os.Getenv("RAKSHA_TEST_POSTGRES"); server != "" {
		t.Run("postgres", func(t *testing.T) {
			fn(t, func() string {
				t.Helper()
				admin, err := sql.Open("pgx", server)
				if err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 6)
				rand.Read(b)
				name := "raksha_" + hex.EncodeToString(b)
				if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); admin.Close() })
				u, err := url.Parse(server)
				if err != nil {
					t.Fatal(err)
				}
				u.Path = "/" + name
				return u.String()
			})
		})
	}
}

func start(t *testing.T, dir, dsn string) *app.Node {
	t.Helper()
	n, err := app.Start(context.Background(), app.Config{Dir: dir, DSN: dsn, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Unit}, Jurisdiction: "in", Clock: clock.System{},
		Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func stop(t *testing.T, n *app.Node) {
	t.Helper()
	if err := n.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// enter writes a complaint and keeps a blob, some of which it shreds.
func enter(n *app.Node, word string, i int) error {
	return n.Rooms.DB.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := n.Rooms.Log.Insert(ctx, tx, "complaint", "complaint.received", time.Time{}, record.Fields{"reference": fmt.Sprint(word, i), "complainant": "Asha \\N of\tthe river", "sha256": "00", "received_at": 1}); err != nil {
			return err
		}
		sha, err := n.Rooms.Vault.Put(ctx, tx, []byte(fmt.Sprint(word, i)))
		if err != nil || i%5 > 0 {
			return err
		}
		return n.Rooms.Vault.Shred(ctx, tx, sha, "order")
	})
}

func create(t *testing.T, dir, dsn string, to age.Recipient) (path string, m Manifest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "backup.age")
	k, err := app.OpenKeep(context.Background(), dir, dsn, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if m, err = Create(context.Background(), Source{Dir: dir, DSN: dsn, Keep: k, Version: "test", Now: time.Now()}, path, to); err != nil {
		t.Fatal(err)
	}
	return path, m
}

func restore(t *testing.T, path string, id age.Identity, to Target) (Restored, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	to.Now = time.Now()
	return Restore(context.Background(), f, id, to)
}

func identity(t testing.TB) (*age.X25519Identity, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup.key")
	if _, err := NewIdentity(path); err != nil {
		t.Fatal(err)
	}
	id, err := ReadIdentity(path)
	if err != nil {
		t.Fatal(err)
	}
	return id.(*age.X25519Identity), path
}

// A backup under load, with a rotation of the vault's key in the middle, restored elsewhere: everything that was acknowledged before
// it began is there, the counts agree with the manifest, and the restored node goes on.
func TestBackupUnderLoad(t *testing.T) {
	engines(t, func(t *testing.T, dsn func() string) {
		id, _ := identity(t)
		dir, from := t.TempDir(), dsn()
		n := start(t, dir, from)
		for i := range 40 {
			if err := enter(n, "kite", i); err != nil {
				t.Fatal(err)
			}
		}
		quit := make(chan struct{})
		var load sync.WaitGroup
		var acknowledged atomic.Int64
		for w := range 4 {
			load.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-quit:
						return
					default:
					}
					if err := enter(n, fmt.Sprint("river", w, "."), i); err != nil {
						t.Error(err)
						return
					}
					acknowledged.Add(1)
				}
			})
		}
		for acknowledged.Load() < 20 { // it really is under load
			time.Sleep(10 * time.Millisecond)
		}
		before := acknowledged.Load()
		load.Go(func() {
			if _, err := n.Rooms.Vault.Rotate(context.Background()); err != nil && fault.Of(err) != fault.Conflict {
				t.Error(err)
			}
		})
		path, m := create(t, dir, from, id.Recipient())
		meanwhile := acknowledged.Load() - before
		close(quit)
		load.Wait()
		stop(t, n)

		elsewhere, into := filepath.Join(t.TempDir(), "new"), dsn()
		r, err := restore(t, path, id, Target{Dir: elsewhere, DSN: into, Key: filepath.Join(dir, "record.pub")})
		if err != nil {
			t.Fatal(err)
		}
		if r.Blobs != m.Blobs || m.Tables["complaint"].Rows < 40+before || m.Tables["record_entry"].Rows != r.Entries {
			t.Errorf("%+v of %+v", r, m.Tables)
		}
		t.Logf("%d entries, %d rows, %d blobs; %d writes were acknowledged while it was made", r.Entries, r.Rows, r.Blobs, meanwhile)
		again := start(t, elsewhere, into)
		for name, table := range m.Tables {
			var rows int64
			if err := again.Rooms.DB.Reader().QueryRow("SELECT COUNT(*) FROM " + quote(name)).Scan(&rows); err != nil || rows < table.Rows && !strings.HasPrefix(name, "river_") {
				t.Errorf("%s: %d rows, the manifest says %d (%v)", name, rows, table.Rows, err)
			}
		}
		if err := enter(again, "basket", 1); err != nil { // numbers go on where they ended
			t.Error(err)
		}
		stop(t, again)
		if left, err := filepath.Glob(filepath.Join(dir, "backup-*")); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
}

// root verifies the node in a folder and gives the number of its entries; 0 if there is none.
func entries(t *testing.T, dir, dsn string) int64 {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "keys.json")); errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	k, err := app.OpenKeep(context.Background(), dir, dsn, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	r, err := record.Verify(context.Background(), k.DB.Reader(), app.Tables(), k.Verifier)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Vault.Check(context.Background(), k.DB.Reader(), r.Problem); err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) > 0 {
		t.Errorf("half a node: %v", r.Problems)
	}
	return r.Entries
}

// Killed at any moment, a restore leaves the old node or the new one.
func TestRestoreKilled(t *testing.T) {
	engines(t, func(t *testing.T, dsn func() string) {
		id, key := identity(t)
		source, from := t.TempDir(), dsn()
		n := start(t, source, from)
		for i := range 60 {
			if err := enter(n, "kite", i); err != nil {
				t.Fatal(err)
			}
		}
		stop(t, n)
		path, _ := create(t, source, from, id.Recipient())
		fresh := entries(t, source, from)

		target, into := filepath.Join(t.TempDir(), "node"), dsn()
		n = start(t, target, into)
		if err := enter(n, "river", 1); err != nil {
			t.Fatal(err)
		}
		stop(t, n)
		old := entries(t, target, into)
		if old == fresh {
			t.Fatal("the two nodes cannot be told apart")
		}
		second, _ := create(t, target, into, id.Recipient())
		run := func(path string, after time.Duration) (killed bool) {
			cmd := exec.Command(os.Args[0])
			var errs bytes.Buffer
			cmd.Stderr = &errs
			cmd.Env = append(os.Environ(), "RAKSHA_TEST_RESTORE="+path, "RAKSHA_TEST_IDENTITY="+key, "RAKSHA_TEST_DIR="+target, "RAKSHA_TEST_DSN="+into)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if after > 0 {
				timer := time.AfterFunc(after, func() { cmd.Process.Kill() })
				defer timer.Stop()
			}
			err := cmd.Wait()
			if err != nil && errs.Len() > 0 {
				t.Fatalf("%v: %s", err, &errs)
			}
			return err != nil
		}
		began := time.Now()
		if run(path, 0) { // how long one takes here
			t.Fatal("killed by nobody")
		}
		whole := time.Since(began)
		kills := 20
		if testing.Short() {
			kills = 5
		}
		now, count := fresh, map[string]int{}
		for range kills {
			next, backup := old, second // each restores the other node
			if now == old {
				next, backup = fresh, path
			}
			killed := run(backup, time.Duration(1+mathrand.Int64N(int64(whole)*5/4)))
			if _, err := os.Stat(filepath.Join(target, app.RestoringMark)); err == nil { // only on PostgreSQL: no node starts here
				if _, err := app.Start(context.Background(), app.Config{Dir: target, DSN: into, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}); fault.Of(err) != fault.Conflict {
					t.Fatalf("a node started in a half restored folder: %v", err)
				}
				if into == "" {
					t.Fatal("half a folder is in place")
				}
				count["marked"]++
				if run(backup, 0) {
					t.Fatal("killed by nobody")
				}
				killed = false
			}
			switch got := entries(t, target, into); {
			case got == next:
				now = next
				count["new"]++
			case got == now && killed:
				count["old"]++
			default:
				t.Fatalf("%d entries, killed %v; before it had %d, the backup has %d", got, killed, now, next)
			}
			aside, err := filepath.Glob(target + ".before-*")
			if err != nil {
				t.Fatal(err)
			}
			for _, dir := range aside {
				if into == "" && entries(t, dir, "") == 0 {
					t.Errorf("%s holds no node", dir)
				}
				os.RemoveAll(dir)
			}
		}
		t.Log(count)
	})
}

// What does not prove itself is not restored, and what is there is not replaced unasked.
func TestRestoreRefusals(t *testing.T) {
	id, _ := identity(t)
	stranger, _ := identity(t)
	dir := t.TempDir()
	n := start(t, dir, "")
	if err := enter(n, "kite", 1); err != nil {
		t.Fatal(err)
	}
	stop(t, n)
	path, _ := create(t, dir, "", id.Recipient())
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "node")
	refused := func(name string, want fault.Kind, b []byte, with age.Identity, to Target) {
		t.Helper()
		to.Now = time.Now()
		if _, err := Restore(context.Background(), bytes.NewReader(b), with, to); fault.Of(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(target, "keys.json")); err == nil {
			t.Errorf("%s: something was restored", name)
		}
	}
	refused("another's key", fault.Invalid, whole, stranger, Target{Dir: target})
	refused("onto a node", fault.Conflict, whole, id, Target{Dir: dir})
	refused("cut off", fault.Tampered, whole[:len(whole)-100], id, Target{Dir: target})
	for i := 300; i < len(whole); i += len(whole) / 20 {
		b := bytes.Clone(whole)
		b[i] ^= 1
		refused(fmt.Sprint("byte ", i), fault.Tampered, b, id, Target{Dir: target})
	}
	other := t.TempDir()
	stop(t, start(t, other, ""))
	refused("another record's key", fault.Tampered, whole, id, Target{Dir: target, Key: filepath.Join(other, "record.pub")})

	db, err := store.Open(context.Background(), app.DSN(dir)) // a node that was tampered with before it was backed up
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Raw().Exec("UPDATE complaint SET reference = 'another'"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	tampered, _ := create(t, dir, "", id.Recipient())
	if whole, err = os.ReadFile(tampered); err != nil {
		t.Fatal(err)
	}
	refused("a tampered node", fault.Tampered, whole, id, Target{Dir: target})
	if _, err := Create(context.Background(), Source{Dir: dir}, tampered, id.Recipient()); fault.Of(err) != fault.Conflict {
		t.Errorf("over a file: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(member("manifest.json", `{"format":"raksha-backup-1","files":{"node/keys.json":"x"}}`))
	f.Add(member("node/../../evil", "x"))
	f.Add(member("vault/ab/../../../evil", "x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		unpack(bytes.NewReader(b), dir)
		if entries, err := os.ReadDir(parent); err != nil || len(entries) != 1 {
			t.Errorf("it wrote outside: %v %v", entries, err)
		}
	})
}
