package vault

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// ring is the node's wrapping keys, newest first. They stand in a file of the node's folder, beside its other keys; the table
// vault_key says which is current. A blob's row says by which its key is wrapped ("": by the node's first).
type ring struct {
	identities []*age.X25519Identity
}

func (r ring) current() *age.X25519Identity { return r.identities[0] }

func (r ring) find(keyID string) *age.X25519Identity {
	for _, id := range r.identities {
		if id.Recipient().String() == keyID {
			return id
		}
	}
	return nil
}

// keyFile is the form of the file.
type keyFile struct {
	Identities []string `json:"identities"` // newest first
}

// readRing reads the file; without one, the node has its first key only.
func readRing(path string, first *age.X25519Identity) (ring, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ring{[]*age.X25519Identity{first}}, nil
	}
	if err != nil {
		return ring{}, fmt.Errorf("vault: %w", err)
	}
	var f keyFile
	if err := json.Unmarshal(b, &f); err != nil || len(f.Identities) == 0 {
		return ring{}, fault.Wrap(err, fault.Tampered, "%s is damaged; restore it from a backup", path)
	}
	var r ring
	for _, s := range f.Identities {
		id, err := age.ParseX25519Identity(s)
		if err != nil {
			return ring{}, fault.New(fault.Tampered, "%s is damaged; restore it from a backup", path)
		}
		r.identities = append(r.identities, id)
	}
	return r, nil
}

// write replaces the file so that after a crash either the old or the new one is there.
func (r ring) write(path string) error {
	var f keyFile
	for _, id := range r.identities {
		f.Identities = append(f.Identities, id.String())
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	_, err = file.Write(b)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// keys gives the wrapping keys as this process knows them.
func (v *Vault) keys() ring {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.ring
}

// reread takes what another process put into the file. Keys that this process knows and the file has not are kept in memory:
// content that was staged under one is still to be wrapped anew.
func (v *Vault) reread() (ring, error) {
	r, err := readRing(v.keyFile, v.first)
	if err != nil {
		return r, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range v.ring.identities {
		if r.find(id.Recipient().String()) == nil {
			r.identities = append(r.identities, id)
		}
	}
	v.ring = r
	return r, nil
}

// wrapping finds the key that wraps a row: in memory, or in the file if another process rotated.
func (v *Vault) wrapping(keyID string) (*age.X25519Identity, error) {
	if keyID == "" || keyID == v.first.Recipient().String() {
		return v.first, nil
	}
	if id := v.keys().find(keyID); id != nil {
		return id, nil
	}
	r, err := v.reread()
	if err != nil {
		return nil, err
	}
	if id := r.find(keyID); id != nil {
		return id, nil
	}
	return nil, fmt.Errorf("the wrapping key %s is not among this node's", keyID)
}

// keyState is the row of a wrapping key.
type keyState struct {
	id    int64
	keyID string
	state string
}

func keyStates(ctx context.Context, q store.Queryer) ([]keyState, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (k keyState, err error) { return k, rows.Scan(&k.id, &k.keyID, &k.state) },
		"SELECT id, key_id, state FROM vault_key ORDER BY id")
}

func currentKey(ctx context.Context, q store.Queryer) (keyID string, err error) {
	err = q.QueryRowContext(ctx, "SELECT key_id FROM vault_key WHERE state = 'current'").Scan(&keyID)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // before the first rotation: the node's first key
	}
	return keyID, err
}

const rewrapAtOnce = 200 // keys rewrapped in one transaction

// Rotation is what Rotate did.
type Rotation struct {
	KeyID     string `json:"key_id"`    // the key that wraps all others now
	Resumed   bool   `json:"resumed"`   // a rotation that was broken off was finished
	Rewrapped int64  `json:"rewrapped"` // blobs' keys
	Retired   int64  `json:"retired"`   // wrapping keys that open nothing any more and were deleted
}

// Rotate makes a new wrapping key, wraps every blob's key anew and deletes the old wrapping key. No blob is rewritten, and names
// stay as they are: they come from the naming key, which opens nothing. It works while the node serves, in this or another process,
// and a rotation that was broken off is finished by the next.
func (v *Vault) Rotate(ctx context.Context) (Rotation, error) {
	var out Rotation
	err := v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		states, err := keyStates(ctx, tx)
		if err != nil {
			return err
		}
		for _, k := range states {
			if k.state == "retiring" {
				out.Resumed = true
			}
		}
		if out.Resumed {
			out.KeyID, err = currentKey(ctx, tx)
			return err
		}
		out.KeyID, err = v.begin(ctx, tx, states)
		return err
	})
	if err != nil {
		return out, err
	}
	if _, err := v.reread(); err != nil {
		return out, err
	}
	for {
		n, err := v.rewrapSome(ctx, out.KeyID)
		if err != nil {
			return out, err
		}
		if out.Rewrapped += n; n == 0 {
			break
		}
	}
	out.Retired, err = v.retire(ctx)
	return out, err
}

// lock keeps a second rotation out, and waits for those who are keeping content under the old key; on SQLite the transaction
// itself does.
func lock(ctx context.Context, tx *store.Tx) error {
	if tx.Engine != store.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7216)")
	return err
}

