package console

import (
	"github.com/a-h/templ"

	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/scan"
)

func (o *console) lists(r *request) (string, templ.Component, error) {
	all, err := lists.All(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	scans, err := scan.States(r.ctx, r.q)
	return "Lists", listsPage(r.show, all, scans), err
}
