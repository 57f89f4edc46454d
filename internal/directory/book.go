package directory

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "own_entry"}, {Name: "peer"}, {Name: "peer_entry"}}

// Peer is another agency that this node knows.
type Peer struct {
	ID          int64    `json:"id"`
	Agency      string   `json:"agency"`
	Name        string   `json:"name"`
	URL         string   `json:"url"`
	Fingerprint string   `json:"fingerprint"` // of its root key, pinned out of band
	Desks       []string `json:"desks"`
	Instruments []string `json:"instruments"` // what this node accepts from it
	Version     int      `json:"version"`     // of its newest entry
}

// Book is the node's directory: its own entries and its peers.
type Book struct {
	self   *Self
	db     *store.DB
	log    *record.Log
	people *identity.People
	clock  clock.Clock
	client *http.Client // nil: entries of others are not fetched

	passkeys Passkeys // nil: this node's officers have none

	mu      sync.RWMutex
	entries map[string]Entry     // guarded by mu: verified entries by agency, read from peer rows
	asked   map[string]time.Time // guarded by mu: when an agency was last asked for its newest entry, by the machine's clock
}

// NewBook makes the directory.
func NewBook(self *Self, db *store.DB, log *record.Log, people *identity.People, c clock.Clock) *Book {
	return &Book{self: self, db: db, log: log, people: people, clock: c, entries: map[string]Entry{}, asked: map[string]time.Time{}}
}

// Own gives the newest own entry as signed.
func (b *Book) Own(ctx context.Context) ([]byte, error) {
	var jws string
	err := b.db.Reader().QueryRowContext(ctx, "SELECT jws FROM own_entry ORDER BY version DESC LIMIT 1").Scan(&jws)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "this node is not set up yet; use the set-up code that it printed at its first start")
	}
	return []byte(jws), err
}

func (b *Book) remember(e Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries[e.Agency] = e
}

const peerColumns = "SELECT id, agency, name, url, fingerprint, desks, instruments, version FROM peer "

func scanPeer(scan func(...any) error) (p Peer, err error) {
	var desks, instruments string
	err = scan(&p.ID, &p.Agency, &p.Name, &p.URL, &p.Fingerprint, &desks, &instruments, &p.Version)
	p.Desks, p.Instruments = strings.Fields(desks), strings.Fields(instruments)
	return p, err
}

func (b *Book) peer(ctx context.Context, q store.Queryer, agency string) (Peer, error) {
	p, err := scanPeer(q.QueryRowContext(ctx, peerColumns+"WHERE agency = $1", agency).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.Coded(fault.NotFound, "unknown_issuer", "no agency %q is in this node's directory", agency)
	}
	return p, err
}

// Peers reads all peers.
func (b *Book) Peers(ctx context.Context, q store.Queryer) ([]Peer, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Peer, error) { return scanPeer(rows.Scan) }, peerColumns+"ORDER BY agency")
}

// Entry gives the newest verified entry of an agency, or of this node's own.
func (b *Book) Entry(ctx context.Context, agency string) (Entry, error) { return b.entry(ctx, agency) }

// entry gives the verified entry of an agency.
func (b *Book) entry(ctx context.Context, agency string) (Entry, error) {
	if own := b.self.Profile().Agency; own != "" && agency == own {
		jws, err := b.Own(ctx)
		if err != nil {
			return Entry{}, err
		}
		return verifyHeld(jws, Fingerprint(b.self.RootPublic()))
	}
	b.mu.RLock()
	e, ok := b.entries[agency]
	b.mu.RUnlock()
	if ok {
		return e, nil
	}
	var jws, fingerprint string
	err := b.db.Reader().QueryRowContext(ctx, "SELECT entry, fingerprint FROM peer WHERE agency = $1", agency).Scan(&jws, &fingerprint)
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault.Coded(fault.Refused, "unknown_issuer", "no agency %q is in this node's directory; its root fingerprint must be pinned first", agency)
	}
	if err != nil {
		return e, err
	}
	if e, err = verifyHeld([]byte(jws), fingerprint); err != nil {
		return e, err
	}
	b.remember(e)
	return e, nil
}

// PublicKey finds a key of an agency or of one of its officers, by the newest entry of that agency; it implements
// courier.Keys. Whether the key is good at the moment is for the envelope to judge.
func (b *Book) PublicKey(ctx context.Context, issuer, kid string) (courier.PublicKey, error) {
	e, err := b.entry(ctx, issuer)
	if err != nil {
		return courier.PublicKey{}, err
	}
	if !b.clock.Now().Before(e.Expires) {
		return courier.PublicKey{}, expired(e)
	}
	if k, ok := e.key(kid); ok {
		return k, nil
	}
	return courier.PublicKey{}, courier.UnknownKey(issuer, kid)
}

func expired(e Entry) error {
	return fault.Coded(fault.Refused, "entry_expired", "the directory entry of %s expired on %s; fetch its newest one", e.Agency, e.Expires.Format("2 January 2006"))
}

// key finds a key in an entry.
func (e Entry) key(kid string) (courier.PublicKey, bool) {
	for _, k := range e.AgencyKeys {
		if same(k.KID, kid) {
			return courier.PublicKey{Agency: e.Agency, Key: k.Key, NotBefore: k.NotBefore, NotAfter: k.NotAfter, Revoked: k.Revoked, RevokedAt: k.RevokedAt}, true
		}
	}
	for _, o := range e.Officers {
		if same(o.KID, kid) {
			return courier.PublicKey{Agency: e.Agency, Officer: o.Name, Rank: o.Rank, AuthorisationRef: o.AuthorisationRef, Key: o.Key, NotBefore: o.NotBefore,
				NotAfter: o.NotAfter, Revoked: o.Revoked, RevokedAt: o.RevokedAt, Earlier: o.Earlier, Passkeys: o.Passkeys}, true
		}
	}
	return courier.PublicKey{}, false
}

// Recipient gives the age key to which data for an agency is encrypted. An agency that lists none gets none: nothing
// that a holder produces travels in the clear.
func (b *Book) Recipient(ctx context.Context, agency string) (string, error) {
	e, err := b.entry(ctx, agency)
	if err == nil && e.Recipient == "" {
		err = fault.Coded(fault.Refused, "no_recipient", "the directory entry of %s lists no key to which data could be encrypted; ask the agency to publish one", agency)
	}
	if err == nil && !b.clock.Now().Before(e.Expires) {
		err = expired(e)
	}
	return e.Recipient, err
}

// Address gives where an agency is reached.
func (b *Book) Address(ctx context.Context, agency string) (string, error) {
	p, err := b.peer(ctx, b.db.Reader(), agency)
	return p.URL, err
}

// Accepts says whether this node takes an instrument from an agency.
func (b *Book) Accepts(ctx context.Context, agency, instrument string) error {
	p, err := b.peer(ctx, b.db.Reader(), agency)
	if err != nil {
		return err
	}
	if !slices.Contains(p.Instruments, instrument) {
		return fault.Coded(fault.Refused, "instrument_not_allowed", "this node does not take a %s from %s", strings.ReplaceAll(instrument, "_", " "), agency)
	}
	return nil
}
