package directory

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	entryLength = 400 * 24 * time.Hour // how long a published entry is good for
	renewal     = 60 * 24 * time.Hour  // before its end a new version is published
	handover    = 31 * 24 * time.Hour  // how long a key that was replaced still counts: longer than any document travels
)

// Passkeys gives the passkeys with which a person authorises documents.
type Passkeys interface {
	Passkeys(ctx context.Context, q store.Queryer, personID int64) ([]courier.Passkey, error)
}

// Publish issues a new version of the node's own entry: its officers as they stand now, and from the version before
// whatever must not be forgotten: keys that were replaced or revoked, and earlier ranks.
func (b *Book) Publish(ctx context.Context, tx *store.Tx) error {
	return b.publish(ctx, tx, func(*Entry) error { return nil })
}

// publish issues a new version with a change.
func (b *Book) publish(ctx context.Context, tx *store.Tx, change func(*Entry) error) error {
	before, err := b.latest(ctx, tx)
	if err != nil {
		return err
	}
	people, err := b.people.All(ctx, tx)
	if err != nil {
		return err
	}
	now, p := b.clock.Now(), b.self.Profile()
	e := Entry{Agency: p.Agency, Name: p.Name, URL: p.URL, Jurisdiction: p.Jurisdiction, Version: before.Version + 1,
		IssuedAt: now, Expires: now.Add(entryLength), Recipient: b.self.Decryptor.Recipient().String()}
	for _, d := range b.self.Desks {
		e.Desks = append(e.Desks, string(d))
	}
	if e.Desks == nil { // a node that does not run
		e.Desks = before.Desks
	}
	if p.Phone != "" {
		e.Contacts = []Contact{{Role: "call-back", Phone: p.Phone}}
	}
	e.AgencyKeys = b.agencyKeys(before, now)
	if e.Officers, err = b.officers(ctx, tx, before, people, now); err != nil {
		return err
	}
	if err := change(&e); err != nil {
		return err
	}
	jws, err := Sign(e, b.self.Root, b.self.keys.Successions...)
	if err != nil {
		return err
	}
	_, err = b.log.Insert(ctx, tx, "own_entry", "directory.published", time.Time{}, record.Fields{"version": e.Version, "jws": string(jws), "issued_at": now})
	return err
}

// latest reads the newest own entry; its version is 0 if there is none.
func (b *Book) latest(ctx context.Context, q store.Queryer) (Entry, error) {
	var jws string
	err := q.QueryRowContext(ctx, "SELECT jws FROM own_entry ORDER BY version DESC LIMIT 1").Scan(&jws)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, err
	}
	s, err := readSigned([]byte(jws))
	return s.Entry, err
}

// agencyKeys gives the current key first, and those before it, which run out.
func (b *Book) agencyKeys(before Entry, now time.Time) []AgencyKey {
	keys := []AgencyKey{{KID: b.self.AgencyKID, Key: b.self.AgencyKey.Public().(ed25519.PublicKey), NotBefore: now.Add(-time.Minute), NotAfter: now.Add(entryLength)}}
	for _, k := range before.AgencyKeys {
		if k.KID == b.self.AgencyKID {
			keys[0].NotBefore = k.NotBefore
			continue
		}
		k.NotAfter = sooner(k.NotAfter, now.Add(handover))
		keys = append(keys, k)
	}
	return keys
}

// officers gives the officers of the day, and the keys of those that were officers before.
func (b *Book) officers(ctx context.Context, q store.Queryer, before Entry, people []identity.Person, now time.Time) (out []OfficerKey, err error) {
	was, known := map[string]OfficerKey{}, map[string]bool{}
	for _, o := range before.Officers {
		was[o.KID] = o
	}
	for _, person := range people {
		if person.KID == "" {
			continue
		}
		known[person.KID] = true
		old, there := was[person.KID]
		if !person.Officer() { // no longer one: what was signed before stands
			if there {
				old.NotAfter = sooner(old.NotAfter, now)
				out = append(out, old)
			}
			continue
		}
		key, err := base64.StdEncoding.DecodeString(person.PublicKey)
		if err != nil {
			return nil, err
		}
		o := OfficerKey{KID: person.KID, Name: person.Name, Rank: person.Rank, AuthorisationRef: person.AuthorisationRef, Key: key,
			NotBefore: store.Time(person.CreatedAt).Add(-time.Minute), NotAfter: now.Add(entryLength)}
		if there {
			o.NotBefore, o.Earlier, o.Revoked, o.RevokedAt, o.Reason = old.NotBefore, old.Earlier, old.Revoked, old.RevokedAt, old.Reason
			if old.Rank != o.Rank || old.AuthorisationRef != o.AuthorisationRef {
				o.Earlier = append(o.Earlier, courier.EarlierRank{Rank: old.Rank, AuthorisationRef: old.AuthorisationRef, Until: now})
			}
		} else if before.Version > 0 { // a key that replaces another is new today, whenever its owner came
			o.NotBefore = now.Add(-time.Minute)
		}
		if person.DisabledAt != 0 && !o.Revoked {
			o.Revoked, o.RevokedAt, o.Reason = true, store.Time(person.DisabledAt), "left the agency"
		}
		if b.passkeys != nil {
			listed, err := b.passkeys.Passkeys(ctx, q, person.ID)
			if err != nil {
				return nil, err
			}
			o.Passkeys = joinPasskeys(old.Passkeys, listed, now)
		}
		out = append(out, o)
	}
	for _, o := range before.Officers {
		if !known[o.KID] { // replaced by another key
			o.NotAfter = sooner(o.NotAfter, now.Add(handover))
			out = append(out, o)
		}
	}
	return out, nil
}

