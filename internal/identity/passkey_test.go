package identity_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// options are what a browser reads of a ceremony.
type options struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

func read(t *testing.T, c identity.Ceremony) (challenge, user []byte) {
	t.Helper()
	b, err := json.Marshal(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	var o options
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

// created gives a registration as a browser's JSON (WebAuthn s.6.5, attestation "none").
func (a *authenticator) created(t *testing.T, challenge []byte) []byte {
	t.Helper()
	data := a.data(a.flags | 0x40)
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), a.cose(t)...)
	attestation, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	b, err := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.clientData(t, "webauthn.create", challenge)), "attestationObject": b64(attestation), "transports": []string{"internal"}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPasskeys(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Authoriser)
		n.person("bina", identity.Authoriser)
		asha, _ := n.in("asha")
		bina, _ := n.in("bina")
		device := newAuthenticator(t, "unit.example", nodeURL)
		register := func(p identity.Person, a *authenticator) error {
			c, err := n.people.BeginPasskey(n.ctx, p)
			if err != nil {
				return err
			}
			challenge, _ := read(t, c)
			_, err = n.people.FinishPasskey(n.ctx, p, c.ID, "laptop", a.created(t, challenge))
			return err
		}
		far := newAuthenticator(t, "unit.example", "https://river.example")
		refused(t, "registered on another site's page", register(asha, far), fault.Refused, "")
		unverified := newAuthenticator(t, "unit.example", nodeURL)
		unverified.flags = present
		refused(t, "a device that does not verify who uses it", register(asha, unverified), fault.Refused, "")
		n.must(register(asha, device))
		refused(t, "the same device for another person", register(bina, device), fault.Conflict, "")

		begin := func() (identity.Ceremony, []byte) {
			c, err := n.people.BeginPasskeySignIn(n.ctx)
			n.must(err)
			challenge, _ := read(t, c)
			return c, challenge
		}
		handle := n.people.Handle(asha.ID)
		finish := func(c identity.Ceremony, b []byte) error {
			_, p, err := n.people.FinishPasskeySignIn(n.ctx, c.ID, b, identity.Device{})
			if err == nil && p.ID != asha.ID {
				t.Errorf("signed in as %s", p.Username)
			}
			return err
		}
		c, challenge := begin()
		answer := device.response(t, challenge, handle)
		n.must(finish(c, answer))
		refused(t, "the same answer again", finish(c, answer), fault.Unsigned, "")
		c2, _ := begin()
		refused(t, "an answer to another challenge", finish(c2, answer), fault.Unsigned, "")
		c, challenge = begin()
		refused(t, "another person's handle", finish(c, device.response(t, challenge, n.people.Handle(bina.ID))), fault.Unsigned, "")
		c, challenge = begin()
		refused(t, "an unknown device", finish(c, newAuthenticator(t, "unit.example", nodeURL).response(t, challenge, handle)), fault.Unsigned, "")
		c, challenge = begin()
		n.pass(6 * time.Minute)
		refused(t, "too late", finish(c, device.response(t, challenge, handle)), fault.Unsigned, "")
		c, challenge = begin()
		device.count = 0 // a copy of the device, made before
		refused(t, "a copied device", finish(c, device.response(t, challenge, handle)), fault.Refused, "passkey_copied")
		device.count = 100
		refused(t, "nonsense", finish(c, []byte(`{"id":"AA"}`)), fault.Unsigned, "")

		// The password alone is not enough any more, for signing in and for proving.
		_, _, err := n.people.SignIn(n.ctx, "asha", password, "", identity.Device{})
		refused(t, "a password", err, fault.Unsigned, "passkey_needed")
		n.pass(identity.ProofLength)
		refused(t, "a password as proof", n.people.Prove(n.ctx, asha, password, "", identity.Device{}), fault.Unsigned, "passkey_needed")
		_, err = n.people.Key(n.ctx, asha, password)
		refused(t, "the key without a fresh proof", err, fault.Forbidden, "step_up")
		proof, err := n.people.BeginProof(n.ctx, asha)
		n.must(err)
		challenge, _ = read(t, proof)
		refused(t, "another person answers", n.people.FinishProof(n.ctx, bina, proof.ID, device.response(t, challenge, handle)), fault.Unsigned, "")
		n.must(n.people.FinishProof(n.ctx, asha, proof.ID, device.response(t, challenge, handle)))
		fresh, err := n.people.Standing(n.ctx, n.db.Reader(), asha)
		n.must(err)
		_, err = n.people.Key(n.ctx, fresh, password)
		n.must(err)

		hash := sha256.Sum256([]byte("an order"))
		asked, err := n.people.DocumentChallenge(n.ctx, asha, hash)
		n.must(err)
		if len(asked.AllowCredentials) != 1 || asked.RPID != "unit.example" {
			t.Errorf("options %+v", asked)
		}
		assertion := device.sign(t, hash[:])
		_, err = n.people.CheckDocument(n.ctx, n.db.Reader(), asha, hash, assertion)
		n.must(err)
		_, err = n.people.CheckDocument(n.ctx, n.db.Reader(), bina, hash, assertion)
		refused(t, "somebody else's passkey", err, fault.Refused, "bad_assertion")

		keys, err := n.people.Passkeys(n.ctx, n.db.Reader(), asha.ID)
		n.must(err)
		remove := func(p identity.Person) error {
			return n.write(func(ctx context.Context, tx *store.Tx) error { return n.people.RemovePasskey(ctx, tx, p, keys[0].ID) })
		}
		stranger, _ := n.in("bina")
		refused(t, "somebody else removes it", remove(stranger), fault.NotFound, "")
		n.must(remove(fresh))
		c, challenge = begin()
		refused(t, "a removed passkey", finish(c, device.response(t, challenge, handle)), fault.Unsigned, "")
	})
}

// FuzzPasskeyAnswers gives the ceremonies what a stranger may send.
func FuzzPasskeyAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{}}`))
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) { identity.ParseAnswers(b) })
}
