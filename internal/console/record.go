package console

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/record"
)

type recordView struct {
	show         show
	checkpoint   string
	rows         []recordRow
	newest, next string
}

type recordRow struct {
	record.Line
	link link
	who  string
	set  string
}

func (o *console) record(r *request) (string, templ.Component, error) {
	v := recordView{show: r.show}
	var err error
	if v.checkpoint, err = o.Log.Checkpoint(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	before := r.number("before", -1)
	entries, err := record.Tail(r.ctx, r.q, before, perPage)
	if err != nil {
		return "", nil, err
	}
	actors, err := o.actors(r)
	if err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		row := recordRow{Line: e, who: e.Actor, set: columns(e.Set)}
		if name, ok := actors[e.Actor]; ok {
			row.who = name
		}
		if row.link, err = o.object(r, e.Table, e.ID); err != nil {
			return "", nil, err
		}
		v.rows = append(v.rows, row)
	}
	if before >= 0 {
		v.newest = "/record"
	}
	if n := len(entries); n == perPage && entries[n-1].Leaf > 0 {
		v.next = fmt.Sprintf("/record?before=%d", entries[n-1].Leaf)
	}
	return "Record", recordPage(v), nil
}

// columns writes the public part of an entry, one column a line, in a fixed order.
func columns(set map[string]any) string {
	var out []string
	for k, v := range set {
		if v == nil || v == "" {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %v", k, clip(defang(fmt.Sprint(v)), 200)))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
