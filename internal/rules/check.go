package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// faults gathers everything that is wrong in a file, so that its author mends it in one go.
type faults struct{ list []error }

func (f *faults) add(format string, args ...any) {
	f.list = append(f.list, fmt.Errorf(format, args...))
}

// check turns the file into a jurisdiction or says all that is wrong with it.
func (f *file) check() (*Jurisdiction, error) {
	wrong := &faults{}
	j := &Jurisdiction{Code: f.Jurisdiction, Name: f.Name, levels: map[string]int{}, rules: map[string][]Rule{},
		procedure: map[string][]Section{}, offences: map[string][]Section{}}
	if f.Jurisdiction == "" || f.Name == "" {
		wrong.add("the file must name its jurisdiction (a code) and its name")
	}
	loc, err := time.LoadLocation(f.Location)
	if err != nil || f.Location == "" || f.Location == "Local" {
		return nil, fmt.Errorf("the location %q is not a time zone name such as Asia/Kolkata", f.Location)
	}
	j.location = loc
	f.checkRanks(j, wrong)
	f.checkHelplines(j, wrong)
	f.checkNumbering(j, wrong)
	f.checkRules(j, wrong)
	f.checkProcedure(j, wrong)
	f.checkOffences(j, wrong)
	f.checkDuties(j, wrong)
	f.checkOpenings(j, wrong)
	if len(wrong.list) > 0 {
		return nil, errors.Join(wrong.list...)
	}
	return j, nil
}

func (f *file) checkRanks(j *Jurisdiction, wrong *faults) {
	last := 0
	for _, r := range f.Ranks {
		if r.Level < last || r.Level <= 0 {
			wrong.add("the rank %q has level %d: ranks stand lowest first with levels above 0", r.Name, r.Level)
		}
		last = r.Level
		for _, name := range append([]string{r.Name}, r.Also...) {
			key := rankKey(name)
			if _, twice := j.levels[key]; twice || key == "" {
				wrong.add("the rank name %q is empty or stands twice", name)
			}
			j.levels[key] = r.Level
		}
		j.ranks = append(j.ranks, Rank{r.Name, r.Level})
	}
}

func (f *file) checkNumbering(j *Jurisdiction, wrong *faults) {
	for _, n := range f.Numbering {
		what := "the numbering " + n.Series
		if n.Series == "" || len(n.Per) == 0 || !strings.Contains(n.Format, "{serial}") {
			wrong.add("%s needs a series, what it is per, and a format with {serial}", what)
		}
		cited(what, n.Source, n.Certainty, wrong)
		j.numbering = append(j.numbering, Numbering(n))
	}
}

func (f *file) checkRules(j *Jurisdiction, wrong *faults) {
	for _, r := range f.Rules {
		what := versionName(r.ID, r.Version)
		rule := Rule{ID: r.ID, Version: r.Version, Jurisdiction: f.Jurisdiction, Instrument: r.Instrument, Trigger: r.Trigger,
			Duration: r.Duration, Calendar: r.Calendar, MinRank: r.MinRank, Authorisation: r.Authorisation,
			LegalBasis: r.LegalBasis, Redress: r.Redress, Source: r.Source, Certainty: r.Certainty, of: j}
		rule.ValidFrom, rule.ValidTo = period(what, r.ValidFrom, r.ValidTo, j.location, wrong)
		rule.check(what, wrong)
		if slices.Contains(Instruments(), r.Instrument) {
			j.rules[r.Instrument] = append(j.rules[r.Instrument], rule)
		} else {
			wrong.add("%s: the instrument %q is not one of %s", what, r.Instrument, strings.Join(Instruments(), ", "))
		}
	}
	for instrument, versions := range j.rules {
		slices.SortStableFunc(versions, func(a, b Rule) int { return a.ValidFrom.Compare(b.ValidFrom) })
		var spans []span
		for i := range versions {
			r := &versions[i]
			spans = append(spans, span{r.Name(), r.ValidFrom, r.ValidTo})
			if r.ID != versions[0].ID || r.Version != i+1 {
				wrong.add("the rule for %s: its versions must share one id and count 1, 2, 3 in the order of valid_from; found %s",
					instrument, r.Name())
			}
			r.rankSince = r.ValidFrom
			if i > 0 && r.MinRank != "" && versions[i-1].MinRank != "" && j.levels[rankKey(versions[i-1].MinRank)] >= j.levels[rankKey(r.MinRank)] {
				r.rankSince = versions[i-1].rankSince
			}
		}
		checkSeries("the rule for "+instrument, spans, j.location, wrong)
	}
}

