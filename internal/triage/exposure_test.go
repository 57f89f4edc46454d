package triage

import (
	"testing"
	"time"
)

func TestSum(t *testing.T) {
	zone := time.FixedZone("IST", 5*3600+1800)
	midnight := time.Date(2022, 9, 25, 0, 0, 0, 0, zone)
	at := func(hour, minute int) time.Time { return midnight.Add(time.Duration(hour*60+minute) * time.Minute) }
	spans := func(times ...int) (out []span) { // minutes of the day: from, to
		for i := 0; i < len(times); i += 2 {
			out = append(out, span{item: string(rune('a' + i)), start: at(0, times[i]), end: at(0, times[i+1])})
		}
		return out
	}
	limits := Limits{DayMinutes: 120, DayItems: 5, StretchMinutes: 60, BreakMinutes: 10, Starts: 7 * 60, Ends: 16 * 60}
	for _, c := range []struct {
		name                    string
		spans                   []span
		now                     time.Time
		minutes, stretch, items int64
		reached                 string
		until                   time.Time
	}{
		{"nothing", nil, at(9, 0), 0, 0, 0, "", time.Time{}},
		{"half an hour", spans(480, 510), at(8, 30), 30, 30, 1, "", time.Time{}},
		{"what overlaps counts once", spans(480, 510, 490, 500, 505, 520), at(8, 40), 40, 40, 3, "", time.Time{}},
		{"short gaps are no break", spans(480, 510, 515, 530, 539, 554), at(9, 14), 60, 60, 3, ByBreak, at(9, 24)},
		{"a gap of ten minutes is one", spans(480, 510, 520, 550), at(9, 10), 60, 30, 2, "", time.Time{}},
		{"the break is not over", spans(480, 540), at(9, 9), 60, 60, 1, ByBreak, at(9, 10)},
		{"the break is over", spans(480, 540), at(9, 10), 60, 0, 1, "", time.Time{}},
		{"the day is full", spans(480, 540, 600, 660), at(12, 0), 120, 0, 2, ByDay, at(31, 0)},
		{"five items", spans(480, 480, 481, 481, 482, 482, 483, 483, 484, 484), at(9, 0), 0, 0, 5, ByItems, at(31, 0)},
		{"before the day begins", nil, at(6, 59), 0, 0, 0, ByHours, at(7, 0)},
		{"after it ends", nil, at(16, 0), 0, 0, 0, ByHours, at(31, 0)},
	} {
		e := sum(c.spans, limits, c.now, midnight)
		until := int64(0)
		if !c.until.IsZero() {
			until = c.until.UnixMicro()
		}
		if e.Minutes != c.minutes || e.Stretch != c.stretch || e.Items != c.items || e.Reached != c.reached || e.Until != until {
			t.Errorf("%s: %+v, want until %s", c.name, e, c.until)
		}
	}
	if e := sum(spans(0, 1400), Limits{}, at(23, 59), midnight); e.Reached != "" || e.Minutes != 1400 {
		t.Errorf("without limits: %+v", e)
	}
	own := UsualLimits.stricter(Limits{DayMinutes: 60, StretchMinutes: 90, Ends: 15 * 60})
	if own.DayMinutes != 60 || own.StretchMinutes != 60 || own.Ends != 15*60 || own.Starts != 7*60 || own.BreakMinutes != 10 {
		t.Errorf("stricter: %+v", own)
	}
	if l := (Limits{}).stricter(Limits{StretchMinutes: 20}); l.BreakMinutes == 0 || l.StretchMinutes != 20 {
		t.Errorf("a person's own break on a node without limits: %+v", l)
	}
}
