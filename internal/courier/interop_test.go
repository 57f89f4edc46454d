package courier_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"raksha.example/raksha/internal/courier"
)

var update = flag.Bool("update", false, "write the golden files")

const interopFile = "testdata/interop.json"

// interop is what test/clients reads with other people's libraries.
type interop struct {
	Keys      map[string]string `json:"keys"` // kid, Ed25519 public key in base64url; the seed is the SHA-256 of the kid
	Passkey   string            `json:"passkey"`
	Documents []interopDocument `json:"documents"`
}

type interopDocument struct {
	Name    string          `json:"name"`
	Valid   bool            `json:"valid"` // whether every signature is over this content
	Passkey bool            `json:"passkey"`
	JWS     json.RawMessage `json:"jws"`
}

// The documents that other libraries are tested with are those that Seal makes today, and Open says the same of them.
func TestInterop(t *testing.T) {
	encode := base64.RawURLEncoding.EncodeToString
	phone := newEdDSA(t, "phone")
	x := interop{Keys: map[string]string{}, Passkey: encode(public("phone"))}
	for _, kid := range []string{"a", "dig"} {
		x.Keys[kid] = encode(public(kid))
	}
	add := func(name string, valid, passkey bool, jws string) {
		x.Documents = append(x.Documents, interopDocument{name, valid, passkey, json.RawMessage(jws)})
	}
	accented := takedown("accented")
	accented.Body = json.RawMessage(`{"number":"7","content":{"text":"a < b & c, \u0915\u092e\u0932 कमल 🪁"}}`)
	add("an order, signed and countersigned", true, false, sealed(t, takedown("order"), "dig", "a"))
	add("a machine's document, by the agency alone", true, false, sealed(t, takedown("machine"), "a"))
	add("text of other scripts", true, false, sealed(t, accented, "dig", "a"))
	add("an order with a passkey's assertion", true, true, sealed(t, phone.assert(t, takedown("passkey")), "dig", "a"))
	payload, err := json.Marshal(map[string]any{"iss": "unit"})
	if err != nil {
		t.Fatal(err)
	}
	add("signed by another key", false, false, forge(string(payload), part{head("dig"), "river"}, part{head("a"), "a"}))
	add("countersigned by another key", false, false, forge(string(payload), part{head("dig"), "dig"}, part{head("a"), "river"}))
	got, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(interopFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(interopFile)
	if err != nil || string(want) != string(got) {
		t.Errorf("%s is not what Seal makes (%v); run go test with -update", interopFile, err)
	}
	keys := keyList{"a": {Agency: "unit", Key: public("a")}, "dig": {Agency: "unit", Officer: "Dig", Rank: "DIG", Key: public("dig")}}
	for _, d := range x.Documents[:4] {
		keys := keys.with(d.Passkey, phone.passkey())
		var compact []byte
		if compact, err = compacted(d.JWS); err != nil {
			t.Fatal(err)
		}
		if _, err := courier.Open(t.Context(), compact, "chirp", noon.Add(time.Second), keys); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}
