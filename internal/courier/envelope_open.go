package courier

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
)

// PublicKey is a key as the receiver's directory knows it. Officer is empty for the agency's own key. A zero NotAfter has
// no end. A revoked key with RevokedAt counts for what was received before that instant; without it, for nothing.
type PublicKey struct {
	Agency, Officer, Rank, AuthorisationRef string
	Key                                     ed25519.PublicKey
	NotBefore, NotAfter                     time.Time
	Revoked                                 bool
	RevokedAt                               time.Time
	Earlier                                 []EarlierRank // oldest first
	Passkeys                                []Passkey
}

// EarlierRank is what an officer was before Until.
type EarlierRank struct {
	Rank             string    `json:"rank"`
	AuthorisationRef string    `json:"authorisation_ref,omitempty"`
	Until            time.Time `json:"until"`
}

// Passkey is an officer's WebAuthn credential, as his or her agency publishes it. URL is the address of the node's pages on
// which it is used: its domain and origin follow from it. It counts for what is received from From until Until; the zero
// times are no limits.
type Passkey struct {
	ID    []byte    `json:"id"`
	Key   []byte    `json:"key"` // COSE (RFC 9052 s.7)
	URL   string    `json:"url"`
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
}

// rankAt gives an officer as he or she was at an instant.
func (k PublicKey) rankAt(at time.Time) PublicKey {
	for _, e := range k.Earlier {
		if at.Before(e.Until) {
			k.Rank, k.AuthorisationRef = e.Rank, e.AuthorisationRef
			break
		}
	}
	return k
}

// Hash is what an officer's passkey signs: the SHA-256 of {"typ","iss","aud","jti","iat","exp","body"}, that is of the
// document but for the checkpoint, which is known only when the agency countersigns.
func (d Document) Hash() ([32]byte, error) {
	b, err := marshal(struct {
		Type     string          `json:"typ"`
		Issuer   string          `json:"iss"`
		Audience string          `json:"aud"`
		ID       string          `json:"jti"`
		IssuedAt int64           `json:"iat"`
		Expires  int64           `json:"exp"`
		Body     json.RawMessage `json:"body"`
	}{d.Type, d.Issuer, d.Audience, d.ID, d.IssuedAt.Unix(), d.Expires.Unix(), d.Body})
	return sha256.Sum256(b), err
}

// Open verifies a received document by the receiver's directory and clock and gives its content. The order of the checks:
// the form, who signed, whether they signed these bytes, audience and time, whether their keys are good now and were at
// signing, and whether the officer's passkey stands behind it.
func Open(ctx context.Context, b []byte, audience string, now time.Time, keys Keys) (Opened, error) {
	return open(ctx, b, now, keys, func(d Document) error {
		switch {
		case d.Audience != audience:
			return refuse(WrongAudience, "the document is addressed to %q; this node is %q", d.Audience, audience)
		case !now.Before(d.Expires):
			return refuse(Expired, "the document expired at %s; it was judged at %s", stamp(d.Expires), stamp(now))
		case d.IssuedAt.After(now.Add(clockSkew)):
			return refuse(NotYetValid, "the document says that it was issued at %s, which is in the future: it was judged at %s", stamp(d.IssuedAt), stamp(now))
		}
		return nil
	})
}

// Verify is Open for whoever is not the addressee: the audience does not matter. at is when the document was received, or
// would be.
func Verify(ctx context.Context, b []byte, at time.Time, keys Keys) (Opened, error) {
	d, _, err := Read(b)
	if err != nil {
		return Opened{}, err
	}
	return Open(ctx, b, d.Audience, at, keys)
}

func open(ctx context.Context, b []byte, at time.Time, keys Keys, addressed func(Document) error) (Opened, error) {
	e, err := readEnvelope(b)
	if err != nil {
		return Opened{}, err
	}
	var found []PublicKey
	for _, s := range e.signatures {
		k, err := lookUp(ctx, keys, e.Issuer, s.kid)
		if err != nil {
			return Opened{}, err
		}
		found = append(found, k)
	}
	if err := sides(e.Issuer, found); err != nil {
		return Opened{}, err
	}
	if err := e.verify(found); err != nil {
		return Opened{}, err
	}
	sum := sha256.Sum256(b)
	o := Opened{Document: e.document(), SHA256: hex.EncodeToString(sum[:])}
	if err := addressed(o.Document); err != nil {
		return Opened{}, err
	}
	for i, k := range found {
		if err := k.good(e.signatures[i].kid, o.IssuedAt, at); err != nil {
			return Opened{}, err
		}
		if k.Officer == "" {
			o.Agency, o.AgencyKID = k, e.signatures[i].kid
			continue
		}
		k = k.rankAt(o.IssuedAt)
		o.Officer, o.OfficerKID = &k, e.signatures[i].kid
	}
	if err := checkPasskey(o.Document, o.Officer, at); err != nil {
		return Opened{}, err
	}
	return o, nil
}

