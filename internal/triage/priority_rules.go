package triage

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/rules"
)

// ownRules are the rules that a node begins with.
//
//go:embed priority.yaml
var ownRules []byte

// Limits of a file of priority rules.
const (
	maxPriorityFile = 64 << 10 // bytes
	maxTerms        = 200
	maxPoints       = 1000
	maxPriority     = 1000
)

// PriorityRules are the terms that a tip's priority is the sum of; internal/triage/priority.yaml explains the file.
type PriorityRules struct {
	Name   string       `yaml:"name"`
	Base   int64        `yaml:"base"`
	Danger []DangerRule `yaml:"danger"`
	Terms  []TermRule   `yaml:"terms"`
}

// TermRule adds points to a tip on which its condition holds. Of one group the first that holds counts.
type TermRule struct {
	ID     string    `yaml:"id"`
	Title  string    `yaml:"title"`
	Group  string    `yaml:"group"`
	Points int64     `yaml:"points"`
	When   Condition `yaml:"when"`
}

// DangerRule says on which tips a child is held to be in danger when they are received.
type DangerRule struct {
	ID    string    `yaml:"id"`
	Title string    `yaml:"title"`
	When  Condition `yaml:"when"`
}

// Condition is what must hold on a tip, all of it. What is nil or empty is not asked.
type Condition struct {
	Danger              *bool    `yaml:"danger"`
	Escalated           *bool    `yaml:"escalated"`
	VictimNamed         *bool    `yaml:"victim_named"`
	Person              *bool    `yaml:"person"`
	Locator             *bool    `yaml:"locator"`
	Account             *bool    `yaml:"account"`
	Hints               *bool    `yaml:"hints"`
	Hashes              *bool    `yaml:"hashes"`
	Class               []string `yaml:"class"`
	Source              []string `yaml:"source"`
	Annotation          []string `yaml:"annotation"`
	Match               []string `yaml:"match"`
	History             []string `yaml:"history"`
	ReportersAtLeast    *int64   `yaml:"reporters_at_least"`
	TipsAtLeast         *int64   `yaml:"tips_at_least"`
	AccountsAtLeast     *int64   `yaml:"accounts_at_least"`
	FilesAtLeast        *int64   `yaml:"files_at_least"`
	WaitingHoursAtLeast *int64   `yaml:"waiting_hours_at_least"`
	IncidentHoursAtMost *int64   `yaml:"incident_hours_at_most"`
}

// ParsePriorityRules reads a file of rules and says all that is wrong with it: fault.Invalid.
func ParsePriorityRules(b []byte) (*PriorityRules, error) {
	if len(b) > maxPriorityFile {
		return nil, fault.New(fault.TooLarge, "the file of priority rules is larger than %d KiB", maxPriorityFile>>10)
	}
	var r PriorityRules
	if err := rules.Decode(b, &r); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the file of priority rules: %v", err)
	}
	if err := r.check(); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the file of priority rules: %v", err)
	}
	return &r, nil
}

func (r *PriorityRules) check() error {
	var wrong []error
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if strings.TrimSpace(r.Name) == "" || len(r.Name) > 200 {
		add("it needs a name of at most 200 characters")
	}
	if r.Base < 0 || r.Base > maxPriority {
		add("base is %d, and must be from 0 to %d", r.Base, maxPriority)
	}
	if len(r.Terms) == 0 || len(r.Terms) > maxTerms || len(r.Danger) > maxTerms {
		add("it needs from 1 to %d terms", maxTerms)
	}
	seen := map[string]bool{}
	for i, t := range r.Terms {
		what := fmt.Sprintf("term %d (%s)", i+1, t.ID)
		if t.ID == "" || seen[t.ID] {
			add("%s needs an id of its own", what)
		}
		seen[t.ID] = true
		if strings.TrimSpace(t.Title) == "" {
			add("%s needs a title, which people read", what)
		}
		if t.Points == 0 || t.Points < -maxPoints || t.Points > maxPoints {
			add("%s has %d points, and needs some from -%d to %d", what, t.Points, maxPoints, maxPoints)
		}
		t.When.check(what, add)
	}
	seen = map[string]bool{}
	for i, d := range r.Danger {
		what := fmt.Sprintf("danger %d (%s)", i+1, d.ID)
		if d.ID == "" || seen[d.ID] || strings.TrimSpace(d.Title) == "" {
			add("%s needs an id of its own and a title", what)
		}
		seen[d.ID] = true
		if d.When.Danger != nil || d.When.WaitingHoursAtLeast != nil {
			add("%s may ask neither for danger nor for waiting: it is asked when a tip is received", what)
		}
		d.When.check(what, add)
	}
	return errors.Join(wrong...)
}

