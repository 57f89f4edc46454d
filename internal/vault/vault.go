// Package vault keeps sealed originals: each blob is encrypted under a key of its own, the wrapped keys stand in the table
// blob, and a blob's name says nothing of its content to whoever lacks the node's key. Shredding destroys the key.
//
// A file is written and flushed before the row that names it is committed, so a row never lacks its file; a file whose row
// was never committed is harmless, and Sweep removes it.
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
	"time"

	"filippo.io/age"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/gcerrors"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

const (
	maxBlob  = 512 << 20 // bytes: a blob is held in memory whole
	tagBytes = 8         // at the start of wrapped: tells apart the files of two attempts to keep the same content
)

// Vault keeps blobs in a bucket and their keys in the database.
type Vault struct {
	bucket  *blob.Bucket
	flush   func(key string) error // makes a written object durable
	db      *store.DB
	nodeKey []byte
	wrap    *age.X25519Identity
	clock   clock.Clock
}

// OpenFolder opens a vault whose files lie in dir, which it makes. nodeKey (32 bytes or more) names blobs; wrap opens their
// keys: both are the node's own and belong in no backup of the folder.
func OpenFolder(dir string, db *store.DB, nodeKey []byte, wrap *age.X25519Identity, c clock.Clock) (*Vault, error) {
	if len(nodeKey) < 32 || wrap == nil {
		return nil, errors.New("vault: needs the node's key of 32 bytes and an identity that wraps keys")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, DirFileMode: 0o700, Metadata: fileblob.MetadataDontWrite})
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	return &Vault{bucket: bucket, db: db, nodeKey: bytes.Clone(nodeKey), wrap: wrap, clock: c,
		flush: func(key string) error { return flushFile(dir, key) }}, nil
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
}

// Stage encrypts and writes content, outside any transaction: do this first for large content, for the write path is
// shared. Keep then makes it part of the vault.
func (v *Vault) Stage(ctx context.Context, plain []byte) (Staged, error) {
	if len(plain) > maxBlob {
		return Staged{}, fault.New(fault.TooLarge, "the content has %d bytes; the vault keeps up to %d", len(plain), maxBlob)
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
	key, err := encrypt([]byte(identity.String()), v.wrap.Recipient())
	if err != nil {
		return Staged{}, err
	}
	s.wrapped = append(tag, key...)
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
	res, err := tx.ExecContext(ctx, "INSERT INTO blob (name, wrapped, size, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
		name, s.wrapped, s.Size, store.Micros(v.clock.Now()))
	if err != nil {
		return fmt.Errorf("vault: keep: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil || n == 1 {
		return err
	}
	held, _, err := v.row(ctx, tx, name)
	if err == nil && !bytes.Equal(held, s.wrapped) {
		v.removeAfter(tx, objectKey(name, s.wrapped)) // kept before, under another key
	}
	return err
}

// Put keeps content and gives its SHA-256 in hexadecimal. The same content is kept once.
func (v *Vault) Put(ctx context.Context, tx *store.Tx, plain []byte) (sha string, err error) {
	sum := sha256.Sum256(plain)
	sha = hex.EncodeToString(sum[:])
	if held, err := v.Has(ctx, tx, sha); err != nil || held {
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
	_, _, err = v.row(ctx, q, name)
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
	wrapped, size, err := v.row(ctx, v.db.Reader(), name)
	if err != nil {
		return nil, err
	}
	identity, err := v.unwrap(wrapped)
	if err != nil {
		return nil, tampered(err, sha, "its key cannot be opened with this node's identity")
	}
	r, err := v.bucket.NewReader(ctx, objectKey(name, wrapped), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		if _, _, again := v.row(ctx, v.db.Reader(), name); again != nil {
			return nil, again // shredded meanwhile
		}
		return nil, tampered(err, sha, "its file is gone")
	}
	if err != nil {
		return nil, fmt.Errorf("vault: read: %w", err)
	}
	defer r.Close()
	plain, err := decrypt(r, identity, size)
	if err != nil {
		return nil, tampered(err, sha, "its file cannot be decrypted")
	}
	if sum := sha256.Sum256(plain); hex.EncodeToString(sum[:]) != sha {
		return nil, tampered(nil, sha, "its hash differs")
	}
	return plain, nil
}

// Shred destroys content: its key goes with the transaction, its file after the commit. fault.NotFound if it is not held.
func (v *Vault) Shred(ctx context.Context, tx *store.Tx, sha string) error {
	name, err := v.nameOf(sha)
	if err != nil {
		return err
	}
	wrapped, _, err := v.row(ctx, tx, name)
	if err != nil {
		return err
	}
	// Overwritten first, so that a page freed by the database does not hold the key.
	if _, err := tx.ExecContext(ctx, "UPDATE blob SET wrapped = $1 WHERE name = $2", make([]byte, len(wrapped)), name); err != nil {
		return fmt.Errorf("vault: shred: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM blob WHERE name = $1", name); err != nil {
		return fmt.Errorf("vault: shred: %w", err)
	}
	v.removeAfter(tx, objectKey(name, wrapped))
	return nil
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

func (v *Vault) row(ctx context.Context, q store.Queryer, name string) (wrapped []byte, size int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT wrapped, size FROM blob WHERE name = $1", name).Scan(&wrapped, &size)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, fault.New(fault.NotFound, "the vault does not hold this content; it was never kept here, or it was shredded")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("vault: %w", err)
	}
	return wrapped, size, nil
}

func (v *Vault) unwrap(wrapped []byte) (*age.X25519Identity, error) {
	if len(wrapped) <= tagBytes {
		return nil, errors.New("the wrapped key is too short")
	}
	text, err := decrypt(bytes.NewReader(wrapped[tagBytes:]), v.wrap, 128)
	if err != nil {
		return nil, err
	}
	return age.ParseX25519Identity(string(text))
}

// objectKey names the file of a row: in one of 256 folders, by the row's name and the tag of its attempt.
func objectKey(name string, wrapped []byte) string {
	return name[:2] + "/" + name + "-" + hex.EncodeToString(wrapped[:min(tagBytes, len(wrapped))])
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
