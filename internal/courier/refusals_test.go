package courier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// At this instant a takedown order needs a Deputy Inspector General, with the order that authorises him or her.
var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// unitEntry is the directory entry of the police unit whose documents are forged below. Of every kind of key it has one.
func unitEntry(version int, passkey courier.Passkey) directory.Entry {
	before, after := noon.Add(-90*24*time.Hour), noon.Add(90*24*time.Hour)
	officer := func(kid, rank string) directory.OfficerKey {
		return directory.OfficerKey{KID: kid, Name: "Officer " + kid, Rank: rank, AuthorisationRef: "HOME/2025/17", Key: public(kid), NotBefore: before, NotAfter: after}
	}
	agency := func(kid string) directory.AgencyKey {
		return directory.AgencyKey{KID: kid, Key: public(kid), NotBefore: before, NotAfter: after}
	}
	e := directory.Entry{Agency: "unit", Name: "Cyber unit", Desks: []string{"unit"}, URL: pages, Jurisdiction: "in", Version: version, IssuedAt: before, Expires: after,
		AgencyKeys: []directory.AgencyKey{agency("a"), agency("a2"), agency("a-revoked"), agency("a-expired")},
		Officers: []directory.OfficerKey{officer("dig", "DIG"), officer("dig2", "DIG"), officer("inspector", "Inspector"), officer("stranger", "Admiral"), officer("promoted", "DIG"),
			officer("revoked", "DIG"), officer("never", "DIG"), officer("expired", "DIG"), officer("early", "DIG"), officer("young", "DIG"), officer("passkey", "DIG"), officer("bare", "DIG")}}
	e.AgencyKeys[2].Revoked = true
	e.AgencyKeys[3].NotAfter = noon.Add(-time.Hour)
	byKID := func(kid string) *directory.OfficerKey {
		for i := range e.Officers {
			if e.Officers[i].KID == kid {
				return &e.Officers[i]
			}
		}
		panic(kid)
	}
	byKID("promoted").Earlier = []courier.EarlierRank{{Rank: "Inspector", AuthorisationRef: "HOME/2025/17", Until: noon.Add(-30 * time.Minute)}}
	byKID("revoked").Revoked, byKID("revoked").RevokedAt = true, noon.Add(-time.Hour)
	byKID("never").Revoked = true
	byKID("expired").NotAfter = noon
	byKID("early").NotBefore = noon.Add(time.Minute)
	byKID("young").NotBefore = noon.Add(-time.Minute)
	byKID("passkey").Passkeys = []courier.Passkey{passkey}
	byKID("bare").AuthorisationRef = ""
	return e
}

const orderBody = `{"number":"UNIT/TO/2026/7","version":1,"subject":"Order","items":[{"n":1,"kind":"account","locator":"https://chirp.example/@kite","native_id":"7","action":"suspend_account"}],` +
	`"content":{"legal_basis":"IT Rules 2021 r.3(1)(d)","reasons":"listed media found","case_ref":"FIR 1/2026","preserve_first":true}}`

func takedown(id string) courier.Document {
	return courier.Document{Type: courier.TakedownOrder, Issuer: "unit", Audience: "chirp", ID: id, IssuedAt: noon.Add(-time.Second), Expires: noon.Add(24 * time.Hour), Body: json.RawMessage(orderBody)}
}

