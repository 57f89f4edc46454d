package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Codes of authenticator apps are second best: a false page can ask for one and use it. RFC 6238 with the parameters that
// every app knows: HMAC-SHA-1, steps of 30 seconds, six digits; a step before and after are taken, for clocks that differ.
const (
	codeStep   = 30 * time.Second
	codeDigits = 6
	codeSecret = 20 // bytes (RFC 4226 s.4, R6)
)

// codeAt gives the code of a step (RFC 4226 s.5.3).
func codeAt(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(step)))
	sum := m.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%0*d", codeDigits, (binary.BigEndian.Uint32(sum[offset:])&0x7fffffff)%1_000_000)
}

// sealCode and openCode keep the secrets of apps unreadable to whoever has only the database.
func (p *People) codeKey() ([]byte, error) {
	if len(p.settings.Secret) == 0 {
		return nil, fault.New(fault.NotSupported, "this node takes no authenticator apps")
	}
	m := hmac.New(sha256.New, p.settings.Secret)
	m.Write([]byte("authenticator app"))
	return m.Sum(nil), nil
}

func (p *People) sealCode(person int64, secret []byte) ([]byte, error) {
	key, err := p.codeKey()
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, secret, fmt.Appendf(nil, "person %d", person)), nil
}

func (p *People) openCode(person int64, sealed []byte) ([]byte, error) {
	key, err := p.codeKey()
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fault.New(fault.Tampered, "the secret of the authenticator app is damaged")
	}
	secret, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], fmt.Appendf(nil, "person %d", person))
	if err != nil {
		return nil, fault.Wrap(err, fault.Tampered, "the secret of the authenticator app is damaged")
	}
	return secret, nil
}

// CodeSecret is what an authenticator app needs, shown once.
type CodeSecret struct {
	Secret string `json:"secret"` // base32
	URI    string `json:"uri"`    // otpauth
}

// BeginCode makes a secret for an authenticator app. It counts from ConfirmCode on.
func (p *People) BeginCode(ctx context.Context, tx *store.Tx, person Person) (CodeSecret, error) {
	if err := p.NeedFresh(person); err != nil {
		return CodeSecret{}, err
	}
	if f, err := p.Factors(ctx, tx, person.ID); err != nil || f.Code {
		return CodeSecret{}, errors.Join(err, fault.New(fault.Conflict, "you have an authenticator app already; remove it first"))
	}
	secret := make([]byte, codeSecret)
	rand.Read(secret)
	sealed, err := p.sealCode(person.ID, secret)
	if err != nil {
		return CodeSecret{}, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO totp (person_id, sealed, confirmed_at, last_step) VALUES ($1, $2, 0, 0)
		ON CONFLICT (person_id) DO UPDATE SET sealed = excluded.sealed, confirmed_at = 0, last_step = 0`, person.ID, sealed); err != nil {
		return CodeSecret{}, err
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	issuer := "Raksha"
	if p.settings.Name != nil && p.settings.Name() != "" {
		issuer = p.settings.Name()
	}
	return CodeSecret{text, "otpauth://totp/" + url.PathEscape(issuer+":"+person.Username) + "?" + url.Values{"secret": {text}, "issuer": {issuer}}.Encode()}, nil
}

// ConfirmCode takes the first code of a new app; from here on a password needs one beside it.
func (p *People) ConfirmCode(ctx context.Context, person Person, code string, d Device) error {
	if err := p.NeedFresh(person); err != nil {
		return err
	}
	if err := p.attempting(ctx, person.Username, d.Address); err != nil {
		return err
	}
	return p.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := p.checkCode(ctx, tx, person.ID, code); err != nil {
			return err
		}
		if err := p.right(ctx, tx, person.Username, d.Address); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE totp SET confirmed_at = $1 WHERE person_id = $2", store.Micros(p.now()), person.ID); err != nil {
			return err
		}
		return p.log.Note(ctx, tx, "code.registered", record.Fields{"person": person.ID}, nil)
	})
}

// RemoveCode removes a person's own app.
func (p *People) RemoveCode(ctx context.Context, tx *store.Tx, person Person) error {
	if err := p.NeedFresh(person); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM totp WHERE person_id = $1", person.ID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fault.New(fault.NotFound, "you have no authenticator app"))
	}
	return p.log.Note(ctx, tx, "code.removed", record.Fields{"person": person.ID}, nil)
}

var wrongCode = fault.New(fault.Unsigned, "the code is wrong or was used; wait for the next one")

// checkCode takes a code once: neither it nor an earlier one serves again (RFC 6238 s.5.2).
func (p *People) checkCode(ctx context.Context, tx *store.Tx, person int64, code string) error {
	var sealed []byte
	var last int64
	err := tx.QueryRowContext(ctx, "SELECT sealed, last_step FROM totp WHERE person_id = $1", person).Scan(&sealed, &last)
	if errors.Is(err, sql.ErrNoRows) {
		return wrongCode
	}
	if err != nil {
		return err
	}
	secret, err := p.openCode(person, sealed)
	if err != nil {
		return err
	}
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	step, taken := p.now().Unix()/int64(codeStep/time.Second), int64(0)
	for s := step - 1; s <= step+1; s++ {
		if subtle.ConstantTimeCompare([]byte(codeAt(secret, s)), []byte(code)) == 1 && s > last {
			taken = s
		}
	}
	if taken == 0 {
		return wrongCode
	}
	_, err = tx.ExecContext(ctx, "UPDATE totp SET last_step = $1 WHERE person_id = $2", taken, person)
	return err
}
