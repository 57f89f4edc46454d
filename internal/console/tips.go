package console

import (
	"net/url"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/intake"
)

type tipsView struct {
	show          show
	rows          []intake.Tip
	state, source string
	first, next   string
}

var (
	tipStates  = []string{"received", "actionable", "informational", "duplicate", "insufficient", "linked", "referred", "returned", "closed"}
	tipSources = []string{intake.FromComplaint, intake.FromScan, intake.FromReport, intake.FromReferral, intake.FromForm}
)

func (o *console) tips(r *request) (string, templ.Component, error) {
	asked := r.URL.Query()
	v := tipsView{show: r.show, state: asked.Get("state"), source: asked.Get("source")}
	after := r.number("after", 0)
	rows, err := intake.List(r.ctx, r.q, intake.Filter{State: v.state, Source: v.source, AfterID: after, Limit: perPage + 1})
	if err != nil {
		return "", nil, err
	}
	to := func(after int64) string {
		q := url.Values{}
		for name, value := range map[string]string{"state": v.state, "source": v.source} {
			if value != "" {
				q.Set(name, value)
			}
		}
		if after > 0 {
			q.Set("after", decimal(after))
		}
		return "/tips?" + q.Encode()
	}
	if len(rows) > perPage {
		rows = rows[:perPage]
		v.next = to(rows[perPage-1].ID)
	}
	if after > 0 {
		v.first = to(0)
	}
	v.rows = rows
	return "Tips", tipsPage(v), nil
}
