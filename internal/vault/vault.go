// Package vault keeps sealed originals: each blob is encrypted under a key of its own, the wrapped keys stand in the table
// blob, and a blob's name says nothing of its content to whoever lacks the node's key. Shredding destroys the key.
//
// A file is written and flushed before the row that names it is committed, so a row never lacks its file; a file whose row
// was never committed is harmless, and Sweep removes it.
//
// What was kept, for how long, under which holds, and what was destroyed by whom on what basis, is on record (table vault_blob
// and those beside it): the proof of a destruction is the entry that remains, with name, size, time, person and basis.
package vault

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	maxBlob  = 512 << 20 // bytes: a blob is held in memory whole
	tagBytes = 8         // at the start of wrapped: tells apart the files of two attempts to keep the same content
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "vault_blob"}, {Name: "vault_hold"}, {Name: "vault_key"}, {Name: "vault_scrub"}}

// Options of OpenFolder.
type Options struct {
	Dir     string              // where the files lie; made if it is not there
	KeyFile string              // where wrapping keys stand once they are rotated; "" is Dir + "-keys.json"
	NodeKey []byte              // 32 bytes or more: names blobs
	Wrap    *age.X25519Identity // the node's first wrapping key: opens blobs' keys
	Quota   int64               // bytes of content that the vault takes; 0: no limit
	Log     *record.Log
	Clock   clock.Clock
}

// Vault keeps blobs in a bucket and their keys in the database.
type Vault struct {
	bucket  *blob.Bucket
	flush   func(key string) error // makes a written object durable
	db      *store.DB
	log     *record.Log
	nodeKey []byte
	first   *age.X25519Identity
	keyFile string
	quota   int64
	clock   clock.Clock

	mu   sync.RWMutex
	ring ring // guarded by mu
}

