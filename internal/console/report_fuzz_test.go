package console

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
)

func FuzzDecodeForm(f *testing.F) {
	const form = "application/x-www-form-urlencoded"
	f.Add(form, []byte("class=media&what=kite&addresses=t.me%2Fkite%0D%0Ax.com%2Fkite&danger=1"))
	f.Add(form+"; charset=utf-8", []byte("what=%ff&what=%00&a;b"))
	f.Add("multipart/form-data; boundary=x", []byte("--x--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		s, err := decodeForm(kind, bytes.NewReader(body))
		if err != nil {
			if !errors.Is(err, fault.Invalid) || english.failure(fault.Code(err)) == english.otherFailure {
				t.Fatalf("%v has no words of its own", err)
			}
			return
		}
		if err := s.form.Check(); err != nil {
			if english.failure(fault.Code(err)) == english.otherFailure || hindi.failure(fault.Code(err)) == hindi.otherFailure {
				t.Fatalf("%v has no words of its own", err)
			}
			return
		}
		if len(s.form.Addresses) > intake.MaxFormAddresses || !utf8.ValidString(s.form.What) || len(understoodAddresses(s.form.Addresses)) != len(s.form.Addresses) {
			t.Fatalf("%+v", s.form)
		}
	})
}

// Every word is there in both languages.
func TestSaid(t *testing.T) {
	if len(english.classes) != len(hindi.classes) || len(english.failures) != len(hindi.failures) || len(english.states) != len(hindi.states) {
		t.Error("a word is missing in a language")
	}
	for i, c := range english.classes {
		if hindi.classes[i].value != c.value || hindi.classes[i].label == c.label {
			t.Errorf("%s", c.value)
		}
	}
	for code := range english.failures {
		if hindi.failures[code] == "" {
			t.Errorf("%s has no Hindi", code)
		}
	}
	for _, state := range []string{"held", "discarded", "received", "actionable", "informational", "duplicate", "insufficient", "linked", "referred", "returned", "closed"} {
		if english.state(state) == "" || hindi.state(state) == "" {
			t.Errorf("%s has no words", state)
		}
	}
}
