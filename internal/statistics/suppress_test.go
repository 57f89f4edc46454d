package statistics

import (
	"reflect"
	"slices"
	"testing"
)

func TestSuppress(t *testing.T) {
	arrests := func(f Figures) (out []int64) {
		for _, o := range f.Operations {
			out = append(out, o.Arrests)
		}
		for _, d := range f.ByDay {
			out = append(out, d.Arrests)
		}
		return append(out, f.Funnel.Arrested)
	}
	figures := func(total int64, operations, days []int64) Figures {
		f := Figures{Funnel: Funnel{Arrested: total, Tips: 2, Blocked: 3}, Operations: []OperationFigures{}, ByDay: []Day{}}
		for _, n := range operations {
			f.Operations = append(f.Operations, OperationFigures{Arrests: n, Cases: 1})
		}
		for _, n := range days {
			f.ByDay = append(f.ByDay, Day{Arrests: n, Blocked: 1})
		}
		return f
	}
	for _, c := range []struct {
		total      int64
		operations []int64
		days       []int64
		want       []int64
	}{
		{0, []int64{0}, []int64{0, 0}, []int64{0, 0, 0, 0}},
		{50, []int64{50}, []int64{20, 30, 0}, []int64{50, 20, 30, 0, 50}},
		{4, []int64{4}, []int64{4}, []int64{-1, -1, -1}},
		{5, []int64{5}, []int64{5, 0}, []int64{5, 5, 0, 5}},
		{57, []int64{50, 1, 6}, []int64{56, 1}, []int64{50, -1, -1, -1, -1, 57}}, // the six go with the one, and every day
		{3, nil, nil, []int64{-1}},
		{53, []int64{3}, []int64{53}, []int64{-1, 53, -1}},
	} {
		f := figures(c.total, c.operations, c.days)
		before := figures(c.total, c.operations, c.days)
		got := Suppress(f)
		if !slices.Equal(arrests(got), c.want) {
			t.Errorf("%+v: %v", c, arrests(got))
		}
		if !reflect.DeepEqual(f, before) {
			t.Errorf("%+v: the unit's own figures changed", c)
		}
		if got.Funnel.Tips != 2 || got.Funnel.Blocked != 3 {
			t.Errorf("%+v: counts of no persons are withheld", c)
		}
	}
	f := Figures{Case: &CaseFigures{Leads: 3, Arrests: 1, Offending: 2}, Funnel: Funnel{Identified: 3}}
	got := Suppress(f)
	if got.Case.Leads != Withheld || got.Case.Arrests != Withheld || got.Case.Offending != 2 || got.Funnel.Identified != Withheld || f.Case.Leads != 3 {
		t.Errorf("%+v, %+v", got.Case, f.Case)
	}
}