var (
	conditionClasses = []string{intake.ClassMedia, intake.ClassEnticement, intake.ClassContact, intake.ClassAdult, intake.ClassOther}
	conditionSources = []string{intake.FromComplaint, intake.FromScan, intake.FromReport, intake.FromReferral, intake.FromForm}
	conditionMatches = []string{"exact", "confirmed", "unconfirmed", "rejected", "new", "none"}
)

func (c Condition) check(what string, add func(string, ...any)) {
	asked := 0
	for _, flag := range []*bool{c.Danger, c.Escalated, c.VictimNamed, c.Person, c.Locator, c.Account, c.Hints, c.Hashes} {
		if flag != nil {
			asked++
		}
	}
	for name, list := range map[string]struct{ given, known []string }{"class": {c.Class, conditionClasses}, "source": {c.Source, conditionSources}, "match": {c.Match, conditionMatches},
		"history": {c.History, append([]string{"actionable"}, outcomes...)}, "annotation": {c.Annotation, nil}} {
		for _, word := range list.given {
			asked++
			if list.known != nil && !slices.Contains(list.known, word) {
				add("%s: %q is no %s; there are %s", what, word, name, strings.Join(list.known, ", "))
			}
			if word == "" {
				add("%s: an empty word under %s", what, name)
			}
		}
	}
	for _, n := range []*int64{c.ReportersAtLeast, c.TipsAtLeast, c.AccountsAtLeast, c.FilesAtLeast, c.WaitingHoursAtLeast, c.IncidentHoursAtMost} {
		if n == nil {
			continue
		}
		asked++
		if *n < 1 || *n > 1_000_000 {
			add("%s: %d is no number from 1 to 1,000,000", what, *n)
		}
	}
	if asked == 0 {
		add("%s has no condition under when, and would hold on every tip: use base", what)
	}
}

// holds tells whether everything asked is so.
func (c Condition) holds(f Facts) bool {
	for _, p := range []struct {
		asked *bool
		is    bool
	}{{c.Danger, f.Danger}, {c.Escalated, f.Escalated}, {c.VictimNamed, f.VictimNamed}, {c.Person, f.Person}, {c.Locator, f.Locator}, {c.Account, f.Account}, {c.Hints, f.Hints}, {c.Hashes, f.Hashes}} {
		if p.asked != nil && *p.asked != p.is {
			return false
		}
	}
	for _, p := range []struct{ asked, are []string }{{c.Class, []string{f.Class}}, {c.Source, []string{f.Source}}, {c.Match, []string{f.Match}}, {c.Annotation, f.Annotations}, {c.History, f.History}} {
		if len(p.asked) > 0 && !slices.ContainsFunc(p.asked, func(w string) bool { return slices.Contains(p.are, w) }) {
			return false
		}
	}
	for _, p := range []struct {
		least *int64
		is    int64
	}{{c.ReportersAtLeast, f.Reporters}, {c.TipsAtLeast, f.Tips}, {c.AccountsAtLeast, f.Accounts}, {c.FilesAtLeast, f.Files}, {c.WaitingHoursAtLeast, f.WaitingHours}} {
		if p.least != nil && p.is < *p.least {
			return false
		}
	}
	return c.IncidentHoursAtMost == nil || f.IncidentHours >= 0 && f.IncidentHours <= *c.IncidentHoursAtMost
}

// Score gives the priority of a tip with its terms. It depends on nothing but the rules and the facts.
func (r *PriorityRules) Score(f Facts) (priority int64, terms []Term) {
	sum, counted := r.Base, map[string]bool{}
	for _, t := range r.Terms {
		if t.Group != "" && counted[t.Group] || !t.When.holds(f) {
			continue
		}
		counted[t.Group] = true
		sum += t.Points
		terms = append(terms, Term{t.ID, t.Title, t.Points})
	}
	return min(max(sum, 0), maxPriority), terms
}

// danger gives the first rule by which a child is held to be in danger.
func (r *PriorityRules) danger(f Facts) (DangerRule, bool) {
	for _, d := range r.Danger {
		if d.When.holds(f) {
			return d, true
		}
	}
	return DangerRule{}, false
}

// crossed tells whether a bundle's new count makes a term hold that did not.
func (r *PriorityRules) crossed(n intake.Tally) bool {
	for _, t := range r.Terms {
		for _, p := range []struct {
			least *int64
			is    int64
		}{{t.When.ReportersAtLeast, n.Reporters}, {t.When.TipsAtLeast, n.Tips}, {t.When.AccountsAtLeast, n.Accounts}} {
			if p.least != nil && *p.least == p.is {
				return true
			}
		}
	}
	return false
}

// nextWait gives the hours of waiting at which the next term holds, 0 if none will.
func (r *PriorityRules) nextWait(hours int64) (next int64) {
	for _, t := range r.Terms {
		if w := t.When.WaitingHoursAtLeast; w != nil && *w > hours && (next == 0 || *w < next) {
			next = *w
		}
	}
	return next
}
