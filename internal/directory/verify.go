package directory

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"slices"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

// rootKey is the directory that an entry is verified against: the one key that its pinned fingerprint names.
type rootKey struct {
	fingerprint string
	key         ed25519.PublicKey
}

// PublicKey implements courier.Keys.
func (r rootKey) PublicKey(_ context.Context, issuer, kid string) (courier.PublicKey, error) {
	if !same(kid, r.fingerprint) {
		return courier.PublicKey{}, fault.Coded(fault.Refused, "wrong_root",
			"the directory entry of %s is signed by the root key %s, but the fingerprint pinned here is %s; compare them with the agency by phone", issuer, kid, r.fingerprint)
	}
	return courier.PublicKey{Agency: issuer, Key: r.key}, nil
}

// VerifyEntry verifies a signed entry against the pinned fingerprint of the agency's root key, at an instant. It refuses,
// beside all that courier.Open refuses, another root ("wrong_root"), a version older than lastVersion ("older_entry"; 0 if
// none is known) and an entry that is not sound ("bad_entry"). Equal versions must be the same: see VerifyNewer.
func VerifyEntry(b []byte, fingerprint string, now time.Time, lastVersion int) (Entry, error) {
	pinned, err := ParseFingerprint(fingerprint)
	if err != nil {
		return Entry{}, err
	}
	e, err := verify(b, pinned, now)
	if err != nil {
		return Entry{}, err
	}
	if e.Version < lastVersion {
		return Entry{}, fault.Coded(fault.Refused, "older_entry",
			"the directory entry of %s is version %d, but version %d was already seen; an older entry could bring back a revoked key", e.Agency, e.Version, lastVersion)
	}
	return e, nil
}

// VerifyNewer is VerifyEntry for a node that holds a signed entry already: it also refuses an entry of another agency
// ("other_agency") and one that has the version of the held entry but not its bytes ("conflicting_entry").
func VerifyNewer(b []byte, fingerprint string, now time.Time, held []byte) (Entry, error) {
	agency, version, err := peek(held)
	if err != nil {
		return Entry{}, err
	}
	e, err := VerifyEntry(b, fingerprint, now, version)
	switch {
	case err != nil:
		return Entry{}, err
	case e.Agency != agency:
		return Entry{}, fault.Coded(fault.Refused, "other_agency", "the entry is of the agency %s, but the one held under this fingerprint is of %s", e.Agency, agency)
	case e.Version == version && !bytes.Equal(b, held):
		return Entry{}, fault.Coded(fault.Refused, "conflicting_entry",
			"%s has signed two different directory entries as version %d; ask the agency by phone which is right", e.Agency, e.Version)
	}
	return e, nil
}

// peek reads which entry a signed entry is, of one that was verified before.
func peek(b []byte) (agency string, version int, err error) {
	agency, typ, id, err := courier.Peek(b)
	if err != nil {
		return "", 0, err
	}
	version, err = strconv.Atoi(strings.TrimPrefix(id, agency+"/"))
	if err != nil || typ != entryType {
		return "", 0, fault.New(fault.Invalid, "what is held is not a directory entry")
	}
	return agency, version, nil
}

// verify checks a signed entry at an instant: the root key is the pinned one, or follows it by signed successions.
func verify(b []byte, pinned string, now time.Time) (Entry, error) {
	s, err := readSigned(b)
	if err != nil {
		return Entry{}, err
	}
	if len(s.Root) != ed25519.PublicKeySize {
		return Entry{}, wrongRoot(s, pinned)
	}
	roots, err := follow(s, now)
	if err != nil {
		return Entry{}, err
	}
	if !slices.ContainsFunc(roots, func(root string) bool { return same(root, pinned) }) {
		return Entry{}, wrongRoot(s, pinned)
	}
	o, err := courier.Open(context.Background(), b, entryAudience, now, rootKey{Fingerprint(s.Root), s.Root})
	if err != nil {
		return Entry{}, err
	}
	if err := o.Expect(entryType); err != nil {
		return Entry{}, err
	}
	e := s.Entry // the same bytes that Open has verified
	if e.Agency != o.Issuer || e.id() != o.ID || !e.IssuedAt.Equal(o.IssuedAt) || !e.Expires.Equal(o.Expires) {
		return Entry{}, bad("the entry and the envelope that it came in disagree on agency, version or times")
	}
	e.roots = roots
	return e, e.check()
}

// readSigned reads an entry with its root key, of which nothing counts until the fingerprint is the pinned one.
func readSigned(b []byte) (signedEntry, error) {
	unverified, err := courier.Body(b)
	if err != nil {
		return signedEntry{}, err
	}
	var s signedEntry
	return s, courier.DecodeStrict(unverified, &s)
}

func wrongRoot(s signedEntry, pinned string) error {
	return fault.Coded(fault.Refused, "wrong_root",
		"the directory entry of %s brings a root key with the fingerprint %s, but the one pinned here is %s; compare them with the agency by phone",
		s.Entry.Agency, Fingerprint(s.Root), pinned)
}

// same compares fingerprints in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// verifyHeld verifies an entry that was taken before, as of when it was issued: it may have expired since.
func verifyHeld(b []byte, pinned string) (Entry, error) {
	s, err := readSigned(b)
	if err != nil {
		return Entry{}, err
	}
	return verify(b, pinned, s.Entry.IssuedAt)
}
