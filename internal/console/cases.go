package console

import (
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/identity"
)

type casesView struct {
	show        show
	rows        []casework.Case
	total       int
	operations  map[int64]string
	back, older string
}

func (o *console) cases(r *request) (string, templ.Component, error) {
	v := casesView{show: r.show, operations: map[int64]string{}}
	rows, err := casework.List(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	operations, err := casework.Operations(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	for _, op := range operations {
		v.operations[op.ID] = op.Name
	}
	sight, err := r.sight(o)
	if err != nil {
		return "", nil, err
	}
	rows = slices.DeleteFunc(rows, func(c casework.Case) bool { return !sight.Sees(identity.OfCase, c.ID, c.ID) })
	v.total = len(rows)
	v.rows, v.back, v.older = cut(rows, r, "/cases", url.Values{})
	return "Cases", casesPage(v), nil
}
