package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// RotateKey replaces an officer's signing key by a new one, sealed under the same password; the old private key is gone
// when it returns. publish runs in the same transaction: it tells others of the new key by the directory entry, in which the
// old one runs out.
func (p *People) RotateKey(ctx context.Context, username, password string, publish func(context.Context, *store.Tx) error) (Person, error) {
	person, _, err := p.verify(ctx, username, password, "")
	if err != nil {
		return Person{}, err
	}
	if !person.Officer() {
		return Person{}, fault.New(fault.Conflict, "%s is no officer and has no key that others know", person.Username)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Person{}, err
	}
	hash, sealed, err := sealKey(password, private)
	if err != nil {
		return Person{}, err
	}
	print := sha256.Sum256(public)
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.right(ctx, tx, person.Username, ""); err != nil {
			return err
		}
		if err := p.log.Update(ctx, tx, "person", "person.key_rotated", time.Time{}, person.ID, record.Fields{"kid": "officer-" + hex.EncodeToString(print[:8]),
			"public_key": base64.StdEncoding.EncodeToString(public)}); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE credential SET password_hash = $1, sealed_key = $2 WHERE person_id = $3", hash, sealed, person.ID); err != nil {
			return err
		}
		if person, err = p.ByID(ctx, tx, person.ID); err != nil {
			return err
		}
		return publish(ctx, tx)
	})
	return person, err
}