// OpenFolder opens a vault whose files lie in a folder. The keys are the node's own and belong in no copy of the folder.
func OpenFolder(db *store.DB, o Options) (*Vault, error) {
	if len(o.NodeKey) < 32 || o.Wrap == nil {
		return nil, errors.New("vault: needs the node's key of 32 bytes and an identity that wraps keys")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	if o.KeyFile == "" {
		o.KeyFile = strings.TrimSuffix(o.Dir, "/") + "-keys.json"
	}
	r, err := readRing(o.KeyFile, o.Wrap)
	if err != nil {
		return nil, err
	}
	bucket, err := fileblob.OpenBucket(o.Dir, &fileblob.Options{NoTempDir: true, DirFileMode: 0o700, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Vault{bucket: bucket, db: db, log: o.Log, nodeKey: bytes.Clone(o.NodeKey), first: o.Wrap, keyFile: o.KeyFile, quota: o.Quota, clock: o.Clock, ring: r,
		flush: func(key string) error { return flushFile(o.Dir, key) }}, nil
}

// flushFile makes a file and the folders that name it durable: the bucket's own writer only renames.
func flushFile(dir, key string) error {
	path := filepath.Join(dir, filepath.FromSlash(key))
	for _, p := range []string{path, filepath.Dir(path), dir} {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		err = f.Sync()
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Close closes the bucket.
func (v *Vault) Close() error { return v.bucket.Close() }

// Staged is content that is written and flushed but not yet kept.
type Staged struct {
	SHA256  string // of the content, hexadecimal
	Size    int64
	wrapped []byte
	keyID   string // of the wrapping key
}

// Stage encrypts and writes content, outside any transaction: do this first for large content, for the write path is
// shared. Keep then makes it part of the vault. fault.TooLarge if it is over the vault's limits, before anything is written.
func (v *Vault) Stage(ctx context.Context, plain []byte) (Staged, error) {
	if len(plain) > maxBlob {
		return Staged{}, fault.New(fault.TooLarge, "the content has %d bytes; the vault keeps up to %d", len(plain), maxBlob)
	}
	if err := v.room(ctx, v.db.Reader(), int64(len(plain))); err != nil {
		return Staged{}, err
	}
	sum := sha256.Sum256(plain)
	s := Staged{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(plain))}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Staged{}, err
	}
	tag := make([]byte, tagBytes)
	if _, err := rand.Read(tag); err != nil {
		return Staged{}, err
	}
	wrap := v.keys().current()
	key, err := encrypt([]byte(identity.String()), wrap.Recipient())
	if err != nil {
		return Staged{}, err
	}
	s.wrapped, s.keyID = append(tag, key...), wrap.Recipient().String()
	sealed, err := encrypt(plain, identity.Recipient())
	if err != nil {
		return Staged{}, err
	}
	object := objectKey(v.name(sum[:]), s.wrapped)
	if err := v.bucket.WriteAll(ctx, object, sealed, &blob.WriterOptions{ContentType: "application/octet-stream"}); err != nil {
		return Staged{}, fmt.Errorf("vault: write: %w", err)
	}
	if err := v.flush(object); err != nil {
		return Staged{}, fmt.Errorf("vault: flush: %w", err)
	}
	return s, nil
}

// Keep commits staged content with the transaction. Content that the vault has already stays as it is.
func (v *Vault) Keep(ctx context.Context, tx *store.Tx, s Staged) error {
	name, err := v.nameOf(s.SHA256)
	if err != nil {
		return err
	}
	if err := keeping(ctx, tx); err != nil {
		return err
	}
	held, _, _, err := v.row(ctx, tx, name)
	if err == nil {
		return v.again(ctx, tx, name, held, s)
	}
	if fault.Of(err) != fault.NotFound {
		return err
	}
	if err := v.room(ctx, tx, s.Size); err != nil {
		return err
	}
	if s, err = v.current(ctx, tx, s); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO blob (name, wrapped, size, created_at, key_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING",
		name, s.wrapped, s.Size, store.Micros(v.clock.Now()), s.keyID)
	if err != nil {
		return fmt.Errorf("vault: keep: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 { // another process was first
		v.removeAfter(tx, objectKey(name, s.wrapped))
		return err
	}
	return v.enter(ctx, tx, name, s.Size, "vault.kept")
}

// current has the key of staged content wrapped by the current wrapping key: the node's may have been rotated since.
func (v *Vault) current(ctx context.Context, tx *store.Tx, s Staged) (Staged, error) {
	now, err := currentKey(ctx, tx)
	if err != nil || now == "" || now == s.keyID {
		return s, err
	}
	if s.wrapped, err = v.rewrap(s.wrapped, s.keyID, now); err != nil {
		return s, fmt.Errorf("vault: rewrap: %w", err)
	}
	s.keyID = now
	return s, nil
}

// again is for content that the vault has: only a damaged blob takes what is put again.
func (v *Vault) again(ctx context.Context, tx *store.Tx, name string, held []byte, s Staged) error {
	same := bytes.Equal(held[:min(tagBytes, len(held))], s.wrapped[:tagBytes])
	b, err := byName(ctx, tx, name)
	if err != nil && fault.Of(err) != fault.NotFound {
		return err
	}
	if b.Damage == "" || same {
		if !same {
			v.removeAfter(tx, objectKey(name, s.wrapped)) // kept before, under another key
		}
		return nil
	}
	if s, err = v.current(ctx, tx, s); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE blob SET wrapped = $1, key_id = $2, size = $3 WHERE name = $4", s.wrapped, s.keyID, s.Size, name); err != nil {
		return fmt.Errorf("vault: mend: %w", err)
	}
	v.removeAfter(tx, objectKey(name, held))
	return v.log.Update(ctx, tx, "vault_blob", "vault.mended", time.Time{}, b.ID, record.Fields{"damage": "", "damaged_at": 0})
}

// room refuses content for which the quota leaves no room.
func (v *Vault) room(ctx context.Context, q store.Queryer, size int64) error {
	if v.quota <= 0 {
		return nil
	}
	var used int64
	if err := q.QueryRowContext(ctx, "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blob").Scan(&used); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	if used+size > v.quota {
		return fault.Coded(fault.TooLarge, "vault_full", "the vault holds %d of the %d bytes that it may; %d more do not fit. Raise the quota, or shred what need not be kept", used, v.quota, size)
	}
	return nil
}

// Put keeps content and gives its SHA-256 in hexadecimal. The same content is kept once.
func (v *Vault) Put(ctx context.Context, tx *store.Tx, plain []byte) (sha string, err error) {
	sum := sha256.Sum256(plain)
	sha = hex.EncodeToString(sum[:])
	if b, err := v.Account(ctx, tx, sha); err == nil && b.State == Kept && b.Damage == "" {
		return sha, nil
	} else if err != nil && fault.Of(err) != fault.NotFound {
		return sha, err
	}
	s, err := v.Stage(ctx, plain)
	if err != nil {
		return "", err
	}
	return sha, v.Keep(ctx, tx, s)
}

// removeAfter deletes a file once the transaction is durable. A failure leaves an orphan without a key, for Sweep.
func (v *Vault) removeAfter(tx *store.Tx, object string) {
	tx.AfterCommit(func() { _ = v.bucket.Delete(context.Background(), object) })
}

// Sweep removes the files that no row names and that were written before the instant olderThan of the machine's clock:
// staged content whose transaction failed. Leave it an hour, so that nothing under way is taken.
func (v *Vault) Sweep(ctx context.Context, olderThan time.Time) (removed int, err error) {
	var old []string // listed before the rows are read: a file that is kept meanwhile has its row by then
	objects := v.bucket.List(nil)
	for {
		o, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, fmt.Errorf("vault: list: %w", err)
		}
		if o.ModTime.Before(olderThan) {
			old = append(old, o.Key)
		}
	}
	rows, err := store.Collect(ctx, v.db.Reader(), func(rows *sql.Rows) (string, error) {
		var name string
		var wrapped []byte
		err := rows.Scan(&name, &wrapped)
		return objectKey(name, wrapped), err
	}, "SELECT name, wrapped FROM blob")
	if err != nil {
		return 0, fmt.Errorf("vault: sweep: %w", err)
	}
	live := make(map[string]bool, len(rows))
	for _, key := range rows {
		live[key] = true
	}
	for _, key := range old {
		if live[key] {
			continue
		}
		if err := v.bucket.Delete(ctx, key); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return removed, fmt.Errorf("vault: sweep: %w", err)
		}
		removed++
	}
	return removed, nil
}

func (v *Vault) name(sum []byte) string {
	mac := hmac.New(sha256.New, v.nodeKey)
	mac.Write(sum)
	return hex.EncodeToString(mac.Sum(nil))
}

func (v *Vault) nameOf(sha string) (string, error) {
	sum, err := hex.DecodeString(sha)
	if err != nil || len(sum) != sha256.Size || strings.ToLower(sha) != sha {
		return "", fault.New(fault.Invalid, "%.80q is not a SHA-256 in small hexadecimal digits", sha)
	}
	return v.name(sum), nil
}

func (v *Vault) row(ctx context.Context, q store.Queryer, name string) (wrapped []byte, keyID string, size int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT wrapped, key_id, size FROM blob WHERE name = $1", name).Scan(&wrapped, &keyID, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, "", 0, fault.New(fault.NotFound, "the vault does not hold this content; it was never kept here, or it was shredded")
	}
	if err != nil {
		return nil, "", 0, fmt.Errorf("vault: %w", err)
	}
	return wrapped, keyID, size, nil
}

// objectKey names the file of a row: in one of 256 folders, by the row's name and the tag of its attempt.
func objectKey(name string, wrapped []byte) string {
	return name[:min(2, len(name))] + "/" + name + "-" + hex.EncodeToString(wrapped[:min(tagBytes, len(wrapped))])
}

func encrypt(plain []byte, to age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
