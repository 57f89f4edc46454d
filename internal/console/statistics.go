package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/statistics"
)

type statisticsView struct {
	show   show
	f      statistics.Figures
	asOf   string // as asked; empty: now
	caseID int64
	cases  []casework.Case
	chart  string
}

func (o *console) statistics(r *request) (string, templ.Component, error) {
	v := statisticsView{show: r.show, asOf: strings.TrimSpace(r.URL.Query().Get("as_of")), caseID: r.number("case_id", 0)}
	asOf, err := r.show.asOf(v.asOf)
	if err != nil {
		return "", nil, err
	}
	if v.cases, err = casework.List(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	sight, err := r.sight(o)
	if err != nil {
		return "", nil, err
	}
	v.cases = choosable(slices.DeleteFunc(v.cases, func(c casework.Case) bool { return !sight.Sees(identity.OfCase, c.ID, c.ID) }))
	if v.caseID == 0 && len(v.cases) > 0 {
		v.caseID = v.cases[0].ID
	}
	if v.caseID != 0 {
		if _, err := o.People.Check(r.ctx, r.q, r.person, identity.Ask{Need: identity.ReadStatistics, Kind: identity.OfCase, ID: v.caseID, As: identity.Reader}); err != nil {
			return "", nil, err
		}
	}
	if v.f, err = statistics.Compute(r.ctx, r.q, asOf, v.caseID, r.show.zone); err != nil {
		return "", nil, err
	}
	v.chart = statistics.Chart(v.f.ByDay)
	return "Statistics", statisticsPage(v), nil
}

// choosable leaves of many cases those that stand outside operations, and a few more: a list of hundreds helps nobody.
func choosable(all []casework.Case) []casework.Case {
	var own, operations []casework.Case
	for _, c := range all {
		if c.OperationID == 0 {
			own = append(own, c)
		} else {
			operations = append(operations, c)
		}
	}
	return append(own, operations[:min(len(operations), perPage)]...)
}

// asOf reads a day or an instant; a day means its end, in the page's zone. Empty means now.
func (s show) asOf(typed string) (time.Time, error) {
	if typed == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, typed, s.zone); err == nil {
		return t.AddDate(0, 0, 1).Add(-time.Microsecond), nil
	}
	if t, err := time.Parse(time.RFC3339, typed); err == nil {
		return t, nil
	}
	return time.Time{}, fault.New(fault.Invalid, "write the time as a day such as 2022-09-28, or as 2022-09-28T18:00:00+05:30")
}

// figure is one line of a table of figures.
type figure struct {
	name, label string
	n           int64
}

func funnel(f statistics.Funnel) []figure {
	return []figure{{"tips", "Tips received", f.Tips}, {"actionable", "Tips acted on", f.Actionable}, {"cases", "Cases registered", f.Cases}, {"orders", "Takedown orders signed", f.Orders},
		{"blocked", "Accounts blocked", f.Blocked}, {"identified", "Leads", f.Identified}, {"arrested", "Arrests", f.Arrested}}
}

func caseFigures(c statistics.CaseFigures) []figure {
	return []figure{{"accounts", "Accounts", c.Accounts}, {"offending", "Offending", c.Offending}, {"undetermined", "Undetermined", c.Undetermined}, {"gone", "Gone when looked at", c.Gone},
		{"teams", "Teams", c.Teams}, {"posts", "Posts divided", c.Posts}, {"posts_analysed", "Posts analysed", c.PostsAnalysed}, {"listed_media", "Posts with listed media", c.ListedMedia},
		{"ordered", "Accounts ordered to be blocked", c.Ordered}, {"blocked", "Blocked", c.Blocked}, {"not_found", "Not found", c.NotFound}, {"refused", "Refused", c.Refused}, {"pending", "Waiting for an answer", c.Pending},
		{"verified_gone", "Looked for again and gone", c.VerifiedGone}, {"information_requested", "Information asked about", c.InformationRequested}, {"information_answered", "Information answered", c.InformationAnswered},
		{"clusters", "Clusters", c.Clusters}, {"leads", "Leads", c.Leads}, {"arrests", "Arrests", c.Arrests}}
}

func documentFigures(d statistics.Documents) []figure {
	return []figure{{"sent", "Sent", d.Sent}, {"acknowledged", "Acknowledged", d.Acknowledged}, {"refused", "Refused", d.Refused}, {"overdue", "Overdue", d.Overdue}}
}

// amount writes a figure; a cell that is withheld for privacy is -1.
func amount(n int64) string {
	if n < 0 {
		return "withheld"
	}
	return fmt.Sprint(n)
}
