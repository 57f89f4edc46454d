package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"gocloud.dev/gcerrors"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

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
