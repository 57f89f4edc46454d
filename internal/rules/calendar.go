package rules

import "time"

// Calendars: how a duration is counted. Every calendar but InHours counts in the jurisdiction's zone. InHours, InDays and
// InWorkingDays are such that so much and then so much again is due when both together are. In every calendar a later receipt is
// never due earlier.
const (
	// InHours is elapsed time; a change of summer time neither adds nor takes an hour.
	InHours = "hours"
	// InDays is the same time of day, so many days, months or years later. A month that lacks the day ends with its last moment.
	InDays = "days"
	// InWholeDays leaves out the day of receipt and ends with the last moment of the last day; if that is no working day, with the
	// last moment of the next working day. Regulation (EEC, Euratom) 1182/71 Art. 3.
	InWholeDays = "whole_days"
	// InWorkingDays is the same time of day on the working day that is so many working days later. What comes on a day that is no
	// working day counts as come when the next working day begins.
	InWorkingDays = "working_days"
)

// due gives when a clock that started at from runs out, in UTC. Without a jurisdiction days are those of UTC and all are working
// days; a duration that does not parse, which no loaded file has, is none.
func (j *Jurisdiction) due(duration, calendar string, from time.Time) time.Time {
	n, unit, err := parseSpan(duration)
	if err != nil {
		return from.UTC()
	}
	if unit == 'h' {
		return from.Add(time.Duration(n) * time.Hour).UTC()
	}
	zone, working := time.UTC, func(wall) bool { return true }
	if j != nil {
		zone, working = j.location, j.working
	}
	w := wallOf(from, zone)
	switch calendar {
	case InWorkingDays:
		w = w.addWorking(n, working)
	case InWholeDays:
		for w = w.add(n, unit); !working(w); {
			w = w.add(1, 'd')
		}
		w = w.lastMoment()
	default:
		w = w.add(n, unit)
	}
	return w.in(zone)
}

// wall is what a clock on a wall shows, kept as a time in UTC: arithmetic on it knows no summer time.
type wall time.Time

// wallOf reads the wall clock in a zone. When clocks are put back an hour is shown twice; the second time it counts as over, so
// that what comes later never counts as come earlier. The addressee gains at most that hour.
func wallOf(t time.Time, zone *time.Location) wall {
	t = t.In(zone)
	shown := func(t time.Time, offset int) time.Time { return t.UTC().Add(time.Duration(offset) * time.Second) }
	_, offset := t.Zone()
	w := shown(t, offset)
	if start, _ := t.ZoneBounds(); !start.IsZero() {
		_, before := start.Add(-1).Zone()
		if latest := shown(start, before); latest.After(w) {
			w = latest
		}
	}
	return wall(w)
}

// in gives the instant at which the clock on the wall first shows w; if clocks were put forward past it, the instant of that.
func (w wall) in(zone *time.Location) time.Time {
	const reach = 50 * time.Hour // more than any offset and any jump of clocks
	naive := time.Time(w)
	for t := naive.Add(-reach).In(zone); ; {
		_, end := t.ZoneBounds()
		_, offset := t.Zone()
		at := naive.Add(-time.Duration(offset) * time.Second)
		if end.IsZero() || at.Before(end) {
			if at.Before(t) && t.After(naive.Add(-reach)) { // shown by neither period: t is the instant of the jump
				return t.UTC()
			}
			return at.UTC()
		}
		t = end.In(zone)
	}
}

func (w wall) day() time.Time {
	y, m, d := time.Time(w).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func (w wall) lastMoment() wall { return wall(w.day().AddDate(0, 0, 1).Add(-time.Microsecond)) }

// add goes n days, months or years on.
func (w wall) add(n int, unit byte) wall {
	t := time.Time(w)
	switch unit {
	case 'd':
		return wall(t.AddDate(0, 0, n))
	case 'y':
		n *= 12
	}
	y, m, d := t.Date()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1)
	if d > last.Day() { // 31 January and a month: the end of February, whatever the time of day, so that no later day is due earlier
		return wall(last).lastMoment()
	}
	return wall(first.AddDate(0, 0, d-1).Add(t.Sub(w.day())))
}

// addWorking goes n working days on. That there is always another working day, the check of weekends and holidays sees to.
func (w wall) addWorking(n int, working func(wall) bool) wall {
	for !working(w) {
		w = wall(w.day().AddDate(0, 0, 1))
	}
	for ; n > 0; n-- {
		for w = w.add(1, 'd'); !working(w); {
			w = w.add(1, 'd')
		}
	}
	return w
}
