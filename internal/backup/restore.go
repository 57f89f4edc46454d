package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	maxMembers  = 50_000_000
	maxManifest = 1 << 30 // bytes; it names every blob
)

// Target is where a backup goes.
type Target struct {
	Dir     string // the node's folder: absent or empty, unless Replace
	DSN     string // "" is SQLite in Dir; otherwise an empty PostgreSQL database, unless Replace
	Key     string // file with the record's public key, got out of band; "": the one in the backup
	Replace bool   // what is there is moved aside
	Now     time.Time
}

// Restored is what Restore did.
type Restored struct {
	Manifest Manifest `json:"manifest"`
	Entries  int64    `json:"entries"`
	Rows     int64    `json:"rows"` // compared with the fold
	Blobs    int64    `json:"blobs"`
	Aside    string   `json:"aside,omitempty"` // where the folder that was there before lies now
}

// Restore puts a backup into place: it unpacks beside the target, proves record and vault, and only then swaps the whole folder in.
// Killed at any moment, it leaves what was there before, or the restored node, never half. fault.Tampered if the backup does not
// prove itself.
func Restore(ctx context.Context, in io.Reader, with age.Identity, t Target) (r Restored, err error) {
	t.Dir = filepath.Clean(t.Dir)
	if err := t.free(); err != nil {
		return r, err
	}
	staging := t.Dir + ".restoring"
	if err := t.clear(staging); err != nil {
		return r, err
	}
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return r, err
	}
	if err := os.WriteFile(filepath.Join(staging, app.RestoringMark), []byte("a restore is under way or was broken off here; run it again\n"), 0o600); err != nil {
		return r, err
	}
	plain, err := age.Decrypt(in, with)
	if err != nil {
		return r, fault.Wrap(err, fault.Invalid, "the backup cannot be opened with this key: %v", err)
	}
	if r.Manifest, err = unpack(plain, staging); err != nil {
		return r, err
	}
	if (r.Manifest.Engine == store.Postgres) != (t.DSN != "") {
		return r, fault.New(fault.Invalid, "the backup is of a node on %s; restore it onto the same engine", r.Manifest.Engine)
	}
	if t.DSN != "" {
		return r, t.intoPostgres(ctx, staging, &r)
	}
	if err := r.prove(ctx, staging, t); err != nil {
		return r, err
	}
	if err := syncAll(staging); err != nil {
		return r, err
	}
	if err := os.Remove(filepath.Join(staging, app.RestoringMark)); err != nil {
		return r, err
	}
	r.Aside, err = t.swap(staging)
	return r, err
}

// free makes sure that nothing is replaced unasked.
func (t Target) free() error {
	entries, err := os.ReadDir(t.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(t.Dir, app.RestoringMark)); err == nil {
		return nil // broken off before: no node
	}
	if !t.Replace {
		return fault.New(fault.Conflict, "%s is not empty; give another folder, or --replace to move it aside", t.Dir)
	}
	return nil
}

// clear makes room beside the target: what a broken off restore unpacked goes, a whole folder that it moved there is kept.
func (t Target) clear(staging string) error {
	_, err := os.Stat(staging)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(staging); err == nil && len(entries) == 0 {
		return os.Remove(staging)
	}
	if _, err := os.Stat(filepath.Join(staging, app.RestoringMark)); err == nil {
		return discard(staging)
	}
	return os.Rename(staging, t.aside())
}

