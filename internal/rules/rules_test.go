package rules

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/jurisdictions"
)

var ist = time.FixedZone("IST", 5*3600+1800)

func india(t testing.TB) *Jurisdiction {
	t.Helper()
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	j, err := book.Jurisdiction("in")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestBoundaries looks at each side of every instant at which the law changed.
func TestBoundaries(t *testing.T) {
	j := india(t)
	for _, c := range []struct {
		instrument, at string
		version        int
		hours          float64
		minRank        string
		basis          string
	}{
		{TakedownOrder, "2022-09-20T10:00:00+05:30", 1, 36, "", "s.79(3)(b)"},
		{TakedownOrder, "2025-11-14T23:59:59.999999999+05:30", 1, 36, "", "r.3(1)(d)"},
		{TakedownOrder, "2025-11-15T00:00:00+05:30", 2, 36, "DIG", "15 November 2025"},
		{TakedownOrder, "2025-11-14T18:30:00Z", 2, 36, "DIG", "r.3(1)(d)"}, // the same instant in UTC
		{TakedownOrder, "2026-02-19T23:59:59.999999999+05:30", 2, 36, "DIG", "r.3(1)(d)"},
		{TakedownOrder, "2026-02-20T00:00:00+05:30", 3, 3, "DIG", "G.S.R. 120(E)"},
		{InformationRequest, "2024-06-30T23:59:59.999999999+05:30", 1, 72, "", "Criminal Procedure 1973 s.91"},
		{InformationRequest, "2024-07-01T00:00:00+05:30", 2, 72, "", "Nagarik Suraksha Sanhita 2023 s.94"},
		{PreservationRequest, "2022-09-20T10:00:00+05:30", 1, 180 * 24, "", "r.3(1)(g)"},
		{Certificate, "2024-06-30T23:59:59.999999999+05:30", 1, 0, "", "Evidence Act 1872 s.65B(4)"},
		{Certificate, "2024-07-01T00:00:00+05:30", 2, 0, "", "Adhiniyam 2023 s.63(4)(c)"},
		{Summons, "2022-09-20T10:00:00+05:30", 1, 0, "", "Delhi Commission for Women Act 1994 s.10"},
	} {
		r, err := j.Rule(c.instrument, at(t, c.at))
		if err != nil {
			t.Errorf("%s at %s: %v", c.instrument, c.at, err)
			continue
		}
		if r.Version != c.version || r.Hours() != c.hours || r.MinRank != c.minRank || !strings.Contains(r.LegalBasis, c.basis) {
			t.Errorf("%s at %s: version %d, %g h, rank %q, basis %q", c.instrument, c.at, r.Version, r.Hours(), r.MinRank, r.LegalBasis)
		}
	}
	if _, err := j.Rule(TakedownOrder, at(t, "2021-02-24T23:59:59+05:30")); fault.Code(err) != "no_rule" {
		t.Errorf("before the rules: %v", err)
	}
	if _, err := j.Rule("decree", at(t, "2022-09-20T10:00:00+05:30")); fault.Code(err) != "no_rule" {
		t.Errorf("no such instrument: %v", err)
	}
}

// TestSameOrderInTwoYears: the same receipt time of day gives other due times by the law of 2022 and of 2026.
func TestSameOrderInTwoYears(t *testing.T) {
	j := india(t)
	for receipt, due := range map[string]string{
		"2022-09-28T11:00:00+05:30": "2022-09-29T23:00:00+05:30",
		"2026-09-28T11:00:00+05:30": "2026-09-28T14:00:00+05:30",
	} {
		r, err := j.Rule(TakedownOrder, at(t, receipt))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Due(at(t, receipt)); !got.Equal(at(t, due)) || got.Location() != time.UTC {
			t.Errorf("received %s: due %s, want %s in UTC", receipt, got, due)
		}
	}
	r, err := j.Rule(PreservationRequest, at(t, "2022-09-28T11:00:00+05:30"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Due(at(t, "2022-09-28T11:00:00+05:30")), at(t, "2023-03-27T11:00:00+05:30"); !got.Equal(want) {
		t.Errorf("preserved until %s, want %s", got, want)
	}
	r, err = j.Rule(Summons, at(t, "2022-09-20T11:00:00+05:30"))
	if err != nil {
		t.Fatal(err)
	}
	if hearing := at(t, "2022-09-26T12:00:00+05:30"); r.Trigger != OnEvent || !r.Due(hearing).Equal(hearing) {
		t.Errorf("a summons is due at its hearing, not %s", r.Due(hearing))
	}
}

func TestAllows(t *testing.T) {
	j := india(t)
	y2022, y2025, y2026 := at(t, "2022-09-28T11:00:00+05:30"), at(t, "2025-11-15T00:00:00+05:30"), at(t, "2026-03-01T09:00:00+05:30")
	for _, c := range []struct {
		name, instrument string
		at               time.Time
		rank, ref        string
		code, says       string
	}{
		{"a sub-inspector with an authorisation in 2022", TakedownOrder, y2022, "Sub-Inspector", "HOME/2021/17", "", ""},
		{"nobody's authorisation in 2022", TakedownOrder, y2022, "DG", " ", "no_authorisation", "in.takedown_order version 1"},
		{"an inspector in 2026", TakedownOrder, y2026, "Inspector", "HOME/2025/4", "under_ranked",
			"a takedown order must be issued by an officer of the rank of DIG or above since 15 November 2025"},
		{"just below in 2026", TakedownOrder, y2026, "SP", "HOME/2025/4", "under_ranked", "the signing officer is an SP"},
		{"the rank in 2026", TakedownOrder, y2026, "DIG", "HOME/2025/4", "", ""},
		{"above, by the long name in small letters", TakedownOrder, y2025, "inspector  general of police", "HOME/2025/4", "", ""},
		{"the rank without its special authorisation", TakedownOrder, y2026, "DIG", "", "no_authorisation", "states no order"},
		{"a rank nobody knows", TakedownOrder, y2026, "Captain", "HOME/2025/4", "unknown_rank", `"Captain" is not a rank known in India`},
		{"an inspector asks for data in 2026", InformationRequest, y2026, "Inspector", "PS Cyber", "", ""},
		{"an agency refers", Referral, y2022, "", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := j.Rule(c.instrument, c.at)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Allows(c.rank, c.ref)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if !errors.Is(err, fault.Refused) || fault.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", fault.Code(err), err)
			}
		})
	}
}

func TestSections(t *testing.T) {
	j := india(t)
	before, after := at(t, "2024-06-30T23:59:59+05:30"), at(t, "2024-07-01T00:00:00+05:30")
	for _, class := range []string{"media", "enticement", "contact_offence", "adult_sexual_violence"} {
		old, now := acts(j.Sections(class, before)), acts(j.Sections(class, after))
		if !old["IPC"] || old["BNS"] || now["IPC"] || !now["BNS"] {
			t.Errorf("%s: before %v, after %v", class, old, now)
		}
		if child := class != "adult_sexual_violence"; old["POCSO"] != child || now["POCSO"] != child {
			t.Errorf("%s: POCSO is for children: before %v, after %v", class, old, now)
		}
	}
	if got := j.Sections("river", after); got != nil {
		t.Errorf("an unknown class gave %v", got)
	}
	fifteen := map[string]string{"2019-08-15T23:59:59+05:30": "POCSO s.15", "2019-08-16T00:00:00+05:30": "POCSO s.15(1)"}
	for when, want := range fifteen {
		if got := labels(j.Sections("media", at(t, when))); !strings.Contains(got+",", want+",") {
			t.Errorf("at %s: %s", when, got)
		}
	}
}

func TestProcedure(t *testing.T) {
	j := india(t)
	before, after := at(t, "2024-06-30T23:59:59.999999999+05:30"), at(t, "2024-07-01T00:00:00+05:30")
	for step, want := range map[string][2]string{
		"fir":                 {"CrPC s.154", "BNSS s.173"},
		"production":          {"CrPC s.91", "BNSS s.94"},
		"electronic_evidence": {"Evidence Act s.65B", "BSA s.63"},
		"search_recording":    {"", "BNSS s.105"},
		"basket":              {"", ""},
	} {
		if got := [2]string{j.Procedure(step, before).String(), j.Procedure(step, after).String()}; got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
	}
}

// TestEveryBoundary walks every version in the file: at its first and last instant it, and nothing else, is in force.
func TestEveryBoundary(t *testing.T) {
	j := india(t)
	for _, instrument := range Instruments() {
		versions := j.Versions(instrument)
		if len(versions) == 0 {
			t.Errorf("%s has no rule", instrument)
		}
		for _, v := range versions {
			instants := []time.Time{v.ValidFrom}
			if !v.ValidTo.IsZero() {
				instants = append(instants, v.ValidTo.Add(-1))
			}
			for _, at := range instants {
				if got, err := j.Rule(instrument, at); err != nil || got.Version != v.Version {
					t.Errorf("%s at %s: version %d %v, want %d", instrument, at, got.Version, err, v.Version)
				}
			}
		}
	}
	book, _ := Embedded()
	if r, err := book.Version("in.takedown_order", 2); err != nil || r.MinRank != "DIG" {
		t.Errorf("version 2: %+v %v", r, err)
	}
	if _, err := book.Version("in.takedown_order", 9); fault.Code(err) != "no_rule" {
		t.Errorf("version 9: %v", err)
	}
	if _, err := book.Jurisdiction("zz"); fault.Of(err) != fault.NotFound {
		t.Errorf("zz: %v", err)
	}
	if y := j.Year(at(t, "2021-12-31T18:30:00Z")); y != 2022 {
		t.Errorf("the year began in India, got %d", y)
	}
	if n, ok := j.Numbering("fir"); !ok || len(n.Per) != 2 {
		t.Errorf("FIR numbering: %+v", n)
	}
}

// TestRefusedFiles alters the real file in one place each and expects to be told what is wrong.
func TestRefusedFiles(t *testing.T) {
	good, err := jurisdictions.Files.ReadFile("in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"a gap", "valid_from: 2025-11-15 #", "valid_from: 2025-11-16 #", "the rule for takedown_order: a gap from 2025-11-15 00:00"},
		{"an overlap", "valid_from: 2025-11-15 #", "valid_from: 2025-11-14 #", "version 1 and in.takedown_order version 2 overlap from 2025-11-14"},
		{"two in force", "    valid_to: 2025-11-15\n", "", "in.takedown_order version 1 has no end"},
		{"an uncited rule", `source: "quoted in one platform's terms of service; the rule's number is general knowledge"`, `source: ""`,
			"in.preservation_request version 1: no source is cited"},
		{"an uncited section", `source: "IPC s.292"`, `source: " "`, "the class media: IPC s.292: no source is cited"},
		{"a gap to the end", "    valid_from: 2026-02-20\n    trigger: receipt\n    duration: 3h", "    valid_from: 2026-02-20\n    valid_to: 2027-01-01\n    trigger: receipt\n    duration: 3h",
			"the rule for takedown_order: a gap from 2027-01-01 00:00 on: nothing follows in.takedown_order version 3; add the version that does, take valid_to out, or say ends: true"},
		{"an end without a day", "duration: 180d", "ends: true\n    duration: 180d", "says that it ends but not when; add valid_to"},
		{"one id for two instruments", "id: in.referral", "id: in.notice", "the id in.notice stands for a notice already"},
		{"a version twice", "id: in.certificate\n    version: 2", "id: in.certificate\n    version: 1", "in.certificate version 1 stands twice, first on line"},
		{"an emergency without its call-back", "[imminent_danger, call_back, second_officer, formal_process]", "[imminent_danger, second_officer, formal_process]",
			"an emergency disclosure request must ask for the condition call_back; add it"},
		{"a condition nobody knows", "[imminent_danger, call_back,", "[moonlight, imminent_danger, call_back,", `the condition "moonlight" stands twice or is not one of`},
		{"no time for the formal request", "    follow_up: 3d\n", "", "go together"},
		{"no number for it", "follow_up: 3d", "follow_up: soon", `follow_up: the duration "soon"`},
		{"months as hours", "duration: 1m", "duration: 1m30", `the duration "1m30"`},
		{"a clock of nobody", "bound: [unit]", "bound: [lighthouse]", `"lighthouse" is none of the desks`},
		{"a clock of no step", "step: preliminary_enquiry\n    title", "step: e_fir_signature\n    title", `times the step "e_fir_signature", which in.e_fir_signature times already`},
		{"a clock that changes its step", "step: grievance_disposal\n    title: \"Dispose of a user's grievance\"\n    bound: [platform]\n    valid_from: 2026", "step: kite\n    title: \"Dispose of a user's grievance\"\n    bound: [platform]\n    valid_from: 2026",
			"times another step than version 1"},
		{"a clock with a gap", "step: urgent_grievance\n    title: \"Dispose of a grievance of the classes that ask for removal\"\n    bound: [platform]\n    valid_from: 2026-02-20", "step: urgent_grievance\n    title: \"Dispose of a grievance of the classes that ask for removal\"\n    bound: [platform]\n    valid_from: 2026-03-20",
			"the clock in.urgent_grievance: a gap from 2026-02-20 00:00"},
		{"an uncited clock", `source: "livemint 28 Oct 2022"`, `source: ""`, "the clock in.urgent_grievance version 1: no source is cited"},
		{"a holiday nobody can place", `on: "01-26"`, `on: "26 January"`, `the holiday "Republic Day": the day "26 January" is none of`},
		{"a single day with years", `on: "2022-03-18", `, `on: "2022-03-18", valid_from: 2020-01-01, `, "valid_from and valid_to have no meaning"},
		{"an uncited weekend", "weekend: {days: [saturday, sunday], source:", "weekend: {days: [saturday, sunday], sauce:", `unknown field "sauce"; mend its spelling or take it out`},
		{"no certainty", "certainty: K\n  - id: in.information_request\n    version: 2", "certainty: X\n  - id: in.information_request\n    version: 2",
			`certainty "X" is not P, S or K`},
		{"a broken duration", "duration: 180d", "duration: 6 months", `the duration "6 months" is not a number with h, d, m or y`},
		{"hours counted as days", "duration: 180d", "duration: 180h", "does not go with the calendar"},
		{"no clock from receipt", "duration: 3h", "duration: 0h", "needs a duration above 0"},
		{"an unknown rank", "min_rank: DIG # ", "min_rank: Captain # ", `the rank "Captain" in min_rank is not in the list`},
		{"a rank nobody checks", "authorisation: reference # any", "min_rank: SP\n    authorisation: reference # any", "nobody would check it"},
		{"an unknown instrument", "instrument: referral", "instrument: decree", `the instrument "decree" is not one of`},
		{"an unknown field", "instrument: referral", "instrument: referral\n    min_rang: DIG", "min_rang"},
		{"a field twice", "instrument: referral", "instrument: referral\n    instrument: summons", "already defined"},
		{"backwards", "valid_to: 2025-11-15\n", "valid_to: 2020-11-15\n", "is not after valid_from"},
		{"no such day", "valid_to: 2025-11-15\n", "valid_to: 2025-11-31\n", "neither a day"},
		{"a version skipped", "version: 2\n    instrument: takedown_order", "version: 4\n    instrument: takedown_order", "count 1, 2, 3"},
		{"another trigger", "trigger: receipt\n    duration: 180d", "trigger: moon\n    duration: 180d", `the trigger "moon"`},
		{"no time zone", "location: Asia/Kolkata", "location: Asia/Nowhere", "not a time zone name"},
		{"a step with a gap", `{act: BNSS, section: "173", valid_from: 2024-07-01`, `{act: BNSS, section: "173", valid_from: 2024-07-02`, "the step fir: a gap"},
		{"an unknown field in a section", `section: "294", valid_from: 2024-07-01`, `section: "13", act2: x, valid_from: 2024-07-01`, "act2"},
		{"the same section twice", `{act: BNS, section: "294"`, `{act: POCSO, section: "13"`, "POCSO s.13 stands twice"},
		{"ranks out of order", "{name: IG, level: 90", "{name: IG, level: 75", `the rank "IG" has level 75`},
		{"an alias", "name: India", "name: &x India", "anchors, aliases and tags"},
		{"deep brackets", "name: India", "name: " + strings.Repeat("[", 40), "nested deeper"},
		{"a long line", "name: India", "name: " + strings.Repeat("- ", 600), "longer than"},
		{"not YAML", "name: India", "name: \"India", "not YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(string(good), c.old) {
				t.Fatalf("the file no longer holds %q", c.old)
			}
			bad := strings.Replace(string(good), c.old, c.new, 1)
			_, err := Load(fstest.MapFS{"in.yaml": {Data: []byte(bad)}})
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "in.yaml:") {
				t.Errorf("got %v, want it to say %q", err, c.says)
			}
		})
	}
	if _, err := Load(fstest.MapFS{"zz.yaml": {Data: []byte(small)}}); err != nil {
		t.Error(err)
	}
	ended := strings.Replace(small, "trigger: receipt, duration: 9d", "valid_to: 2026-01-01, ends: true, trigger: receipt, duration: 9d", 1)
	if book, err := Load(fstest.MapFS{"zz.yaml": {Data: []byte(ended)}}); err != nil {
		t.Error(err)
	} else if j, _ := book.Jurisdiction("zz"); j != nil {
		if _, err := j.Rule(Notice, at(t, "2026-01-01T00:00:00+05:30")); fault.Code(err) != "no_rule" {
			t.Errorf("a rule that ended is in force: %v", err)
		}
	}
	if _, err := Load(fstest.MapFS{}); fault.Of(err) != fault.Invalid {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Load(fstest.MapFS{"a.yaml": {Data: good}, "b.yaml": {Data: good}}); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("the same jurisdiction twice: %v", err)
	}
}