// check looks at one version alone.
func (r Rule) check(what string, wrong *faults) {
	if r.ID == "" || r.Version < 1 {
		wrong.add("%q: a rule needs an id and a version from 1", what)
	}
	if r.Trigger != OnReceipt && r.Trigger != OnEvent {
		wrong.add("%s: the trigger %q is neither receipt nor event", what, r.Trigger)
	}
	n, unit, err := parseSpan(r.Duration)
	switch {
	case err != nil:
		wrong.add("%s: %w", what, err)
	case unit == 'h' && r.Calendar != "hours", unit == 'd' && r.Calendar != "days":
		wrong.add("%s: the duration %s does not go with the calendar %q (hours for h, days for d)", what, r.Duration, r.Calendar)
	case n == 0 && r.Trigger != OnEvent:
		wrong.add("%s: a clock that runs from receipt needs a duration above 0", what)
	}
	switch r.Authorisation {
	case ByRank, ByRankAndReference:
		if _, ok := r.of.Rank(r.MinRank); !ok {
			wrong.add("%s: the rank %q in min_rank is not in the list of ranks", what, r.MinRank)
		}
	case ByReference, ByAgency:
		if r.MinRank != "" {
			wrong.add("%s: min_rank is %s but the authorisation is by %s, so nobody would check it", what, r.MinRank, r.Authorisation)
		}
	default:
		wrong.add("%s: the authorisation %q is not reference, rank, rank_and_reference or agency", what, r.Authorisation)
	}
	if r.LegalBasis == "" || r.Redress == "" {
		wrong.add("%s: needs its legal basis and its redress", what)
	}
	cited(what, r.Source, r.Certainty, wrong)
}

func (f *file) checkProcedure(j *Jurisdiction, wrong *faults) {
	for _, p := range f.Procedure {
		if _, twice := j.procedure[p.Step]; twice || p.Step == "" || len(p.Sections) == 0 {
			wrong.add("the step %q of procedure needs a name of its own and sections", p.Step)
		}
		var spans []span
		for _, fs := range p.Sections {
			if s, ok := fs.check("the step "+p.Step, j.location, wrong); ok {
				j.procedure[p.Step] = append(j.procedure[p.Step], s)
				spans = append(spans, span{s.String(), s.ValidFrom, s.ValidTo})
			}
		}
		checkSeries("the step "+p.Step, spans, j.location, wrong)
	}
}

func (f *file) checkOffences(j *Jurisdiction, wrong *faults) {
	for _, o := range f.Offences {
		if o.Class == "" || len(o.Sections) == 0 {
			wrong.add("an offence class needs a name and sections")
		}
		for _, fs := range o.Sections {
			s, ok := fs.check("the class "+o.Class, j.location, wrong)
			if !ok {
				continue
			}
			for _, other := range j.offences[o.Class] {
				if other.Act == s.Act && other.Section == s.Section && overlap(other, s) {
					wrong.add("the class %s: %s stands twice for the same days", o.Class, s)
				}
			}
			j.offences[o.Class] = append(j.offences[o.Class], s)
		}
	}
}

func overlap(a, b Section) bool {
	return (a.ValidTo.IsZero() || b.ValidFrom.Before(a.ValidTo)) && (b.ValidTo.IsZero() || a.ValidFrom.Before(b.ValidTo))
}

func (fs fileSection) check(where string, loc *time.Location, wrong *faults) (Section, bool) {
	if fs.Act == "" || fs.Section == "" || fs.Title == "" {
		wrong.add("%s: a section needs act, section and title; found %q %q %q", where, fs.Act, fs.Section, fs.Title)
		return Section{}, false
	}
	what := fmt.Sprintf("%s: %s s.%s", where, fs.Act, fs.Section)
	s := Section{Act: fs.Act, Section: fs.Section, Title: fs.Title, Source: fs.Source, Certainty: fs.Certainty}
	s.ValidFrom, s.ValidTo = period(what, fs.ValidFrom, fs.ValidTo, loc, wrong)
	cited(what, s.Source, s.Certainty, wrong)
	return s, true
}

// cited checks that a line says where it comes from and how certain it is.
func cited(what, source, certainty string, wrong *faults) {
	if strings.TrimSpace(source) == "" {
		wrong.add("%s: no source is cited", what)
	}
	if certainty != TextSeen && certainty != SecondarySeen && certainty != Unseen {
		wrong.add("%s: the certainty %q is not P, S or K", what, certainty)
	}
}

func period(what, from, to string, loc *time.Location, wrong *faults) (start, end time.Time) {
	start, err := parseDay(from, loc)
	if err == nil && start.IsZero() {
		err = errors.New("valid_from is missing")
	}
	if err != nil {
		wrong.add("%s: %w", what, err)
	}
	if end, err = parseDay(to, loc); err != nil {
		wrong.add("%s: %w", what, err)
	} else if !end.IsZero() && !end.After(start) {
		wrong.add("%s: valid_to %s is not after valid_from %s", what, to, from)
	}
	return start, end
}

// span is one version's time in force.
type span struct {
	name     string
	from, to time.Time
}

// checkSeries asks that each span ends where the next begins.
func checkSeries(what string, spans []span, loc *time.Location, wrong *faults) {
	day := func(t time.Time) string { return t.In(loc).Format("2006-01-02 15:04") }
	for i := 1; i < len(spans); i++ {
		before, after := spans[i-1], spans[i]
		switch {
		case before.to.IsZero():
			wrong.add("%s: %s has no end, so it overlaps %s, which begins %s", what, before.name, after.name, day(after.from))
		case before.to.Before(after.from):
			wrong.add("%s: a gap from %s (end of %s) to %s (beginning of %s)", what, day(before.to), before.name, day(after.from), after.name)
		case before.to.After(after.from):
			wrong.add("%s: %s and %s overlap from %s to %s", what, before.name, after.name, day(after.from), day(before.to))
		}
	}
}
