package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/identity/passkeytest"
)

// registers gives an officer a new passkey, through the API.
func (d *door) registers(name string) *passkeytest.Authenticator {
	d.t.Helper()
	rp, origin, err := identity.RelyingParty(d.n.Named())
	if err != nil {
		d.t.Fatal(err)
	}
	device := passkeytest.New(d.t, rp, origin)
	var c identity.Ceremony
	d.post(d.tokens[name], "/passkeys/challenge", `{}`, http.StatusOK, "", &c)
	challenge, _ := passkeytest.Asked(d.t, c.Options)
	b, err := json.Marshal(map[string]any{"ceremony": c.ID, "name": "phone", "response": json.RawMessage(device.Created(challenge))})
	if err != nil {
		d.t.Fatal(err)
	}
	d.post(d.tokens[name], "/passkeys", string(b), http.StatusOK, "", nil)
	return device
}

// asked gives what a passkey must sign to authorise a document, and the instant that goes with it.
func (d *door) asked(name string, id int64) (hash []byte, signedAt int64) {
	d.t.Helper()
	var c struct {
		SignedAt int64           `json:"signed_at"`
		Options  json.RawMessage `json:"options"`
	}
	d.post(d.tokens[name], fmt.Sprintf("/documents/%d/authorisation/challenge", id), `{}`, http.StatusOK, "", &c)
	hash, _ = passkeytest.Asked(d.t, c.Options)
	return hash, c.SignedAt
}

// authorises signs a document with an officer's password and what a passkey answered.
func (d *door) authorises(name string, id, signedAt int64, response []byte, status int, code string) {
	d.t.Helper()
	b, err := json.Marshal(map[string]any{"password": password, "signed_at": signedAt, "response": json.RawMessage(response)})
	if err != nil {
		d.t.Fatal(err)
	}
	d.post(d.tokens[name], fmt.Sprintf("/documents/%d/authorisation", id), string(b), status, code, nil)
}

// An officer authorises an order with a passkey, and the holder acts on it. Whoever has all keys of the unit's node, but not
// the officer's passkey, makes nothing that the holder takes: each try is refused with a signed reason, and no account is touched.
func TestOrderByPasskey(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		p := newPair(t, fresh)
		u := p.unit
		meera, om := u.registers("meera"), u.registers("om")
		// The platform pinned the unit before there were passkeys; it asks for the newer entry when the first one comes.
		authorise := func(f courier.Filed) {
			t.Helper()
			hash, at := u.asked("meera", f.ID)
			u.authorises("meera", f.ID, at, meera.Response(hash, nil), http.StatusOK, "")
			u.n.Delivered()
		}
		preservation := p.draft("/preservation-requests", 0, p.there)
		authorise(preservation)
		in, _ := p.executed(preservation)
		p.answer(in)

		// The unit's own node sends nothing that every receiver would refuse.
		order := p.draft("/takedown-orders", preservation.ID, p.there)
		hash, at := u.asked("meera", order.ID)
		other := sha256.Sum256([]byte("kite"))
		bare := *meera
		bare.Flags = passkeytest.Present
		u.post(u.tokens["meera"], fmt.Sprintf("/documents/%d/authorisation", order.ID), `{"password":"`+password+`"}`, http.StatusForbidden, courier.PasskeyMissing, nil)
		u.authorises("meera", order.ID, at, om.Response(hash, nil), http.StatusForbidden, "bad_assertion")
		u.authorises("meera", order.ID, at, meera.Response(other[:], nil), http.StatusForbidden, "bad_assertion")
		u.authorises("meera", order.ID, at, bare.Response(hash, nil), http.StatusForbidden, "bad_assertion")
		u.authorises("om", order.ID, at, meera.Response(hash, nil), http.StatusForbidden, "bad_assertion")
		authorise(order)

		// Now with the keys of the node alone, around its rules.
		sent, err := courier.ByID(t.Context(), u.n.DB.Reader(), order.ID)
		if err != nil {
			t.Fatal(err)
		}
		genuine, err := courier.Verify(t.Context(), []byte(sent.JWS), u.n.Clock.Now(), u.n.Book)
		if err != nil || genuine.Passkey == nil {
			t.Fatalf("the order: %v, passkey %v", err, genuine.Passkey)
		}
		agency := courier.Key{KID: u.n.Self.AgencyKID, Private: u.n.Self.AgencyKey}
		made := 0
		forged := func(sign func(d *courier.Document, hash [32]byte)) []byte {
			t.Helper()
			d := genuine.Document
			made++
			d.ID = fmt.Sprintf("%032x", made) // another order, alike in everything else
			hash, err := d.Hash()
			if err != nil {
				t.Fatal(err)
			}
			sign(&d, hash)
			b, err := courier.Seal(d, p.meera, agency)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		by := func(a *passkeytest.Authenticator, hash [32]byte) *identity.Assertion {
			s := a.Sign(hash[:])
			return &s
		}
		for _, c := range []struct {
			name, code, says string
			document         []byte
		}{
			{"without the assertion", courier.PasskeyMissing, "does not bring its assertion", forged(func(d *courier.Document, _ [32]byte) { d.Passkey = nil })},
			{"over another hash", "bad_assertion", "signed another document", forged(func(d *courier.Document, _ [32]byte) { d.Passkey = by(meera, other) })},
			{"by another person's passkey", courier.PasskeyUnknown, "does not list for Name of meera", forged(func(d *courier.Document, hash [32]byte) { d.Passkey = by(om, hash) })},
			{"the person not verified", "bad_assertion", "did not verify who used it", forged(func(d *courier.Document, hash [32]byte) { d.Passkey = by(&bare, hash) })},
			{"replayed from another document", "bad_assertion", "signed another document", forged(func(d *courier.Document, _ [32]byte) {})},
			{"over the right hash, changed afterwards", "bad_assertion", "signed another document", forged(func(d *courier.Document, hash [32]byte) {
				d.Passkey = by(meera, hash)
				d.Body = []byte(strings.Replace(string(d.Body), "listed media found", "because we say so", 1))
			})},
		} {
			a := p.deliver(c.document)
			if a.Outcome != courier.Refused || a.Code != c.code || !strings.Contains(a.Reason, c.says) {
				t.Errorf("%s: %s, code %q, reason %q", c.name, a.Outcome, a.Code, a.Reason)
			}
		}
		if acts := p.site.Acts(); len(acts) != 0 {
			t.Errorf("accounts were touched: %v", acts)
		}
		if n := p.platform.n.Int("SELECT COUNT(*) FROM document WHERE direction = 'in' AND instrument = 'takedown_order'"); n != 1 {
			t.Errorf("%d orders are on file at the platform, want the genuine one", n)
		}
		// The control: the same forgery with the officer's consent is taken.
		if a := p.deliver(forged(func(d *courier.Document, hash [32]byte) { d.Passkey = by(meera, hash) })); a.Outcome != courier.Received {
			t.Errorf("with the passkey: %s (%s)", a.Outcome, a.Reason)
		}

		in, states := p.executed(order)
		if fmt.Sprint(states) != "[account_suspended]" || in.Signatory == "" {
			t.Errorf("items are %v, signed by %q", states, in.Signatory)
		}
		p.answer(in)
		if acts := p.site.Acts(); len(acts) != 1 || acts[0].AccountID != p.target.ID || acts[0].Act != "suspend" {
			t.Errorf("acts %+v, want one suspension of %s", acts, p.target.ID)
		}
		if f, err := courier.ByID(t.Context(), u.n.DB.Reader(), order.ID); err != nil || f.State != "complied" {
			t.Errorf("the order is %s (%v)", f.State, err)
		}
	})
}
