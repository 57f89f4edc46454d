package rules

import (
	"strings"
	"testing"
	"time"
)

// ruleBoundaries are the instants at which the law of an instrument changed: the day on which it did, and what was cited, by whom it had
// to be signed and for how long it ran before and after.
var ruleBoundaries = []struct {
	jurisdiction, instrument, at string
	before, after                asked
}{
	{"in", TakedownOrder, "2025-11-15T00:00:00+05:30", asked{1, "36h", "", ByReference, "r.3(1)(d)", "S"}, asked{2, "36h", "DIG", ByRankAndReference, "amended from 15 November 2025", "S"}},
	{"in", TakedownOrder, "2026-02-20T00:00:00+05:30", asked{2, "36h", "DIG", ByRankAndReference, "amended from 15 November 2025", "S"}, asked{3, "3h", "DIG", ByRankAndReference, "G.S.R. 120(E)", "S"}},
	{"in", InformationRequest, "2024-07-01T00:00:00+05:30", asked{1, "72h", "", ByReference, "Criminal Procedure 1973 s.91", "K"}, asked{2, "72h", "", ByReference, "Sanhita 2023 s.94", "K"}},
	{"in", EmergencyRequest, "2024-07-01T00:00:00+05:30", asked{1, "0h", "", ByReference, "Criminal Procedure 1973 s.91", "K"}, asked{2, "0h", "", ByReference, "Sanhita 2023 s.94", "K"}},
	{"in", FreezeRequest, "2024-07-01T00:00:00+05:30", asked{1, "0h", "", ByReference, "Criminal Procedure 1973 s.102", "K"}, asked{2, "0h", "", ByReference, "Sanhita 2023 s.106", "K"}},
	{"in", LegalAssistanceRequest, "2024-07-01T00:00:00+05:30", asked{1, "0h", "", ByReference, "Criminal Procedure 1973 s.166A", "K"}, asked{2, "0h", "", ByReference, "Sanhita 2023 s.112", "K"}},
	{"in", Certificate, "2024-07-01T00:00:00+05:30", asked{1, "0h", "", ByReference, "Evidence Act 1872 s.65B(4)", "K"}, asked{2, "0h", "", ByReference, "Adhiniyam 2023 s.63(4)(c)", "P"}},
	{"us", Certificate, "2017-12-01T00:00:00-05:00", asked{1, "0h", "", ByReference, "902(11)", "K"}, asked{2, "0h", "", ByReference, "(14)", "K"}},
	{"eu", InformationRequest, "2026-08-18T00:00:00+02:00", asked{1, "0h", "", ByReference, "DSA Art. 10", "K"}, asked{2, "10d", "", ByReference, "e-Evidence Art. 5", "S"}},
}

type asked struct {
	version                                            int
	duration, minRank, authorisation, basis, certainty string
}

// clockBoundaries are the same for clocks of steps; a version of 0 is that there is none.
var clockBoundaries = []struct {
	jurisdiction, step, at string
	before, after          timed
}{
	{"in", "intimate_image_complaint", "2026-02-20T00:00:00+05:30", timed{1, "24h", "r.3(2)(b)", "P"}, timed{2, "2h", "G.S.R. 120(E)", "S"}},
	{"in", "grievance_disposal", "2026-02-20T00:00:00+05:30", timed{1, "15d", "r.3(2)(a)", "P"}, timed{2, "7d", "G.S.R. 120(E)", "S"}},
	{"in", "urgent_grievance", "2022-10-28T00:00:00+05:30", timed{}, timed{1, "72h", "28 October 2022", "S"}},
	{"in", "urgent_grievance", "2026-02-20T00:00:00+05:30", timed{1, "72h", "28 October 2022", "S"}, timed{2, "36h", "G.S.R. 120(E)", "S"}},
	{"in", "order_review", "2025-11-15T00:00:00+05:30", timed{}, timed{1, "1m", "15 November 2025", "S"}},
	{"in", "e_fir_signature", "2024-07-01T00:00:00+05:30", timed{}, timed{1, "3d", "s.173(1)", "P"}},
	{"in", "preliminary_enquiry", "2024-07-01T00:00:00+05:30", timed{}, timed{1, "14d", "s.173(3)", "S"}},
	{"in", "progress_to_informant", "2024-07-01T00:00:00+05:30", timed{}, timed{1, "90d", "s.193(3)(ii)", "P"}},
	{"in", "investigation_completion", "2024-07-01T00:00:00+05:30", timed{1, "2m", "CrPC 1973 s.173(1A)", "K"}, timed{2, "2m", "BNSS 2023 s.193(2)", "P"}},
	{"in", "production_of_arrested", "2024-07-01T00:00:00+05:30", timed{1, "24h", "CrPC 1973 s.57", "K"}, timed{2, "24h", "BNSS 2023 s.58", "K"}},
	{"in", "child_welfare_report", "2012-11-14T00:00:00+05:30", timed{}, timed{1, "24h", "s.19(6)", "P"}},
	{"us", "report_preservation", "2024-05-07T00:00:00-04:00", timed{1, "90d", "2258A(h)(1)", "P"}, timed{2, "1y", "REPORT Act", "P"}},
	{"eu", "emergency_validation", "2026-08-18T00:00:00+02:00", timed{}, timed{1, "48h", "Art. 4(5)", "K"}},
}

type timed struct {
	version                    int
	duration, basis, certainty string
}

