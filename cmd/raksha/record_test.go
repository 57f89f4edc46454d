package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// keptNode makes a node's folder with a tip's worth of everything and gives the hash of a blob. The node is running until the
// test ends if it is told so: commands work beside it.
func keptNode(t *testing.T, running bool) (dir, sha string) {
	t.Helper()
	dir = t.TempDir()
	n, err := app.Start(context.Background(), app.Config{Dir: dir, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Unit}, Jurisdiction: "in", Clock: clock.System{},
		Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Rooms.DB.Write(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		if _, err = n.Rooms.Log.Insert(ctx, tx, "complaint", "complaint.received", time.Time{}, record.Fields{"reference": "C/1", "complainant": "Asha of the river", "sha256": "00", "received_at": 1}); err != nil {
			return err
		}
		if _, err = n.Rooms.Log.Insert(ctx, tx, "document", "document.received", time.Time{}, record.Fields{"direction": "in", "instrument": "notice", "jti": "1", "number": "X/N/2022/0001", "version": 1,
			"issuer": "x", "audience": "y", "state": "received", "jws": `{"payload":"a2l0ZQ"}`, "created_at": 1}); err != nil {
			return err
		}
		sha, err = n.Rooms.Vault.Put(ctx, tx, []byte("kite"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := func() { n.Close(context.Background()) }
	if running {
		t.Cleanup(stop)
	} else {
		stop()
	}
	return dir, sha
}

// command runs a command line and checks its exit status.
func command(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(context.Background(), args, streams{strings.NewReader(""), &out, &errs}); got != want {
		t.Fatalf("raksha %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), got, want, &out, &errs)
	}
	return out.String() + errs.String()
}

func TestRecordCommands(t *testing.T) {
	dir, sha := keptNode(t, true)
	d := []string{"--dir", dir}
	with := func(args ...string) []string { return append(args, d...) }
	var v struct {
		Verified               bool
		Entries, Erased, Blobs int64
		Problems               []string
	}
	verify := func(want int) {
		t.Helper()
		v.Problems = nil
		if err := json.Unmarshal([]byte(command(t, want, with("record", "verify", "--json")...)), &v); err != nil {
			t.Fatal(err)
		}
	}
	if verify(0); !v.Verified || v.Blobs != 1 {
		t.Errorf("%+v", v)
	}
	all := filepath.Join(t.TempDir(), "all.jsonl")
	command(t, 0, with("record", "export", "--to", all)...)
	command(t, 0, "record", "verify", "--export", all, "--key", filepath.Join(dir, "record.pub"))
	command(t, 1, with("record", "export", "--to", all)...) // it is there
	sealed := filepath.Join(t.TempDir(), "sealed.jsonl")
	command(t, 1, with("record", "export", "--to", sealed, "--sealed", "complaint")...)
	command(t, 0, with("record", "export", "--to", sealed, "--sealed", "complaint", "--by", "asha", "--reason", "court 1/2022")...)
	b, err := os.ReadFile(sealed)
	if err != nil || !bytes.Contains(b, []byte("Asha of the river")) || !bytes.Contains(b, []byte("operator:asha")) {
		t.Errorf("%v: the export lacks the name, or who exported it", err)
	}
	if err := os.WriteFile(sealed, bytes.Replace(b, []byte("Asha of"), []byte("Usha of"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := command(t, 1, "record", "verify", "--export", sealed); !strings.Contains(out, "its sealed part is not what was recorded") {
		t.Error(out)
	}
	command(t, 0, with("record", "erase", "--table", "complaint", "--id", "1", "--basis", "court 2/2022", "--by", "asha")...)
	command(t, 1, with("record", "erase", "--table", "complaint", "--id", "1", "--basis", "court 2/2022", "--by", "asha")...)
	if verify(0); !v.Verified || v.Erased != 1 {
		t.Errorf("%+v", v)
	}
	command(t, 0, with("vault", "hold", "--sha256", sha, "--basis", "case 1", "--by", "asha")...)
	command(t, 1, with("vault", "shred", "--sha256", sha, "--basis", "order", "--by", "asha")...)
	command(t, 0, with("vault", "rotate", "--by", "asha")...)
	command(t, 0, with("vault", "scrub", "--json")...)
	command(t, 0, with("vault", "status")...)
	command(t, 0, with("vault", "release", "--sha256", sha, "--basis", "case 1", "--reason", "closed", "--by", "asha")...)
	command(t, 0, with("vault", "shred", "--sha256", sha, "--basis", "order", "--by", "asha")...)
	command(t, 0, with("vault", "expire", "--by", "asha")...)
	if out := command(t, 0, with("vault", "status", "--json")...); !strings.Contains(out, `"shredded":1`) {
		t.Error(out)
	}
	command(t, 0, with("record", "witness")...)
	command(t, 1, with("record", "witness", "--verify", all)...)
	if verify(0); !v.Verified {
		t.Errorf("%+v", v)
	}
}

// What was changed is named, and the exit status is 1: an entry, a row, a blob, its wrapped key, a stored hash, a checkpoint and a
// stored document.
func TestRecordVerifyNames(t *testing.T) {
	dir, _ := keptNode(t, false)
	fresh := func(t *testing.T) string {
		t.Helper()
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		return to
	}
	for name, c := range map[string]struct {
		query, names string
		harm         func(t *testing.T, dir string)
	}{
		"entry":       {query: "UPDATE record_entry SET public = replace(public, 'C/1', 'C/2') WHERE object = 'complaint'", names: "its bytes are not what was recorded"},
		"row":         {query: "UPDATE complaint SET reference = 'C/2'", names: "complaint 1: column reference"},
		"document":    {query: "UPDATE document SET jws = replace(jws, 'a2l', 'b2l')", names: "document 1: column jws"},
		"wrapped key": {query: "UPDATE blob SET wrapped = substr(wrapped, 1, 60) || x'00' || substr(wrapped, 62)", names: "vault blob "},
		"tile":        {query: "UPDATE record_hash SET hash = zeroblob(32) WHERE id = 0", names: "stored hash 0"},
		"checkpoint":  {query: "UPDATE record_checkpoint SET note = replace(note, 'raksha', 'rakshb')", names: "checkpoint of size"},
		"blob": {names: "its file cannot be decrypted", harm: func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "vault", "*", "*"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			b, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)-1] ^= 1
			if err := os.WriteFile(files[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			to := fresh(t)
			if c.harm != nil {
				c.harm(t, to)
			} else {
				db, err := store.Open(context.Background(), app.DSN(to))
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.Raw().Exec(c.query); err != nil {
					t.Fatal(err)
				}
				db.Close()
			}
			if out := command(t, 1, "record", "verify", "--dir", to); !strings.Contains(out, c.names) {
				t.Error(out)
			}
		})
	}
}

// A backup of a running node, restored elsewhere by the command line, proves itself there.
func TestBackupCommands(t *testing.T) {
	dir, _ := keptNode(t, true)
	out := t.TempDir()
	file, key, to := filepath.Join(out, "node.age"), filepath.Join(out, "node.key"), filepath.Join(out, "node")
	command(t, 1, "backup", "--dir", dir, "--to", file)
	command(t, 0, "backup", "--dir", dir, "--to", file, "--new-key", key, "--json")
	command(t, 1, "backup", "--dir", dir, "--to", file, "--new-key", key)
	command(t, 0, "restore", file, "--dir", to, "--identity", key, "--key", filepath.Join(dir, "record.pub"))
	command(t, 0, "record", "verify", "--dir", to, "--key", filepath.Join(dir, "record.pub"))
	command(t, 1, "restore", file, "--dir", to, "--identity", key)
	command(t, 0, "restore", file, "--dir", to, "--identity", key, "--replace")

	// The node went on since: what it is now agrees with itself, what was restored lacks entries that a counterpart keeps.
	command(t, 0, "vault", "rotate", "--dir", dir, "--by", "asha")
	k, err := (place{Dir: dir}).open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	note, err := k.Log.Checkpoint(context.Background(), k.DB.Reader())
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(out, "kept")
	if err := os.WriteFile(kept, []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, 0, "record", "witness", "--dir", dir, "--verify", kept)
	if got := command(t, 1, "record", "witness", "--dir", to, "--verify", kept); !strings.Contains(got, "this node was rolled back") {
		t.Error(got)
	}
}
