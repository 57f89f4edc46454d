package play

import (
	"time"

	"raksha.example/raksha/internal/story"
)

// schedule says when things happen in the story. The month before is told from the operation's period, the rest from the start.
type schedule struct {
	setUp                                    time.Time // the nodes are set up
	scan, review, refer, route, register     time.Time // the last hour of the operation's month
	arrestsFrom, arrestsUntil                time.Time
	start                                    time.Time // the complaint comes in
	notice, summons, hearing, accept, divide time.Time
	analyse, find, preserve, preserved       time.Time
	order, executed                          [2]time.Time // the two batches
	verify, reply, meeting                   time.Time
	report                                   time.Time // ten days in: what had been done by then
	ask, answered, askHolder, holderAnswered time.Time
	judge                                    time.Time
}

// orderTime is from the order to its execution: within the shortest clock that a removal order has had, three hours.
const orderTime = 75 * time.Minute

func newSchedule(f story.File) schedule {
	from, until := f.Operation.Period.Span(f.Start.Location())
	arrests := min(5*24*time.Hour, f.Start.Sub(until)/3)
	day := func(n int, d time.Duration) time.Time { return f.Start.Add(time.Duration(n)*24*time.Hour + d) }
	s := schedule{
		setUp: from.Add(9 * time.Hour),
		scan:  until.Add(-50 * time.Minute), review: until.Add(-40 * time.Minute), refer: until.Add(-30 * time.Minute),
		route: until.Add(-20 * time.Minute), register: until.Add(-10 * time.Minute),
		arrestsFrom: until, arrestsUntil: until.Add(arrests),
		start: f.Start, notice: day(0, 2*time.Hour), summons: day(2, 0), hearing: day(8, 2*time.Hour),
		accept: day(2, 4*time.Hour), divide: day(3, 0), analyse: day(3, 3*time.Hour), find: day(4, 0),
		preserve: day(4, 2*time.Hour), preserved: day(4, 4*time.Hour),
		order:  [2]time.Time{day(5, 0), day(6, 0)},
		verify: day(6, 5*time.Hour), reply: day(7, 0), meeting: day(8, 3*time.Hour), report: day(10, 0),
		ask: day(11, 0), answered: day(12, 0), askHolder: day(13, 0), holderAnswered: day(14, 0), judge: day(15, 0),
	}
	for i := range s.order {
		s.executed[i] = s.order[i].Add(orderTime)
	}
	return s
}
