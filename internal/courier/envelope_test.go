package courier

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/fault"
)

var now = time.Date(2022, 9, 28, 6, 0, 0, 0, time.UTC)

// seeded gives the same key for the same name in every run.
func seeded(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

var (
	unitKey    = Key{KID: "unit/1", Private: seeded("unit")}
	officerKey = Key{KID: "unit/mira", Private: seeded("mira")}
)

// book is a directory in a map from issuer and kid.
type book map[[2]string]PublicKey

func (b book) PublicKey(_ context.Context, issuer, kid string) (PublicKey, error) {
	if k, ok := b[[2]string{issuer, kid}]; ok {
		return k, nil
	}
	for id := range b {
		if id[0] == issuer {
			return PublicKey{}, UnknownKey(issuer, kid)
		}
	}
	return PublicKey{}, UnknownIssuer(issuer)
}

func directory() book {
	public := func(name string) ed25519.PublicKey { return seeded(name).Public().(ed25519.PublicKey) }
	year := now.AddDate(1, 0, 0)
	b := book{}
	add := func(kid string, k PublicKey) { b[[2]string{"unit", kid}] = k }
	add("unit/1", PublicKey{Agency: "unit", Key: public("unit"), NotAfter: year})
	add("unit/2", PublicKey{Agency: "unit", Key: public("unit2"), NotAfter: year})
	add("unit/mira", PublicKey{Agency: "unit", Officer: "Mira Sen", Rank: "Inspector", AuthorisationRef: "HOME/2021/17", Key: public("mira"), NotAfter: year})
	add("unit/ravi", PublicKey{Agency: "unit", Officer: "Ravi Das", Rank: "DIG", Key: public("ravi")})
	add("unit/revoked", PublicKey{Agency: "unit", Officer: "Old Hand", Key: public("revoked"), Revoked: true})
	add("unit/expired", PublicKey{Agency: "unit", Officer: "Old Hand", Key: public("expired"), NotAfter: now})
	add("unit/early", PublicKey{Agency: "unit", Officer: "New Hand", Key: public("early"), NotBefore: now.Add(time.Second)})
	add("unit/oldagency", PublicKey{Agency: "unit", Key: public("oldagency"), NotAfter: now.Add(-time.Hour)})
	add("unit/short", PublicKey{Agency: "unit", Key: public("unit")[:31]})
	add("river/1", PublicKey{Agency: "river", Key: public("river")})
	return b
}

func order() Document {
	return Document{Type: "takedown-order", Issuer: "unit", Audience: "chirp", ID: "TO/2022/7", IssuedAt: now.Add(-time.Minute),
		Expires: now.Add(24 * time.Hour), Checkpoint: "unit.example\n3\nabc=\n", Body: json.RawMessage(`{"items":[{"url":"https://chirp.example/@kite/1","note":"a < b & c"}]}`)}
}

func seal(t testing.TB, d Document, keys ...Key) []byte {
	t.Helper()
	b, err := Seal(d, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealOpen(t *testing.T) {
	ctx := t.Context()
	for _, keys := range [][]Key{{unitKey}, {officerKey, unitKey}} {
		b := seal(t, order(), keys...)
		o, err := Open(ctx, b, "chirp", now, directory())
		if err != nil {
			t.Fatal(err)
		}
		want := order()
		if o.Type != want.Type || o.Issuer != "unit" || o.Audience != "chirp" || o.ID != want.ID || !o.IssuedAt.Equal(want.IssuedAt) ||
			!o.Expires.Equal(want.Expires) || o.Checkpoint != want.Checkpoint || !bytes.Equal(o.Body, want.Body) {
			t.Errorf("opened %+v, want %+v", o.Document, want)
		}
		if o.Agency.Agency != "unit" || o.AgencyKID != "unit/1" || len(o.SHA256) != 64 {
			t.Errorf("agency %+v, %s, %s", o.Agency, o.AgencyKID, o.SHA256)
		}
		err = o.NeedOfficer()
		if len(keys) == 2 && (err != nil || o.Officer.Officer != "Mira Sen" || o.Officer.Rank != "Inspector" || o.OfficerKID != "unit/mira") {
			t.Errorf("officer %+v: %v", o.Officer, err)
		}
		if len(keys) == 1 && (o.Officer != nil || fault.Code(err) != MissingOfficer) {
			t.Errorf("no officer signed, got %+v: %v", o.Officer, err)
		}
		if err := o.Expect("summons", "takedown-order"); err != nil {
			t.Error(err)
		}
		if err := o.Expect("summons"); fault.Code(err) != WrongType {
			t.Error(err)
		}
		if issuer, typ, id, err := Peek(b); issuer != "unit" || typ != "takedown-order" || id != want.ID || err != nil {
			t.Errorf("peek: %s %s %s %v", issuer, typ, id, err)
		}
		if again := seal(t, order(), keys...); !bytes.Equal(again, b) {
			t.Error("sealing the same document twice gives other bytes")
		}
	}
}

func TestSealRefuses(t *testing.T) {
	for name, change := range map[string]func(*Document) []Key{
		"no key":         func(*Document) []Key { return nil },
		"three keys":     func(*Document) []Key { return []Key{officerKey, unitKey, unitKey} },
		"a short key":    func(*Document) []Key { return []Key{{KID: "unit/1", Private: seeded("unit")[:10]}} },
		"a nameless key": func(*Document) []Key { return []Key{{KID: "", Private: seeded("unit")}} },
		"no type":        func(d *Document) []Key { d.Type = ""; return []Key{unitKey} },
		"a loud type":    func(d *Document) []Key { d.Type = "Order"; return []Key{unitKey} },
		"no audience":    func(d *Document) []Key { d.Audience = ""; return []Key{unitKey} },
		"no body":        func(d *Document) []Key { d.Body = nil; return []Key{unitKey} },
		"a list":         func(d *Document) []Key { d.Body = json.RawMessage(`[1]`); return []Key{unitKey} },
		"not JSON":       func(d *Document) []Key { d.Body = json.RawMessage(`{"a"`); return []Key{unitKey} },
		"a key twice":    func(d *Document) []Key { d.Body = json.RawMessage(`{"a":1,"a":2}`); return []Key{unitKey} },
		"backwards":      func(d *Document) []Key { d.Expires = d.IssuedAt; return []Key{unitKey} },
	} {
		d := order()
		keys := change(&d)
		if _, err := Seal(d, keys...); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// part is a header with the key that signs under it, for building documents that Seal would not.
type part struct {
	header string
	key    string
}

func header(kid string) string {
	return fmt.Sprintf(`{"alg":"EdDSA","kid":%q,"typ":"raksha+takedown-order"}`, kid)
}

const goodPayload = `{"iss":"unit","aud":"chirp","jti":"TO/7","iat":1664344740,"exp":1664431200,"checkpoint":"c","body":{"a":1}}`

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// forge signs whatever it is given.
func forge(content string, parts ...part) string {
	var signatures []string
	for _, p := range parts {
		sig := ed25519.Sign(seeded(p.key), []byte(b64(p.header)+"."+b64(content)))
		signatures = append(signatures, fmt.Sprintf(`{"protected":"%s","signature":"%s"}`, b64(p.header), b64(string(sig))))
	}
	return fmt.Sprintf(`{"payload":"%s","signatures":[%s]}`, b64(content), strings.Join(signatures, ","))
}

func TestForged(t *testing.T) {
	officer, agency := part{header("unit/mira"), "mira"}, part{header("unit/1"), "unit"}
	good := forge(goodPayload, officer, agency)
	if _, err := Open(t.Context(), []byte(good), "chirp", now, directory()); err != nil {
		t.Fatal("what the forgeries start from must open:", err)
	}
	claim := func(old, new string) string {
		if !strings.Contains(goodPayload, old) {
			t.Fatalf("no %q in the payload", old)
		}
		return forge(strings.Replace(goodPayload, old, new, 1), officer, agency)
	}
	head := func(h string) string { return forge(goodPayload, part{h, "mira"}, agency) }
	deep := strings.Repeat("[", 16) + strings.Repeat("]", 16)
	for _, c := range []struct{ name, document, code, says string }{
		{"empty", "", Malformed, "ends where a value"},
		{"not JSON", "kite", Malformed, "where a value should stand"},
		{"a list", "[]", NotObject, "not a JSON object"},
		{"compact serialisation", strings.Join([]string{b64(header("unit/1")), b64(goodPayload), "x"}, "."), Malformed, "a value"},
		{"trailing data", good + "{}", TrailingData, "data after its end"},
		{"trailing line end", good + "\n", NotCanonical, "not written as it must be"},
		{"a space", strings.Replace(good, ",", ", ", 1), NotCanonical, "without spaces"},
		{"members in another order", reorder(forge(goodPayload, agency)), NotCanonical, "not written as it must be"},
		{"an escape in the envelope", strings.Replace(good, `"payload"`, `"p\u0061yload"`, 1), NotCanonical, "not written as it must be"},
		{"invalid UTF-8", strings.Replace(good, "payload", "payl\xffad", 1), NotUTF8, "not valid UTF-8"},
		{"an unknown member", strings.Replace(good, `{"payload"`, `{"x":1,"payload"`, 1), UnknownMember, `"x"`},
		{"flattened", strings.Replace(good, `{"payload"`, `{"signature":"x","payload"`, 1), UnknownMember, `"signature"`},
		{"the payload twice", strings.Replace(good, `{"payload"`, `{"payload":"e30","payload"`, 1), DuplicateKey, `"payload" twice`},
		{"the payload in capitals beside it", strings.Replace(good, `{"payload"`, `{"Payload":"e30","payload"`, 1), CaseVariantKey, `"Payload" and "payload"`},
		{"the payload in capitals", strings.Replace(good, `{"payload"`, `{"Payload"`, 1), UnknownMember, `"Payload"`},
		{"no signatures", forge(goodPayload), SignatureCount, "carries 0 signatures"},
		{"three signatures", forge(goodPayload, officer, part{header("unit/ravi"), "ravi"}, agency), SignatureCount, "carries 3 signatures"},
		{"an unprotected header", strings.Replace(good, `{"protected"`, `{"header":{"kid":"x"},"protected"`, 1), UnprotectedHeader, `"header"`},
		{"padding", strings.Replace(good, `","signatures"`, `=","signatures"`, 1), PayloadEncoding, "not base64url"},
		{"a line end in the payload", strings.Replace(good, `{"payload":"eyJ`, `{"payload":"e\nyJ`, 1), PayloadEncoding, "not base64url"},
		{"a short signature", forge(goodPayload, agency)[:len(forge(goodPayload, agency))-7] + `"}]}`, SignatureEncoding, "not 64 bytes"},
		{"too large", `{"payload":"` + strings.Repeat("A", maxDocument) + `"}`, TooLarge, "the limit is"},
		{"algorithm none", head(strings.Replace(officer.header, "EdDSA", "none", 1)), MixedAlgorithms, `"none"`},
		{"algorithm HS256", head(strings.Replace(officer.header, "EdDSA", "HS256", 1)), MixedAlgorithms, `"HS256"`},
		{"algorithm in small letters", head(strings.Replace(officer.header, "EdDSA", "eddsa", 1)), MixedAlgorithms, `"eddsa"`},
		{"no algorithm", head(`{"kid":"unit/mira","typ":"raksha+takedown-order"}`), AlgorithmMissing, `"alg"`},
		{"no kid", head(`{"alg":"EdDSA","typ":"raksha+takedown-order"}`), KIDMissing, `"kid"`},
		{"a null kid", head(strings.Replace(officer.header, `"unit/mira"`, "null", 1)), KIDMissing, `"kid"`},
		{"no typ", head(`{"alg":"EdDSA","kid":"unit/mira"}`), TypeMissing, `"typ"`},
		{"crit", head(strings.Replace(officer.header, "{", `{"crit":["exp"],`, 1)), HeaderCritical, `"crit"`},
		{"jku", head(strings.Replace(officer.header, "{", `{"jku":"https://river.example",`, 1)), HeaderBringsKey, `"jku"`},
		{"jwk", head(strings.Replace(officer.header, "{", `{"jwk":{},`, 1)), HeaderBringsKey, `"jwk"`},
		{"x5u", head(strings.Replace(officer.header, "{", `{"x5u":"https://river.example",`, 1)), HeaderBringsKey, `"x5u"`},
		{"b64", head(strings.Replace(officer.header, "{", `{"b64":false,`, 1)), HeaderUnencoded, `"b64"`},
		{"kid twice", head(strings.Replace(officer.header, "{", `{"kid":"unit/1",`, 1)), DuplicateKey, `"kid" twice`},
		{"KID beside kid", head(strings.Replace(officer.header, "{", `{"KID":"unit/1",`, 1)), CaseVariantKey, `"KID" and "kid"`},
		{"a foreign type", head(strings.Replace(officer.header, "raksha+takedown-order", "JWT", 1)), ForeignType, `"JWT"`},
		{"two types", head(strings.Replace(officer.header, "takedown-order", "summons", 1)), MixedTypes, `"summons"`},
		{"the payload is no object", forge(`"kite"`, officer, agency), NotObject, "the payload is not a JSON object"},
		{"no audience member", claim(`"aud":"chirp",`, ""), MissingMember, `"aud"`},
		{"no checkpoint", claim(`"checkpoint":"c",`, ""), MissingMember, `"checkpoint"`},
		{"another claim", claim(`{"iss"`, `{"nbf":1,"iss"`), UnknownMember, `"nbf"`},
		{"the issuer twice", claim(`{"iss"`, `{"iss":"river","iss"`), DuplicateKey, `"iss" twice`},
		{"the body's key twice", claim(`{"a":1}`, `{"a":1,"\u0061":2}`), DuplicateKey, `"a" twice`},
		{"the body's keys in two cases", claim(`{"a":1}`, `{"URL":1,"url":2}`), CaseVariantKey, `"URL" and "url"`},
		{"the Kelvin sign for k", claim(`{"a":1}`, `{"kite":1,"\u212aite":2}`), CaseVariantKey, "differ only in case"},
		{"a deep body", claim(`{"a":1}`, `{"a":`+deep+`}`), TooDeep, "deeper than 16"},
		{"a huge number", claim(`"iat":1664344740`, `"iat":1e400`), NumberTooLarge, "too large"},
		{"a number beyond 2^53", claim(`{"a":1}`, `{"a":9007199254740993}`), NumberTooLarge, "too large"},
		{"a time in words", claim(`"iat":1664344740`, `"iat":"yesterday"`), WrongKind, "wrong kind"},
		{"half a second", claim(`"iat":1664344740`, `"iat":1664344740.5`), WrongKind, "wrong kind"},
		{"a list for a body", claim(`{"a":1}`, `[1]`), BodyNotObject, "not a JSON object"},
		{"expires before issue", claim(`"exp":1664431200`, `"exp":1664344740`), BadTimes, "expires"},
		{"an empty id", claim(`"TO/7"`, `""`), BadClaim, "jti is empty"},
		{"an unknown issuer", claim(`"unit"`, `"basket"`), UnknownIssuerCode, `"basket" is not in this node's directory`},
		{"an unknown key", forge(goodPayload, part{header("unit/99"), "mira"}, agency), UnknownKeyCode, `no key "unit/99"`},
		{"a broken directory key", forge(goodPayload, part{header("unit/short"), "unit"}), BadDirectoryKey, "not an Ed25519 key"},
		{"another agency's key", forge(goodPayload, part{header("river/1"), "river"}), ForeignKey, `belongs to the agency "river"`},
		{"signed by another key", forge(goodPayload, part{officer.header, "ravi"}, agency), BadSignature, `"unit/mira" is not over this content`},
		{"countersigned by another key", forge(goodPayload, officer, part{agency.header, "ravi"}), BadCountersignature, `"unit/1" is not over this content`},
		{"another payload under the signatures", strings.Replace(good, b64(goodPayload), b64(strings.Replace(goodPayload, "TO/7", "TO/8", 1)), 1), BadSignature, "altered"},
		{"the same signature twice", forge(goodPayload, agency, agency), RepeatedSignature, `by the key "unit/1"`},
		{"two officers", forge(goodPayload, officer, part{header("unit/ravi"), "ravi"}), TwoOfficers, "two officers signed"},
		{"two agency keys", forge(goodPayload, agency, part{header("unit/2"), "unit2"}), TwoAgencies, "two of its keys"},
		{"the agency first", forge(goodPayload, agency, officer), SignatureOrder, "countersigns last"},
		{"the officer alone", forge(goodPayload, officer), MissingAgency, "did not countersign"},
		{"a revoked officer", forge(goodPayload, part{header("unit/revoked"), "revoked"}, agency), KeyRevoked, "the key of Old Hand"},
		{"an expired officer's key", forge(goodPayload, part{header("unit/expired"), "expired"}, agency), KeyExpired, "was valid until 2022-09-28T06:00:00Z"},
		{"a key before its time", forge(goodPayload, part{header("unit/early"), "early"}, agency), KeyNotYetValid, "only from 2022-09-28T06:00:01Z"},
		{"an expired agency key", forge(goodPayload, officer, part{header("unit/oldagency"), "oldagency"}), AgencyKeyExpired, "the agency's key"},
		{"to another", claim(`"chirp"`, `"river"`), WrongAudience, `addressed to "river"; this node is "chirp"`},
		{"expired this second", claim(`"exp":1664431200`, `"exp":1664344800`), Expired, "expired at 2022-09-28T06:00:00Z"},
		{"from the future", claim(`"iat":1664344740`, `"iat":1664345101`), NotYetValid, "in the future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), []byte(c.document), "chirp", now, directory())
			if !errors.Is(err, fault.Refused) || fault.Code(err) != c.code || !strings.Contains(fault.Message(err), c.says) {
				t.Errorf("%s: %v; want %s: ...%s...", fault.Code(err), err, c.code, c.says)
			}
		})
	}
	if _, err := Open(t.Context(), []byte(claim(`"iat":1664344740`, `"iat":1664345100`)), "chirp", now, directory()); err != nil {
		t.Errorf("a clock five minutes ahead is accepted: %v", err)
	}
}

// reorder writes the signatures before the payload.
func reorder(document string) string {
	payload, signatures, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(document, "{"), "}"), `,"signatures"`)
	return `{"signatures"` + signatures + "," + payload + "}"
}

// TestEveryByteCounts changes each byte of a document in two ways; none of the changed documents opens.
func TestEveryByteCounts(t *testing.T) {
	b := seal(t, order(), officerKey, unitKey)
	for i := range b {
		for _, mask := range []byte{1, 0x20} {
			bad := bytes.Clone(b)
			bad[i] ^= mask
			if _, err := Open(t.Context(), bad, "chirp", now, directory()); !errors.Is(err, fault.Refused) {
				t.Fatalf("byte %d changed from %q to %q: %v", i, b[i], bad[i], err)
			}
		}
		if _, err := Open(t.Context(), b[:i], "chirp", now, directory()); !errors.Is(err, fault.Refused) {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
	}
}

type broken struct{}

func (broken) PublicKey(context.Context, string, string) (PublicKey, error) {
	return PublicKey{}, errors.New("the disk is gone")
}

// TestDirectoryFailure: a directory that cannot be read is not a reason to refuse the document.
func TestDirectoryFailure(t *testing.T) {
	_, err := Open(t.Context(), seal(t, order(), unitKey), "chirp", now, broken{})
	if err == nil || errors.Is(err, fault.Refused) {
		t.Errorf("got %v", err)
	}
}

func TestEncrypt(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Repeat([]byte("basket "), 20000)
	s, err := Encrypt(id.Recipient().String(), plain)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s, "-----BEGIN AGE ENCRYPTED FILE-----") || strings.Contains(s, "basket") {
		t.Errorf("not armoured: %.60s", s)
	}
	if got, err := Decrypt(id.String(), s); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("decrypted %d bytes: %v", len(got), err)
	}
	if _, err := Decrypt(other.String(), s); fault.Code(err) != "not_decryptable" {
		t.Errorf("another's key: %v", err)
	}
	altered := []byte(s)
	altered[len(altered)/2] ^= 2
	if _, err := Decrypt(id.String(), string(altered)); fault.Code(err) != "not_decryptable" {
		t.Errorf("altered: %v", err)
	}
	if _, err := Encrypt("age1kite", plain); fault.Of(err) != fault.Invalid {
		t.Errorf("no recipient: %v", err)
	}
	if _, err := Decrypt("AGE-SECRET-KEY-KITE", s); fault.Of(err) != fault.Invalid || strings.Contains(err.Error(), "KITE") {
		t.Errorf("no identity: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	d := order()
	d.Body = json.RawMessage(`{"a":1}`)
	good := seal(f, d, officerKey, unitKey)
	f.Add(good)
	f.Add(seal(f, d, unitKey))
	f.Add([]byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`))
	alone := seal(f, d, unitKey)
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Open(t.Context(), b, "chirp", now, directory())
		if err != nil {
			if !errors.Is(err, fault.Refused) || fault.Message(err) == "" {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if !bytes.Equal(b, good) && !bytes.Equal(b, alone) {
			t.Fatalf("opened bytes that nobody sealed: %s %+v", b, o)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for b.Loop() {
		if _, err := Seal(order(), officerKey, unitKey); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	sealed, keys := seal(b, order(), officerKey, unitKey), directory()
	for b.Loop() {
		if _, err := Open(b.Context(), sealed, "chirp", now, keys); err != nil {
			b.Fatal(err)
		}
	}
}