func lookUp(ctx context.Context, keys Keys, issuer, kid string) (PublicKey, error) {
	k, err := keys.PublicKey(ctx, issuer, kid)
	switch {
	case err == nil:
	case fault.Of(err) == fault.NotFound && fault.Code(err) == UnknownIssuerCode:
		return k, UnknownIssuer(issuer)
	case fault.Of(err) == fault.NotFound:
		return k, UnknownKey(issuer, kid)
	default:
		return k, err
	}
	if k.Agency != issuer {
		return k, refuse(ForeignKey, "the key %q belongs to the agency %q; the document says that it is from %q", kid, k.Agency, issuer)
	}
	if len(k.Key) != ed25519.PublicKeySize {
		return k, refuse(BadDirectoryKey, "the directory's key %q of the agency %q is not an Ed25519 key", kid, issuer)
	}
	return k, nil
}

// sides checks that the agency signed, alone or after one officer.
func sides(issuer string, keys []PublicKey) error {
	last := keys[len(keys)-1]
	switch {
	case len(keys) == 1 && last.Officer != "":
		return refuse(MissingAgency, "the agency %q did not countersign the document; an officer's signature alone does not carry it", issuer)
	case len(keys) == 1:
		return nil
	case keys[0].Officer != "" && last.Officer != "":
		return refuse(TwoOfficers, "two officers signed, and the agency %q did not; the document needs one officer's signature and the agency's", issuer)
	case keys[0].Officer == "" && last.Officer == "":
		return refuse(TwoAgencies, "the agency %q signed with two of its keys; the document needs one officer's signature and the agency's", issuer)
	case keys[0].Officer == "":
		return refuse(SignatureOrder, "the agency signed before the officer; the agency countersigns last")
	}
	return nil
}

// verify checks the signatures over the payload as it was received.
func (e envelope) verify(keys []PublicKey) error {
	for i, s := range e.signatures {
		if s.signs(s.value, e.encoded, keys[i].Key) {
			continue
		}
		if other := len(e.signatures) - 1 - i; other != i && s.signs(e.signatures[other].value, e.encoded, keys[i].Key) {
			return refuse(SwappedSignatures, "the two signatures stand under each other's key")
		}
		if keys[i].Officer == "" {
			return refuse(BadCountersignature, "the signature by the agency's key %q is not over this content: the document was altered, or another key signed it", s.kid)
		}
		return refuse(BadSignature, "the signature by the key %q is not over this content: the document was altered, or another key signed it", s.kid)
	}
	return nil
}

// good judges a key: at receipt, and at the time when the document says that it was signed. The signer's clock alone never
// makes a key good, since whoever has stolen one can set it back.
func (k PublicKey) good(kid string, signed, received time.Time) error {
	whose, revoked, expired := "the agency's key", AgencyKeyRevoked, AgencyKeyExpired
	if k.Officer != "" {
		whose, revoked, expired = "the key of "+k.Officer, KeyRevoked, KeyExpired
	}
	switch {
	case k.Revoked && k.RevokedAt.IsZero():
		return refuse(revoked, "%s, %q, has been revoked for everything that it ever signed", whose, kid)
	case k.Revoked && !signed.Before(k.RevokedAt):
		return refuse(SignedAfterRevoked, "%s, %q, was revoked on %s; the document was signed after that, on %s", whose, kid, stamp(k.RevokedAt), stamp(signed))
	case k.Revoked && !received.Before(k.RevokedAt):
		return refuse(revoked, "%s, %q, was revoked on %s, before the document was received (%s); have it signed anew", whose, kid, stamp(k.RevokedAt), stamp(received))
	case received.Before(k.NotBefore):
		return refuse(KeyNotYetValid, "%s, %q, is valid only from %s; the document was judged at %s", whose, kid, stamp(k.NotBefore), stamp(received))
	case signed.Add(clockSkew).Before(k.NotBefore):
		return refuse(SignedBeforeKey, "%s, %q, is valid only from %s; the document says that it was signed before, on %s", whose, kid, stamp(k.NotBefore), stamp(signed))
	case !k.NotAfter.IsZero() && !received.Before(k.NotAfter):
		return refuse(expired, "%s, %q, was valid until %s; the document was judged at %s", whose, kid, stamp(k.NotAfter), stamp(received))
	}
	return nil
}

// checkPasskey judges the officer's assertion: required of an officer who had a passkey when the document was received, and
// refused where nothing can judge it. The time of receipt counts, since whoever holds the node's keys can date a document
// back to before there was a passkey.
func checkPasskey(d Document, officer *PublicKey, received time.Time) error {
	var listed []Passkey
	if officer != nil {
		for _, p := range officer.Passkeys {
			if !received.Before(p.From) && (p.Until.IsZero() || received.Before(p.Until)) {
				listed = append(listed, p)
			}
		}
	}
	switch {
	case len(listed) == 0 && d.Passkey == nil:
		return nil
	case len(listed) == 0:
		return refuse(PasskeyUnlisted, "the document brings a passkey's assertion, but the directory lists no passkey of its signer")
	case d.Passkey == nil:
		return refuse(PasskeyMissing, "the directory lists a passkey of %s, but the document does not bring its assertion; keys of the node alone do not sign for this officer", officer.Officer)
	}
	for _, p := range listed {
		if string(p.ID) != string(d.Passkey.CredentialID) {
			continue
		}
		hash, err := d.Hash()
		if err != nil {
			return refuse(Malformed, "the document's body cannot be hashed")
		}
		return identity.VerifyAssertion(*d.Passkey, hash, p.ID, p.Key, p.URL)
	}
	return refuse(PasskeyUnknown, "the assertion is by a passkey that the directory does not list for %s", officer.Officer)
}
