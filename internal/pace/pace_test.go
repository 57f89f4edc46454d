package pace_test

import (
	"fmt"
	"testing"
	"time"

	"raksha.example/raksha/internal/pace"
)

type hand struct{ at time.Time }

func (h *hand) Now() time.Time { return h.at }

func TestGate(t *testing.T) {
	c := &hand{time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)}
	g := pace.New(c, 3, time.Hour, 2)
	passed := func(key string) (n int) {
		for range 10 {
			if g.Allow(key) {
				n++
			}
		}
		return n
	}
	if a, b := passed("a"), passed("b"); a != 3 || b != 3 {
		t.Errorf("%d and %d passed, want 3 each", a, b)
	}
	// More keys than are kept share one allowance: names that are made up do not help.
	total := 0
	for i := range 50 {
		total += passed(fmt.Sprint("made up ", i))
	}
	if total != 3 {
		t.Errorf("%d of made-up keys passed, want 3", total)
	}
	c.at = c.at.Add(20 * time.Minute)
	if n := passed("a"); n != 1 {
		t.Errorf("%d passed after a third of the span, want 1", n)
	}
	c.at = c.at.Add(-time.Hour) // a clock that goes back gives nothing
	if n := passed("a"); n != 0 {
		t.Errorf("%d passed after the clock went back", n)
	}
}

func TestAddressKey(t *testing.T) {
	for in, want := range map[string]string{"203.0.113.7": "203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64", "": "", "kite": "kite"} {
		if got := pace.AddressKey(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