// joinPasskeys gives an officer's passkeys of the day, and those before, which have ended: documents stand by them.
func joinPasskeys(before, listed []courier.Passkey, now time.Time) (out []courier.Passkey) {
	at := func(list []courier.Passkey, id []byte) int {
		return slices.IndexFunc(list, func(p courier.Passkey) bool { return p.Until.IsZero() && bytes.Equal(p.ID, id) })
	}
	for _, p := range listed {
		p.From = now
		if i := at(before, p.ID); i >= 0 && before[i].URL == p.URL {
			p.From = before[i].From
		}
		out = append(out, p)
	}
	for _, p := range before {
		if i := at(listed, p.ID); p.Until.IsZero() && (i < 0 || listed[i].URL != p.URL) {
			p.Until = now
		}
		if !p.Until.IsZero() {
			out = append(out, p)
		}
	}
	return out
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// Revocation ends a key of this agency. At is when it stopped being trustworthy; zero is for a key that never was: nothing
// that it signed counts any more.
type Revocation struct {
	KID    string
	At     time.Time
	Reason string
}

// Revoke publishes an entry in which a key is revoked. The current countersigning key must be rotated instead: without one
// the agency could not say anything.
func (b *Book) Revoke(ctx context.Context, tx *store.Tx, r Revocation) error {
	if strings.TrimSpace(r.Reason) == "" {
		return fault.New(fault.Invalid, "say why the key is revoked; others will read the reason in the directory entry")
	}
	if r.At.After(b.clock.Now()) {
		return fault.New(fault.Invalid, "a key is revoked as of now or earlier, not in the future")
	}
	if r.KID == b.self.AgencyKID {
		return fault.New(fault.Conflict, "%s is the key with which this agency countersigns now; rotate it first (raksha directory rotate agency), then revoke it", r.KID)
	}
	return b.publish(ctx, tx, func(e *Entry) error {
		for i := range e.AgencyKeys {
			if k := &e.AgencyKeys[i]; k.KID == r.KID {
				return revoke(&k.Revoked, &k.RevokedAt, &k.Reason, r)
			}
		}
		for i := range e.Officers {
			if o := &e.Officers[i]; o.KID == r.KID {
				return revoke(&o.Revoked, &o.RevokedAt, &o.Reason, r)
			}
		}
		return fault.New(fault.NotFound, "this agency's directory entry has no key %q; raksha directory show lists them", r.KID)
	})
}

// revoke marks a key. A revocation is never taken back nor moved to a later time.
func revoke(revoked *bool, at *time.Time, reason *string, r Revocation) error {
	if *revoked && (at.IsZero() || !r.At.IsZero() && !r.At.Before(*at)) {
		return fault.New(fault.Conflict, "the key %s is revoked already", r.KID)
	}
	*revoked, *at, *reason = true, r.At.UTC().Truncate(time.Second), r.Reason
	return nil
}

// Renew publishes a new version if the newest one will end soon, or does not name the keys that the node holds, as after a
// crash between a rotation and its publication. It does nothing before set-up.
func (b *Book) Renew(ctx context.Context) error {
	if b.self.Profile().Agency == "" {
		return nil
	}
	return b.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		e, err := b.latest(ctx, tx)
		if err != nil || e.Version == 0 {
			return err
		}
		var jws string
		if err := tx.QueryRowContext(ctx, "SELECT jws FROM own_entry ORDER BY version DESC LIMIT 1").Scan(&jws); err != nil {
			return err
		}
		s, err := readSigned([]byte(jws))
		if err != nil {
			return err
		}
		if e.AgencyKeys[0].KID == b.self.AgencyKID && b.self.RootPublic().Equal(s.Root) && b.clock.Now().Before(e.Expires.Add(-renewal)) {
			return nil
		}
		return b.Publish(ctx, tx)
	})
}
