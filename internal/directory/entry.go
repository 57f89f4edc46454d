package directory

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

const (
	entryType     = "directory-entry"
	entryAudience = "directory" // an entry is for everybody
	maxText       = 512         // bytes of a name, a rank, a reference or an address
)

// Entry is what an agency publishes of itself: its root key signs it, versions count up, and it expires. Times are whole
// seconds once signed.
type Entry struct {
	Agency       string       `json:"agency"` // short id, such as "unit.capital"
	Name         string       `json:"name"`
	Desks        []string     `json:"desks"`
	URL          string       `json:"url"`
	Jurisdiction string       `json:"jurisdiction"`
	Version      int          `json:"version"` // from 1
	IssuedAt     time.Time    `json:"issued_at"`
	Expires      time.Time    `json:"expires"`
	AgencyKeys   []AgencyKey  `json:"agency_keys"`
	Officers     []OfficerKey `json:"officers"`
	Contacts     []Contact    `json:"contacts"`
	Recipient    string       `json:"recipient"` // age X25519, to which data for the agency is encrypted; may be empty
}

// AgencyKey is a key with which the agency countersigns. A zero NotAfter has no end.
type AgencyKey struct {
	KID       string            `json:"kid"`
	Key       ed25519.PublicKey `json:"key"` // 32 bytes, in JSON as base64
	NotBefore time.Time         `json:"not_before"`
	NotAfter  time.Time         `json:"not_after,omitzero"`
	Revoked   bool              `json:"revoked,omitempty"`
}

// OfficerKey is an officer with the key that he or she signs with.
type OfficerKey struct {
	KID              string            `json:"kid"`
	Name             string            `json:"name"`
	Rank             string            `json:"rank"`
	AuthorisationRef string            `json:"authorisation_ref,omitempty"`
	Key              ed25519.PublicKey `json:"key"`
	NotBefore        time.Time         `json:"not_before"`
	NotAfter         time.Time         `json:"not_after,omitzero"`
	Revoked          bool              `json:"revoked,omitempty"`
}

// Contact is whom to call back: a number from the directory, never one from a request.
type Contact struct {
	Role  string `json:"role"`
	Phone string `json:"phone"`
}

// signedEntry is the body of the signed document: the entry with the root key that the fingerprint names.
type signedEntry struct {
	Root  ed25519.PublicKey `json:"root"`
	Entry Entry             `json:"entry"`
}

// Fingerprint names a root key for people to compare: its SHA-256 in base32, thirteen groups of four characters.
func Fingerprint(root ed25519.PublicKey) string {
	sum := sha256.Sum256(root)
	return group(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

func group(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i += 4 {
		if i > 0 {
			out.WriteByte('-')
		}
		out.WriteString(s[i:min(i+4, len(s))])
	}
	return out.String()
}

// ParseFingerprint reads a fingerprint as people type it, in any case and grouping, and gives it as Fingerprint does.
func ParseFingerprint(typed string) (string, error) {
	s := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == ':' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	sum, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s)
	if err != nil || len(sum) != sha256.Size || base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum) != s {
		return "", fault.New(fault.Invalid, "a fingerprint has 52 characters from A-Z and 2-7, in groups of four; compare it with the agency by phone")
	}
	return group(s), nil
}

// Sign signs an entry with the agency's root key. Errors are fault.Invalid.
func Sign(e Entry, root ed25519.PrivateKey) ([]byte, error) {
	if len(root) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.Invalid, "the root key is not an Ed25519 private key")
	}
	e.IssuedAt, e.Expires = e.IssuedAt.UTC().Truncate(time.Second), e.Expires.UTC().Truncate(time.Second)
	if err := e.check(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the directory entry cannot be signed: %s", fault.Message(err))
	}
	public := root.Public().(ed25519.PublicKey)
	body, err := json.Marshal(signedEntry{Root: public, Entry: e})
	if err != nil {
		return nil, err
	}
	return courier.Seal(courier.Document{Type: entryType, Issuer: e.Agency, Audience: entryAudience, ID: e.id(),
		IssuedAt: e.IssuedAt, Expires: e.Expires, Body: body}, courier.Key{KID: Fingerprint(public), Private: root})
}

