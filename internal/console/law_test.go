package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestLaw: what a drafter reads of the law on both sides of a change, and from a document.
func TestLaw(t *testing.T) {
	s := seed(t)
	home, b := s.unit.server.URL, s.unit.signedIn()
	for _, c := range []struct {
		path        string
		says, lacks []string
	}{
		{"/law", []string{"Law in force in India", "20 Sep 2022, 15:00 IST", "36 hours from receipt", "not checked: have counsel check", "text seen", "secondary source", "Code of Criminal Procedure 1973 s.91",
			"in.takedown_order version 1", "from 15 Nov 2025 until before 20 Feb 2026", "signed by: an officer of the rank of DIG or above who states the order that authorises him or her", "Request to freeze a payment account",
			"24 hours from receipt of the complaint", "2 hours from receipt of the complaint", "Diwali", "Each Saturday and Sunday"},
			[]string{"Times here are those of", "3 days from the information"}},
		{"/law?at=2026-02-20", []string{"in.takedown_order version 3", "G.S.R. 120(E)", "3 hours from receipt", "Bharatiya Nagarik Suraksha Sanhita 2023 s.106", "3 days from the information", "1 month from the issue of the order, and again each time"}, nil},
		{"/law?at=2024-06-30&jurisdiction=us", []string{"Law in force in United States", "30 Jun 2024, 23:59 EDT", "Times here are those of America/New_York", "90 days from receipt", "1 year from the submission of the report", "Thanksgiving Day"}, []string{"Takedown order"}},
		{"/law?at=2026-08-17&jurisdiction=eu", []string{"no rule in force", "18 Aug 2026"}, nil},
		{fmt.Sprintf("/documents/%d", s.takedown), []string{"Rule, as frozen", "/law?at=2022-09-", "#takedown_order"}, nil},
	} {
		resp, body := get(t, b, home+c.path)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d", c.path, resp.StatusCode)
		}
		for _, want := range c.says {
			if !strings.Contains(strings.Join(strings.Fields(body), " "), want) {
				t.Errorf("%s does not say %q", c.path, want)
			}
		}
		for _, not := range c.lacks {
			if strings.Contains(body, not) {
				t.Errorf("%s says %q", c.path, not)
			}
		}
	}
	for path, status := range map[string]int{"/law?jurisdiction=zz": http.StatusNotFound, "/law?at=noon": http.StatusUnprocessableEntity} {
		if resp, _ := get(t, b, home+path); resp.StatusCode != status {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
}
