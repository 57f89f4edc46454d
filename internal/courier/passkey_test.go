package courier_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
)

const pages = "https://unit.example" // where the unit's officers use their passkeys

// authenticator is a passkey in software: what a device does when a browser asks it (WebAuthn s.6.3.3).
type authenticator struct {
	id    []byte
	es256 *ecdsa.PrivateKey  // one of the two
	eddsa ed25519.PrivateKey //
	flags byte               // user present 1, user verified 4
}

func newES256(t testing.TB, id string) *authenticator {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authenticator{id: []byte(id), es256: k, flags: 5}
}

func newEdDSA(id string) *authenticator {
	return &authenticator{id: []byte(id), eddsa: seeded(id), flags: 5}
}

// passkey gives its public half as a directory entry lists it: COSE_Key for ES256 or EdDSA (RFC 9053 s.7.1, s.7.2).
func (a *authenticator) passkey(t testing.TB) courier.Passkey {
	t.Helper()
	if a.eddsa != nil {
		cose := append([]byte{0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32}, a.eddsa.Public().(ed25519.PublicKey)...)
		return courier.Passkey{ID: a.id, Key: cose, URL: pages}
	}
	point, err := a.es256.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33]...)
	return courier.Passkey{ID: a.id, Key: append(append(cose, 0x22, 0x58, 32), point[33:]...), URL: pages}
}

// sign asserts a challenge.
func (a *authenticator) sign(t testing.TB, challenge [32]byte) *identity.Assertion {
	t.Helper()
	rp := sha256.Sum256([]byte("unit.example"))
	client, err := json.Marshal(map[string]any{"type": "webauthn.get", "challenge": base64.RawURLEncoding.EncodeToString(challenge[:]), "origin": pages, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	out := &identity.Assertion{CredentialID: a.id, AuthenticatorData: binary.BigEndian.AppendUint32(append(rp[:], a.flags), 1), ClientDataJSON: client}
	hash := sha256.Sum256(client)
	signed := append(append([]byte{}, out.AuthenticatorData...), hash[:]...)
	if a.eddsa != nil {
		out.Signature = ed25519.Sign(a.eddsa, signed)
		return out
	}
	digest := sha256.Sum256(signed)
	if out.Signature, err = ecdsa.SignASN1(rand.Reader, a.es256, digest[:]); err != nil {
		t.Fatal(err)
	}
	return out
}

// assert puts the passkey's assertion into a document.
func (a *authenticator) assert(t testing.TB, d courier.Document) courier.Document {
	t.Helper()
	hash, err := d.Hash()
	if err != nil {
		t.Fatal(err)
	}
	d.Passkey = a.sign(t, hash)
	return d
}
