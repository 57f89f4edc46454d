package rules

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"
)

// held gives a jurisdiction that is built in.
func held(t testing.TB, code string) *Jurisdiction {
	t.Helper()
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	j, err := book.Jurisdiction(code)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestDueTimes is the matrix of zones, changes of summer time, weekends, holidays, month ends and leap years.
func TestDueTimes(t *testing.T) {
	for _, c := range []struct{ name, jurisdiction, duration, calendar, from, due string }{
		{"24 hours over a Sunday", "in", "24h", InHours, "2026-11-07T22:30:00+05:30", "2026-11-08T22:30:00+05:30"},
		{"3 hours over midnight", "in", "3h", InHours, "2026-12-31T23:30:00+05:30", "2027-01-01T02:30:00+05:30"},
		{"36 hours over 29 February", "in", "36h", InHours, "2024-02-28T18:00:00+05:30", "2024-03-01T06:00:00+05:30"},
		{"180 days", "in", "180d", InDays, "2022-09-28T11:00:00+05:30", "2023-03-27T11:00:00+05:30"},
		{"90 days over a leap day", "in", "90d", InDays, "2023-12-15T09:00:00+05:30", "2024-03-14T09:00:00+05:30"},
		{"90 days in a common year", "in", "90d", InDays, "2022-12-15T09:00:00+05:30", "2023-03-15T09:00:00+05:30"},
		{"a day is the day in India, whatever the day in UTC", "in", "3d", InDays, "2026-01-30T20:00:00Z", "2026-02-02T20:00:00Z"},

		{"a month from 15 November", "in", "1m", InDays, "2025-11-15T10:00:00+05:30", "2025-12-15T10:00:00+05:30"},
		{"a month from 31 January", "in", "1m", InDays, "2026-01-31T10:00:00+05:30", "2026-02-28T23:59:59.999999+05:30"},
		{"a month from 31 January of a leap year", "in", "1m", InDays, "2024-01-31T10:00:00+05:30", "2024-02-29T23:59:59.999999+05:30"},
		{"two months from 31 December", "in", "2m", InDays, "2025-12-31T10:00:00+05:30", "2026-02-28T23:59:59.999999+05:30"},
		{"two months from 30 April", "in", "2m", InDays, "2026-04-30T10:00:00+05:30", "2026-06-30T10:00:00+05:30"},
		{"a year from a leap day", "us", "1y", InDays, "2024-02-29T10:00:00-05:00", "2025-02-28T23:59:59.999999-05:00"},
		{"four years from a leap day", "us", "4y", InDays, "2024-02-29T10:00:00-05:00", "2028-02-29T10:00:00-05:00"},

		{"24 hours over clocks put forward", "us", "24h", InHours, "2026-03-07T12:00:00-05:00", "2026-03-08T13:00:00-04:00"},
		{"24 hours over clocks put back", "us", "24h", InHours, "2026-10-31T12:00:00-04:00", "2026-11-01T11:00:00-05:00"},
		{"a day over clocks put forward", "us", "1d", InDays, "2026-03-07T12:00:00-05:00", "2026-03-08T12:00:00-04:00"},
		{"a day over clocks put back", "us", "1d", InDays, "2026-10-31T12:00:00-04:00", "2026-11-01T12:00:00-05:00"},
		{"an hour that is not shown", "us", "1d", InDays, "2026-03-07T02:30:00-05:00", "2026-03-08T03:00:00-04:00"},
		{"an hour that is shown twice: the first", "us", "1d", InDays, "2026-10-31T01:30:00-04:00", "2026-11-01T01:30:00-04:00"},
		{"received while an hour is shown first", "us", "1d", InDays, "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"},
		{"received while it is shown again", "us", "1d", InDays, "2026-11-01T01:30:00-05:00", "2026-11-02T02:00:00-05:00"},
		{"90 days over clocks put forward", "us", "90d", InDays, "2026-01-10T09:00:00-05:00", "2026-04-10T09:00:00-04:00"},

		{"10 whole days end on a Friday", "eu", "10d", InWholeDays, "2026-09-01T10:00:00+02:00", "2026-09-11T23:59:59.999999+02:00"},
		{"10 whole days end on a Saturday, so on Monday", "eu", "10d", InWholeDays, "2026-09-02T10:00:00+02:00", "2026-09-14T23:59:59.999999+02:00"},
		{"10 whole days over clocks put back", "eu", "10d", InWholeDays, "2026-10-20T00:30:00+02:00", "2026-10-30T23:59:59.999999+01:00"},
		{"60 whole days", "eu", "60d", InWholeDays, "2026-08-18T00:00:00+02:00", "2026-10-19T23:59:59.999999+02:00"},

		{"Friday and a working day", "in", "1d", InWorkingDays, "2026-11-06T17:00:00+05:30", "2026-11-09T17:00:00+05:30"},
		{"Saturday counts as Monday morning", "in", "1d", InWorkingDays, "2026-11-07T17:00:00+05:30", "2026-11-10T00:00:00+05:30"},
		{"no working days from a Sunday", "in", "0d", InWorkingDays, "2026-11-08T17:00:00+05:30", "2026-11-09T00:00:00+05:30"},
		{"10 working days", "in", "10d", InWorkingDays, "2026-11-02T09:00:00+05:30", "2026-11-16T09:00:00+05:30"},
		{"Republic Day on a Monday", "in", "1d", InWorkingDays, "2026-01-23T09:00:00+05:30", "2026-01-27T09:00:00+05:30"},
		{"Gandhi Jayanti on a Friday", "in", "1d", InWorkingDays, "2026-10-01T09:00:00+05:30", "2026-10-05T09:00:00+05:30"},
		{"Independence Day on a Saturday, in India not made up for", "in", "1d", InWorkingDays, "2026-08-14T09:00:00+05:30", "2026-08-17T09:00:00+05:30"},
		{"Good Friday", "in", "1d", InWorkingDays, "2026-04-02T09:00:00+05:30", "2026-04-06T09:00:00+05:30"},
		{"Thanksgiving", "us", "1d", InWorkingDays, "2026-11-25T09:00:00-05:00", "2026-11-27T09:00:00-05:00"},
		{"Independence Day on a Saturday, kept on Friday", "us", "1d", InWorkingDays, "2026-07-02T09:00:00-04:00", "2026-07-06T09:00:00-04:00"},
		{"New Year's Day on a Saturday, kept in the old year", "us", "1d", InWorkingDays, "2021-12-30T09:00:00-05:00", "2022-01-03T09:00:00-05:00"},
		{"Juneteenth before it was a holiday", "us", "1d", InWorkingDays, "2020-06-18T09:00:00-04:00", "2020-06-19T09:00:00-04:00"},
		{"Juneteenth", "us", "1d", InWorkingDays, "2026-06-18T09:00:00-04:00", "2026-06-22T09:00:00-04:00"},
		{"5 working days over clocks put forward", "us", "5d", InWorkingDays, "2026-03-05T09:00:00-05:00", "2026-03-12T09:00:00-04:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := held(t, c.jurisdiction)
			if got := j.due(c.duration, c.calendar, at(t, c.from)); !got.Equal(at(t, c.due)) || got.Location() != time.UTC {
				t.Errorf("%s from %s: due %s, want %s", spanWords(c.duration, c.calendar), c.from, got.In(j.Location()).Format(time.RFC3339Nano), c.due)
			}
		})
	}
}

