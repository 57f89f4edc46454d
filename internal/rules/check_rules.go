package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

func (f *file) checkRules(j *Jurisdiction, wrong *faults) {
	lines := map[string]int{} // by name
	ids := map[string]string{}
	ends := map[string]bool{}
	for i, r := range f.Rules {
		what := versionName(r.ID, r.Version)
		wrong.line = f.lineOf("rules", i)
		if of, taken := ids[r.ID]; taken && of != r.Instrument {
			wrong.add("%s: the id %s stands for %s already; give this one an id of its own", what, r.ID, article(of))
		}
		if lines[what] > 0 {
			wrong.add("%s stands twice, first on line %d; count its version on", what, lines[what])
		}
		ids[r.ID], lines[what], ends[what] = r.Instrument, wrong.line, r.Ends
		rule := Rule{ID: r.ID, Version: r.Version, Jurisdiction: f.Jurisdiction, Instrument: r.Instrument, Trigger: r.Trigger,
			Duration: r.Duration, Calendar: r.Calendar, MinRank: r.MinRank, Authorisation: r.Authorisation, Conditions: r.Conditions, FollowUp: r.FollowUp,
			LegalBasis: r.LegalBasis, Redress: r.Redress, Source: r.Source, Certainty: r.Certainty, of: j}
		rule.ValidFrom, rule.ValidTo = period(what, r.ValidFrom, r.ValidTo, j.location, wrong)
		rule.check(what, wrong)
		if slices.Contains(Instruments(), r.Instrument) {
			j.rules[r.Instrument] = append(j.rules[r.Instrument], rule)
		} else {
			wrong.add("%s: the instrument %q is not one of %s", what, r.Instrument, strings.Join(Instruments(), ", "))
		}
	}
	for _, instrument := range sortedKeys(j.rules) {
		versions := j.rules[instrument]
		slices.SortStableFunc(versions, func(a, b Rule) int { return a.ValidFrom.Compare(b.ValidFrom) })
		var spans []span
		for i := range versions {
			r := &versions[i]
			wrong.line = lines[r.Name()]
			spans = append(spans, span{r.Name(), r.ValidFrom, r.ValidTo, ends[r.Name()], wrong.line})
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
	if n, ok := checkClock(what, r.Trigger, r.Duration, r.Calendar, r.of, wrong); ok && n == 0 && r.Trigger != OnEvent {
		wrong.add("%s: a clock that runs from %s needs a duration above 0", what, r.Trigger)
	}
	r.checkConditions(what, wrong)
	switch r.Authorisation {
	case ByRank, ByRankAndReference:
		if _, ok := r.of.Rank(r.MinRank); !ok {
			wrong.add("%s: the rank %q in min_rank is not in the list of ranks; add it there or mend its spelling", what, r.MinRank)
		}
	case ByReference, ByAgency:
		if r.MinRank != "" {
			wrong.add("%s: min_rank is %s but the authorisation is by %s, so nobody would check it; take min_rank out or say authorisation: rank", what, r.MinRank, r.Authorisation)
		}
	default:
		wrong.add("%s: the authorisation %q is not reference, rank, rank_and_reference or agency", what, r.Authorisation)
	}
	if r.LegalBasis == "" || r.Redress == "" {
		wrong.add("%s: needs its legal basis and its redress; fill in both", what)
	}
	cited(what, r.Source, r.Certainty, wrong)
}

// checkConditions: an emergency asks the holder to give out data before process, so that no file may leave its safeguards out.
func (r Rule) checkConditions(what string, wrong *faults) {
	for i, c := range r.Conditions {
		if !slices.Contains(Conditions(), c) || slices.Contains(r.Conditions[:i], c) {
			wrong.add("%s: the condition %q stands twice or is not one of %s", what, c, strings.Join(Conditions(), ", "))
		}
	}
	if r.Instrument == EmergencyRequest {
		for _, needed := range Conditions() {
			if !slices.Contains(r.Conditions, needed) {
				wrong.add("%s: %s must ask for the condition %s; add it", what, article(r.Instrument), needed)
			}
		}
	}
	if n, _, err := parseSpan(r.FollowUp); slices.Contains(r.Conditions, FormalProcess) != (r.FollowUp != "") {
		wrong.add("%s: the condition %s and follow_up, within which it must be met, go together", what, FormalProcess)
	} else if r.FollowUp != "" && err != nil {
		wrong.add("%s: follow_up: %w", what, err)
	} else if r.FollowUp != "" && n == 0 {
		wrong.add("%s: follow_up must be above 0", what)
	}
}

// checkClock looks at what starts a clock and how it is counted, and gives the number of its duration.
func checkClock(what, trigger, duration, calendar string, j *Jurisdiction, wrong *faults) (n int, ok bool) {
	if trigger != OnReceipt && trigger != OnEvent && trigger != OnIssue {
		wrong.add("%s: the trigger %q is none of %s, %s and %s", what, trigger, OnReceipt, OnEvent, OnIssue)
	}
	n, unit, err := parseSpan(duration)
	if err != nil {
		wrong.add("%s: %w", what, err)
		return 0, false
	}
	fits := map[string]string{InHours: "h", InDays: "dmy", InWholeDays: "dmy", InWorkingDays: "d"}[calendar]
	if !strings.ContainsRune(fits, rune(unit)) {
		wrong.add("%s: the duration %s does not go with the calendar %q (hours for h; days or whole_days for d, m and y; working_days for d)", what, duration, calendar)
	}
	if (calendar == InWorkingDays || calendar == InWholeDays) && j.weekend == [7]bool{} {
		wrong.add("%s: the calendar %s needs to know the weekend; add weekend to the file", what, calendar)
	}
	return n, true
}

func (f *file) checkFreeDays(j *Jurisdiction, wrong *faults) {
	if wrong.line = f.lineOf("weekend"); len(f.Weekend.Days) > 0 {
		j.weekend = f.Weekend.check(wrong)
	}
	j.national = checkHolidays(f.body, "national_holidays", f.NationalHolidays, wrong)
	j.holidays = append(checkHolidays(f.body, "holidays", f.Holidays, wrong), j.national...)
	checkEnough(j.holidays, wrong)
}

func (w fileWeekend) check(wrong *faults) (days [7]bool) {
	for _, word := range w.Days {
		day, ok := weekdayOf(word)
		if !ok || days[day] {
			wrong.add("the weekend: %q stands twice or is no day of the week", word)
		}
		days[day] = true
	}
	if len(w.Days) > maxWeekend {
		wrong.add("the weekend has %d days; at most %d", len(w.Days), maxWeekend)
	}
	cited("the weekend", w.Source, w.Certainty, wrong)
	return days
}

func checkHolidays(body ast.Node, member string, list []fileHoliday, wrong *faults) []Holiday {
	var out []Holiday
	for i, h := range list {
		wrong.line = lineOf(body, member, i)
		what := fmt.Sprintf("the holiday %q", h.Name)
		if h.Name == "" {
			wrong.add("a holiday needs a name")
		}
		rule, err := parseDate(h.On)
		if err != nil {
			wrong.add("%s: %w", what, err)
		}
		if rule.year != 0 && (h.ValidFrom != "" || h.ValidTo != "") {
			wrong.add("%s is a single day, so valid_from and valid_to have no meaning; take them out", what)
		}
		day := Holiday{Name: h.Name, On: h.On, Observed: h.Observed, Source: h.Source, Certainty: h.Certainty, rule: rule}
		for _, bound := range []struct {
			text string
			to   *time.Time
		}{{h.ValidFrom, &day.from}, {h.ValidTo, &day.to}} {
			if *bound.to, err = parseDay(bound.text, time.UTC); err != nil {
				wrong.add("%s: %w", what, err)
			}
		}
		cited(what, h.Source, h.Certainty, wrong)
		out = append(out, day)
	}
	return out
}

// checkEnough sees to it that there is always a working day to come.
func checkEnough(list []Holiday, wrong *faults) {
	recurring := 0
	for _, h := range list {
		if h.rule.year == 0 {
			recurring++
		}
	}
	if wrong.line = 0; recurring > maxRecurring || len(list)-recurring > maxDated {
		wrong.add("%d holidays of every year and %d single days; at most %d and %d", recurring, len(list)-recurring, maxRecurring, maxDated)
	}
}
