package courier_test

import (
	"testing"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/identity/passkeytest"
)

const pages = "https://unit.example" // where the unit's officers use their passkeys

// authenticator is an officer's passkey, in the forms that documents and directory entries have it in.
type authenticator struct{ *passkeytest.Authenticator }

func newES256(t testing.TB, id string) *authenticator {
	t.Helper()
	a := passkeytest.New(t, "unit.example", pages)
	a.ID = []byte(id)
	return &authenticator{a}
}

func newEdDSA(t testing.TB, id string) *authenticator {
	return &authenticator{passkeytest.EdDSA(t, []byte(id), seeded(id), "unit.example", pages)}
}

// passkey gives its public half as a directory entry lists it.
func (a *authenticator) passkey() courier.Passkey {
	return courier.Passkey{ID: a.ID, Key: a.COSE(), URL: pages}
}

// sign asserts a challenge.
func (a *authenticator) sign(challenge [32]byte) *identity.Assertion {
	s := a.Sign(challenge[:])
	return &s
}

// assert puts the passkey's assertion into a document.
func (a *authenticator) assert(t testing.TB, d courier.Document) courier.Document {
	t.Helper()
	hash, err := d.Hash()
	if err != nil {
		t.Fatal(err)
	}
	d.Passkey = a.sign(hash)
	return d
}
