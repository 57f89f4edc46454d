package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Holiday is a day on which a jurisdiction does not work, in one year or in every one.
type Holiday struct {
	Name      string
	On        string // as the file says it: "01-26", "2026-11-08", "third monday of january", "easter -2"
	Observed  bool   // if it falls on a Saturday the Friday before is free, if on a Sunday the Monday after
	Source    string
	Certainty string
	from, to  time.Time // days, as walls; zero: no bound
	rule      dateRule
}

// FreeDay is a holiday in one year.
type FreeDay struct {
	Date      string `json:"date"` // 2026-01-26: the day that is free
	Name      string `json:"name"`
	Source    string `json:"source"`
	Certainty string `json:"certainty"`
}

// dateRule gives a day of a year. Exactly one of its shapes is used.
type dateRule struct {
	year    int // of a single date; 0: every year
	month   time.Month
	day     int          // 0: the nth weekday
	nth     int          // 1 to 4, or 5 for the last
	weekday time.Weekday // of nth
	easter  bool
	offset  int // days from Easter Sunday
}

const (
	maxWeekend   = 4    // days of the week
	maxRecurring = 60   // holidays that come every year: fewer than the working days that the shortest week leaves
	maxDated     = 1000 // single days
)

var ordinals = []string{"first", "second", "third", "fourth", "last"}

func weekdayOf(word string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(word, d.String()) {
			return d, true
		}
	}
	return 0, false
}

// parseDate reads the day that a holiday falls on.
func parseDate(on string) (r dateRule, err error) {
	wrong := fmt.Errorf(`the day %q is none of "2026-11-08", "01-26", "third monday of january", "last monday of may" and "easter -2"`, on)
	if t, err := time.Parse(time.DateOnly, on); err == nil {
		return dateRule{year: t.Year(), month: t.Month(), day: t.Day()}, nil
	}
	if t, err := time.Parse("2006-01-02", "2000-"+on); err == nil { // a leap year, so that 02-29 can be said
		return dateRule{month: t.Month(), day: t.Day()}, nil
	}
	words := strings.Fields(strings.ToLower(on))
	if len(words) > 0 && words[0] == "easter" {
		r.easter = true
		if len(words) == 1 {
			return r, nil
		}
		if r.offset, err = strconv.Atoi(words[1]); err != nil || len(words) != 2 || r.offset < -100 || r.offset > 100 {
			return r, wrong
		}
		return r, nil
	}
	if len(words) != 4 || words[2] != "of" {
		return r, wrong
	}
	r.nth = slices.Index(ordinals, words[0]) + 1
	weekday, ok := weekdayOf(words[1])
	for m := time.January; m <= time.December; m++ {
		if strings.EqualFold(words[3], m.String()) {
			r.month = m
		}
	}
	r.weekday = weekday
	if r.nth == 0 || !ok || r.month == 0 {
		return r, wrong
	}
	return r, nil
}

// in gives the day in a year; false if it does not fall into it.
func (r dateRule) in(year int) (time.Time, bool) {
	switch {
	case r.year != 0 && r.year != year:
		return time.Time{}, false
	case r.easter:
		return easter(year).AddDate(0, 0, r.offset), true
	case r.day != 0:
		d := time.Date(year, r.month, r.day, 0, 0, 0, 0, time.UTC)
		return d, d.Month() == r.month // there is no 29 February in most years
	}
	first := time.Date(year, r.month, 1, 0, 0, 0, 0, time.UTC)
	d := first.AddDate(0, 0, (int(r.weekday)-int(first.Weekday())+7)%7+7*(r.nth-1))
	if d.Month() != r.month { // the fifth, which is asked for as the last, may not be
		d = d.AddDate(0, 0, -7)
	}
	return d, true
}

// easter gives Easter Sunday of the Gregorian calendar (the algorithm printed anonymously in Nature, 20 April 1876).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 19*l) / 433
	month := (h + l - 7*m + 90) / 25
	day := (h + l - 7*m + 33*month + 19) % 32
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

// in gives the free day of a year.
func (h Holiday) in(year int) (time.Time, bool) {
	d, ok := h.rule.in(year)
	if !ok || !h.from.IsZero() && d.Before(h.from) || !h.to.IsZero() && !d.Before(h.to) {
		return d, false
	}
	if h.Observed { // 5 U.S.C. 6103(b) and Executive Order 11582
		switch d.Weekday() {
		case time.Saturday:
			d = d.AddDate(0, 0, -1)
		case time.Sunday:
			d = d.AddDate(0, 0, 1)
		}
	}
	return d, true
}

// working tells whether a day is neither of the weekend nor a holiday.
func (j *Jurisdiction) working(w wall) bool {
	d := w.day()
	if j.weekend[d.Weekday()] {
		return false
	}
	for _, h := range j.holidays {
		for year := d.Year() - 1; year <= d.Year()+1; year++ { // New Year's Day may be observed in the year before
			if free, ok := h.in(year); ok && free.Equal(d) {
				return false
			}
		}
	}
	return true
}

// Working tells whether the day of an instant, where the jurisdiction is, is a working day.
func (j *Jurisdiction) Working(at time.Time) bool { return j.working(wallAt(at, j.location)) }

// wallAt is what the wall clock shows, read plainly.
func wallAt(t time.Time, zone *time.Location) wall {
	t = t.In(zone)
	return wall(time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC))
}

// FreeDays lists the holidays of a calendar year by date. Weekends are not among them.
func (j *Jurisdiction) FreeDays(year int) []FreeDay {
	out := []FreeDay{}
	for _, h := range j.holidays {
		for y := year - 1; y <= year+1; y++ {
			if d, ok := h.in(y); ok && d.Year() == year {
				out = append(out, FreeDay{d.Format(time.DateOnly), h.Name, h.Source, h.Certainty})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b FreeDay) int { return cmp.Compare(a.Date, b.Date) })
	return out
}

// Weekend lists the days of the week on which the jurisdiction does not work.
func (j *Jurisdiction) Weekend() []string {
	out := []string{}
	for d := range 7 {
		if day := time.Weekday((d + 1) % 7); j.weekend[day] {
			out = append(out, day.String())
		}
	}
	return out
}
