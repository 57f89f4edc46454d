package console

import (
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/lists"
)

type matchesView struct {
	show        show
	rows        []lists.Match
	people      map[int64]string
	state       string
	total       int
	back, older string
}

func (o *console) matches(r *request) (string, templ.Component, error) {
	v := matchesView{show: r.show, state: r.URL.Query().Get("state"), people: map[int64]string{}}
	rows, err := lists.Matches(r.ctx, r.q, v.state)
	if err != nil {
		return "", nil, err
	}
	slices.Reverse(rows)
	v.total = len(rows)
	filters := url.Values{}
	if v.state != "" {
		filters.Set("state", v.state)
	}
	v.rows, v.back, v.older = cut(rows, r, "/matches", filters)
	people, err := o.People.All(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	for _, p := range people {
		v.people[p.ID] = p.Name
	}
	return "Matches", matchesPage(v), nil
}