// TestEverySideOfEveryBoundary looks one microsecond to each side of every instant at which the law changed.
func TestEverySideOfEveryBoundary(t *testing.T) {
	for _, b := range ruleBoundaries {
		j, from := held(t, b.jurisdiction), at(t, b.at)
		for when, want := range map[time.Time]asked{from.Add(-time.Microsecond): b.before, from: b.after, from.Add(time.Microsecond): b.after} {
			r, err := j.Rule(b.instrument, when)
			got := asked{r.Version, r.Duration, r.MinRank, r.Authorisation, want.basis, r.Certainty}
			if err != nil || got != want || !strings.Contains(r.LegalBasis, want.basis) {
				t.Errorf("%s %s at %s: %+v, basis %q, %v; want %+v", b.jurisdiction, b.instrument, when.In(j.Location()), got, r.LegalBasis, err, want)
			}
		}
	}
	for _, b := range clockBoundaries {
		j, from := held(t, b.jurisdiction), at(t, b.at)
		for when, want := range map[time.Time]timed{from.Add(-time.Microsecond): b.before, from: b.after, from.Add(time.Microsecond): b.after} {
			c, ok := j.Clock(b.step, when)
			got := timed{c.Version, c.Duration, want.basis, c.Certainty}
			if ok != (want.version > 0) || got != want || !strings.Contains(c.LegalBasis, want.basis) {
				t.Errorf("%s %s at %s: %+v, basis %q; want %+v", b.jurisdiction, b.step, when.In(j.Location()), got, c.LegalBasis, want)
			}
		}
	}
}

// TestNoBoundaryUntested: every change in the files stands in the tables above, so that a new version brings its row.
func TestNoBoundaryUntested(t *testing.T) {
	rows := map[string]bool{}
	for _, b := range ruleBoundaries {
		rows[b.jurisdiction+b.instrument+at(t, b.at).UTC().String()] = true
	}
	for _, b := range clockBoundaries {
		rows[b.jurisdiction+b.step+at(t, b.at).UTC().String()] = true
	}
	for _, code := range []string{"in", "us", "eu"} {
		j := held(t, code)
		for _, instrument := range Instruments() {
			for _, r := range j.Versions(instrument) {
				if r.Version > 1 && !rows[code+instrument+r.ValidFrom.String()] {
					t.Errorf("no row for %s from %s", r.Name(), r.ValidFrom.In(j.Location()))
				}
			}
		}
		for _, c := range j.clocks {
			if c.Version > 1 && !rows[code+c.Step+c.ValidFrom.String()] {
				t.Errorf("no row for %s from %s", c.Name(), c.ValidFrom.In(j.Location()))
			}
		}
	}
}

// TestSheet: what the drafter is shown on each side of a change.
func TestSheet(t *testing.T) {
	j := held(t, "in")
	find := func(when string) RuleAt {
		for _, s := range j.Sheet(at(t, when)).Rules {
			if s.Instrument == TakedownOrder {
				return s
			}
		}
		t.Fatal("no takedown order")
		return RuleAt{}
	}
	before, after := find("2026-02-19T23:59:59.999999+05:30"), find("2026-02-20T00:00:00+05:30")
	if before.Rule.Version != 2 || before.Clock != "36 hours from receipt" || before.Before.Version != 1 || before.Next.Version != 3 ||
		len(before.Changes) != 2 || before.Changes[0] != "clock: 3 hours from receipt (was: 36 hours from receipt)" {
		t.Errorf("before: %+v", before)
	}
	if after.Rule.Version != 3 || after.Clock != "3 hours from receipt" || after.Next != nil || len(after.Versions) != 3 || after.Means != "taken from a secondary source; the text of the law was not seen" {
		t.Errorf("after: %+v", after)
	}
	if none := find("2020-01-01T00:00:00+05:30"); none.Rule != nil || none.Next.Version != 1 {
		t.Errorf("before the rules: %+v", none)
	}
	for _, code := range []string{"in", "us", "eu"} {
		sheet := held(t, code).Sheet(at(t, "2026-11-24T09:00:00Z"))
		for _, s := range sheet.Rules {
			if s.Rule == nil || s.Clock == "" || s.Signer == "" || s.Rule.Source == "" {
				t.Errorf("%s: %+v", code, s)
			}
		}
		if len(sheet.Clocks) == 0 || len(sheet.Weekend) != 2 {
			t.Errorf("%s: %+v", code, sheet)
		}
	}
}

// TestEmergency: data before process needs its safeguards, and the formal request follows.
func TestEmergency(t *testing.T) {
	for code, hours := range map[string]float64{"in": 72, "us": 48, "eu": 48} {
		j, issued := held(t, code), at(t, "2026-09-01T10:00:00Z")
		r, err := j.Rule(EmergencyRequest, issued)
		if err != nil || len(r.ConditionWords()) != 4 || r.FollowUpDue(issued).Sub(issued).Hours() != hours {
			t.Errorf("%s: %v %v %s", code, err, r.ConditionWords(), r.FollowUpDue(issued))
		}
	}
	eu := held(t, "eu")
	r, _ := eu.Rule(EmergencyRequest, at(t, "2026-09-01T10:00:00Z"))
	if got := r.Due(at(t, "2026-09-01T10:00:00Z")); !got.Equal(at(t, "2026-09-01T18:00:00Z")) {
		t.Errorf("an emergency is due %s", got)
	}
	if r, _ := eu.Rule(InformationRequest, at(t, "2026-09-01T10:00:00Z")); !r.FollowUpDue(at(t, "2026-09-01T10:00:00Z")).IsZero() {
		t.Error("a formal request is followed by none")
	}
}
