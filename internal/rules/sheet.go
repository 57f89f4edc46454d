package rules

import "time"

// Sheet is the law of a jurisdiction as it stands at an instant, for people who draft.
type Sheet struct {
	Jurisdiction string    `json:"jurisdiction"`
	Name         string    `json:"name"`
	Zone         string    `json:"zone"`
	At           time.Time `json:"at"`
	Rules        []RuleAt  `json:"rules"`
	Clocks       []ClockAt `json:"clocks"`
	Procedure    []StepAt  `json:"procedure"`
	Weekend      []string  `json:"weekend"`
	Holidays     []FreeDay `json:"holidays"` // of the calendar year
}

// RuleAt is how the rule of one instrument stands: the version in force, if any, and those before and after it.
type RuleAt struct {
	Instrument string   `json:"instrument"`
	Rule       *Rule    `json:"rule,omitempty"` // nil: no rule is in force
	Clock      string   `json:"clock,omitempty"`
	Signer     string   `json:"signer,omitempty"`
	Conditions []string `json:"conditions_in_words,omitempty"`
	Means      string   `json:"certainty_means,omitempty"` // the certainty mark in words
	Before     *Rule    `json:"before,omitempty"`
	Next       *Rule    `json:"next,omitempty"`
	Changed    []string `json:"changed,omitempty"` // what differs from Before, in words
	Changes    []string `json:"changes,omitempty"` // what will differ in Next
	Versions   []Rule   `json:"versions"`          // all, oldest first
}

// ClockAt is a clock of a step as it stands, with the versions around it.
type ClockAt struct {
	StepClock
	Words  string     `json:"words"`
	Means  string     `json:"certainty_means"`
	Before *StepClock `json:"before,omitempty"`
	Next   *StepClock `json:"next,omitempty"`
}

// StepAt is a step of procedure with the section that governs it.
type StepAt struct {
	Step    string  `json:"step"`
	Section Section `json:"section"`
	Means   string  `json:"certainty_means"`
}

// Sheet tells the law at an instant: every instrument that the jurisdiction has a rule for, the clocks and steps in force, and the
// holidays of that year.
func (j *Jurisdiction) Sheet(at time.Time) Sheet {
	s := Sheet{Jurisdiction: j.Code, Name: j.Name, Zone: j.location.String(), At: at.UTC(), Rules: []RuleAt{}, Clocks: []ClockAt{}, Procedure: []StepAt{},
		Weekend: j.Weekend(), Holidays: j.FreeDays(j.Year(at))}
	for _, instrument := range Instruments() {
		if versions := j.Versions(instrument); len(versions) > 0 {
			s.Rules = append(s.Rules, standing(instrument, versions, at))
		}
	}
	for _, c := range j.Clocks(at) {
		t := ClockAt{StepClock: c, Words: c.Words(), Means: CertaintyMeans(c.Certainty)}
		for _, v := range j.ClockVersions(c.Step) {
			switch v.Version {
			case c.Version - 1:
				t.Before = &v
			case c.Version + 1:
				t.Next = &v
			}
		}
		s.Clocks = append(s.Clocks, t)
	}
	for _, step := range j.Steps() {
		if section := j.Procedure(step, at); section.Act != "" {
			s.Procedure = append(s.Procedure, StepAt{step, section, CertaintyMeans(section.Certainty)})
		}
	}
	return s
}

func standing(instrument string, versions []Rule, at time.Time) RuleAt {
	s := RuleAt{Instrument: instrument, Versions: versions}
	for i := range versions {
		r := &versions[i]
		switch {
		case r.InForce(at):
			s.Rule, s.Clock, s.Signer, s.Conditions, s.Means = r, r.Clock(), r.Signer(), r.ConditionWords(), CertaintyMeans(r.Certainty)
		case r.ValidFrom.After(at):
			if s.Next == nil {
				s.Next = r
			}
		default:
			s.Before = r
		}
	}
	if s.Rule != nil && s.Before != nil {
		s.Changed = Differences(*s.Before, *s.Rule)
	}
	if s.Rule != nil && s.Next != nil {
		s.Changes = Differences(*s.Rule, *s.Next)
	}
	return s
}

// Differences says what the later of two versions changed for whoever drafts.
func Differences(a, b Rule) []string {
	var out []string
	say := func(what, was, is string) {
		if was != is {
			out = append(out, what+": "+is+" (was: "+was+")")
		}
	}
	say("clock", a.Clock(), b.Clock())
	say("signed by", a.Signer(), b.Signer())
	say("legal basis", a.LegalBasis, b.LegalBasis)
	return out
}
