package rules

import (
	"slices"
	"time"
)

// StepClock is one version of a time within which a step must be done. ValidFrom and ValidTo are as a Rule's.
type StepClock struct {
	ID         string    `json:"id"` // such as "in.e_fir_signature", the same for every version
	Version    int       `json:"version"`
	Step       string    `json:"step"` // such as "e_fir_signature"; every version of an id has the same, and no other id has it
	Title      string    `json:"title"`
	Bound      []string  `json:"bound"` // the desks that it binds, such as "unit"
	ValidFrom  time.Time `json:"valid_from"`
	ValidTo    time.Time `json:"valid_to,omitzero"`
	Trigger    string    `json:"trigger"`
	Since      string    `json:"since"` // what starts it, in words
	Duration   string    `json:"duration"`
	Calendar   string    `json:"calendar"`
	Repeats    bool      `json:"repeats,omitempty"` // it starts again each time it has run out
	LegalBasis string    `json:"legal_basis"`
	Source     string    `json:"source"`
	Certainty  string    `json:"certainty"`

	of *Jurisdiction
}

// Name is the clock's id and version.
func (c StepClock) Name() string { return versionName(c.ID, c.Version) }

// Due gives when the clock that started at from runs out, in UTC. It depends on from alone, in the jurisdiction's zone.
func (c StepClock) Due(from time.Time) time.Time { return c.of.due(c.Duration, c.Calendar, from) }

// Words says how long the clock is and what starts it.
func (c StepClock) Words() string {
	w := spanWords(c.Duration, c.Calendar) + " from " + c.Since
	if c.Repeats {
		w += ", and again each time"
	}
	return w
}

// InForce tells whether the version is in force at an instant.
func (c StepClock) InForce(at time.Time) bool {
	return !at.Before(c.ValidFrom) && (c.ValidTo.IsZero() || at.Before(c.ValidTo))
}

// Clock gives the clock of a step in force at an instant, which is that of its trigger: false if the law set none then.
func (j *Jurisdiction) Clock(step string, at time.Time) (StepClock, bool) {
	for _, c := range j.clocks {
		if c.Step == step && c.InForce(at) {
			return c, true
		}
	}
	return StepClock{}, false
}

// Clocks gives every clock in force at an instant that binds any of the desks, in the order of the file; no desk asks for all.
func (j *Jurisdiction) Clocks(at time.Time, desks ...string) []StepClock {
	out := []StepClock{}
	for _, c := range j.clocks {
		if c.InForce(at) && (len(desks) == 0 || slices.ContainsFunc(desks, func(d string) bool { return slices.Contains(c.Bound, d) })) {
			out = append(out, c)
		}
	}
	return out
}

// ClockVersions gives every version of a step's clock, oldest first.
func (j *Jurisdiction) ClockVersions(step string) []StepClock {
	var out []StepClock
	for _, c := range j.clocks {
		if c.Step == step {
			out = append(out, c)
		}
	}
	return out
}

type fileClock struct {
	ID         string   `yaml:"id"`
	Version    int      `yaml:"version"`
	Step       string   `yaml:"step"`
	Title      string   `yaml:"title"`
	Bound      []string `yaml:"bound"`
	ValidFrom  string   `yaml:"valid_from"`
	ValidTo    string   `yaml:"valid_to"`
	Ends       bool     `yaml:"ends"`
	Trigger    string   `yaml:"trigger"`
	Since      string   `yaml:"since"`
	Duration   string   `yaml:"duration"`
	Calendar   string   `yaml:"calendar"`
	Repeats    bool     `yaml:"repeats"`
	LegalBasis string   `yaml:"legal_basis"`
	Source     string   `yaml:"source"`
	Certainty  string   `yaml:"certainty"`
}

// desks are those that a clock can bind; package directory names them too, which knows nothing of rules.
var desks = []string{"hotline", "clearinghouse", "bureau", "unit", "platform"}

func (f *file) checkClocks(j *Jurisdiction, wrong *faults) {
	spans := map[string][]span{}
	steps := map[string]string{}
	for i, c := range f.Clocks {
		wrong.line = f.lineOf("clocks", i)
		what := "the clock " + versionName(c.ID, c.Version)
		out := StepClock{ID: c.ID, Version: c.Version, Step: c.Step, Title: c.Title, Bound: c.Bound, Trigger: c.Trigger, Since: c.Since, Duration: c.Duration,
			Calendar: c.Calendar, Repeats: c.Repeats, LegalBasis: c.LegalBasis, Source: c.Source, Certainty: c.Certainty, of: j}
		if c.ID == "" || c.Version != len(spans[c.ID])+1 {
			wrong.add("%s needs an id, and versions that count 1, 2, 3 in the order of valid_from", what)
		}
		if c.Step == "" || c.Title == "" || c.Since == "" || c.LegalBasis == "" {
			wrong.add("%s needs the step that it times, a title, what it runs from (since) and its legal basis", what)
		}
		if id, taken := steps[c.Step]; taken && id != c.ID {
			wrong.add("%s times the step %q, which %s times already; give it a step of its own", what, c.Step, id)
		} else if spans[c.ID] != nil && !taken {
			wrong.add("%s times another step than version 1; give it an id of its own", what)
		}
		steps[c.Step] = c.ID
		if len(c.Bound) == 0 {
			wrong.add("%s binds no desk; name them under bound", what)
		}
		for _, b := range c.Bound {
			if !slices.Contains(desks, b) {
				wrong.add("%s: %q is none of the desks %v", what, b, desks)
			}
		}
		if n, ok := checkClock(what, c.Trigger, c.Duration, c.Calendar, j, wrong); ok && n == 0 {
			wrong.add("%s: its duration must be above 0", what)
		}
		cited(what, c.Source, c.Certainty, wrong)
		out.ValidFrom, out.ValidTo = period(what, c.ValidFrom, c.ValidTo, j.location, wrong)
		spans[c.ID] = append(spans[c.ID], span{out.Name(), out.ValidFrom, out.ValidTo, c.Ends, wrong.line})
		j.clocks = append(j.clocks, out)
	}
	for _, id := range sortedKeys(spans) {
		checkSeries("the clock "+id, spans[id], j.location, wrong)
	}
}
