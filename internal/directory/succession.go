package directory

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

const (
	successionType  = "root-succession"
	successionLife  = 50 * 365 * 24 * time.Hour
	maxSuccessions  = 16
	badSuccession   = "bad_succession"
	successionLabel = "the statement by which a root key follows another"
)

// succession is the body of a statement that an agency's old root key signs: from now on the new key is the root. Whoever
// has pinned the old fingerprint follows it to the new one without another telephone call. A stolen root key can do the
// same, which is why a change of root is shown on the directory page and told to the agency by phone.
type succession struct {
	Old ed25519.PublicKey `json:"old"`
	New ed25519.PublicKey `json:"new"`
	// Consent is the new key's signature over "root-succession" || old, so that nobody names a key that is not his.
	Consent []byte `json:"consent"`
}

func consent(old ed25519.PublicKey) []byte { return append([]byte(successionType), old...) }

// succeed makes the statement.
func succeed(agency string, old, next ed25519.PrivateKey, at time.Time) (string, error) {
	public := old.Public().(ed25519.PublicKey)
	body, err := json.Marshal(succession{Old: public, New: next.Public().(ed25519.PublicKey), Consent: ed25519.Sign(next, consent(public))})
	if err != nil {
		return "", err
	}
	at = at.UTC().Truncate(time.Second)
	b, err := courier.Seal(courier.Document{Type: successionType, Issuer: agency, Audience: entryAudience, ID: agency + "/" + Fingerprint(public),
		IssuedAt: at, Expires: at.Add(successionLife), Body: body}, courier.Key{KID: Fingerprint(public), Private: old})
	return string(b), err
}

// follow verifies the successions of an entry, each against the key before it, and gives the fingerprints of all its root
// keys. The entry's own root must be the last.
func follow(s signedEntry, now time.Time) ([]string, error) {
	root := Fingerprint(s.Root)
	if len(s.Successions) > maxSuccessions {
		return nil, fault.Coded(fault.Refused, badSuccession, "the directory entry has %d changes of its root key; the limit is %d", len(s.Successions), maxSuccessions)
	}
	var roots []string
	var last ed25519.PublicKey
	for _, statement := range s.Successions {
		body, err := courier.Body([]byte(statement))
		if err != nil {
			return nil, err
		}
		var c succession
		if err := courier.DecodeStrict(body, &c); err != nil {
			return nil, err
		}
		if len(c.Old) != ed25519.PublicKeySize || len(c.New) != ed25519.PublicKeySize || last != nil && !last.Equal(c.Old) {
			return nil, fault.Coded(fault.Refused, badSuccession, "%s does not begin with the key before it", successionLabel)
		}
		o, err := courier.Open(context.Background(), []byte(statement), entryAudience, now, rootKey{Fingerprint(c.Old), c.Old})
		if err != nil {
			return nil, err
		}
		if err := o.Expect(successionType); err != nil {
			return nil, err
		}
		if o.Issuer != s.Entry.Agency || !ed25519.Verify(c.New, consent(c.Old), c.Consent) {
			return nil, fault.Coded(fault.Refused, badSuccession, "%s is of another agency, or the new key did not consent", successionLabel)
		}
		roots, last = append(roots, Fingerprint(c.Old)), c.New
	}
	if last != nil && !last.Equal(s.Root) {
		return nil, fault.Coded(fault.Refused, badSuccession, "the directory entry is signed by the root key %s, but its successions lead to %s", root, Fingerprint(last))
	}
	return append(roots, root), nil
}
