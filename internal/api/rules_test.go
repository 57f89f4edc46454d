package api_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store/storetest"
)

// TestRules asks for the law on both sides of a change, of another jurisdiction, and of now.
func TestRules(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		clockFile := filepath.Join(t.TempDir(), "clock")
		if err := clock.Advance(clockFile, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
		n := newHolder(t, fresh(), "unit", clockFile)
		for query, want := range map[string]struct {
			at, clock string
			version   int
		}{
			"":               {"2026-03-01T12:00:00Z", "3 hours from receipt", 3},
			"?at=2026-02-19": {"2026-02-19T18:29:59.999999Z", "36 hours from receipt", 2},
			"?at=2026-02-20T00:00:00%2B05:30&jurisdiction=in": {"2026-02-19T18:30:00Z", "3 hours from receipt", 3},
			"?at=2026-03-01&jurisdiction=eu":                  {"2026-03-01T22:59:59.999999Z", "the day is the one that the document names", 1},
		} {
			var sheet rules.Sheet
			n.call("GET", "/api/v1/rules"+query, nil, &sheet)
			r := sheet.Rules[0]
			if r.Instrument != rules.TakedownOrder || r.Rule.Version != want.version || r.Clock != want.clock || r.Rule.Source == "" || r.Means == "" || sheet.At.Format(time.RFC3339Nano) != want.at {
				t.Errorf("%s: %s %+v", query, sheet.At, r)
			}
		}
		for query, status := range map[string]int{"?jurisdiction=zz": http.StatusNotFound, "?at=noon": http.StatusUnprocessableEntity, "?at=" + strings.Repeat("2", 50): http.StatusUnprocessableEntity} {
			if got, b := n.try("GET", "/api/v1/rules"+query, nil); got != status {
				t.Errorf("%s: status %d %s", query, got, b)
			}
		}
	})
}
