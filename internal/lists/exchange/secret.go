package exchange

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Secret are the credentials for another party: field and value. Which fields a kind has, SecretFields tells.
type Secret map[string]string

// SecretFields are the fields of a kind's credentials; none: it takes none.
var SecretFields = map[string][]string{NCMEC: {"user", "password"}, StopNCII: {"function_key", "subscription_key"}, File: {}}

// Credentials may be an exchange's own or stand for all exchanges of a kind.

func ownerOf(e Exchange) string      { return fmt.Sprintf("exchange:%d", e.ID) }
func ownerOfKind(kind string) string { return "kind:" + kind }

// SetSecret keeps an exchange's own credentials; an empty secret destroys them.
func (x *Exchanges) SetSecret(ctx context.Context, tx *store.Tx, id int64, s Secret) error {
	e, err := ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	return x.set(ctx, tx, ownerOf(e), e.Kind, s)
}

// SetKindSecret keeps the credentials for all exchanges of a kind that have none of their own; an empty secret destroys them.
func (x *Exchanges) SetKindSecret(ctx context.Context, tx *store.Tx, kind string, s Secret) error {
	return x.set(ctx, tx, ownerOfKind(kind), kind, s)
}

func (x *Exchanges) set(ctx context.Context, tx *store.Tx, owner, kind string, s Secret) error {
	if len(s) == 0 {
		return x.forget(ctx, tx, owner)
	}
	fields := SecretFields[kind]
	if len(fields) == 0 {
		return fault.New(fault.Invalid, "exchanges of the kind %s take no credentials", kind)
	}
	for name := range s {
		if !slices.Contains(fields, name) {
			return fault.New(fault.Invalid, "the credentials of %s are %v; there is no %q", kind, fields, name)
		}
	}
	for _, name := range fields {
		if s[name] == "" {
			return fault.New(fault.Invalid, "the credentials of %s need a %s", kind, name)
		}
	}
	plain, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sealed, err := x.seal(owner, plain)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO exchange_secret (owner, sealed, set_at) VALUES ($1, $2, $3)
		ON CONFLICT (owner) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at`, owner, sealed, store.Micros(x.Clock.Now())); err != nil {
		return err
	}
	return x.Log.Note(ctx, tx, "exchange.credentials_set", record.Fields{"owner": owner}, nil)
}

func (x *Exchanges) forget(ctx context.Context, tx *store.Tx, owner string) error {
	// Overwritten first, so that a page freed by the database does not hold them.
	if _, err := tx.ExecContext(ctx, "UPDATE exchange_secret SET sealed = $1 WHERE owner = $2", make([]byte, 64), owner); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "DELETE FROM exchange_secret WHERE owner = $1", owner)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return x.Log.Note(ctx, tx, "exchange.credentials_destroyed", record.Fields{"owner": owner}, nil)
}

// HasKindSecret says whether credentials stand for a kind.
func (x *Exchanges) HasKindSecret(ctx context.Context, q store.Queryer, kind string) (bool, error) {
	var n int64
	err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM exchange_secret WHERE owner = $1", ownerOfKind(kind)).Scan(&n)
	return n > 0, err
}

// secret gives the credentials for an exchange: its own, or its kind's.
func (x *Exchanges) secret(ctx context.Context, q store.Queryer, e Exchange) (Secret, error) {
	for _, owner := range []string{ownerOf(e), ownerOfKind(e.Kind)} {
		var sealed []byte
		err := q.QueryRowContext(ctx, "SELECT sealed FROM exchange_secret WHERE owner = $1", owner).Scan(&sealed)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, err
		}
		plain, err := x.unseal(owner, sealed)
		if err != nil {
			return nil, fault.Wrap(err, fault.Tampered, "the credentials of the exchange %s cannot be opened with this node's key; set them again", e.Name)
		}
		var s Secret
		return s, json.Unmarshal(plain, &s)
	}
	if len(SecretFields[e.Kind]) > 0 {
		return nil, fault.New(fault.Unsigned, "the exchange %s has no credentials; set %v", e.Name, SecretFields[e.Kind])
	}
	return nil, nil
}

// seal encrypts under a key of the node's that serves nothing else; a sealed secret opens for its owner only.
func (x *Exchanges) seal(owner string, plain []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(x.sealingKey())
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, plain, []byte(owner)), nil
}

func (x *Exchanges) unseal(owner string, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(x.sealingKey())
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("sealed credentials are too short")
	}
	return aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(owner))
}

func (x *Exchanges) sealingKey() []byte {
	mac := hmac.New(sha256.New, x.Key)
	mac.Write([]byte("exchange credentials"))
	return mac.Sum(nil)
}

func environments() []string {
	var out []string
	for name := range ncmec.Environments {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Environments are the names under which NCMEC's servers are known.
func Environments() []string { return environments() }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
