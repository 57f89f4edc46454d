package directory

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

const (
	entryType     = "directory-entry"
	entryAudience = "directory" // an entry is for everybody
	maxText       = 512         // bytes of a name, a rank, a reference or an address
	maxKeys       = 4096        // keys of an entry, earlier ranks and passkeys of an officer
	maxPasskey    = 2048        // bytes of a passkey's COSE key
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

	roots []string // fingerprints of its root keys, oldest first, the one that signed it last; set by verification
}

// Root gives the fingerprint of the root key that signed a verified entry.
func (e Entry) Root() string {
	if len(e.roots) == 0 {
		return ""
	}
	return e.roots[len(e.roots)-1]
}

// AgencyKey is a key with which the agency countersigns. A zero NotAfter has no end. Revoked with RevokedAt ends what the
// key is good for at that instant; revoked without it, the key was never good.
type AgencyKey struct {
	KID       string            `json:"kid"`
	Key       ed25519.PublicKey `json:"key"` // 32 bytes, in JSON as base64
	NotBefore time.Time         `json:"not_before"`
	NotAfter  time.Time         `json:"not_after,omitzero"`
	Revoked   bool              `json:"revoked,omitempty"`
	RevokedAt time.Time         `json:"revoked_at,omitzero"`
	Reason    string            `json:"reason,omitempty"` // of the revocation
}

// OfficerKey is an officer with the key that he or she signs with. Rank and AuthorisationRef are those of the day; what
// they were before stands in Earlier, oldest first. An officer with passkeys signs nothing without one of them.
type OfficerKey struct {
	KID              string                `json:"kid"`
	Name             string                `json:"name"`
	Rank             string                `json:"rank"`
	AuthorisationRef string                `json:"authorisation_ref,omitempty"`
	Key              ed25519.PublicKey     `json:"key"`
	NotBefore        time.Time             `json:"not_before"`
	NotAfter         time.Time             `json:"not_after,omitzero"`
	Revoked          bool                  `json:"revoked,omitempty"`
	RevokedAt        time.Time             `json:"revoked_at,omitzero"`
	Reason           string                `json:"reason,omitempty"`
	Earlier          []courier.EarlierRank `json:"earlier,omitempty"`
	Passkeys         []courier.Passkey     `json:"passkeys,omitempty"`
}

// Contact is whom to call back: a number from the directory, never one from a request.
type Contact struct {
	Role  string `json:"role"`
	Phone string `json:"phone"`
}

// signedEntry is the body of the signed document: the entry with the root key that the fingerprint names, and how that key
// came to follow earlier ones.
type signedEntry struct {
	Root        ed25519.PublicKey `json:"root"`
	Successions []string          `json:"successions,omitempty"` // signed, oldest first: see succession.go
	Entry       Entry             `json:"entry"`
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

// Sign signs an entry with the agency's root key; successions tell how that key followed earlier ones. Errors are
// fault.Invalid.
func Sign(e Entry, root ed25519.PrivateKey, successions ...string) ([]byte, error) {
	if len(root) != ed25519.PrivateKeySize {
		return nil, fault.New(fault.Invalid, "the root key is not an Ed25519 private key")
	}
	e.IssuedAt, e.Expires = e.IssuedAt.UTC().Truncate(time.Second), e.Expires.UTC().Truncate(time.Second)
	if err := e.check(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the directory entry cannot be signed: %s", fault.Message(err))
	}
	public := root.Public().(ed25519.PublicKey)
	body, err := json.Marshal(signedEntry{Root: public, Successions: successions, Entry: e})
	if err != nil {
		return nil, err
	}
	return courier.Seal(courier.Document{Type: entryType, Issuer: e.Agency, Audience: entryAudience, ID: e.id(),
		IssuedAt: e.IssuedAt, Expires: e.Expires, Body: body}, courier.Key{KID: Fingerprint(public), Private: root})
}

func (e Entry) id() string { return e.Agency + "/" + strconv.Itoa(e.Version) }

func bad(format string, args ...any) error {
	return fault.Coded(fault.Refused, "bad_entry", "the directory entry is not sound: "+format, args...)
}

// check looks at an entry's own soundness.
func (e Entry) check() error {
	if e.Agency == "" || e.Name == "" || e.Jurisdiction == "" || e.Version < 1 {
		return bad("it needs an agency, a name, a jurisdiction and a version from 1")
	}
	if err := fetch.SafeURL(e.URL); err != nil {
		return bad("%q is not an address that other nodes can reach: %s", e.URL, fault.Message(err))
	}
	if e.Recipient != "" {
		if _, err := age.ParseX25519Recipient(e.Recipient); err != nil {
			return bad("its recipient is not an age X25519 recipient")
		}
	}
	if len(e.AgencyKeys) == 0 {
		return bad("it lists no key of the agency")
	}
	if len(e.AgencyKeys) > maxKeys || len(e.Officers) > maxKeys {
		return bad("it lists more than %d keys", maxKeys)
	}
	texts := append([]string{e.Agency, e.Name, e.URL, e.Jurisdiction}, e.Desks...)
	kids, keys := map[string]bool{}, map[string]bool{}
	known := func(kid string, key ed25519.PublicKey, from, to, revokedAt time.Time, revoked bool) error {
		switch {
		case !revoked && !revokedAt.IsZero():
			return bad("the key %q has a time of revocation but is not revoked", kid)
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
		texts = append(texts, k.Reason)
		if err := known(k.KID, k.Key, k.NotBefore, k.NotAfter, k.RevokedAt, k.Revoked); err != nil {
			return err
		}
	}
	for _, o := range e.Officers {
		if err := known(o.KID, o.Key, o.NotBefore, o.NotAfter, o.RevokedAt, o.Revoked); err != nil {
			return err
		}
		if o.Name == "" || o.Rank == "" {
			return bad("the officer with the key %q has no name or no rank", o.KID)
		}
		texts = append(texts, o.Name, o.Rank, o.AuthorisationRef, o.Reason)
		if len(o.Earlier) > maxKeys || len(o.Passkeys) > maxKeys {
			return bad("the officer with the key %q has more than %d earlier ranks or passkeys", o.KID, maxKeys)
		}
		for i, r := range o.Earlier {
			if r.Rank == "" || i > 0 && !r.Until.After(o.Earlier[i-1].Until) {
				return bad("the earlier ranks of the officer with the key %q are empty or not in the order of time", o.KID)
			}
			texts = append(texts, r.Rank, r.AuthorisationRef)
		}
		for _, p := range o.Passkeys {
			if len(p.ID) == 0 || len(p.ID) > maxText || len(p.Key) == 0 || len(p.Key) > maxPasskey || !p.Until.IsZero() && p.Until.Before(p.From) {
				return bad("a passkey of the officer with the key %q is empty, too long, or ends before it begins", o.KID)
			}
			texts = append(texts, p.URL)
		}
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
