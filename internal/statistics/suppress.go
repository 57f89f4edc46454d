package statistics

import "slices"

// Withheld stands in a published cell that counts fewer than five persons.
const Withheld = -1

const smallest = 5 // fewest persons that a published cell may count

// Suppress gives a copy for publication, in which no cell tells of one to four persons (arrests, leads): such cells are
// Withheld. So are those from which a withheld one could be worked out: when one day's arrests are withheld, all days' are,
// and when the arrests of a single operation are, the next smallest operation's are too, or else the total. Zero and
// counts of tips, accounts, orders and documents stay: they count no persons. Not for use inside the unit.
func Suppress(f Figures) Figures {
	f.Operations, f.ByDay = slices.Clone(f.Operations), slices.Clone(f.ByDay)
	f.Funnel.Identified, f.Funnel.Arrested = publish(f.Funnel.Identified), publish(f.Funnel.Arrested)
	if f.Case != nil {
		c := *f.Case
		c.Leads, c.Arrests = publish(c.Leads), publish(c.Arrests)
		f.Case = &c
	}
	if slices.ContainsFunc(f.ByDay, func(d Day) bool { return publish(d.Arrests) == Withheld }) {
		for i := range f.ByDay {
			f.ByDay[i].Arrests = Withheld
		}
	}
	withheld, next := 0, -1
	for i := range f.Operations {
		o := &f.Operations[i]
		if o.Arrests = publish(o.Arrests); o.Arrests == Withheld {
			withheld++
		} else if o.Arrests > 0 && (next < 0 || o.Arrests < f.Operations[next].Arrests) {
			next = i
		}
	}
	switch {
	case withheld != 1:
	case next >= 0:
		f.Operations[next].Arrests = Withheld
	default:
		f.Funnel.Arrested = Withheld
	}
	return f
}

func publish(n int64) int64 {
	if n > 0 && n < smallest {
		return Withheld
	}
	return n
}
