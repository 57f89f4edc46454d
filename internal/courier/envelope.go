// Package courier carries signed documents between nodes: the envelope, delivery, receipt exactly once, and the signed
// acknowledgement.
//
// The envelope is a JWS in the general JSON serialisation (RFC 7515 section 7.2.1) with EdDSA signatures over Ed25519
// (RFC 8037) and nothing optional: one spelling of the bytes for one content, so that the hash of what was received names
// the document. It is
//
//	{"payload":"...","signatures":[{"protected":"...","signature":"..."},...]}
//
// with no space, the payload {"iss","aud","jti","iat","exp","checkpoint","body"}, and in each protected header alg, kid and
// typ "raksha+TYPE". An officer's document carries two signatures, first the officer's, then the agency's, which
// countersigns; a machine's document (an acknowledgement, a directory entry) carries the agency's alone.
package courier

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"raksha.example/raksha/internal/fault"
)

// The codes with which a document is refused. Each comes with a sentence that says what is wrong.
const (
	Malformed           = "malformed"
	TooLarge            = "too_large"
	TooDeep             = "too_deep"
	NumberTooLarge      = "number_too_large"
	DuplicateKey        = "duplicate_key"
	CaseVariantKey      = "case_variant_key"
	UnknownMember       = "unknown_member"
	MissingMember       = "missing_member"
	Algorithm           = "algorithm"
	HeaderNotAllowed    = "header_not_allowed"
	WrongType           = "wrong_type"
	UnknownIssuerCode   = "unknown_issuer"
	UnknownKeyCode      = "unknown_key"
	ForeignKey          = "foreign_key"
	BadSignature        = "bad_signature"
	RepeatedSignature   = "repeated_signature"
	SignatureOrder      = "signature_order"
	MissingAgency       = "missing_agency_signature"
	MissingOfficer      = "missing_officer_signature"
	KeyRevoked          = "key_revoked"
	KeyExpired          = "key_expired"
	KeyNotYetValid      = "key_not_yet_valid"
	WrongAudience       = "wrong_audience"
	Expired             = "expired"
	NotYetValid         = "not_yet_valid"
	typePrefix          = "raksha+"
	clockSkew           = 5 * time.Minute // how far ahead a signer's clock may run
	maxTime             = 253402300799    // 9999-12-31T23:59:59Z in Unix seconds
	maxName             = 256             // bytes of iss, aud, jti and kid
	maxCheckpoint       = 8 << 10
	signatureCharacters = 86 // 64 bytes in base64url without padding
)

// Key is a private key with the name under which the directory lists its public half.
type Key struct {
	KID     string
	Private ed25519.PrivateKey
}

// Document is what is signed. Times are whole seconds in UTC; Body is a JSON object whose members Type determines.
type Document struct {
	Type             string // such as "takedown-order": a-z, 0-9, - and _
	Issuer, Audience string // agencies
	ID               string // unique for the issuer
	IssuedAt         time.Time
	Expires          time.Time // until when it may be received for the first time
	Checkpoint       string    // the sender's record at signing, may be empty
	Body             json.RawMessage
}

// PublicKey is a key as the receiver's directory knows it. Officer is empty for the agency's own key. A zero NotAfter has
// no end.
type PublicKey struct {
	Agency, Officer, Rank, AuthorisationRef string
	Key                                     ed25519.PublicKey
	NotBefore, NotAfter                     time.Time
	Revoked                                 bool
}

// Keys is the receiver's directory. PublicKey gives UnknownIssuer or UnknownKey for what it does not list; any other error
// than a fault.Refused or fault.NotFound is taken as a failure of the directory itself, not of the document.
type Keys interface {
	PublicKey(ctx context.Context, issuer, kid string) (PublicKey, error)
}

// UnknownIssuer is the refusal of an agency that the directory does not list.
func UnknownIssuer(issuer string) error {
	return refuse(UnknownIssuerCode, "the agency %q is not in this node's directory", issuer)
}

// UnknownKey is the refusal of a key that the directory does not list for an agency.
func UnknownKey(issuer, kid string) error {
	return refuse(UnknownKeyCode, "the directory lists no key %q of the agency %q", kid, issuer)
}

// Opened is a document whose signatures were verified. Officer is nil if the agency alone signed. SHA256 is the hash, in
// hexadecimal, of the bytes as received.
type Opened struct {
	Document
	Agency     PublicKey
	Officer    *PublicKey
	AgencyKID  string
	OfficerKID string
	SHA256     string
}

// Expect refuses a document of another type than those named: "wrong_type".
func (o Opened) Expect(types ...string) error {
	for _, t := range types {
		if o.Type == t {
			return nil
		}
	}
	return refuse(WrongType, "the document is of the type %q; here only %s can be received", o.Type, strings.Join(types, " or "))
}

// NeedOfficer refuses a document that no officer signed: "missing_officer_signature". Ask it of every instrument that an
// officer must authorise: an agency's signature alone opens.
func (o Opened) NeedOfficer() error {
	if o.Officer == nil {
		return refuse(MissingOfficer, "no officer signed this %s; the agency's signature alone does not carry it", o.Type)
	}
	return nil
}

var typeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// payload is the signed content.
type payload struct {
	Issuer     string          `json:"iss"`
	Audience   string          `json:"aud"`
	ID         string          `json:"jti"`
	IssuedAt   int64           `json:"iat"` // Unix seconds
	Expires    int64           `json:"exp"`
	Checkpoint string          `json:"checkpoint"`
	Body       json.RawMessage `json:"body"`
}

