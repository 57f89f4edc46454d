package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
)

// authenticator is a passkey in software: what a device does when a browser asks it (WebAuthn s.6.3.3).
type authenticator struct {
	id     []byte
	key    *ecdsa.PrivateKey
	rpID   string
	origin string
	count  uint32
	flags  byte
}

const present, verified = 1, 4

func newAuthenticator(t *testing.T, rpID, origin string) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &authenticator{id: id, key: key, rpID: rpID, origin: origin, flags: present | verified}
}

// cose gives the public key as COSE ES256 (RFC 9053 s.7.1.1).
func (a *authenticator) cose(t *testing.T) []byte {
	t.Helper()
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *authenticator) data(flags byte) []byte {
	rp := sha256.Sum256([]byte(a.rpID))
	a.count++
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.count)
}

func (a *authenticator) clientData(t *testing.T, kind string, challenge []byte) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": base64.RawURLEncoding.EncodeToString(challenge), "origin": a.origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *authenticator) sign(t *testing.T, challenge []byte) identity.Assertion {
	t.Helper()
	out := identity.Assertion{CredentialID: a.id, AuthenticatorData: a.data(a.flags), ClientDataJSON: a.clientData(t, "webauthn.get", challenge)}
	client := sha256.Sum256(out.ClientDataJSON)
	digest := sha256.Sum256(append(append([]byte{}, out.AuthenticatorData...), client[:]...))
	var err error
	if out.Signature, err = ecdsa.SignASN1(rand.Reader, a.key, digest[:]); err != nil {
		t.Fatal(err)
	}
	return out
}

// response gives an assertion as a browser's JSON.
func (a *authenticator) response(t *testing.T, challenge, userHandle []byte) []byte {
	t.Helper()
	s := a.sign(t, challenge)
	b64 := base64.RawURLEncoding.EncodeToString
	b, err := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(s.ClientDataJSON), "authenticatorData": b64(s.AuthenticatorData), "signature": b64(s.Signature), "userHandle": b64(userHandle)}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const nodeURL = "https://unit.example"

func TestVerifyAssertion(t *testing.T) {
	hash := sha256.Sum256([]byte("a takedown order"))
	device := newAuthenticator(t, "unit.example", nodeURL)
	good := device.sign(t, hash[:])
	if err := identity.VerifyAssertion(good, hash, device.id, device.cose(t), nodeURL); err != nil {
		t.Fatalf("a good assertion: %v", err)
	}
	parsed, err := identity.ParseAssertion(device.response(t, hash[:], nil))
	if err != nil || identity.VerifyAssertion(parsed, hash, device.id, device.cose(t), nodeURL) != nil {
		t.Fatalf("an assertion as browsers write it: %v", err)
	}
	other := newAuthenticator(t, "unit.example", nodeURL)
	absent := *device
	absent.flags = present
	foreign := newAuthenticator(t, "river.example", "https://river.example")
	elsewhere := *device
	elsewhere.origin = "https://river.example"
	flip := func(change func(*identity.Assertion)) identity.Assertion {
		a := identity.Assertion{CredentialID: append([]byte{}, good.CredentialID...), AuthenticatorData: append([]byte{}, good.AuthenticatorData...),
			ClientDataJSON: append([]byte{}, good.ClientDataJSON...), Signature: append([]byte{}, good.Signature...)}
		change(&a)
		return a
	}
	wrong := sha256.Sum256([]byte("another order"))
	for name, c := range map[string]struct {
		a    identity.Assertion
		hash [32]byte
		key  []byte
		says string
	}{
		"another document":     {good, wrong, device.cose(t), "another document"},
		"another key":          {good, hash, other.cose(t), "signature"},
		"another credential":   {other.sign(t, hash[:]), hash, device.cose(t), "another passkey"},
		"not verified":         {absent.sign(t, hash[:]), hash, device.cose(t), "verify who used it"},
		"another node":         {flip(func(a *identity.Assertion) { copy(a.AuthenticatorData, foreign.data(5)[:32]) }), hash, device.cose(t), "another node"},
		"another page":         {elsewhere.sign(t, hash[:]), hash, device.cose(t), "on the pages of"},
		"signature changed":    {flip(func(a *identity.Assertion) { a.Signature[10] ^= 1 }), hash, device.cose(t), "signature"},
		"counter changed":      {flip(func(a *identity.Assertion) { a.AuthenticatorData[36] ^= 1 }), hash, device.cose(t), "signature"},
		"data cut":             {flip(func(a *identity.Assertion) { a.AuthenticatorData = a.AuthenticatorData[:30] }), hash, device.cose(t), "not readable"},
		"no client data":       {flip(func(a *identity.Assertion) { a.ClientDataJSON = nil }), hash, device.cose(t), "not readable"},
		"client data too long": {flip(func(a *identity.Assertion) { a.ClientDataJSON = make([]byte, 1<<20) }), hash, device.cose(t), "too long"},
		"no key":               {good, hash, nil, "signature"},
	} {
		err := identity.VerifyAssertion(c.a, c.hash, device.id, c.key, nodeURL)
		if fault.Of(err) != fault.Refused || fault.Code(err) != "bad_assertion" || !strings.Contains(fault.Message(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{"http://unit.example", "https://192.0.2.7", "", "ftp://unit.example", "https://"} {
		if err := identity.VerifyAssertion(good, hash, device.id, device.cose(t), url); fault.Code(err) != "bad_assertion" {
			t.Errorf("node at %q: %v", url, err)
		}
	}
}

func TestChallengeForHash(t *testing.T) {
	hash := sha256.Sum256([]byte("kite"))
	o, err := identity.ChallengeForHash(hash, [][]byte{{1, 2, 3}}, "https://unit.example:8443")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := base64.RawURLEncoding.DecodeString(o.Challenge); err != nil || string(b) != string(hash[:]) {
		t.Errorf("the challenge is %q", o.Challenge)
	}
	if o.RPID != "unit.example" || o.UserVerification != "required" || len(o.AllowCredentials) != 1 || o.AllowCredentials[0].ID != "AQID" {
		t.Errorf("options %+v", o)
	}
	if _, err := identity.ChallengeForHash(hash, nil, nodeURL); fault.Code(err) != "no_passkey" {
		t.Errorf("without a passkey: %v", err)
	}
}

// FuzzAssertion gives the verifier what another node may send.
func FuzzAssertion(f *testing.F) {
	f.Add([]byte{1}, []byte{0}, []byte(`{"type":"webauthn.get"}`), []byte{2}, []byte{0xa0})
	f.Add([]byte{1}, make([]byte, 37), []byte(`{"type":"webauthn.get","challenge":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","origin":"https://unit.example"}`), []byte{0x30, 0}, []byte{0xa5, 1, 2, 3, 0x26})
	f.Fuzz(func(t *testing.T, id, data, client, signature, key []byte) {
		a := identity.Assertion{CredentialID: id, AuthenticatorData: data, ClientDataJSON: client, Signature: signature}
		if identity.VerifyAssertion(a, [32]byte{}, id, key, nodeURL) == nil && len(signature) == 0 {
			t.Error("an assertion without a signature verifies")
		}
		if b, err := json.Marshal(a); err == nil {
			identity.ParseAssertion(b)
		}
		identity.ParseAssertion(client)
	})
}