func TestFederalHolidays(t *testing.T) {
	var got []string
	for _, d := range held(t, "us").FreeDays(2022) {
		got = append(got, d.Date[5:])
	}
	if want := "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26"; strings.Join(got, " ") != want { // New Year's Day was kept in 2021
		t.Errorf("2022: %v", got)
	}
	for year, want := range map[int]string{1961: "04-02", 2000: "04-23", 2008: "03-23", 2011: "04-24", 2026: "04-05", 2038: "04-25", 2285: "03-22"} {
		if got := easter(year).Format("01-02"); got != want {
			t.Errorf("Easter %d: %s, want %s", year, got, want)
		}
	}
}

// zones are such as put clocks forward by an hour, by half an hour, at midnight, or left out a whole day.
var zones = []string{"Asia/Kolkata", "America/New_York", "Europe/Brussels", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "America/Havana", "Pacific/Apia", "UTC"}

// somewhere is a jurisdiction in a zone with the federal holidays, so that every rule of a holiday is at work.
func somewhere(t *rapid.T) *Jurisdiction {
	zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	j, err := book.Jurisdiction("us")
	if err != nil {
		t.Fatal(err)
	}
	j.location = zone
	return j
}

// receipt draws an instant between 2009 and 2033, often within three hours of a change of summer time.
func receipt(t *rapid.T, j *Jurisdiction, name string) time.Time {
	at := time.UnixMicro(rapid.Int64Range(1230768000e6, 1990000000e6).Draw(t, name))
	if rapid.Bool().Draw(t, name+" near a change") {
		if _, end := at.In(j.location).ZoneBounds(); !end.IsZero() {
			at = end.Add(time.Duration(rapid.Int64Range(-3*3600e6, 3*3600e6).Draw(t, name+" off")) * time.Microsecond)
			at = at.AddDate(0, 0, -rapid.IntRange(0, 3).Draw(t, name+" days before"))
		}
	}
	return at
}