func (e Entry) id() string { return e.Agency + "/" + strconv.Itoa(e.Version) }

// rootKey is the directory that an entry is verified against: the one key that its pinned fingerprint names.
type rootKey struct {
	fingerprint string
	key         ed25519.PublicKey
}

// PublicKey implements courier.Keys.
func (r rootKey) PublicKey(_ context.Context, issuer, kid string) (courier.PublicKey, error) {
	if kid != r.fingerprint {
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

func verify(b []byte, pinned string, now time.Time) (Entry, error) {
	// The entry brings its own root key; it counts for nothing until its fingerprint is the pinned one.
	unverified, err := courier.Body(b)
	if err != nil {
		return Entry{}, err
	}
	var s signedEntry
	if err := courier.DecodeStrict(unverified, &s); err != nil {
		return Entry{}, err
	}
	if len(s.Root) != ed25519.PublicKeySize || Fingerprint(s.Root) != pinned {
		return Entry{}, fault.Coded(fault.Refused, "wrong_root",
			"the directory entry of %s brings a root key with the fingerprint %s, but the one pinned here is %s; compare them with the agency by phone",
			s.Entry.Agency, Fingerprint(s.Root), pinned)
	}
	o, err := courier.Open(context.Background(), b, entryAudience, now, rootKey{pinned, s.Root})
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
	return e, e.check()
}

func bad(format string, args ...any) error {
	return fault.Coded(fault.Refused, "bad_entry", "the directory entry is not sound: "+format, args...)
}

// check looks at an entry's own soundness.
func (e Entry) check() error {
	if e.Agency == "" || e.Name == "" || e.Jurisdiction == "" || e.Version < 1 {
		return bad("it needs an agency, a name, a jurisdiction and a version from 1")
	}
	if u, err := url.Parse(e.URL); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil {
		return bad("%q is not an address that other nodes can reach", e.URL)
	}
	if e.Recipient != "" {
		if _, err := age.ParseX25519Recipient(e.Recipient); err != nil {
			return bad("its recipient is not an age X25519 recipient")
		}
	}
	if len(e.AgencyKeys) == 0 {
		return bad("it lists no key of the agency")
	}
	texts := append([]string{e.Agency, e.Name, e.URL, e.Jurisdiction}, e.Desks...)
	kids, keys := map[string]bool{}, map[string]bool{}
	known := func(kid string, key ed25519.PublicKey, from, to time.Time) error {
		switch {
		case kid == "" || kids[kid]:
			return bad("the key name %q is empty or stands twice", kid)
		case len(key) != ed25519.PublicKeySize:
			return bad("the key %q is not an Ed25519 public key", kid)
		case keys[string(key)]:
			return bad("the key %q stands under another name too: one key signs for one officer or for the agency, never for both", kid)
		case !to.IsZero() && !to.After(from):
			return bad("the key %q ends before it begins", kid)
		}
		kids[kid], keys[string(key)] = true, true
		texts = append(texts, kid)
		return nil
	}
	for _, k := range e.AgencyKeys {
		if err := known(k.KID, k.Key, k.NotBefore, k.NotAfter); err != nil {
			return err
		}
	}
	for _, o := range e.Officers {
		if err := known(o.KID, o.Key, o.NotBefore, o.NotAfter); err != nil {
			return err
		}
		if o.Name == "" || o.Rank == "" {
			return bad("the officer with the key %q has no name or no rank", o.KID)
		}
		texts = append(texts, o.Name, o.Rank, o.AuthorisationRef)
	}
	for _, c := range e.Contacts {
		texts = append(texts, c.Role, c.Phone)
	}
	for _, s := range texts {
		if len(s) > maxText {
			return bad("the text %.40q... is longer than %d bytes", s, maxText)
		}
	}
	return nil
}
