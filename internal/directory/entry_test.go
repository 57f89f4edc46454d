package directory

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
)

var entryNow = time.Date(2022, 9, 1, 4, 30, 0, 123456000, time.UTC)

func entryKey(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func entryPublic(name string) ed25519.PublicKey { return entryKey(name).Public().(ed25519.PublicKey) }

func soundEntry() Entry {
	return Entry{Agency: "unit.capital", Name: "Cyber Unit", Desks: []string{"unit"}, URL: "https://unit.example", Jurisdiction: "in", Version: 3,
		IssuedAt: entryNow, Expires: entryNow.AddDate(1, 0, 0),
		AgencyKeys: []AgencyKey{{KID: "unit.capital/1", Key: entryPublic("agency"), NotBefore: entryNow, NotAfter: entryNow.AddDate(1, 0, 0)}},
		Officers: []OfficerKey{{KID: "unit.capital/mira", Name: "Mira Sen", Rank: "Inspector", AuthorisationRef: "HOME/2021/17", Key: entryPublic("mira"),
			NotBefore: entryNow}},
		Contacts: []Contact{{Role: "call-back", Phone: "+911123456789"}}}
}

func signedAs(t testing.TB, e Entry, root string) []byte {
	t.Helper()
	b, err := Sign(e, entryKey(root))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEntry(t *testing.T) {
	b := signedAs(t, soundEntry(), "root")
	fingerprint := Fingerprint(entryPublic("root"))
	if len(strings.Split(fingerprint, "-")) != 13 || len(fingerprint) != 64 {
		t.Errorf("fingerprint %s", fingerprint)
	}
	typed := strings.ToLower(strings.ReplaceAll(fingerprint, "-", " ")) + "\n"
	for _, last := range []int{0, 2, 3} {
		e, err := VerifyEntry(b, typed, entryNow, last)
		if err != nil {
			t.Fatal(err)
		}
		want := soundEntry()
		if e.Name != want.Name || e.Version != 3 || !e.IssuedAt.Equal(entryNow.Truncate(time.Second)) || e.Officers[0].Rank != "Inspector" ||
			!bytes.Equal(e.AgencyKeys[0].Key, want.AgencyKeys[0].Key) || !e.Officers[0].NotBefore.Equal(entryNow) || e.Contacts[0] != want.Contacts[0] {
			t.Errorf("got %+v", e)
		}
	}
}

func TestEntryRefused(t *testing.T) {
	good := signedAs(t, soundEntry(), "root")
	fingerprint := Fingerprint(entryPublic("root"))
	// asIs signs any body as a document, to get past what Sign checks.
	asIs := func(typ, root string, change func(*signedEntry, *courier.Document)) []byte {
		s := signedEntry{Root: entryPublic("root"), Entry: soundEntry()}
		s.Entry.IssuedAt, s.Entry.Expires = s.Entry.IssuedAt.Truncate(time.Second), s.Entry.Expires.Truncate(time.Second)
		d := courier.Document{Type: typ, Issuer: "unit.capital", Audience: entryAudience, ID: "unit.capital/3", IssuedAt: s.Entry.IssuedAt, Expires: s.Entry.Expires}
		change(&s, &d)
		body, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if d.Body == nil {
			d.Body = body
		}
		b, err := courier.Seal(d, courier.Key{KID: fingerprint, Private: entryKey(root)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	nothing := func(*signedEntry, *courier.Document) {}
	entry := func(change func(*Entry)) []byte {
		return asIs(entryType, "root", func(s *signedEntry, _ *courier.Document) { change(&s.Entry) })
	}
	if _, err := VerifyEntry(asIs(entryType, "root", nothing), fingerprint, entryNow, 0); err != nil {
		t.Fatal("what the others start from must verify:", err)
	}
	for _, c := range []struct {
		name       string
		b          []byte
		now        time.Time
		last       int
		code, says string
	}{
		{"an older version", good, entryNow, 4, "older_entry", "version 4 was already seen"},
		{"expired", good, entryNow.AddDate(1, 0, 0), 0, courier.Expired, "expired at 2023-09-01"},
		{"from the future", good, entryNow.Add(-time.Hour), 0, courier.NotYetValid, "in the future"},
		{"another root", signedAs(t, soundEntry(), "river"), entryNow, 0, "wrong_root", "compare them with the agency by phone"},
		{"the right root shown, another signs", asIs(entryType, "river", nothing), entryNow, 0, courier.BadCountersignature, "altered"},
		{"another root shown, the right name", asIs(entryType, "river", func(s *signedEntry, _ *courier.Document) { s.Root = entryPublic("river") }), entryNow, 0, "wrong_root", "brings a root key"},
		{"no root", asIs(entryType, "root", func(s *signedEntry, _ *courier.Document) { s.Root = nil }), entryNow, 0, "wrong_root", "brings a root key"},
		{"another document", asIs("summons", "root", nothing), entryNow, 0, courier.WrongType, `"summons"`},
		{"to one node only", asIs(entryType, "root", func(_ *signedEntry, d *courier.Document) { d.Audience = "chirp" }), entryNow, 0, courier.WrongAudience, `"chirp"`},
		{"another agency in the envelope", asIs(entryType, "root", func(_ *signedEntry, d *courier.Document) { d.Issuer = "river" }), entryNow, 0, "bad_entry", "disagree"},
		{"another version in the envelope", asIs(entryType, "root", func(_ *signedEntry, d *courier.Document) { d.ID = "unit.capital/9" }), entryNow, 0, "bad_entry", "disagree"},
		{"a longer life in the envelope", asIs(entryType, "root", func(_ *signedEntry, d *courier.Document) { d.Expires = d.Expires.AddDate(5, 0, 0) }), entryNow, 0, "bad_entry", "disagree"},
		{"an unknown member", asIs(entryType, "root", func(_ *signedEntry, d *courier.Document) { d.Body = json.RawMessage(`{"root":"","kite":1}`) }), entryNow, 0, courier.UnknownMember, `"kite"`},
		{"no agency key", entry(func(e *Entry) { e.AgencyKeys = nil }), entryNow, 0, "bad_entry", "no key of the agency"},
		{"a short key", entry(func(e *Entry) { e.AgencyKeys[0].Key = e.AgencyKeys[0].Key[:31] }), entryNow, 0, "bad_entry", "not an Ed25519"},
		{"a key name twice", entry(func(e *Entry) { e.Officers[0].KID = e.AgencyKeys[0].KID }), entryNow, 0, "bad_entry", "stands twice"},
		{"an officer with the agency's key", entry(func(e *Entry) { e.Officers[0].Key = e.AgencyKeys[0].Key }), entryNow, 0, "bad_entry", "never for both"},
		{"an officer without rank", entry(func(e *Entry) { e.Officers[0].Rank = "" }), entryNow, 0, "bad_entry", "no rank"},
		{"a key that ends first", entry(func(e *Entry) { e.Officers[0].NotAfter = e.Officers[0].NotBefore }), entryNow, 0, "bad_entry", "ends before"},
		{"no address", entry(func(e *Entry) { e.URL = "file:///x" }), entryNow, 0, "bad_entry", "not an address"},
		{"a password in the address", entry(func(e *Entry) { e.URL = "https://a:b@unit.example" }), entryNow, 0, "bad_entry", "not an address"},
		{"no recipient", entry(func(e *Entry) { e.Recipient = "age1kite" }), entryNow, 0, "bad_entry", "recipient"},
		{"a long name", entry(func(e *Entry) { e.Name = strings.Repeat("kite", 200) }), entryNow, 0, "bad_entry", "longer than"},
		{"not a document", []byte("kite"), entryNow, 0, courier.Malformed, "a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := VerifyEntry(c.b, fingerprint, c.now, c.last)
			if !errors.Is(err, fault.Refused) || fault.Code(err) != c.code || !strings.Contains(fault.Message(err), c.says) {
				t.Errorf("%s: %v; want %s: ...%s...", fault.Code(err), err, c.code, c.says)
			}
		})
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if _, err := VerifyEntry(bad, fingerprint, entryNow, 0); !errors.Is(err, fault.Refused) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	for _, typed := range []string{"", "ABCD", fingerprint + "A", strings.Replace(fingerprint, fingerprint[:1], "1", 1), fingerprint[:63] + "7"} {
		if _, err := VerifyEntry(good, typed, entryNow, 0); err == nil {
			t.Errorf("the fingerprint %q was taken", typed)
		}
	}
	unsound := soundEntry()
	unsound.Version = 0
	if _, err := Sign(unsound, entryKey("root")); fault.Of(err) != fault.Invalid {
		t.Errorf("an unsound entry was signed: %v", err)
	}
}

func TestVerifyNewer(t *testing.T) {
	fingerprint := Fingerprint(entryPublic("root"))
	with := func(change func(*Entry)) []byte {
		e := soundEntry()
		change(&e)
		return signedAs(t, e, "root")
	}
	held := with(func(*Entry) {})
	for _, c := range []struct {
		name string
		b    []byte
		code string
	}{
		{"the same again", held, ""},
		{"a newer one", with(func(e *Entry) { e.Version = 4; e.Officers[0].Revoked = true }), ""},
		{"an older one", with(func(e *Entry) { e.Version = 2 }), "older_entry"},
		{"the same version with another officer", with(func(e *Entry) { e.Officers[0].Name = "Ravi Das" }), "conflicting_entry"},
		{"another agency by the same root", with(func(e *Entry) { e.Agency = "river"; e.Version = 9 }), "other_agency"},
	} {
		_, err := VerifyNewer(c.b, fingerprint, entryNow, held)
		if c.code == "" && err != nil || c.code != "" && (fault.Code(err) != c.code || !errors.Is(err, fault.Refused)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.code)
		}
	}
}

func FuzzVerifyEntry(f *testing.F) {
	e := soundEntry()
	e.Officers, e.Contacts = nil, nil
	good := signedAs(f, e, "root")
	f.Add(good)
	f.Add([]byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`))
	fingerprint := Fingerprint(entryPublic("root"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := VerifyEntry(b, fingerprint, entryNow, 0)
		if err == nil && !bytes.Equal(b, good) {
			t.Fatalf("verified bytes that the root never signed: %s", b)
		}
		if err != nil && !errors.Is(err, fault.Refused) {
			t.Fatalf("not a refusal: %v", err)
		}
	})
}
