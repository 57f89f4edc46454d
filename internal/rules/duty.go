package rules

import (
	"slices"
	"time"
)

// Duty is one version of what must be done, and by when, once a child is held to be in danger. ValidFrom and ValidTo are as a
// Rule's.
type Duty struct {
	ID         string    `json:"id"` // such as "in.special_court", the same for every version
	Version    int       `json:"version"`
	Title      string    `json:"title"`
	Bound      []string  `json:"bound"` // the desks that it binds, such as "unit"
	ValidFrom  time.Time `json:"valid_from"`
	ValidTo    time.Time `json:"valid_to,omitzero"`
	Trigger    string    `json:"trigger"` // OnReceipt: of the tip; OnEvent: that a child was held to be in danger
	Duration   string    `json:"duration"`
	Calendar   string    `json:"calendar"`
	LegalBasis string    `json:"legal_basis"`
	Source     string    `json:"source"`
	Certainty  string    `json:"certainty"`

	of *Jurisdiction
}

// Name is the duty's id and version.
func (d Duty) Name() string { return versionName(d.ID, d.Version) }

// Due gives when the clock that started at from runs out, in UTC.
func (d Duty) Due(from time.Time) time.Time {
	return Rule{Duration: d.Duration, Calendar: d.Calendar, of: d.of}.Due(from)
}

// Duties gives what the law in force at an instant asks of any of the desks, in the order of the file.
func (j *Jurisdiction) Duties(at time.Time, desks ...string) []Duty {
	var out []Duty
	for _, d := range j.duties {
		in := !at.Before(d.ValidFrom) && (d.ValidTo.IsZero() || at.Before(d.ValidTo))
		if in && slices.ContainsFunc(desks, func(desk string) bool { return slices.Contains(d.Bound, desk) }) {
			out = append(out, d)
		}
	}
	return out
}

type fileDuty struct {
	ID         string   `yaml:"id"`
	Version    int      `yaml:"version"`
	Title      string   `yaml:"title"`
	Bound      []string `yaml:"bound"`
	ValidFrom  string   `yaml:"valid_from"`
	ValidTo    string   `yaml:"valid_to"`
	Trigger    string   `yaml:"trigger"`
	Duration   string   `yaml:"duration"`
	Calendar   string   `yaml:"calendar"`
	LegalBasis string   `yaml:"legal_basis"`
	Source     string   `yaml:"source"`
	Certainty  string   `yaml:"certainty"`
}

// deskNames are the desks that a duty can bind; package directory names them too, which knows nothing of rules.
var deskNames = []string{"hotline", "clearinghouse", "bureau", "unit", "platform"}

func (f *file) checkDuties(j *Jurisdiction, wrong *faults) {
	spans := map[string][]span{}
	for _, d := range f.Duties {
		what := "the duty " + versionName(d.ID, d.Version)
		out := Duty{ID: d.ID, Version: d.Version, Title: d.Title, Bound: d.Bound, Trigger: d.Trigger, Duration: d.Duration, Calendar: d.Calendar,
			LegalBasis: d.LegalBasis, Source: d.Source, Certainty: d.Certainty, of: j}
		if d.ID == "" || d.Version != len(spans[d.ID])+1 || d.Title == "" || d.LegalBasis == "" {
			wrong.add("%s needs an id, versions that count 1, 2, 3 in their order, a title and its legal basis", what)
		}
		if len(d.Bound) == 0 {
			wrong.add("%s binds no desk", what)
		}
		for _, b := range d.Bound {
			if !slices.Contains(deskNames, b) {
				wrong.add("%s: %q is none of the desks %v", what, b, deskNames)
			}
		}
		if d.Trigger != OnReceipt && d.Trigger != OnEvent {
			wrong.add("%s: the trigger %q is neither receipt nor event", what, d.Trigger)
		}
		n, unit, err := parseSpan(d.Duration)
		if err != nil {
			wrong.add("%s: %w", what, err)
		} else if n == 0 || (unit == 'h') != (d.Calendar == "hours") || (unit == 'd') != (d.Calendar == "days") {
			wrong.add("%s: the duration %s must be above 0 and go with the calendar %q (hours for h, days for d)", what, d.Duration, d.Calendar)
		}
		cited(what, d.Source, d.Certainty, wrong)
		out.ValidFrom, out.ValidTo = period(what, d.ValidFrom, d.ValidTo, j.location, wrong)
		spans[d.ID] = append(spans[d.ID], span{out.Name(), out.ValidFrom, out.ValidTo, false, wrong.line})
		j.duties = append(j.duties, out)
	}
	for _, id := range sortedKeys(spans) {
		checkSeries("the duty "+id, spans[id], j.location, wrong)
	}
}