func sealed(t testing.TB, d courier.Document, kids ...string) string {
	t.Helper()
	var keys []courier.Key
	for _, kid := range kids {
		keys = append(keys, key(kid))
	}
	b, err := courier.Seal(d, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// changed seals a document after a change to it.
func changed(t testing.TB, change func(*courier.Document), kids ...string) string {
	d := takedown("changed")
	change(&d)
	return sealed(t, d, kids...)
}

type refusal struct{ name, document, code string }

// refusals are documents that are each wrong in one way. Every row has a code of its own.
func refusals(t testing.TB, phone, other *authenticator) []refusal {
	at := noon.Unix()
	payload := fmt.Sprintf(`{"iss":"unit","aud":"chirp","jti":"forged","iat":%d,"exp":%d,"checkpoint":"","body":%s}`, at-1, at+3600, orderBody)
	officer, agency := part{head("dig"), "dig"}, part{head("a"), "a"}
	good := forge(payload, officer, agency)
	claim := func(old, new string) string {
		if !strings.Contains(payload, old) {
			t.Fatalf("no %q in the payload", old)
		}
		return forge(strings.Replace(payload, old, new, 1), officer, agency)
	}
	both := func(old, new string) string { // both headers are changed alike
		return forge(payload, part{strings.Replace(officer.header, old, new, 1), "dig"}, part{strings.Replace(agency.header, old, new, 1), "a"})
	}
	outer := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	var swapped struct {
		Payload    string `json:"payload"`
		Signatures []struct {
			Protected string `json:"protected"`
			Signature string `json:"signature"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal([]byte(good), &swapped); err != nil {
		t.Fatal(err)
	}
	s := swapped.Signatures
	s[0].Signature, s[1].Signature = s[1].Signature, s[0].Signature
	exchanged, err := json.Marshal(swapped)
	if err != nil {
		t.Fatal(err)
	}
	return []refusal{
		{"eight megabytes and more", `{"payload":"` + strings.Repeat("A", 8<<20) + `"}`, courier.TooLarge},
		{"a byte that is no UTF-8", outer("payload", "payl\xffad"), courier.NotUTF8},
		{"compact serialisation", strings.Join([]string{b64(officer.header), b64(payload), "x"}, "."), courier.Malformed},
		{"a second value behind it", good + "{}", courier.TrailingData},
		{"a deep body", claim(`"subject":"Order"`, `"subject":`+deep), courier.TooDeep},
		{"a number beyond 2^53", claim(`"version":1`, `"version":9007199254740993`), courier.NumberTooLarge},
		{"the audience twice", claim(`"aud":"chirp"`, `"aud":"river","aud":"chirp"`), courier.DuplicateKey},
		{"the audience in capitals beside it", claim(`"aud":"chirp"`, `"Aud":"river","aud":"chirp"`), courier.CaseVariantKey},
		{"an unknown claim", claim(`{"iss"`, `{"nbf":1,"iss"`), courier.UnknownMember},
		{"no audience", claim(`"aud":"chirp",`, ""), courier.MissingMember},
		{"a time in words", claim(fmt.Sprintf(`"iat":%d`, at-1), `"iat":"now"`), courier.WrongKind},
		{"a list for a document", "[]", courier.NotObject},
		{"a space in the envelope", outer(",", ", "), courier.NotCanonical},
		{"a padded payload", outer(`","signatures"`, `=","signatures"`), courier.PayloadEncoding},
		{"no signature at all", forge(payload), courier.SignatureCount},
		{"a signature that is cut", forge(payload, agency)[:len(forge(payload, agency))-7] + `"}]}`, courier.SignatureEncoding},
		{"a padded header", outer(`{"protected":"`, `{"protected":"=`), courier.HeaderEncoding},
		{"an unprotected header", outer(`{"protected"`, `{"header":{"kid":"a"},"protected"`), courier.UnprotectedHeader},
		{"crit", both("{", `{"crit":["b64"],`), courier.HeaderCritical},
		{"b64 false", both("{", `{"b64":false,`), courier.HeaderUnencoded},
		{"a key in the header", both("{", `{"jwk":{"kty":"OKP"},`), courier.HeaderBringsKey},
		{"compressed", both("{", `{"zip":"DEF",`), courier.HeaderNotAllowed},
		{"no algorithm", both(`"alg":"EdDSA",`, ""), courier.AlgorithmMissing},
		{"algorithm none", both("EdDSA", "none"), courier.AlgorithmNone},
		{"algorithm HS256", both("EdDSA", "HS256"), courier.AlgorithmSymmetric},
		{"algorithm RS256", both("EdDSA", "RS256"), courier.AlgorithmRSA},
		{"algorithm ES256", both("EdDSA", "ES256"), courier.Algorithm},
		{"the officer none, the agency EdDSA", forge(payload, part{strings.Replace(officer.header, "EdDSA", "none", 1), "dig"}, agency), courier.MixedAlgorithms},
		{"no kid", forge(payload, part{`{"alg":"EdDSA","typ":"raksha+takedown_order"}`, "dig"}, agency), courier.KIDMissing},
		{"no typ", forge(payload, part{`{"alg":"EdDSA","kid":"dig"}`, "dig"}, agency), courier.TypeMissing},
		{"typ of a web token", both("raksha+takedown_order", "JWT"), courier.ForeignType},
		{"signed as another typ by the officer", forge(payload, part{strings.Replace(officer.header, "takedown_order", "notice", 1), "dig"}, agency), courier.MixedTypes},
		{"an empty identifier", claim(`"forged"`, `""`), courier.BadClaim},
		{"expires before it was issued", claim(fmt.Sprintf(`"exp":%d`, at+3600), fmt.Sprintf(`"exp":%d`, at-2)), courier.BadTimes},
		{"a list for a body", claim(orderBody, "[1]"), courier.BodyNotObject},
		{"an agency that nobody pinned", claim(`"unit"`, `"basket"`), courier.UnknownIssuerCode},
		{"a key that the entry does not list", forge(payload, part{head("dig99"), "dig"}, agency), courier.UnknownKeyCode},
		{"one signature twice", forge(payload, agency, agency), courier.RepeatedSignature},
		{"two officers", forge(payload, officer, part{head("dig2"), "dig2"}), courier.TwoOfficers},
		{"two keys of the agency", forge(payload, part{head("a2"), "a2"}, agency), courier.TwoAgencies},
		{"the agency before the officer", forge(payload, agency, officer), courier.SignatureOrder},
		{"no countersignature", forge(payload, officer), courier.MissingAgency},
		{"no officer", sealed(t, takedown("alone"), "a"), courier.MissingOfficer},
		{"signed by another's key", forge(payload, part{officer.header, "inspector"}, agency), courier.BadSignature},
		{"countersigned by another's key", forge(payload, officer, part{agency.header, "dig"}), courier.BadCountersignature},
		{"the values of both signatures exchanged", string(exchanged), courier.SwappedSignatures},
		{"signed before the revocation, received after", changed(t, func(d *courier.Document) { d.IssuedAt = noon.Add(-2 * time.Hour) }, "revoked", "a"), courier.KeyRevoked},
		{"signed after the revocation", changed(t, func(*courier.Document) {}, "revoked", "a"), courier.SignedAfterRevoked},
		{"countersigned by a key that never counted", changed(t, func(*courier.Document) {}, "dig", "a-revoked"), courier.AgencyKeyRevoked},
		{"an officer's key that ran out", changed(t, func(*courier.Document) {}, "expired", "a"), courier.KeyExpired},
		{"an agency's key that ran out", changed(t, func(*courier.Document) {}, "dig", "a-expired"), courier.AgencyKeyExpired},
		{"a key before its time", changed(t, func(*courier.Document) {}, "early", "a"), courier.KeyNotYetValid},
		{"dated before the key began", changed(t, func(d *courier.Document) { d.IssuedAt = noon.Add(-time.Hour) }, "young", "a"), courier.SignedBeforeKey},
		{"no passkey where one is listed", changed(t, func(*courier.Document) {}, "passkey", "a"), courier.PasskeyMissing},
		{"a passkey where none is listed", sealed(t, phone.assert(t, takedown("unlisted")), "dig", "a"), courier.PasskeyUnlisted},
		{"another passkey", sealed(t, other.assert(t, takedown("other")), "passkey", "a"), courier.PasskeyUnknown},
		{"the passkey's assertion of another document", changed(t, func(d *courier.Document) { d.Passkey = phone.assert(t, takedown("first")).Passkey }, "passkey", "a"), "bad_assertion"},
		{"addressed to another", changed(t, func(d *courier.Document) { d.Audience = "river" }, "dig", "a"), courier.WrongAudience},
		{"expired", changed(t, func(d *courier.Document) { d.IssuedAt, d.Expires = noon.Add(-2*time.Hour), noon }, "dig", "a"), courier.Expired},
		{"from the future", changed(t, func(d *courier.Document) { d.IssuedAt = noon.Add(6 * time.Minute) }, "dig", "a"), courier.NotYetValid},
		{"an instrument that is not taken from it", changed(t, func(d *courier.Document) { d.Type = courier.Summons }, "dig", "a"), courier.NotAllowed},
		{"an instrument that no desk receives", changed(t, func(d *courier.Document) { d.Type = courier.InformationRequest }, "dig", "a"), courier.NoSuchDesk},
		{"other bytes under a known identifier", changed(t, func(d *courier.Document) { d.ID = "genuine"; d.Checkpoint = "x" }, "dig", "a"), courier.IdentifierReused},
		{"a body without a number", changed(t, func(d *courier.Document) { d.Body = json.RawMessage(`{"content":{}}`) }, "dig", "a"), courier.NoNumber},
		{"a rank too low", changed(t, func(*courier.Document) {}, "inspector", "a"), "under_ranked"},
		{"a rank that nobody has", changed(t, func(*courier.Document) {}, "stranger", "a"), "unknown_rank"},
		{"no reasons", changed(t, func(d *courier.Document) {
			d.Body = json.RawMessage(strings.Replace(orderBody, "listed media found", "", 1))
		}, "dig", "a"), "incomplete"},
		{"an agency whose entry ran out", changed(t, func(d *courier.Document) { d.Issuer = "late" }, "late-officer", "late-agency"), "entry_expired"},
	}
}

// Each forged, altered, late or misdirected document is refused with its own reason, signed, and leaves nothing behind but
// a note of the refusal. What they are made from is received.
func TestRefusals(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		n := newNode(t, db, clock, "chirp")
		phone, other := newES256(t, "phone"), newEdDSA(t, "other")
		pinned := []string{courier.TakedownOrder, courier.Notice, courier.InformationRequest}
		root := directory.Fingerprint(public("root"))
		jws, err := directory.Sign(unitEntry(3, phone.passkey()), seeded("root"))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.pin(jws, pages, root, pinned...); err != nil {
			t.Fatal(err)
		}
		late := directory.Entry{Agency: "late", Name: "Late", URL: pages, Jurisdiction: "in", Version: 1, IssuedAt: noon.Add(-48 * time.Hour), Expires: noon.Add(-time.Minute),
			AgencyKeys: []directory.AgencyKey{{KID: "late-agency", Key: public("late-agency"), NotBefore: noon.Add(-48 * time.Hour)}},
			Officers:   []directory.OfficerKey{{KID: "late-officer", Name: "Late", Rank: "DIG", Key: public("late-officer"), NotBefore: noon.Add(-48 * time.Hour)}}}
		if jws, err = directory.Sign(late, seeded("late-root")); err != nil {
			t.Fatal(err)
		}
		clock.add(-time.Hour)
		if err := n.pin(jws, pages, directory.Fingerprint(public("late-root")), pinned...); err != nil {
			t.Fatal(err)
		}
		clock.add(time.Hour)
		for name, d := range map[string]string{"genuine": sealed(t, takedown("genuine"), "dig", "a"), "with passkey": sealed(t, phone.assert(t, takedown("passkey")), "passkey", "a"),
			"signed by a promoted officer": sealed(t, takedown("promoted"), "promoted", "a")} {
			if a := n.deliver([]byte(d), "unit"); a.Outcome != courier.Received {
				t.Fatalf("%s: %s %s", name, a.Code, a.Reason)
			}
		}
		var codes []string
		seen := map[string]string{}
		for i, c := range refusals(t, phone, other) {
			issuer, _, _, _ := courier.Peek([]byte(c.document))
			a := n.deliver([]byte(c.document), issuer)
			if a.Outcome != courier.Refused || a.Code != c.code || len(a.Reason) < 20 {
				t.Errorf("%s: %s %s %q, want %s", c.name, a.Outcome, a.Code, a.Reason, c.code)
			}
			if before, ok := seen[c.code]; ok {
				t.Errorf("%q has the code of %q", c.name, before)
			}
			seen[c.code] = c.name
			codes = append(codes, fmt.Sprintf("%2d  %-24s  %-46s  %s", i+1, a.Code, c.name, a.Reason))
		}
		t.Logf("%d documents refused:\n%s", len(codes), strings.Join(codes, "\n"))
		if len(codes) < 40 {
			t.Errorf("only %d documents", len(codes))
		}
		// A rank is that of the day of signing.
		if a := n.deliver([]byte(changed(t, func(d *courier.Document) { d.IssuedAt = noon.Add(-time.Hour) }, "promoted", "a")), "unit"); a.Code != "under_ranked" {
			t.Errorf("signed before the promotion: %s %s", a.Code, a.Reason)
		}
		// A key that never counted does not count for what is dated before either.
		if a := n.deliver([]byte(changed(t, func(d *courier.Document) { d.IssuedAt = noon.Add(-80 * 24 * time.Hour) }, "never", "a")), "unit"); a.Code != courier.KeyRevoked {
			t.Errorf("a key that never counted: %s %s", a.Code, a.Reason)
		}
		filed, err := courier.List(n.ctx, db.Reader(), courier.Filter{})
		if err != nil || len(filed) != 3 {
			t.Errorf("%d documents on file, want the three genuine ones (%v)", len(filed), err)
		}
		if got := n.noted(&n.received); len(got) != 3 {
			t.Errorf("receivers ran for %q", got)
		}
		n.verify()
	})
}

// Bytes that were received before get the acknowledgement of that day, after the document expired and its key was revoked.
func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		n := newNode(t, db, clock, "chirp")
		phone := newES256(t, "phone")
		e := unitEntry(3, phone.passkey())
		e.Expires = noon.AddDate(2, 0, 0)
		pin := func() {
			jws, err := directory.Sign(e, seeded("root"))
			if err == nil {
				err = n.pin(jws, pages, directory.Fingerprint(public("root")), courier.TakedownOrder)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		pin()
		document := []byte(sealed(t, takedown("once"), "dig", "a"))
		first, refused, err := n.office.Receive(n.ctx, document)
		if err != nil || refused {
			t.Fatal(refused, err)
		}
		clock.add(60 * 24 * time.Hour)
		e.Version, e.Officers[0].Revoked, e.IssuedAt = 4, true, noon.Add(time.Hour)
		pin()
		again, refused, err := n.office.Receive(n.ctx, document)
		if err != nil || refused || string(again) != string(first) {
			t.Errorf("refused %v, %v, the same acknowledgement %v", refused, err, string(again) == string(first))
		}
		if got := n.noted(&n.received); len(got) != 1 {
			t.Errorf("the receiver ran for %q", got)
		}
		if a := n.deliver([]byte(sealed(t, takedown("twice"), "dig", "a")), "unit"); a.Outcome != courier.Refused {
			t.Errorf("a new document by the revoked key: %+v", a)
		}
		n.verify()
	})
}

// A passkey signs a draft only as it stands: Challenge and Seal agree, and a stale or foreign assertion is refused before
// anything is sent.
func TestSealWithPasskey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := &movable{at: noon}
		n := newNode(t, db, clock, "unit")
		phone := newEdDSA(t, "phone")
		n.book.UsePasskeys(everybody(phone.passkey()))
		officer := n.officer("signer", "DIG")
		var drafts []courier.Filed
		n.write(func(ctx context.Context, tx *store.Tx) error {
			for range 2 {
				f, err := n.office.File(ctx, tx, courier.Draft{Instrument: courier.Notice, Audience: "chirp", Subject: "Notice", Body: map[string]string{"text": "a < b & c"}})
				if err != nil {
					return err
				}
				drafts = append(drafts, f)
			}
			return nil
		})
		at := clock.Now()
		seal := func(id int64, k courier.Key) (f courier.Filed, err error) {
			err = db.Write(n.ctx, func(ctx context.Context, tx *store.Tx) error {
				f, err = n.office.Seal(ctx, tx, id, "", 0, &k)
				return err
			})
			return f, err
		}
		challenge, err := n.office.Challenge(n.ctx, db.Reader(), drafts[0].ID, at)
		if err != nil {
			t.Fatal(err)
		}
		signed := officer
		signed.Passkey, signed.At = phone.sign(challenge), at
		for _, c := range []struct {
			name, code string
			id         int64
			key        courier.Key
			wait       time.Duration
		}{
			{"without", courier.PasskeyMissing, drafts[0].ID, officer, 0},
			{"of another draft", "bad_assertion", drafts[1].ID, signed, 0},
			{"a minute later", "", drafts[0].ID, signed, time.Minute},
			{"an hour later", "assertion_stale", drafts[1].ID, signed, time.Hour},
		} {
			clock.add(c.wait)
			f, err := seal(c.id, c.key)
			if code(err) != c.code {
				t.Errorf("%s: %v", c.name, err)
			}
			if err == nil {
				o, err := courier.Verify(n.ctx, []byte(f.JWS), clock.Now(), n.book)
				if err != nil || o.Passkey == nil || !o.IssuedAt.Equal(at) || fault.Code(o.NeedOfficer()) == courier.MissingOfficer {
					t.Errorf("%s: %+v, %v", c.name, o, err)
				}
			}
		}
		n.verify()
	})
}
