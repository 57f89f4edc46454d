package courier

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"raksha.example/raksha/internal/identity"
)

// canonical decodes base64url without padding, and refuses the spellings that decode to the same bytes.
var canonical = base64.RawURLEncoding.Strict()

// envelope is a document that has the right form; nothing in it is verified.
type envelope struct {
	payload
	passkey    *identity.Assertion
	typ        string // without its prefix
	encoded    string // the payload as it was signed
	signatures []signature
}

// signature is one signature with its header read.
type signature struct{ alg, kid, typ, protected, value string }

func (e envelope) document() Document {
	return Document{Type: e.typ, Issuer: e.Issuer, Audience: e.Audience, ID: e.ID, IssuedAt: time.Unix(e.IssuedAt, 0).UTC(),
		Expires: time.Unix(e.Expires, 0).UTC(), Checkpoint: e.Checkpoint, Body: e.Body, Passkey: e.passkey}
}

// readEnvelope checks the form of a whole document, from outside in.
func readEnvelope(b []byte) (envelope, error) {
	var e envelope
	if err := StrictJSON(b); err != nil {
		return e, err
	}
	var outer struct {
		Payload    string            `json:"payload"`
		Signatures []json.RawMessage `json:"signatures"`
	}
	if err := readMembers(b, "the document", &outer, "payload", "signatures"); err != nil {
		return e, err
	}
	e.encoded = outer.Payload
	content, err := canonical.DecodeString(outer.Payload)
	if err != nil || strings.ContainsAny(outer.Payload, "\r\n") { // the decoder skips line ends
		return e, refuse(PayloadEncoding, "the payload is not base64url without padding")
	}
	if e.payload, err = readPayload(content); err != nil {
		return e, err
	}
	if e.passkey, err = readPasskey(e.Passkey); err != nil {
		return e, err
	}
	if n := len(outer.Signatures); n < 1 || n > 2 {
		return e, refuse(SignatureCount, "the document carries %d signatures; it needs the agency's, or the officer's and the agency's", n)
	}
	for _, raw := range outer.Signatures {
		s, err := readSignature(raw)
		if err != nil {
			return e, err
		}
		e.signatures = append(e.signatures, s)
	}
	first, last := e.signatures[0], e.signatures[len(e.signatures)-1]
	switch e.typ = first.typ; {
	case first.alg != last.alg:
		return e, refuse(MixedAlgorithms, "one signature uses the algorithm %q, the other %q; only EdDSA is accepted", first.alg, last.alg)
	case first.alg != string(jose.EdDSA):
		return e, refuseAlgorithm(first.alg)
	case first.typ != last.typ:
		return e, refuse(MixedTypes, "one signature is over the type %q, the other over %q", first.typ, last.typ)
	case len(e.signatures) == 2 && first.kid == last.kid:
		return e, refuse(RepeatedSignature, "both signatures are by the key %q", first.kid)
	}
	if !bytes.Equal(b, e.bytes()) {
		return e, refuse(NotCanonical, "the document is not written as it must be: payload, then signatures, without spaces or escapes, so that its hash names it")
	}
	return e, nil
}

// bytes spells the envelope the one way that is accepted.
func (e envelope) bytes() []byte {
	var out bytes.Buffer
	out.WriteString(`{"payload":"` + e.encoded + `","signatures":[`)
	for i, s := range e.signatures {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(`{"protected":"` + s.protected + `","signature":"` + s.value + `"}`)
	}
	out.WriteString("]}")
	return out.Bytes()
}

func readSignature(raw json.RawMessage) (s signature, err error) {
	var outer struct {
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}
	members, err := object(raw, "a signature")
	if err != nil {
		return s, err
	}
	if _, ok := members["header"]; ok {
		return s, refuse(UnprotectedHeader, `a signature has the member "header", which nobody signs; headers are protected or refused`)
	}
	if err := readMembers(raw, "a signature", &outer, "protected", "signature"); err != nil {
		return s, err
	}
	s.protected, s.value = outer.Protected, outer.Signature
	header, err := canonical.DecodeString(s.protected)
	if err != nil || strings.ContainsAny(s.protected, "\r\n") {
		return s, refuse(HeaderEncoding, "a protected header is not base64url without padding")
	}
	if _, err := canonical.DecodeString(s.value); err != nil || len(s.value) != signatureCharacters {
		return s, refuse(SignatureEncoding, "a signature is not 64 bytes in base64url without padding")
	}
	if err := StrictJSON(header); err != nil {
		return s, err
	}
	return s.header(header)
}

