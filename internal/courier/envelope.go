// Package courier carries signed documents between nodes: the envelope, delivery, receipt exactly once, and the signed
// acknowledgement.
//
// The envelope is a JWS in the general JSON serialisation (RFC 7515 section 7.2.1) with EdDSA signatures over Ed25519
// (RFC 8037) and nothing optional: one spelling of the bytes for one content, so that the hash of what was received names
// the document. It is
//
//	{"payload":"...","signatures":[{"protected":"...","signature":"..."},...]}
//
// with no space, the payload {"iss","aud","jti","iat","exp","checkpoint","body"} and perhaps "passkey", and in each protected
// header alg, kid and typ "raksha+TYPE". An officer's document carries two signatures, first the officer's, then the
// agency's, which countersigns; a machine's document (an acknowledgement, a directory entry) carries the agency's alone.
//
// "passkey" is the officer's WebAuthn assertion over Document.Hash. Where the sender's directory entry says that an officer
// has a passkey, it is required: keys on a seized node alone then issue nothing in that officer's name.
package courier

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
)

const (
	typePrefix          = "raksha+"
	clockSkew           = 5 * time.Minute // how far ahead a signer's clock may run
	maxTime             = 253402300799    // 9999-12-31T23:59:59Z in Unix seconds
	maxName             = 256             // bytes of iss, aud, jti and kid
	maxCheckpoint       = 8 << 10
	signatureCharacters = 86 // 64 bytes in base64url without padding
)

// Key is a private key with the name under which the directory lists its public half. An officer's key may come with the
// assertion that his or her passkey made for one document, and the time of that document: see Office.Challenge.
type Key struct {
	KID     string
	Private ed25519.PrivateKey
	Passkey *identity.Assertion
	At      time.Time
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
	Passkey          *identity.Assertion // of the officer who signs; nil if he or she has none
}

// Keys is the receiver's directory. PublicKey gives UnknownIssuer or UnknownKey for what it does not list; any other error
// than a fault.Refused or fault.NotFound is taken as a failure of the directory itself, not of the document.
type Keys interface {
	PublicKey(ctx context.Context, issuer, kid string) (PublicKey, error)
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
	Passkey    json.RawMessage `json:"passkey,omitempty"`
}

// Seal signs a document with the officer's key and then the agency's, or with the agency's alone. Errors are fault.Invalid.
func Seal(d Document, keys ...Key) ([]byte, error) {
	if len(keys) < 1 || len(keys) > 2 {
		return nil, fault.New(fault.Invalid, "a document is signed with the officer's key and the agency's, or with the agency's alone; %d keys were given", len(keys))
	}
	if !typeName.MatchString(d.Type) {
		return nil, fault.New(fault.Invalid, "%q is not a document type: small letters, digits, - and _", d.Type)
	}
	p := payload{Issuer: d.Issuer, Audience: d.Audience, ID: d.ID, IssuedAt: d.IssuedAt.Unix(), Expires: d.Expires.Unix(), Checkpoint: d.Checkpoint, Body: d.Body}
	if d.Passkey != nil {
		var err error
		if p.Passkey, err = marshal(d.Passkey); err != nil {
			return nil, err
		}
	}
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

// Peek reads who a document says it is from, its type and its id without verifying anything: good only for choosing whom to
// answer.
func Peek(b []byte) (issuer, typ, jti string, err error) {
	e, err := readEnvelope(b)
	if err != nil {
		return "", "", "", err
	}
	return e.Issuer, e.typ, e.ID, nil
}

// Read gives what a document says and the names of the keys that it says it is signed with, verifying nothing: for showing
// a document that was refused.
func Read(b []byte) (d Document, kids []string, err error) {
	e, err := readEnvelope(b)
	if err != nil {
		return Document{}, nil, err
	}
	for _, s := range e.signatures {
		kids = append(kids, s.kid)
	}
	return e.document(), kids, nil
}

// Body reads a document's body without verifying anything. A directory entry brings its own root key, which must be read
// before it can be compared with the pinned fingerprint; for everything else use Open.
func Body(b []byte) (json.RawMessage, error) {
	e, err := readEnvelope(b)
	return e.Body, err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
