// Package passkeytest is a passkey in software, for tests: what a device does when a browser asks it (WebAuthn Level 3
// s.6.3). It keeps no secret from anybody; a node takes it for any other device that attests nothing.
package passkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"raksha.example/raksha/internal/identity"
)

// Flags of authenticator data (WebAuthn s.6.1).
const (
	Present  = 1 // somebody touched the device
	Verified = 4 // the device knows who
	attested = 0x40
)

// Authenticator is one passkey. A copy of it is a copied device: it counts for itself.
type Authenticator struct {
	ID     []byte // of the credential
	RPID   string // the domain that it belongs to
	Origin string // of the page that asks
	Count  uint32 // signatures so far
	Flags  byte   // Present and Verified, unless a test wants less

	t   testing.TB
	key crypto.Signer
}

// New makes a passkey with a new ES256 key.
func New(t testing.TB, rpID, origin string) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &Authenticator{ID: id, RPID: rpID, Origin: origin, Flags: Present | Verified, t: t, key: key}
}

// EdDSA makes a passkey of a given key and id.
func EdDSA(t testing.TB, id []byte, key ed25519.PrivateKey, rpID, origin string) *Authenticator {
	return &Authenticator{ID: id, RPID: rpID, Origin: origin, Flags: Present | Verified, t: t, key: key}
}

// COSE gives the public key as COSE_Key, for ES256 or EdDSA (RFC 9053 s.7.1, s.7.2).
func (a *Authenticator) COSE() []byte {
	a.t.Helper()
	if key, ok := a.key.Public().(ed25519.PublicKey); ok {
		return a.cbor(map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(key)})
	}
	point, err := a.key.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	return a.cbor(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
}

func (a *Authenticator) cbor(v any) []byte {
	a.t.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		a.t.Fatal(err)
	}
	b, err := mode.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

// Data gives authenticator data with flags, and counts on.
func (a *Authenticator) Data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.RPID))
	a.Count++
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.Count)
}

func (a *Authenticator) json(v any) []byte {
	a.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	return b
}

func (a *Authenticator) clientData(kind string, challenge []byte) []byte {
	return a.json(map[string]any{"type": kind, "challenge": b64(challenge), "origin": a.Origin, "crossOrigin": false})
}

// Sign asserts a challenge.
func (a *Authenticator) Sign(challenge []byte) identity.Assertion {
	a.t.Helper()
	out := identity.Assertion{CredentialID: a.ID, AuthenticatorData: a.Data(a.Flags), ClientDataJSON: a.clientData("webauthn.get", challenge)}
	client := sha256.Sum256(out.ClientDataJSON)
	signed := append(append([]byte{}, out.AuthenticatorData...), client[:]...)
	hash := crypto.Hash(0) // EdDSA signs the message itself
	if _, ok := a.key.(*ecdsa.PrivateKey); ok {
		digest := sha256.Sum256(signed)
		signed, hash = digest[:], crypto.SHA256
	}
	var err error
	if out.Signature, err = a.key.Sign(rand.Reader, signed, hash); err != nil {
		a.t.Fatal(err)
	}
	return out
}

// Response gives an assertion as a browser's JSON (WebAuthn s.5.1.7). userHandle may be nil.
func (a *Authenticator) Response(challenge, userHandle []byte) []byte {
	a.t.Helper()
	s := a.Sign(challenge)
	return a.json(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(s.ClientDataJSON), "authenticatorData": b64(s.AuthenticatorData), "signature": b64(s.Signature), "userHandle": b64(userHandle)}})
}

// Created gives a registration as a browser's JSON (WebAuthn s.6.5, attestation "none").
func (a *Authenticator) Created(challenge []byte) []byte {
	a.t.Helper()
	data := append(a.Data(a.Flags|attested), make([]byte, 16)...) // no AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.ID)))
	data = append(append(data, a.ID...), a.COSE()...)
	attestation := a.cbor(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	return a.json(map[string]any{"id": b64(a.ID), "rawId": b64(a.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.clientData("webauthn.create", challenge)), "attestationObject": b64(attestation), "transports": []string{"internal"}}})
}

// Asked reads the challenge, and the user's handle where there is one, from the options of a ceremony as a browser gets them.
func Asked(t testing.TB, options any) (challenge, user []byte) {
	t.Helper()
	b, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	challenge, err1 := base64.RawURLEncoding.DecodeString(o.Challenge)
	user, err2 := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err1 != nil || err2 != nil || len(challenge) < 16 {
		t.Fatalf("options %s", b)
	}
	return challenge, user
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