// keeping holds a rotation up until the transaction ends.
func keeping(ctx context.Context, tx *store.Tx) error {
	if tx.Engine != store.Postgres {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock_shared(7216)")
	return err
}

// begin makes the new key: first in the file, so that nothing can be wrapped by a key that a crash forgets.
func (v *Vault) begin(ctx context.Context, tx *store.Tx, states []keyState) (string, error) {
	r, err := readRing(v.keyFile, v.first)
	if err != nil {
		return "", err
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return "", err
	}
	keyID := id.Recipient().String()
	r.identities = append([]*age.X25519Identity{id}, r.identities...)
	if err := r.write(v.keyFile); err != nil {
		return "", err
	}
	if len(states) == 0 { // the node's first key has no row yet
		if _, err := v.log.Insert(ctx, tx, "vault_key", "vault.key_retiring", time.Time{}, record.Fields{"key_id": v.first.Recipient().String(),
			"state": "retiring", "created_at": v.clock.Now()}); err != nil {
			return "", err
		}
	}
	for _, k := range states {
		if k.state == "current" {
			if err := v.log.Update(ctx, tx, "vault_key", "vault.key_retiring", time.Time{}, k.id, record.Fields{"state": "retiring"}); err != nil {
				return "", err
			}
		}
	}
	_, err = v.log.Insert(ctx, tx, "vault_key", "vault.key_made", time.Time{}, record.Fields{"key_id": keyID, "state": "current", "created_at": v.clock.Now()})
	return keyID, err
}

// rewrapSome wraps the keys of some blobs by the key keyID and says how many.
func (v *Vault) rewrapSome(ctx context.Context, keyID string) (n int64, err error) {
	err = v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		type row struct {
			name, keyID string
			wrapped     []byte
		}
		rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (r row, err error) { return r, rows.Scan(&r.name, &r.keyID, &r.wrapped) },
			"SELECT name, key_id, wrapped FROM blob WHERE key_id <> $1 LIMIT $2", keyID, rewrapAtOnce)
		if err != nil {
			return err
		}
		for _, r := range rows {
			wrapped, err := v.rewrap(r.wrapped, r.keyID, keyID)
			if err != nil {
				return fault.Wrap(err, fault.Tampered, "the key of the blob %s cannot be opened; investigate, put the content back or shred that blob, and run the rotation again", r.name)
			}
			if _, err := tx.ExecContext(ctx, "UPDATE blob SET wrapped = $1, key_id = $2 WHERE name = $3", wrapped, keyID, r.name); err != nil {
				return fmt.Errorf("vault: rewrap: %w", err)
			}
		}
		n = int64(len(rows))
		return nil
	})
	return n, err
}

// rewrap wraps a blob's key anew. The tag that names its file stays.
func (v *Vault) rewrap(wrapped []byte, from, to string) ([]byte, error) {
	old, err := v.wrapping(from)
	if err != nil {
		return nil, err
	}
	now, err := v.wrapping(to)
	if err != nil {
		return nil, err
	}
	if len(wrapped) <= tagBytes {
		return nil, errors.New("the wrapped key is too short")
	}
	text, err := decrypt(bytes.NewReader(wrapped[tagBytes:]), old, 128)
	if err != nil {
		return nil, err
	}
	if _, err := age.ParseX25519Identity(string(text)); err != nil {
		return nil, err
	}
	sealed, err := encrypt(text, now.Recipient())
	return append(bytes.Clone(wrapped[:tagBytes]), sealed...), err
}

// retire deletes the wrapping keys that open nothing any more. The rows first: a process that still has one in memory wraps by
// the current one from then on (Keep looks), so nothing is lost when the file follows.
func (v *Vault) retire(ctx context.Context) (n int64, err error) {
	var keyID string
	err = v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		states, err := keyStates(ctx, tx)
		if err != nil {
			return err
		}
		var left int64
		if keyID, err = currentKey(ctx, tx); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM blob WHERE key_id <> $1", keyID).Scan(&left); err != nil {
			return err
		}
		if left > 0 {
			return fault.New(fault.Conflict, "%d blobs were kept meanwhile under the old key; run the rotation again", left)
		}
		for _, k := range states {
			if k.state != "retiring" {
				continue
			}
			if err := v.log.Update(ctx, tx, "vault_key", "vault.key_retired", time.Time{}, k.id, record.Fields{"state": "retired", "retired_at": v.clock.Now()}); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	r, err := readRing(v.keyFile, v.first)
	if err != nil {
		return n, err
	}
	id := r.find(keyID)
	if id == nil {
		return n, fmt.Errorf("vault: the current key is not in %s", v.keyFile)
	}
	return n, ring{[]*age.X25519Identity{id}}.write(v.keyFile)
}

// KeysOpen says whether a key file (nil: none) has the wrapping key of every object; fault.NotFound names one that it lacks. The
// node's first key, which stands elsewhere, is taken as at hand.
func (v *Vault) KeysOpen(file []byte, objects []Object) error {
	var f keyFile
	if file != nil {
		if err := json.Unmarshal(file, &f); err != nil {
			return fault.Wrap(err, fault.Tampered, "the file of the vault's keys is damaged")
		}
	}
	has := map[string]bool{"": true, v.first.Recipient().String(): true}
	for _, s := range f.Identities {
		id, err := age.ParseX25519Identity(s)
		if err != nil {
			return fault.New(fault.Tampered, "the file of the vault's keys is damaged")
		}
		has[id.Recipient().String()] = true
	}
	for _, o := range objects {
		if !has[o.KeyID] {
			return fault.New(fault.NotFound, "the wrapping key %s is not in the file", o.KeyID)
		}
	}
	return nil
}