// discard removes a folder that bears the mark; the mark goes last, so that what is left of it is known for what it is.
func discard(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != app.RestoringMark {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return os.RemoveAll(dir)
}

// aside names where a folder is moved.
func (t Target) aside() string {
	for i := 0; ; i++ {
		path := fmt.Sprintf("%s.before-%s", t.Dir, t.Now.UTC().Format("20060102T150405"))
		if i > 0 {
			path += fmt.Sprintf("-%d", i)
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
}

// memberName is what a backup may hold: nothing that leaves its folder.
var memberName = regexp.MustCompile(`^(manifest\.json|node/[A-Za-z0-9][A-Za-z0-9._-]{0,100}|vault/[0-9a-f]{2}/[0-9a-f]{64}-[0-9a-f]{16}|database/(raksha\.db|[a-z][a-z0-9_]{0,62}\.copy))$`)

// unpack writes the members below dir and checks them against the manifest.
func unpack(plain io.Reader, dir string) (m Manifest, err error) {
	bad := func(why string) error { return fault.New(fault.Tampered, "this is no whole backup: %s", why) }
	seen := map[string]string{}
	in := tar.NewReader(plain)
	for n := 0; ; n++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return m, fault.Wrap(err, fault.Tampered, "this is no whole backup: %v", err)
		}
		if n > maxMembers || h.Typeflag != tar.TypeReg || !memberName.MatchString(h.Name) || seen[h.Name] != "" || len(m.Files) > 0 {
			return m, bad("it holds " + fmt.Sprintf("%.80q", h.Name) + " where it may not")
		}
		if h.Name == manifestName {
			if h.Size > maxManifest {
				return m, bad("its manifest is too large")
			}
			b, err := io.ReadAll(in)
			if err != nil {
				return m, fault.Wrap(err, fault.Tampered, "this is no whole backup: %v", err)
			}
			if json.Unmarshal(b, &m) != nil || m.Format != format || len(m.Files) == 0 {
				return m, bad("its manifest cannot be read")
			}
			continue
		}
		if seen[h.Name], err = write(in, memberPath(dir, h.Name)); err != nil {
			return m, err
		}
	}
	if len(m.Files) == 0 {
		return m, bad("its manifest is missing")
	}
	for name, sum := range m.Files {
		if seen[name] != sum {
			return m, bad(name + " is missing or altered")
		}
	}
	if len(seen) != len(m.Files) {
		return m, bad("it holds more than its manifest names")
	}
	return m, nil
}

// memberPath says where a member goes.
func memberPath(dir, name string) string {
	if rest, ok := strings.CutPrefix(name, "node/"); ok {
		return filepath.Join(dir, rest)
	}
	if name == "database/raksha.db" {
		return filepath.Join(dir, "raksha.db")
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

func write(in io.Reader, path string) (sum string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fault.Wrap(err, fault.Tampered, "this is no whole backup: %s stands in it twice", filepath.Base(path))
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), in)
	if err != nil {
		err = fault.Wrap(err, fault.Tampered, "the backup breaks off or was altered: %v", err)
	}
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

// prove opens the unpacked node and verifies its record and its vault, and that its record is the one of the manifest.
func (r *Restored) prove(ctx context.Context, dir string, t Target) error {
	keep, err := app.OpenKeep(ctx, dir, "", clock.System{})
	if err != nil {
		return err
	}
	defer keep.Close()
	return r.verify(ctx, keep, keep.DB.Reader(), dir, t)
}

func (r *Restored) verify(ctx context.Context, keep *app.Keep, q store.Queryer, dir string, t Target) error {
	verifier, err := app.ReadVerifier(dir, t.Key)
	if err != nil {
		return err
	}
	report, err := record.Verify(ctx, q, app.Tables(), verifier)
	if err != nil {
		return err
	}
	r.Entries, r.Rows = report.Entries, report.Rows
	if r.Blobs, err = keep.Vault.Check(ctx, q, report.Problem); err != nil {
		return err
	}
	c, err := record.OpenCheckpoint(r.Manifest.Checkpoint, verifier)
	if err != nil {
		report.Problem("the checkpoint of the manifest: %s", fault.Message(err))
	} else if c.Size != report.Entries || c.Root.String() != report.Root {
		report.Problem("the manifest is of a record of %d entries; the database has %d", c.Size, report.Entries)
	}
	for name, table := range r.Manifest.Tables {
		var rows int64
		if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(name)).Scan(&rows); err != nil {
			return err
		}
		if rows != table.Rows && !grows(name) {
			report.Problem("the table %s has %d rows; the manifest says %d", name, rows, table.Rows)
		}
	}
	if !report.Verified {
		return fault.New(fault.Tampered, "the backup does not prove itself, nothing was restored: %s", strings.Join(report.Problems, "; "))
	}
	return nil
}

// grows says whether opening a database of an earlier version adds rows to a table.
func grows(table string) bool { return table == "goose_db_version" || table == "river_migration" }

// syncAll makes everything below dir durable.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncFolder(path)
	})
}

// ReadIdentity reads a key that opens backups.
func ReadIdentity(path string) (age.Identity, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "cannot read the key %s", path)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(b))
	if err != nil || len(ids) != 1 {
		return nil, fault.Wrap(err, fault.Invalid, "%s holds no single age key (AGE-SECRET-KEY-...)", path)
	}
	return ids[0], nil
}