// Seal signs a document with the officer's key and then the agency's, or with the agency's alone. Errors are fault.Invalid.
func Seal(d Document, keys ...Key) ([]byte, error) {
	if len(keys) < 1 || len(keys) > 2 {
		return nil, fault.New(fault.Invalid, "a document is signed with the officer's key and the agency's, or with the agency's alone; %d keys were given", len(keys))
	}
	if !typeName.MatchString(d.Type) {
		return nil, fault.New(fault.Invalid, "%q is not a document type: small letters, digits, - and _", d.Type)
	}
	p := payload{d.Issuer, d.Audience, d.ID, d.IssuedAt.Unix(), d.Expires.Unix(), d.Checkpoint, d.Body}
	if len(p.Body) == 0 {
		return nil, fault.New(fault.Invalid, "the document has no body")
	}
	content, err := marshal(p)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the document's body is not JSON")
	}
	if _, err := readPayload(content); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the document cannot be sealed: %s", fault.Message(err))
	}
	out := bytes.NewBufferString(`{"payload":"` + base64.RawURLEncoding.EncodeToString(content) + `","signatures":[`)
	for i, k := range keys {
		protected, signature, err := sign(content, typePrefix+d.Type, k)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`{"protected":"` + protected + `","signature":"` + signature + `"}`)
	}
	out.WriteString("]}")
	if out.Len() > maxDocument {
		return nil, fault.New(fault.TooLarge, "the document has %d bytes; the limit is %d", out.Len(), maxDocument)
	}
	return out.Bytes(), nil
}

// marshal writes JSON without the escapes that are meant for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func sign(content []byte, typ string, k Key) (protected, signature string, err error) {
	if len(k.Private) != ed25519.PrivateKeySize || k.KID == "" || len(k.KID) > maxName {
		return "", "", fault.New(fault.Invalid, "the key %q is not a named Ed25519 private key", k.KID)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: k.Private, KeyID: k.KID}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", "", err
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return "", "", err
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return "", "", err
	}
	parts := strings.Split(compact, ".")
	return parts[0], parts[2], nil
}

// Open verifies a received document by the receiver's directory and clock and gives its content. The order of the checks:
// the form, who signed, whether they signed these bytes, whether their keys are good now, then audience and time.
func Open(ctx context.Context, b []byte, audience string, now time.Time, keys Keys) (Opened, error) {
	e, err := readEnvelope(b)
	if err != nil {
		return Opened{}, err
	}
	sum := sha256.Sum256(b)
	o := Opened{Document: e.document(), SHA256: hex.EncodeToString(sum[:])}
	var agency *PublicKey
	for i, s := range e.signatures {
		k, err := lookUp(ctx, keys, e.Issuer, s.kid)
		if err != nil {
			return Opened{}, err
		}
		if err := s.verify(e.encoded, k.Key); err != nil {
			return Opened{}, err
		}
		switch {
		case k.Officer == "" && agency != nil, k.Officer != "" && o.Officer != nil:
			return Opened{}, refuse(RepeatedSignature, "the document carries two signatures of the same side; it needs one officer's and the agency's")
		case k.Officer == "" && i < len(e.signatures)-1:
			return Opened{}, refuse(SignatureOrder, "the agency signed before the officer; the agency countersigns last")
		case k.Officer == "":
			agency, o.AgencyKID = &k, s.kid
		default:
			o.Officer, o.OfficerKID = &k, s.kid
		}
		if err := k.good(s.kid, now); err != nil {
			return Opened{}, err
		}
	}
	if agency == nil {
		return Opened{}, refuse(MissingAgency, "the agency %q did not countersign the document; an officer's signature alone does not carry it", e.Issuer)
	}
	o.Agency = *agency
	switch {
	case o.Audience != audience:
		return Opened{}, refuse(WrongAudience, "the document is addressed to %q; this node is %q", o.Audience, audience)
	case !now.Before(o.Expires):
		return Opened{}, refuse(Expired, "the document expired at %s; it was judged at %s", stamp(o.Expires), stamp(now))
	case o.IssuedAt.After(now.Add(clockSkew)):
		return Opened{}, refuse(NotYetValid, "the document says that it was issued at %s, which is in the future: it was judged at %s", stamp(o.IssuedAt), stamp(now))
	}
	return o, nil
}

// Peek reads who a document says it is from, its type and its id without verifying anything: good only for choosing whom to
// answer.
func Peek(b []byte) (issuer, typ, jti string, err error) {
	e, err := readEnvelope(b)
	if err != nil {
		return "", "", "", err
	}
	return e.Issuer, e.typ, e.ID, nil
}

// Body reads a document's body without verifying anything. A directory entry brings its own root key, which must be read
// before it can be compared with the pinned fingerprint; for everything else use Open.
func Body(b []byte) (json.RawMessage, error) {
	e, err := readEnvelope(b)
	return e.Body, err
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
		return k, refuse(UnknownKeyCode, "the directory's key %q of the agency %q is not an Ed25519 key", kid, issuer)
	}
	return k, nil
}

// good judges the key at receipt.
func (k PublicKey) good(kid string, now time.Time) error {
	whose := "the agency's key"
	if k.Officer != "" {
		whose = "the key of " + k.Officer
	}
	switch {
	case k.Revoked:
		return refuse(KeyRevoked, "%s, %q, has been revoked", whose, kid)
	case now.Before(k.NotBefore):
		return refuse(KeyNotYetValid, "%s, %q, is valid only from %s; the document was judged at %s", whose, kid, stamp(k.NotBefore), stamp(now))
	case !k.NotAfter.IsZero() && !now.Before(k.NotAfter):
		return refuse(KeyExpired, "%s, %q, was valid until %s; the document was judged at %s", whose, kid, stamp(k.NotAfter), stamp(now))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
