// Package backup copies a node whole while it serves, encrypted, and puts it back elsewhere.
//
// A backup is an age file that holds a tar archive: the vault's files as they lie there (vault/...), one consistent state of the
// database (database/...), the node's keys and settings (node/...), and at the end manifest.json, which names every member by its
// hash and holds the record's checkpoint. It can do whatever the node can: whoever opens it has the node's keys.
package backup

import (
	"archive/tar"
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
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/vault"
)

const (
	format       = "raksha-backup-1"
	manifestName = "manifest.json"
	maxSetting   = 16 << 20 // bytes of a file of the node's folder
	attempts     = 8        // at a state of the database whose blobs are all there
)

// Manifest tells what is in a backup.
type Manifest struct {
	Format     string            `json:"format"`
	Version    string            `json:"version"` // of the program
	Engine     store.Engine      `json:"engine"`
	Schema     int64             `json:"schema"` // of the database
	CreatedAt  time.Time         `json:"created_at"`
	Checkpoint string            `json:"checkpoint"` // of the record, as signed
	Tables     map[string]Table  `json:"tables"`
	Blobs      int64             `json:"blobs"`
	Files      map[string]string `json:"files"` // member: SHA-256, hexadecimal
}

// Table is a table's part of a backup.
type Table struct {
	Rows    int64    `json:"rows"`
	Columns []string `json:"columns,omitempty"` // on PostgreSQL, in the order of the copy
}

// Source is the node to copy.
type Source struct {
	Dir     string
	DSN     string // "" is SQLite in Dir
	Keep    *app.Keep
	Version string
	Now     time.Time
}

// Create writes a backup to path, encrypted to a recipient, while the node may serve. The file is there whole or not at all.
func Create(ctx context.Context, src Source, path string, to age.Recipient) (m Manifest, err error) {
	if _, err := os.Lstat(path); err == nil {
		return m, fault.New(fault.Conflict, "%s is there already; a backup replaces no file", path)
	}
	f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return m, fault.Wrap(err, fault.Invalid, "cannot write %s", path)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	sealed, err := age.Encrypt(f, to)
	if err != nil {
		return m, err
	}
	a := &archive{tar: tar.NewWriter(sealed), files: map[string]string{}}
	if m, err = a.node(ctx, src); err != nil {
		return m, err
	}
	if err := errors.Join(a.tar.Close(), sealed.Close(), f.Sync(), f.Close()); err != nil {
		return m, err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return m, err
	}
	return m, syncFolder(filepath.Dir(path))
}

// archive writes members and remembers their hashes.
type archive struct {
	tar   *tar.Writer
	files map[string]string
}

func (a *archive) add(name string, size int64, r io.Reader) error {
	if err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Typeflag: tar.TypeReg, Format: tar.FormatPAX}); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(a.tar, h), r); err != nil {
		return err
	}
	a.files[name] = hex.EncodeToString(h.Sum(nil))
	return nil
}

func (a *archive) file(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return a.add(name, info.Size(), io.LimitReader(f, info.Size()))
}

// node writes everything. The vault's files go first: a blob that is kept meanwhile is added once the state of the database that
// names it is fixed, and one that is shredded meanwhile is a file without a key.
func (a *archive) node(ctx context.Context, src Source) (m Manifest, err error) {
	m = Manifest{Format: format, Version: src.Version, Engine: src.Keep.DB.Engine(), CreatedAt: src.Now.UTC(), Tables: map[string]Table{}}
	tmp, err := os.MkdirTemp(src.Dir, "backup-*.tmp")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(tmp)
	if err := a.blobs(ctx, src, src.Keep.DB.Reader()); err != nil && fault.Of(err) != fault.NotFound {
		return m, err
	}
	for attempt := 1; ; attempt++ {
		// The keys before the state: a key that is retired later is still among them, one that is made later shows below.
		if err := copySettings(src.Dir, tmp); err != nil {
			return m, err
		}
		state, err := fix(ctx, src, tmp)
		if err != nil {
			return m, err
		}
		err = a.complete(ctx, src, state, tmp)
		if err == nil {
			m.Blobs, m.Schema, m.Checkpoint, m.Tables = state.blobs, state.schema, state.checkpoint, state.tables
			err = state.write(ctx, a)
		}
		state.close()
		if fault.Of(err) == fault.NotFound && attempt < attempts { // shredded, or a key was made, between two looks: another state then
			continue
		}
		if err != nil {
			return m, err
		}
		break
	}
	settings, err := os.ReadDir(filepath.Join(tmp, "node"))
	if err != nil {
		return m, err
	}
	for _, e := range settings {
		if err := a.file("node/"+e.Name(), filepath.Join(tmp, "node", e.Name())); err != nil {
			return m, err
		}
	}
	m.Files = a.files
	b, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	return m, a.add(manifestName, int64(len(b)), strings.NewReader(string(b)))
}

// blobs adds the files of all blobs that q sees and that are not in yet: fault.NotFound if one is gone.
func (a *archive) blobs(ctx context.Context, src Source, q store.Queryer) error {
	objects, err := vault.Objects(ctx, q)
	if err != nil {
		return err
	}
	var gone error
	for _, o := range objects {
		name := "vault/" + o.Key
		if a.files[name] != "" {
			continue
		}
		b, err := src.Keep.Vault.Sealed(ctx, o)
		if fault.Of(err) == fault.NotFound {
			gone = err
			continue
		}
		if err != nil {
			return err
		}
		if err := a.add(name, int64(len(b)), strings.NewReader(string(b))); err != nil {
			return err
		}
	}
	return gone
}

// complete makes sure that every blob of the state is in, and that the copied keys open it.
func (a *archive) complete(ctx context.Context, src Source, s *state, tmp string) error {
	objects, err := vault.Objects(ctx, s.q)
	if err != nil {
		return err
	}
	s.blobs = int64(len(objects))
	keys, err := os.ReadFile(filepath.Join(tmp, "node", "vault-keys.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := a.blobs(ctx, src, s.q); err != nil {
		return err
	}
	return src.Keep.Vault.KeysOpen(keys, objects)
}

// copySettings copies the node's keys and settings: the small files of its folder.
func copySettings(dir, tmp string) error {
	to := filepath.Join(tmp, "node")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || !setting(e.Name())) {
			continue
		}
		if err != nil {
			return err
		}
		if info.Size() > maxSetting {
			return fault.New(fault.TooLarge, "%s in the node's folder has %d bytes; keys and settings have up to %d. Move it elsewhere", e.Name(), info.Size(), maxSetting)
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// setting says whether a file of the node's folder is one of its keys or settings.
func setting(name string) bool {
	return !strings.HasPrefix(name, "raksha.db") && name != "lock" && name != app.RestoringMark && !strings.HasSuffix(name, ".new") && !strings.HasSuffix(name, ".part")
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// NewIdentity makes a key that opens backups and writes it to a new file; its recipient is what Create takes.
func NewIdentity(path string) (recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fault.Wrap(err, fault.Conflict, "cannot make %s; a key replaces no file", path)
	}
	_, err = fmt.Fprintf(f, "# opens backups made for %s\n%s\n", id.Recipient(), id)
	return id.Recipient().String(), errors.Join(err, f.Sync(), f.Close())
}
