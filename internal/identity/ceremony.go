package identity

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/go-webauthn/webauthn/webauthn"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Ceremony is a passkey ceremony that a browser is asked to do: its id, which comes back with the answer, and what goes
// into navigator.credentials (WebAuthn s.5.1.8 and s.5.1.10). It serves once.
type Ceremony struct {
	ID      string `json:"id"`
	Options any    `json:"options"`
}

// begin keeps a ceremony until its answer comes.
func (p *People) begin(ctx context.Context, kind string, person int64, content *webauthn.SessionData, options any) (Ceremony, error) {
	b, err := json.Marshal(content)
	if err != nil {
		return Ceremony{}, err
	}
	c := Ceremony{ID: newToken(), Options: options}
	return c, p.keepCeremony(ctx, c.ID, kind, person, string(b))
}

func (p *People) keepCeremony(ctx context.Context, id, kind string, person int64, content string) error {
	now := p.now()
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM ceremony WHERE expires_at < $1", store.Micros(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO ceremony (id, person_id, kind, content, expires_at) VALUES ($1, $2, $3, $4, $5)",
			hashToken(id), person, kind, content, store.Micros(now.Add(ceremonyLength)))
		return err
	})
}

var stale = fault.New(fault.Unsigned, "that took too long or was used already; try again")

// takeCeremony ends a ceremony and gives what was kept of it. It is taken before the answer is checked, so that a challenge
// is never tried twice.
func (p *People) takeCeremony(ctx context.Context, id, kind string, person int64) (content string, err error) {
	var expires int64
	err = p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		err := tx.QueryRowContext(ctx, "DELETE FROM ceremony WHERE id = $1 AND kind = $2 AND person_id = $3 RETURNING content, expires_at", hashToken(id), kind, person).Scan(&content, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return stale
		}
		return err
	})
	left := store.Time(expires).Sub(p.now())
	if err == nil && (left <= 0 || left > ceremonyLength+seenEvery) {
		err = stale
	}
	return content, err
}

func (p *People) take(ctx context.Context, id, kind string, person int64) (s webauthn.SessionData, err error) {
	content, err := p.takeCeremony(ctx, id, kind, person)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(content), &s)
}

// DocumentChallenge asks a person's passkeys to sign a document's hash, for the assertion that the envelope carries.
func (p *People) DocumentChallenge(ctx context.Context, person Person, hash [32]byte) (AssertionOptions, error) {
	keys, err := p.Passkeys(ctx, p.db.Reader(), person.ID)
	if err != nil {
		return AssertionOptions{}, err
	}
	var ids [][]byte
	for _, k := range keys {
		ids = append(ids, k.CredentialID)
	}
	if p.settings.URL == nil {
		return AssertionOptions{}, fault.Coded(fault.NotSupported, "no_passkeys", "this node takes no passkeys")
	}
	return ChallengeForHash(hash, ids, p.settings.URL())
}

// CheckDocument verifies a person's answer to DocumentChallenge with that person's own passkeys.
func (p *People) CheckDocument(ctx context.Context, q store.Queryer, person Person, hash [32]byte, a Assertion) (Passkey, error) {
	keys, err := p.Passkeys(ctx, q, person.ID)
	if err != nil {
		return Passkey{}, err
	}
	for _, k := range keys {
		if bytes.Equal(k.CredentialID, a.CredentialID) && p.settings.URL != nil {
			return k, VerifyAssertion(a, hash, k.CredentialID, k.PublicKey, p.settings.URL())
		}
	}
	return Passkey{}, fault.Coded(fault.Refused, "bad_assertion", "the passkey that signed is none of yours")
}
