package directory

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"errors"
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

// entryLength is how long a published entry is good for.
const entryLength = 400 * 24 * time.Hour

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "own_entry"}, {Name: "peer"}}

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

	mu      sync.RWMutex
	entries map[string]Entry // guarded by mu: verified entries by agency, read from peer rows
}

// NewBook makes the directory.
func NewBook(self *Self, db *store.DB, log *record.Log, people *identity.People, c clock.Clock) *Book {
	return &Book{self: self, db: db, log: log, people: people, clock: c, entries: map[string]Entry{}}
}

// Publish issues a new version of the node's own entry: its officers as they stand now.
func (b *Book) Publish(ctx context.Context, tx *store.Tx) error {
	people, err := b.people.All(ctx, tx)
	if err != nil {
		return err
	}
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM own_entry").Scan(&last); err != nil {
		return err
	}
	now, p := b.clock.Now(), b.self.Profile()
	e := Entry{Agency: p.Agency, Name: p.Name, URL: p.URL, Jurisdiction: p.Jurisdiction, Version: int(last + 1),
		IssuedAt: now, Expires: now.Add(entryLength), Recipient: b.self.Decryptor.Recipient().String(),
		AgencyKeys: []AgencyKey{{KID: b.self.AgencyKID, Key: b.self.AgencyKey.Public().(ed25519.PublicKey), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(entryLength)}}}
	for _, d := range b.self.Desks {
		e.Desks = append(e.Desks, string(d))
	}
	if p.Phone != "" {
		e.Contacts = []Contact{{Role: "call-back", Phone: p.Phone}}
	}
	for _, person := range people {
		if !person.Officer() {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(person.PublicKey)
		if err != nil {
			return err
		}
		e.Officers = append(e.Officers, OfficerKey{KID: person.KID, Name: person.Name, Rank: person.Rank, AuthorisationRef: person.AuthorisationRef,
			Key: key, NotBefore: store.Time(person.CreatedAt).Add(-time.Minute), NotAfter: now.Add(entryLength), Revoked: person.DisabledAt != 0})
	}
	jws, err := Sign(e, b.self.Root)
	if err != nil {
		return err
	}
	_, err = b.log.Insert(ctx, tx, "own_entry", "directory.published", time.Time{}, record.Fields{"version": e.Version, "jws": string(jws), "issued_at": now})
	return err
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

// Pin makes a peer known: its root fingerprint, learnt out of band, and the entry that was fetched from it. Pinning again
// changes the instruments and takes a newer entry; the fingerprint stays.
func (b *Book) Pin(ctx context.Context, tx *store.Tx, url, fingerprint string, instruments []string, jws []byte) (Peer, error) {
	fingerprint, err := ParseFingerprint(fingerprint)
	if err != nil {
		return Peer{}, err
	}
	claimed, err := VerifyEntry(jws, fingerprint, b.clock.Now(), 0)
	if err != nil {
		return Peer{}, err
	}
	known, err := b.peer(ctx, tx, claimed.Agency)
	if err != nil && fault.Of(err) != fault.NotFound {
		return Peer{}, err
	}
	if known.ID != 0 {
		if known.Fingerprint != fingerprint {
			return Peer{}, fault.New(fault.Refused, "%s is pinned with another fingerprint; remove that pin first if its root key really changed", claimed.Agency)
		}
		var held string
		if err := tx.QueryRowContext(ctx, "SELECT entry FROM peer WHERE id = $1", known.ID).Scan(&held); err != nil {
			return Peer{}, err
		}
		if claimed, err = VerifyNewer(jws, fingerprint, b.clock.Now(), []byte(held)); err != nil {
			return Peer{}, err
		}
	}
	f := record.Fields{"name": claimed.Name, "url": url, "desks": strings.Join(claimed.Desks, " "), "instruments": strings.Join(instruments, " "),
		"version": claimed.Version, "entry": string(jws), "updated_at": b.clock.Now()}
	if known.ID == 0 {
		f["agency"], f["fingerprint"] = claimed.Agency, fingerprint
		_, err = b.log.Insert(ctx, tx, "peer", "directory.pinned", time.Time{}, f)
	} else {
		err = b.log.Update(ctx, tx, "peer", "directory.updated", time.Time{}, known.ID, f)
	}
	if err != nil {
		return Peer{}, err
	}
	tx.AfterCommit(func() { b.remember(claimed) })
	return b.peer(ctx, tx, claimed.Agency)
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

// entry gives the verified entry of an agency.
func (b *Book) entry(ctx context.Context, agency string) (Entry, error) {
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
	if e, err = VerifyEntry([]byte(jws), fingerprint, b.clock.Now(), 0); err != nil {
		return e, err
	}
	b.remember(e)
	return e, nil
}

// PublicKey finds a key of an agency or of one of its officers; it implements courier.Keys. Whether the key is good at the
// moment is for the envelope to judge.
func (b *Book) PublicKey(ctx context.Context, issuer, kid string) (courier.PublicKey, error) {
	e, err := b.entry(ctx, issuer)
	if err != nil {
		return courier.PublicKey{}, err
	}
	if !b.clock.Now().Before(e.Expires) {
		return courier.PublicKey{}, fault.Coded(fault.Refused, "entry_expired", "the directory entry of %s expired on %s; fetch its newest one", issuer, e.Expires.Format("2 January 2006"))
	}
	for _, k := range e.AgencyKeys {
		if k.KID == kid {
			return courier.PublicKey{Agency: issuer, Key: k.Key, NotBefore: k.NotBefore, NotAfter: k.NotAfter, Revoked: k.Revoked}, nil
		}
	}
	for _, o := range e.Officers {
		if o.KID == kid {
			return courier.PublicKey{Agency: issuer, Officer: o.Name, Rank: o.Rank, AuthorisationRef: o.AuthorisationRef, Key: o.Key,
				NotBefore: o.NotBefore, NotAfter: o.NotAfter, Revoked: o.Revoked}, nil
		}
	}
	return courier.PublicKey{}, fault.Coded(fault.Refused, "unknown_key", "the directory entry of %s has no key %q", issuer, kid)
}

// Recipient gives the age key to which data for an agency is encrypted.
func (b *Book) Recipient(ctx context.Context, agency string) (string, error) {
	e, err := b.entry(ctx, agency)
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