// TestDueIsMonotone: what is received later is never due earlier, in any calendar, unit and zone.
func TestDueIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := somewhere(t)
		calendar, units := rapid.SampledFrom([]string{InHours, InDays, InWholeDays, InWorkingDays}).Draw(t, "calendar"), "dmy"
		switch calendar {
		case InHours:
			units = "h"
		case InWorkingDays:
			units = "d"
		}
		duration := fmt.Sprintf("%d%c", rapid.IntRange(0, 10).Draw(t, "n"), units[rapid.IntRange(0, len(units)-1).Draw(t, "unit")])
		a := receipt(t, j, "a")
		b := a.Add(time.Duration(rapid.Int64Range(0, 4*24*3600e6).Draw(t, "later by")) * time.Microsecond)
		dueA, dueB := j.due(duration, calendar, a), j.due(duration, calendar, b)
		if dueB.Before(dueA) || dueA.Before(a) {
			t.Fatalf("%s in %s: received %s due %s, received %s due %s", spanWords(duration, calendar), j.location, a.In(j.location), dueA.In(j.location), b.In(j.location), dueB.In(j.location))
		}
		if calendar == InWorkingDays && !j.Working(dueA) || calendar == InWholeDays && !j.Working(dueA) {
			t.Fatalf("%s from %s is due on %s, no working day", duration, a, dueA.In(j.location))
		}
	})
}

// TestDueAdds: n and then m is n and m together. Where n ends in an hour that no clock shows the wall clock has jumped: then, and only
// then, the two differ, by no more than that jump.
func TestDueAdds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j := somewhere(t)
		unit, calendar := "d", rapid.SampledFrom([]string{InHours, InDays, InWorkingDays}).Draw(t, "calendar")
		if calendar == InHours {
			unit = "h"
		}
		n, m := rapid.IntRange(0, 40).Draw(t, "n"), rapid.IntRange(0, 40).Draw(t, "m")
		due := func(n int, at time.Time) time.Time { return j.due(fmt.Sprint(n)+unit, calendar, at) }
		at := receipt(t, j, "receipt")
		between := due(n, at)
		stepwise, together := due(m, between), due(n+m, at)
		if start, _ := between.In(j.location).ZoneBounds(); calendar != InHours && start.Equal(between) {
			_, before := between.Add(-1).In(j.location).Zone()
			_, after := between.In(j.location).Zone()
			if off := stepwise.Sub(together); off < 0 || off > time.Duration(after-before)*time.Second {
				t.Fatalf("%d and %d %s from %s: %s and %s", n, m, calendar, at.In(j.location), stepwise.In(j.location), together.In(j.location))
			}
			return
		}
		if !stepwise.Equal(together) {
			t.Fatalf("%d and %d %s from %s: %s, together %s", n, m, calendar, at.In(j.location), stepwise.In(j.location), together.In(j.location))
		}
	})
}