// header reads a protected header. Anything but alg, kid and typ is refused.
func (s signature) header(b []byte) (signature, error) {
	members, err := object(b, "a protected header")
	if err != nil {
		return s, err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name != "alg" && name != "kid" && name != "typ" {
			return s, refuseHeader(name)
		}
	}
	for _, m := range []struct{ name, code string }{{"alg", AlgorithmMissing}, {"kid", KIDMissing}, {"typ", TypeMissing}} {
		if v, ok := members[m.name]; !ok || string(v) == "null" {
			return s, refuse(m.code, "a protected header lacks the member %q", m.name)
		}
	}
	var h struct {
		Algorithm string `json:"alg"`
		KID       string `json:"kid"`
		Type      string `json:"typ"`
	}
	if err := readMembers(b, "a protected header", &h, "alg", "kid", "typ"); err != nil {
		return s, err
	}
	if h.KID == "" || len(h.KID) > maxName {
		return s, refuse(BadClaim, "a signature's kid is empty or longer than %d bytes", maxName)
	}
	typ, ok := strings.CutPrefix(h.Type, typePrefix)
	if !ok || !typeName.MatchString(typ) {
		return s, refuse(ForeignType, "the type %q is not one of Raksha's documents, which begin with %q", h.Type, typePrefix)
	}
	s.alg, s.kid, s.typ = h.Algorithm, h.KID, typ
	return s, nil
}

// signs says whether the value is this key's signature over the header and the payload as received.
func (s signature) signs(value, encoded string, key ed25519.PublicKey) bool {
	jws, err := jose.ParseSignedCompact(s.protected+"."+encoded+"."+value, []jose.SignatureAlgorithm{jose.EdDSA})
	if err == nil {
		_, err = jws.Verify(key)
	}
	return err == nil
}

// readPasskey reads the assertion that a payload may bring; VerifyAssertion judges it.
func readPasskey(b json.RawMessage) (*identity.Assertion, error) {
	if b == nil {
		return nil, nil
	}
	var a identity.Assertion
	if err := readMembers(b, "the passkey's assertion", &a, "credential_id", "authenticator_data", "client_data_json", "signature"); err != nil {
		return nil, err
	}
	return &a, nil
}

// readPayload checks the signed content.
func readPayload(content []byte) (payload, error) {
	var p payload
	if err := StrictJSON(content); err != nil {
		return p, err
	}
	if err := readMembers(content, "the payload", &p, "iss", "aud", "jti", "iat", "exp", "checkpoint", "body", "?passkey"); err != nil {
		return p, err
	}
	for i, v := range []string{p.Issuer, p.Audience, p.ID} {
		if v == "" || len(v) > maxName {
			return p, refuse(BadClaim, "the payload's %s is empty or longer than %d bytes", []string{"iss", "aud", "jti"}[i], maxName)
		}
	}
	if len(p.Checkpoint) > maxCheckpoint {
		return p, refuse(BadClaim, "the payload's checkpoint is longer than %d bytes", maxCheckpoint)
	}
	if p.IssuedAt < 0 || p.Expires > maxTime || p.Expires <= p.IssuedAt {
		return p, refuse(BadTimes, "the payload expires (%d) before or as it was issued (%d), or not within the calendar", p.Expires, p.IssuedAt)
	}
	if p.Body[0] != '{' {
		return p, refuse(BodyNotObject, "the body is not a JSON object")
	}
	return p, nil
}

// object reads an object's members without looking into them.
func object(b []byte, what string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil || members == nil {
		return nil, refuse(NotObject, "%s is not a JSON object", what)
	}
	return members, nil
}

// readMembers reads an object that must have exactly the members named, none of them null, into a struct; a name that
// begins with ? may be missing.
func readMembers(b []byte, what string, into any, names ...string) error {
	members, err := object(b, what)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(names, name) && !slices.Contains(names, "?"+name) {
			return refuse(UnknownMember, "%s has the member %q; it may have only %s", what, name, strings.ReplaceAll(strings.Join(names, ", "), "?", ""))
		}
	}
	for _, name := range names {
		name, optional := strings.CutPrefix(name, "?")
		if v, ok := members[name]; (!ok && !optional) || string(v) == "null" {
			return refuse(MissingMember, "%s lacks the member %q", what, name)
		}
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refuse(WrongKind, "%s has a member of the wrong kind", what)
	}
	return nil
}
