package identity_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/identity/passkeytest"
)

const nodeURL = "https://unit.example"

func TestVerifyAssertion(t *testing.T) {
	hash := sha256.Sum256([]byte("a takedown order"))
	device := passkeytest.New(t, "unit.example", nodeURL)
	good := device.Sign(hash[:])
	if err := identity.VerifyAssertion(good, hash, device.ID, device.COSE(), nodeURL); err != nil {
		t.Fatalf("a good assertion: %v", err)
	}
	parsed, err := identity.ParseAssertion(device.Response(hash[:], nil))
	if err != nil || identity.VerifyAssertion(parsed, hash, device.ID, device.COSE(), nodeURL) != nil {
		t.Fatalf("an assertion as browsers write it: %v", err)
	}
	other := passkeytest.New(t, "unit.example", nodeURL)
	absent := *device
	absent.Flags = passkeytest.Present
	foreign := passkeytest.New(t, "river.example", "https://river.example")
	elsewhere := *device
	elsewhere.Origin = "https://river.example"
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
		"another document":     {good, wrong, device.COSE(), "another document"},
		"another key":          {good, hash, other.COSE(), "signature"},
		"another credential":   {other.Sign(hash[:]), hash, device.COSE(), "another passkey"},
		"not verified":         {absent.Sign(hash[:]), hash, device.COSE(), "verify who used it"},
		"another node":         {flip(func(a *identity.Assertion) { copy(a.AuthenticatorData, foreign.Data(5)[:32]) }), hash, device.COSE(), "another node"},
		"another page":         {elsewhere.Sign(hash[:]), hash, device.COSE(), "on the pages of"},
		"signature changed":    {flip(func(a *identity.Assertion) { a.Signature[10] ^= 1 }), hash, device.COSE(), "signature"},
		"counter changed":      {flip(func(a *identity.Assertion) { a.AuthenticatorData[36] ^= 1 }), hash, device.COSE(), "signature"},
		"data cut":             {flip(func(a *identity.Assertion) { a.AuthenticatorData = a.AuthenticatorData[:30] }), hash, device.COSE(), "not readable"},
		"no client data":       {flip(func(a *identity.Assertion) { a.ClientDataJSON = nil }), hash, device.COSE(), "not readable"},
		"client data too long": {flip(func(a *identity.Assertion) { a.ClientDataJSON = make([]byte, 1<<20) }), hash, device.COSE(), "too long"},
		"no key":               {good, hash, nil, "signature"},
	} {
		err := identity.VerifyAssertion(c.a, c.hash, device.ID, c.key, nodeURL)
		if fault.Of(err) != fault.Refused || fault.Code(err) != "bad_assertion" || !strings.Contains(fault.Message(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, url := range []string{"http://unit.example", "https://192.0.2.7", "", "ftp://unit.example", "https://"} {
		if err := identity.VerifyAssertion(good, hash, device.ID, device.COSE(), url); fault.Code(err) != "bad_assertion" {
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
