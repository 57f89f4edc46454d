package console

import (
	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/intake"
)

func (o *console) complaints(r *request) (string, templ.Component, error) {
	rows, err := intake.Complaints(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	meetings, err := casework.Meetings(r.ctx, r.q)
	return "Complaints", complaintsPage(r.show, rows, meetings), err
}