// TestErrorsNameTheLine: whoever writes a file is told file, line and what to do, for everything wrong at once.
func TestErrorsNameTheLine(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(small, "\n"), "\n")
	at := func(n int, old, new string) string {
		c := strings.Split(strings.Join(lines, "\n"), "\n")
		if !strings.Contains(c[n-1], old) {
			t.Fatalf("line %d no longer holds %q", n, old)
		}
		c[n-1] = strings.Replace(c[n-1], old, new, 1)
		return strings.Join(c, "\n")
	}
	for _, c := range []struct {
		file string
		want []string
	}{
		{at(8, "valid_to: 2024-07-01", "valid_to: 2024-06-01"), []string{"zz.yaml:9: the rule for notice: a gap from 2024-06-01 00:00 (end of zz.notice version 1) to 2024-07-01 00:00 (beginning of zz.notice version 2); let one begin where the other ends, or say ends: true"}},
		{at(9, "min_rank: DIG", "min_rank: Captain"), []string{`zz.yaml:9: zz.notice version 2: the rank "Captain" in min_rank is not in the list of ranks; add it there or mend its spelling`}},
		{at(5, "level: 70", "level: 0"), []string{`zz.yaml:5: the rank "SP" has level 0`}},
		{at(13, "source: s", "source: \"\""), []string{"zz.yaml:13: the class media: A s.1: no source is cited; say in source where it comes from"}},
		{at(8, "source: z", "sauce: z"), []string{`zz.yaml:8: unknown field "sauce"`}},
		{at(3, "Asia/Kolkata", "Asia/Nowhere"), []string{"zz.yaml:3: the location"}},
		{at(13, "act: A", "act: &x A"), []string{"zz.yaml:13: anchors, aliases and tags"}},
		{at(8, "duration: 36h", "duration: 36"), []string{`zz.yaml:8: zz.notice version 1: the duration "36" is not a number`}},
		{strings.Replace(at(8, "source: z", "source: \"\""), "duration: 9d", "duration: 9h", 1), []string{"zz.yaml:8: zz.notice version 1: no source", "zz.yaml:9: zz.notice version 2: the duration 9h does not go"}},
		{at(13, "title: t", "title: \"t"), []string{"zz.yaml:13: not YAML"}},
	} {
		_, err := Load(fstest.MapFS{"zz.yaml": {Data: []byte(c.file)}})
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want it to say %q", err, want)
			}
		}
	}
}

