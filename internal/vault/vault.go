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

// Has tells whether the vault holds content by its SHA-256.
func (v *Vault) Has(ctx context.Context, q store.Queryer, sha string) (bool, error) {
	name, err := v.nameOf(sha)
	if err != nil {
		return false, err
	}
	_, _, _, err = v.row(ctx, q, name)
	if fault.Of(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Get gives content by its SHA-256 and verifies it: fault.NotFound if the vault does not hold it (or shredded it),
// fault.Tampered if what lies there is not what was put.
func (v *Vault) Get(ctx context.Context, sha string) ([]byte, error) {
	name, err := v.nameOf(sha)
	if err != nil {
		return nil, err
	}
	why, cause, plain, err := v.read(ctx, v.db.Reader(), name)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return nil, tampered(cause, sha, why)
	}
	return plain, nil
}

// read opens a blob by its name and proves that its content is what it was named for. why says what is wrong with it; the error
// is for one that is not held, or a bucket that cannot be read.
func (v *Vault) read(ctx context.Context, q store.Queryer, name string) (why string, cause error, plain []byte, err error) {
	wrapped, keyID, size, err := v.row(ctx, q, name)
	if err != nil {
		return "", nil, nil, err
	}
	// rotated or shredded meanwhile: what was read is no longer there, so look again
	changed := func() bool {
		now, _, _, err := v.row(ctx, q, name)
		return err != nil || !bytes.Equal(now, wrapped)
	}
	identity, cause := v.unwrap(wrapped, keyID)
	if cause != nil {
		if changed() {
			return v.read(ctx, q, name)
		}
		return "its key cannot be opened with this node's identity", cause, nil, nil
	}
	r, err := v.bucket.NewReader(ctx, objectKey(name, wrapped), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		if changed() {
			return v.read(ctx, q, name)
		}
		return "its file is gone", nil, nil, nil
	}
	if err != nil {
		return "", nil, nil, fmt.Errorf("vault: read: %w", err)
	}
	defer r.Close()
	if plain, cause = decrypt(r, identity, size); cause != nil {
		return "its file cannot be decrypted", cause, nil, nil
	}
	sum := sha256.Sum256(plain)
	if v.name(sum[:]) != name {
		return "its hash differs", nil, nil, nil
	}
	if int64(len(plain)) != size {
		return "its size differs", nil, nil, nil
	}
	return "", nil, plain, nil
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

func (v *Vault) unwrap(wrapped []byte, keyID string) (*age.X25519Identity, error) {
	if len(wrapped) <= tagBytes {
		return nil, errors.New("the wrapped key is too short")
	}
	wrap, err := v.wrapping(keyID)
	if err != nil {
		return nil, err
	}
	text, err := decrypt(bytes.NewReader(wrapped[tagBytes:]), wrap, 128)
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Identity(string(text))
}

// Object is the file of a blob.
type Object struct {
	Key   string // path below the vault's folder, with slashes
	KeyID string // of the wrapping key
}

// Objects lists the files of all blobs that q sees.
func Objects(ctx context.Context, q store.Queryer) ([]Object, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (o Object, err error) {
		var name string
		var wrapped []byte
		err = rows.Scan(&name, &wrapped, &o.KeyID)
		o.Key = objectKey(name, wrapped)
		return o, err
	}, "SELECT name, wrapped, key_id FROM blob ORDER BY name")
}

// Sealed reads the file of a blob as it lies there, encrypted: fault.NotFound if it is gone.
func (v *Vault) Sealed(ctx context.Context, o Object) ([]byte, error) {
	b, err := v.bucket.ReadAll(ctx, o.Key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, fault.Wrap(err, fault.NotFound, "the file %s of the vault is gone", o.Key)
	}
	return b, err
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

// decrypt reads what encrypt made, of at most limit bytes.
func decrypt(r io.Reader, with age.Identity, limit int64) ([]byte, error) {
	plain, err := age.Decrypt(r, with)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(plain, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, errors.New("longer than recorded")
	}
	return b, nil
}

func tampered(cause error, sha, why string) error {
	return fault.Wrap(cause, fault.Tampered, "the sealed content %s is not what was put into the vault: %s; stop and investigate", sha, why)
}
