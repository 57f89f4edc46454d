package courier

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
)

func TestStrictJSON(t *testing.T) {
	for _, good := range []string{`{}`, `[]`, ` {"a" : [1, -0, 0.5, 1e3, true, false, null, ""] } `, `"\ud83e\ude81 kite \u00e9 \"\\\/\b\f\n\r\t"`,
		`{"a":{"a":{"a":1}},"b":1}`, `9007199254740991`, `-9007199254740991`, strings.Repeat("[", 16) + strings.Repeat("]", 16)} {
		if err := StrictJSON([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, c := range []struct{ bad, code string }{
		{``, Malformed}, {` `, Malformed}, {`{`, Malformed}, {`{"a"}`, Malformed}, {`{"a":}`, Malformed}, {`{"a":1,}`, Malformed}, {`{a:1}`, Malformed},
		{`{'a':1}`, Malformed}, {`[1,]`, Malformed}, {`[1 2]`, Malformed}, {`[`, Malformed}, {`1 1`, TrailingData}, {"\ufeff{}", Malformed},
		{`tru`, Malformed}, {`True`, Malformed}, {`NaN`, Malformed}, {`Infinity`, Malformed}, {`+1`, Malformed}, {`01`, Malformed}, {`-`, Malformed}, {`1.`, Malformed},
		{`.5`, Malformed}, {`1e`, Malformed}, {`0x10`, TrailingData}, {`"a`, Malformed}, {"\"a\nb\"", Malformed}, {`"\x"`, Malformed}, {`"\u12"`, Malformed},
		{`"\u12g4"`, Malformed}, {`"\u+123"`, Malformed}, {`"\ud800"`, Malformed}, {`"\ude81\ud83e"`, Malformed}, {`"\ud800\n"`, Malformed}, {`"\u0000"`, Malformed}, {"\"\x00\"", Malformed},
		{"\"\xc3\"", NotUTF8}, {"\"\xed\xa0\x80\"", NotUTF8}, {`// x`, Malformed}, {"{}\x00", TrailingData}, {"\x00", Malformed}, {`"\`, Malformed},
		{`{"a":1,"a":1}`, DuplicateKey}, {`{"b":{"a":1,"c":2,"a":3}}`, DuplicateKey}, {`{"a":1,"\u0061":1}`, DuplicateKey}, {`{"":1,"":1}`, DuplicateKey},
		{`{"a":1,"A":1}`, CaseVariantKey}, {`{"straße":1,"STRAßE":1}`, CaseVariantKey}, {`{"s":1,"ſ":1}`, CaseVariantKey}, {`[{"é":1,"É":1}]`, CaseVariantKey},
		{strings.Repeat("[", 17) + strings.Repeat("]", 17), TooDeep}, {strings.Repeat("[", 100000), TooDeep}, {strings.Repeat(`{"a":`, 17), TooDeep},
		{`9007199254740992`, NumberTooLarge}, {`-1e16`, NumberTooLarge}, {`1e999`, NumberTooLarge}, {`0.` + strings.Repeat("1", 40), NumberTooLarge},
		{`"` + strings.Repeat("a", maxDocument) + `"`, TooLarge},
	} {
		if err := StrictJSON([]byte(c.bad)); !errors.Is(err, fault.Refused) || fault.Code(err) != c.code {
			t.Errorf("%.60q: %s %v, want %s", c.bad, fault.Code(err), err, c.code)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	type inner struct {
		URL string `json:"url"`
	}
	type Base struct {
		ID string `json:"id"`
	}
	type body struct {
		Base
		Items []inner           `json:"items"`
		One   *inner            `json:"one,omitempty"`
		At    time.Time         `json:"at"`
		Any   map[string]inner  `json:"any"`
		Raw   json.RawMessage   `json:"raw"`
		Free  any               `json:"free"`
		Words map[string]string `json:"words"`
	}
	var b body
	good := `{"id":"7","items":[{"url":"x"}],"one":{"url":"y"},"at":"2022-09-28T06:00:00Z","any":{"Kite":{"url":"z"}},"raw":{"Any":1},"free":{"Thing":[{}]},"words":{"River":"a"}}`
	if err := DecodeStrict([]byte(good), &b); err != nil || b.ID != "7" || b.Items[0].URL != "x" || b.One.URL != "y" || b.Any["Kite"].URL != "z" {
		t.Fatalf("%+v %v", b, err)
	}
	for bad, code := range map[string]string{
		`{"ID":"7"}`:                   UnknownMember,
		`{"items":[{"URL":"x"}]}`:      UnknownMember,
		`{"one":{"Url":"x"}}`:          UnknownMember,
		`{"any":{"kite":{"uRL":"x"}}}`: UnknownMember,
		`{"kite":1}`:                   UnknownMember,
		`{"id":7}`:                     WrongKind,
		`{"id":"7","id":"8"}`:          DuplicateKey,
		`{"id":"7"} x`:                 TrailingData,
	} {
		var b body
		if err := DecodeStrict([]byte(bad), &b); !errors.Is(err, fault.Refused) || fault.Code(err) != code {
			t.Errorf("%s: %s %v, want %s", bad, fault.Code(err), err, code)
		}
	}
}

func FuzzStrictJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,"\ud83e\ude81",null,true,{}]}`, goodPayload, `{"a":1,"A":2}`, `"\u0000"`, "[[[]]]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := StrictJSON(b)
		if err != nil {
			if !errors.Is(err, fault.Refused) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("accepted what encoding/json does not read: %v", err)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := StrictJSON(again); err != nil && fault.Code(err) != NumberTooLarge {
			t.Fatalf("what it accepted is refused once rewritten: %v", err)
		}
	})
}
