package filing

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Destination is another holder of the API with whom this node files.
type Destination struct {
	ID        int64             `json:"id"`
	Name      string            `json:"name"`    // small letters, digits and hyphens
	Address   string            `json:"address"` // such as https://exttest.cybertip.org/ispws
	Test      bool              `json:"test"`    // what is filed there counts for nothing
	Media     bool              `json:"media"`   // it may be sent the files themselves; otherwise hashes only
	Repeats   bool              `json:"repeats"` // it knows Idempotency-Key, as nodes of this program do
	Reporter  cybertip.Reporter `json:"reporter"`
	CreatedAt int64             `json:"created_at"`
}

// The addresses of NCMEC's systems.
const (
	Production = "https://report.cybertip.org/ispws"
	Test       = "https://exttest.cybertip.org/ispws"
)

var destinationName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Add enters a destination with its credentials.
func (f *Filings) Add(ctx context.Context, tx *store.Tx, d Destination, user, password string) (Destination, error) {
	d.Address = strings.TrimSuffix(d.Address, "/")
	switch {
	case !destinationName.MatchString(d.Name):
		return d, fault.New(fault.Invalid, "a destination's name has 1 to 64 small letters, digits and hyphens")
	case d.Address == Production && d.Test, d.Address == Test && !d.Test:
		return d, fault.New(fault.Invalid, "%s is NCMEC's production system and %s its test system; set test accordingly", Production, Test)
	case len(d.Reporter.Person.Emails) == 0:
		return d, fault.New(fault.Invalid, "say who reports, with an e-mail address at which they are reached")
	}
	if err := fetch.SafeURL(d.Address); err != nil {
		return d, err
	}
	if _, err := ByName(ctx, tx, d.Name); err == nil {
		return d, fault.New(fault.Conflict, "there is a destination %s already", d.Name)
	}
	reporter, err := json.Marshal(d.Reporter)
	if err != nil {
		return d, err
	}
	id, err := f.Log.Insert(ctx, tx, "filing_destination", "filing_destination.added", time.Time{}, record.Fields{"name": d.Name, "address": d.Address, "test": d.Test,
		"media": d.Media, "repeats": d.Repeats, "reporter": string(reporter), "created_at": f.Clock.Now()})
	if err != nil {
		return d, err
	}
	if user != "" || password != "" {
		if err := f.SetSecret(ctx, tx, id, user, password); err != nil {
			return d, err
		}
	}
	return byNumber(ctx, tx, id)
}

// Remove ends a destination and destroys its credentials. Filings that wait for it stay, and say so.
func (f *Filings) Remove(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := byNumber(ctx, tx, id); err != nil {
		return err
	}
	// Overwritten first, so that a page freed by the database does not hold them.
	for _, statement := range []string{"UPDATE filing_secret SET sealed = $2 WHERE destination_id = $1", "DELETE FROM filing_secret WHERE destination_id = $1 AND sealed = $2"} {
		if _, err := tx.ExecContext(ctx, statement, id, make([]byte, 64)); err != nil {
			return err
		}
	}
	return f.Log.Update(ctx, tx, "filing_destination", "filing_destination.removed", time.Time{}, id, record.Fields{"removed_at": f.Clock.Now()})
}

const destinationColumns = "SELECT id, name, address, test, media, repeats, reporter, created_at FROM filing_destination "

func scanDestination(scan func(...any) error) (d Destination, err error) {
	var test, media, repeats int64
	var reporter string
	if err := scan(&d.ID, &d.Name, &d.Address, &test, &media, &repeats, &reporter, &d.CreatedAt); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = fault.New(fault.NotFound, "there is no such destination; GET /api/v1/destinations lists them")
		}
		return d, err
	}
	d.Test, d.Media, d.Repeats = test == 1, media == 1, repeats == 1
	return d, json.Unmarshal([]byte(reporter), &d.Reporter)
}

// Destinations reads those that are not removed.
func Destinations(ctx context.Context, q store.Queryer) ([]Destination, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Destination, error) { return scanDestination(rows.Scan) }, destinationColumns+"WHERE removed_at = 0 ORDER BY name")
}

// ByName reads a destination that is not removed.
func ByName(ctx context.Context, q store.Queryer, name string) (Destination, error) {
	return scanDestination(q.QueryRowContext(ctx, destinationColumns+"WHERE name = $1 AND removed_at = 0", name).Scan)
}

func byNumber(ctx context.Context, q store.Queryer, id int64) (Destination, error) {
	return scanDestination(q.QueryRowContext(ctx, destinationColumns+"WHERE id = $1 AND removed_at = 0", id).Scan)
}

type secret struct{ User, Password string }

// SetSecret keeps the credentials for a destination instead of earlier ones.
func (f *Filings) SetSecret(ctx context.Context, tx *store.Tx, id int64, user, password string) error {
	if user == "" || password == "" || strings.Contains(user, ":") {
		return fault.New(fault.Invalid, "the credentials are a user, without a colon, and a password")
	}
	if _, err := byNumber(ctx, tx, id); err != nil {
		return err
	}
	plain, err := json.Marshal(secret{user, password})
	if err != nil {
		return err
	}
	aead, err := chacha20poly1305.NewX(f.sealingKey())
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed := aead.Seal(nonce, nonce, plain, owner(id))
	if _, err := tx.ExecContext(ctx, `INSERT INTO filing_secret (destination_id, sealed, set_at) VALUES ($1, $2, $3)
		ON CONFLICT (destination_id) DO UPDATE SET sealed = excluded.sealed, set_at = excluded.set_at`, id, sealed, store.Micros(f.Clock.Now())); err != nil {
		return err
	}
	return f.Log.Note(ctx, tx, "filing_destination.credentials_set", record.Fields{"destination": id}, nil)
}

func (f *Filings) hasSecret(ctx context.Context, q store.Queryer, id int64) (bool, error) {
	var n int64
	err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM filing_secret WHERE destination_id = $1", id).Scan(&n)
	return n > 0, err
}

func (f *Filings) secret(ctx context.Context, q store.Queryer, d Destination) (s secret, err error) {
	var sealed []byte
	err = q.QueryRowContext(ctx, "SELECT sealed FROM filing_secret WHERE destination_id = $1", d.ID).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return s, fault.New(fault.Unsigned, "the destination %s has no credentials; set user and password", d.Name)
	}
	if err != nil {
		return s, err
	}
	aead, err := chacha20poly1305.NewX(f.sealingKey())
	if err != nil {
		return s, err
	}
	if len(sealed) < aead.NonceSize() {
		return s, fault.New(fault.Tampered, "the credentials of %s are damaged; set them again", d.Name)
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], owner(d.ID))
	if err != nil {
		return s, fault.Wrap(err, fault.Tampered, "the credentials of %s cannot be opened with this node's key; set them again", d.Name)
	}
	return s, json.Unmarshal(plain, &s)
}

// owner binds a sealed secret to its destination.
func owner(id int64) []byte { return fmt.Appendf(nil, "filing destination %d", id) }

// sealingKey is a key of the node's that serves nothing else.
func (f *Filings) sealingKey() []byte {
	mac := hmac.New(sha256.New, f.Key)
	mac.Write([]byte("filing credentials"))
	return mac.Sum(nil)
}