// TestOwnHolidays: an operator's list replaces the one built in, never a national holiday.
func TestOwnHolidays(t *testing.T) {
	book, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	own := `jurisdiction: in
weekend: {days: [sunday], source: State order, certainty: P}
holidays:
  - {name: River Day, on: "2026-11-10", source: State order, certainty: P}
`
	if err := book.ReplaceHolidays("own.yaml", []byte(own)); err != nil {
		t.Fatal(err)
	}
	j, _ := book.Jurisdiction("in")
	for day, want := range map[string]bool{"2026-11-07": true, "2026-11-08": false, "2026-11-10": false, "2026-11-24": true, "2026-12-25": true, "2026-01-26": false, "2026-10-02": false} {
		if got := j.Working(at(t, day+"T12:00:00+05:30")); got != want {
			t.Errorf("%s works: %v", day, got)
		}
	}
	for _, c := range []struct{ old, new, says string }{
		{"2026-11-10", "2026-11-31", `own.yaml:4: the holiday "River Day": the day "2026-11-31" is none of`},
		{"2026-11-10", "fifth monday of may", "is none of"},
		{"2026-11-10", "easter monday", "is none of"},
		{"name: River Day, ", "", "own.yaml:4: a holiday needs a name"},
		{"certainty: P}\n", "certainty: Q}\n", `own.yaml:2: the weekend: the certainty "Q"`},
		{"[sunday]", "[moonday]", "is no day of the week"},
		{"[sunday]", "[monday, tuesday, wednesday, thursday, friday]", "at most 4"},
		{"jurisdiction: in", "jurisdiction: zz", `no rules are held for the jurisdiction "zz"`},
		{"name: River", "colour: red, name: River", `own.yaml:4: unknown field "colour"`},
	} {
		if err := book.ReplaceHolidays("own.yaml", []byte(strings.Replace(own, c.old, c.new, 1))); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.new, err)
		}
	}
	many := "jurisdiction: in\nholidays:\n" + strings.Repeat("  - {name: a, on: \"01-02\", source: s, certainty: P}\n", maxRecurring)
	if err := book.ReplaceHolidays("own.yaml", []byte(many)); err == nil || !strings.Contains(err.Error(), "at most 60 and 1000") {
		t.Errorf("too many: %v", err)
	}
}

// TestWeekendNeeded: a clock that counts working days needs to know which they are.
func TestWeekendNeeded(t *testing.T) {
	file := strings.Replace(small, "duration: 9d, calendar: days", "duration: 9d, calendar: working_days", 1)
	if _, err := Load(fstest.MapFS{"zz.yaml": {Data: []byte(file)}}); err == nil || !strings.Contains(err.Error(), "zz.yaml:9: zz.notice version 2: the calendar working_days needs to know the weekend; add weekend") {
		t.Error(err)
	}
	file = strings.Replace(file, "rules:", "weekend: {days: [friday], source: s, certainty: K}\nrules:", 1)
	if _, err := Load(fstest.MapFS{"zz.yaml": {Data: []byte(file)}}); err != nil {
		t.Error(err)
	}
}

func FuzzHolidays(f *testing.F) {
	f.Add([]byte("jurisdiction: in\nholidays:\n  - {name: a, on: \"2026-11-10\", source: s, certainty: P}\n  - {name: b, on: last monday of may, observed: true, source: s, certainty: P}\n"))
	f.Add([]byte("jurisdiction: us\nweekend: {days: [friday], source: s, certainty: K}\nholidays:\n  - {name: b, on: easter -2, valid_from: 2020-01-01, source: s, certainty: P}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		book, err := Embedded()
		if err != nil {
			t.Fatal(err)
		}
		if book.ReplaceHolidays("own.yaml", b) != nil {
			return
		}
		for _, code := range book.Codes() {
			j, _ := book.Jurisdiction(code)
			from := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
			if due := j.due("30d", InWorkingDays, from); due.Before(from) || !j.Working(due) {
				t.Fatalf("%s: due %s", code, due)
			}
		}
	})
}
