package identity_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/identity/passkeytest"
	"raksha.example/raksha/internal/store"
)

func TestPasskeys(t *testing.T) {
	each(t, func(t *testing.T, n *node) {
		n.person("asha", identity.Authoriser)
		n.person("bina", identity.Authoriser)
		asha, _ := n.in("asha")
		bina, _ := n.in("bina")
		device := passkeytest.New(t, "unit.example", nodeURL)
		register := func(p identity.Person, a *passkeytest.Authenticator) error {
			c, err := n.people.BeginPasskey(n.ctx, p)
			if err != nil {
				return err
			}
			challenge, _ := passkeytest.Asked(t, c.Options)
			_, err = n.people.FinishPasskey(n.ctx, p, c.ID, "laptop", a.Created(challenge))
			return err
		}
		far := passkeytest.New(t, "unit.example", "https://river.example")
		refused(t, "registered on another site's page", register(asha, far), fault.Refused, "")
		unverified := passkeytest.New(t, "unit.example", nodeURL)
		unverified.Flags = passkeytest.Present
		refused(t, "a device that does not verify who uses it", register(asha, unverified), fault.Refused, "")
		n.must(register(asha, device))
		refused(t, "the same device for another person", register(bina, device), fault.Conflict, "")

		begin := func() (identity.Ceremony, []byte) {
			c, err := n.people.BeginPasskeySignIn(n.ctx)
			n.must(err)
			challenge, _ := passkeytest.Asked(t, c.Options)
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
		answer := device.Response(challenge, handle)
		n.must(finish(c, answer))
		refused(t, "the same answer again", finish(c, answer), fault.Unsigned, "")
		c2, _ := begin()
		refused(t, "an answer to another challenge", finish(c2, answer), fault.Unsigned, "")
		c, challenge = begin()
		refused(t, "another person's handle", finish(c, device.Response(challenge, n.people.Handle(bina.ID))), fault.Unsigned, "")
		c, challenge = begin()
		refused(t, "an unknown device", finish(c, passkeytest.New(t, "unit.example", nodeURL).Response(challenge, handle)), fault.Unsigned, "")
		c, challenge = begin()
		n.pass(6 * time.Minute)
		refused(t, "too late", finish(c, device.Response(challenge, handle)), fault.Unsigned, "")
		c, challenge = begin()
		device.Count = 0 // a copy of the device, made before
		refused(t, "a copied device", finish(c, device.Response(challenge, handle)), fault.Refused, "passkey_copied")
		device.Count = 100
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
		challenge, _ = passkeytest.Asked(t, proof.Options)
		refused(t, "another person answers", n.people.FinishProof(n.ctx, bina, proof.ID, device.Response(challenge, handle)), fault.Unsigned, "")
		n.must(n.people.FinishProof(n.ctx, asha, proof.ID, device.Response(challenge, handle)))
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
		assertion := device.Sign(hash[:])
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
		refused(t, "a removed passkey", finish(c, device.Response(challenge, handle)), fault.Unsigned, "")
	})
}

// FuzzPasskeyAnswers gives the ceremonies what a stranger may send.
func FuzzPasskeyAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{}}`))
	f.Add([]byte(`{"id":"AQ","rawId":"AQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"}}`))
	f.Fuzz(func(t *testing.T, b []byte) { identity.ParseAnswers(b) })
}