// small is a whole file, short enough for the fuzzer to take apart.
const small = `jurisdiction: zz
name: River
location: Asia/Kolkata
ranks:
  - {name: SP, level: 70}
  - {name: DIG, level: 80, also: [Deputy Inspector General]}
rules:
  - {id: zz.notice, version: 1, instrument: notice, valid_from: 2021-02-25, valid_to: 2024-07-01, trigger: receipt, duration: 36h, calendar: hours, authorisation: reference, legal_basis: x, redress: y, source: z, certainty: K}
  - {id: zz.notice, version: 2, instrument: notice, valid_from: 2024-07-01, trigger: receipt, duration: 9d, calendar: days, min_rank: DIG, authorisation: rank, legal_basis: x, redress: y, source: z, certainty: P}
offences:
  - class: media
    sections:
      - {act: A, section: "1", valid_from: 2012-11-14, title: t, source: s, certainty: S}
clocks:
  - {id: zz.c, version: 1, step: c, title: t, bound: [unit], valid_from: 2021-02-25, trigger: event, since: x, duration: 2m, calendar: days, legal_basis: x, source: s, certainty: K}
`

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	for _, name := range []string{"in.yaml", "us.yaml", "eu.yaml"} {
		b, err := jurisdictions.Files.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("jurisdiction: in\nname: India\nlocation: Asia/Kolkata\n"))
	f.Add([]byte("a: [{b: c}, *d]\n? x\n: |\n  y\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := parse(b)
		if err != nil {
			return
		}
		for _, c := range j.Clocks(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
			if c.Due(c.ValidFrom).Before(c.ValidFrom) {
				t.Fatal("a clock runs backwards")
			}
		}
		j.Sheet(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		for _, instrument := range Instruments() { // whatever was accepted answers without a panic
			for _, v := range j.Versions(instrument) {
				if got, err := j.Rule(instrument, v.ValidFrom); err != nil || got.Version != v.Version {
					t.Fatalf("%s: %v", instrument, err)
				}
				_ = v.Allows("DIG", "x")
				if v.Due(v.ValidFrom).Before(v.ValidFrom) {
					t.Fatal("due before it began")
				}
			}
		}
	})
}

func acts(list []Section) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s.Act] = true
	}
	return m
}

func labels(list []Section) string {
	var out []string
	for _, s := range list {
		out = append(out, s.String())
	}
	return strings.Join(out, ",")
}

func TestHelplines(t *testing.T) {
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	j, err := book.Jurisdiction("in")
	if err != nil {
		t.Fatal(err)
	}
	lines := j.Helplines()
	if len(lines) != 2 || lines[0].Number != "112" || lines[1].Number != "1098" || lines[1].Name("hi") == lines[1].Name("en") || lines[0].Name("ta") != lines[0].Name("en") {
		t.Errorf("%+v", lines)
	}
}
