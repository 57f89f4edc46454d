package rules

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// faults gathers everything that is wrong in a file, so that its author mends it in one go.
type faults struct {
	list []error
	line int // of what is being looked at
}

func (f *faults) add(format string, args ...any) {
	f.list = append(f.list, problem{f.line, fmt.Errorf(format, args...)})
}

func (f *faults) err() error { return errors.Join(f.list...) }

// check turns the file into a jurisdiction or says all that is wrong with it.
func (f *file) check() (*Jurisdiction, error) {
	wrong := &faults{}
	j := &Jurisdiction{Code: f.Jurisdiction, Name: f.Name, levels: map[string]int{}, rules: map[string][]Rule{},
		procedure: map[string][]Section{}, offences: map[string][]Section{}}
	if f.Jurisdiction == "" || f.Name == "" {
		wrong.add("the file must name its jurisdiction (a code) and its name")
	}
	wrong.line = f.lineOf("location")
	loc, err := time.LoadLocation(f.Location)
	if err != nil || f.Location == "" || f.Location == "Local" {
		return nil, problem{wrong.line, fmt.Errorf("the location %q is not a time zone name such as Asia/Kolkata", f.Location)}
	}
	j.location = loc
	f.checkRanks(j, wrong)
	f.checkHelplines(j, wrong)
	f.checkNumbering(j, wrong)
	f.checkFreeDays(j, wrong)
	f.checkRules(j, wrong)
	f.checkProcedure(j, wrong)
	f.checkOffences(j, wrong)
	f.checkDuties(j, wrong)
	f.checkOpenings(j, wrong)
	f.checkClocks(j, wrong)
	return j, wrong.err()
}

func (f *file) checkRanks(j *Jurisdiction, wrong *faults) {
	last := 0
	for i, r := range f.Ranks {
		wrong.line = f.lineOf("ranks", i)
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
	for i, n := range f.Numbering {
		wrong.line = f.lineOf("numbering", i)
		what := "the numbering " + n.Series
		if n.Series == "" || len(n.Per) == 0 || !strings.Contains(n.Format, "{serial}") {
			wrong.add("%s needs a series, what it is per, and a format with {serial}", what)
		}
		cited(what, n.Source, n.Certainty, wrong)
		j.numbering = append(j.numbering, Numbering(n))
	}
}

func (f *file) checkProcedure(j *Jurisdiction, wrong *faults) {
	for i, p := range f.Procedure {
		wrong.line = f.lineOf("procedure", i)
		if _, twice := j.procedure[p.Step]; twice || p.Step == "" || len(p.Sections) == 0 {
			wrong.add("the step %q of procedure needs a name of its own and sections", p.Step)
		}
		var spans []span
		for k, fs := range p.Sections {
			wrong.line = f.lineOf("procedure", i, "sections", k)
			if s, ok := fs.check("the step "+p.Step, j.location, wrong); ok {
				j.procedure[p.Step] = append(j.procedure[p.Step], s)
				spans = append(spans, span{s.String(), s.ValidFrom, s.ValidTo, fs.Ends, wrong.line})
			}
		}
		checkSeries("the step "+p.Step, spans, j.location, wrong)
	}
}

func (f *file) checkOffences(j *Jurisdiction, wrong *faults) {
	for i, o := range f.Offences {
		wrong.line = f.lineOf("offences", i)
		if o.Class == "" || len(o.Sections) == 0 {
			wrong.add("an offence class needs a name and sections")
		}
		for k, fs := range o.Sections {
			wrong.line = f.lineOf("offences", i, "sections", k)
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
		wrong.add("%s: no source is cited; say in source where it comes from", what)
	}
	if certainty != TextSeen && certainty != SecondarySeen && certainty != Unseen {
		wrong.add("%s: the certainty %q is not P, S or K: the text was seen, a secondary source was, or neither", what, certainty)
	}
}

func period(what, from, to string, loc *time.Location, wrong *faults) (start, end time.Time) {
	start, err := parseDay(from, loc)
	if err == nil && start.IsZero() {
		err = errors.New("valid_from is missing; say since when it is in force")
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
	ends     bool // the law has nothing after it, and the file says so
	line     int
}

// checkSeries asks that each span ends where the next begins, and that the last has no end unless the file says that it ends.
func checkSeries(what string, spans []span, loc *time.Location, wrong *faults) {
	day := func(t time.Time) string { return t.In(loc).Format("2006-01-02 15:04") }
	for _, s := range spans {
		if wrong.line = s.line; s.ends && s.to.IsZero() {
			wrong.add("%s: %s says that it ends but not when; add valid_to", what, s.name)
		}
	}
	for i := 1; i < len(spans); i++ {
		before, after := spans[i-1], spans[i]
		wrong.line = after.line
		switch {
		case before.to.IsZero():
			wrong.add("%s: %s has no end, so it overlaps %s, which begins %s; give it valid_to", what, before.name, after.name, day(after.from))
		case before.to.Before(after.from) && !before.ends:
			wrong.add("%s: a gap from %s (end of %s) to %s (beginning of %s); let one begin where the other ends, or say ends: true if no law was in force between them",
				what, day(before.to), before.name, day(after.from), after.name)
		case before.to.After(after.from):
			wrong.add("%s: %s and %s overlap from %s to %s; let one begin where the other ends", what, before.name, after.name, day(after.from), day(before.to))
		}
	}
	if n := len(spans); n > 0 && !spans[n-1].to.IsZero() && !spans[n-1].ends {
		wrong.line = spans[n-1].line
		wrong.add("%s: a gap from %s on: nothing follows %s; add the version that does, take valid_to out, or say ends: true if the law has none",
			what, day(spans[n-1].to), spans[n-1].name)
	}
}
