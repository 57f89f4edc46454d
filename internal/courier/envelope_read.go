package courier

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// canonical decodes base64url without padding, and refuses the spellings that decode to the same bytes.
var canonical = base64.RawURLEncoding.Strict()

// envelope is a document that has the right form; nothing in it is verified.
type envelope struct {
	payload
	typ        string // without its prefix
	encoded    string // the payload as it was signed
	signatures []signature
}

// signature is one signature with its header read.
type signature struct{ kid, protected, value string }

func (e envelope) document() Document {
	return Document{Type: e.typ, Issuer: e.Issuer, Audience: e.Audience, ID: e.ID, IssuedAt: time.Unix(e.IssuedAt, 0).UTC(),
		Expires: time.Unix(e.Expires, 0).UTC(), Checkpoint: e.Checkpoint, Body: e.Body}
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
		return e, refuse(Malformed, "the payload is not base64url without padding")
	}
	if e.payload, err = readPayload(content); err != nil {
		return e, err
	}
	if n := len(outer.Signatures); n < 1 || n > 2 {
		return e, refuse(Malformed, "the document carries %d signatures; it needs the agency's, or the officer's and the agency's", n)
	}
	for _, raw := range outer.Signatures {
		s, typ, err := readSignature(raw)
		if err != nil {
			return e, err
		}
		switch {
		case e.typ == "":
			e.typ = typ
		case e.typ != typ:
			return e, refuse(WrongType, "one signature is over the type %q, the other over %q", e.typ, typ)
		case e.signatures[0].kid == s.kid:
			return e, refuse(RepeatedSignature, "both signatures are by the key %q", s.kid)
		}
		e.signatures = append(e.signatures, s)
	}
	if !bytes.Equal(b, e.bytes()) {
		return e, refuse(Malformed, "the document is not written as it must be: payload, then signatures, without spaces or escapes, so that its hash names it")
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

func readSignature(raw json.RawMessage) (s signature, typ string, err error) {
	var outer struct {
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}
	if err := readMembers(raw, "a signature", &outer, "protected", "signature"); err != nil {
		return s, "", err
	}
	s.protected, s.value = outer.Protected, outer.Signature
	header, err := canonical.DecodeString(s.protected)
	if err != nil || strings.ContainsAny(s.protected, "\r\n") {
		return s, "", refuse(Malformed, "a protected header is not base64url without padding")
	}
	if _, err := canonical.DecodeString(s.value); err != nil || len(s.value) != signatureCharacters {
		return s, "", refuse(Malformed, "a signature is not 64 bytes in base64url without padding")
	}
	if err := StrictJSON(header); err != nil {
		return s, "", err
	}
	return s.header(header)
}

// header reads a protected header. Anything but alg, kid and typ is refused: crit, jku, jwk, x5u, x5c and b64 have each
// been used to make a verifier believe the sender about how to verify.
func (s signature) header(b []byte) (signature, string, error) {
	members, err := object(b, "a protected header")
	if err != nil {
		return s, "", err
	}
	for name := range members {
		if name != "alg" && name != "kid" && name != "typ" {
			return s, "", refuse(HeaderNotAllowed, "a protected header has the member %q; only alg, kid and typ are allowed", name)
		}
	}
	var h struct {
		Algorithm string `json:"alg"`
		KID       string `json:"kid"`
		Type      string `json:"typ"`
	}
	if err := readMembers(b, "a protected header", &h, "alg", "kid", "typ"); err != nil {
		return s, "", err
	}
	if h.Algorithm != string(jose.EdDSA) {
		return s, "", refuse(Algorithm, "a signature uses the algorithm %q; only EdDSA is accepted", h.Algorithm)
	}
	if h.KID == "" || len(h.KID) > maxName {
		return s, "", refuse(Malformed, "a signature's kid is empty or longer than %d bytes", maxName)
	}
	typ, ok := strings.CutPrefix(h.Type, typePrefix)
	if !ok || !typeName.MatchString(typ) {
		return s, "", refuse(WrongType, "the type %q is not one of Raksha's documents, which begin with %q", h.Type, typePrefix)
	}
	s.kid = h.KID
	return s, typ, nil
}

// verify checks one signature over the payload as it was received.
func (s signature) verify(encoded string, key ed25519.PublicKey) error {
	jws, err := jose.ParseSignedCompact(s.protected+"."+encoded+"."+s.value, []jose.SignatureAlgorithm{jose.EdDSA})
	if err == nil {
		_, err = jws.Verify(key)
	}
	if err != nil {
		return refuse(BadSignature, "the signature by the key %q is not over this content: the document was altered, or another key signed it", s.kid)
	}
	return nil
}

// readPayload checks the signed content.
func readPayload(content []byte) (payload, error) {
	var p payload
	if err := StrictJSON(content); err != nil {
		return p, err
	}
	if err := readMembers(content, "the payload", &p, "iss", "aud", "jti", "iat", "exp", "checkpoint", "body"); err != nil {
		return p, err
	}
	for name, v := range map[string]string{"iss": p.Issuer, "aud": p.Audience, "jti": p.ID} {
		if v == "" || len(v) > maxName {
			return p, refuse(Malformed, "the payload's %s is empty or longer than %d bytes", name, maxName)
		}
	}
	if len(p.Checkpoint) > maxCheckpoint {
		return p, refuse(Malformed, "the payload's checkpoint is longer than %d bytes", maxCheckpoint)
	}
	if p.IssuedAt < 0 || p.Expires > maxTime || p.Expires <= p.IssuedAt {
		return p, refuse(Malformed, "the payload expires (%d) before or as it was issued (%d), or not within the calendar", p.Expires, p.IssuedAt)
	}
	if p.Body[0] != '{' {
		return p, refuse(Malformed, "the body is not a JSON object")
	}
	return p, nil
}

// object reads an object's members without looking into them.
func object(b []byte, what string) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil || members == nil {
		return nil, refuse(Malformed, "%s is not a JSON object", what)
	}
	return members, nil
}

// readMembers reads an object that must have exactly the members named, none of them null, into a struct.
func readMembers(b []byte, what string, into any, names ...string) error {
	members, err := object(b, what)
	if err != nil {
		return err
	}
	for name := range members {
		if !slices.Contains(names, name) {
			return refuse(UnknownMember, "%s has the member %q; it may have only %s", what, name, strings.Join(names, ", "))
		}
	}
	for _, name := range names {
		if v, ok := members[name]; !ok || string(v) == "null" {
			return refuse(MissingMember, "%s lacks the member %q", what, name)
		}
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refuse(Malformed, "%s has a member of the wrong kind", what)
	}
	return nil
}
