package console

import (
	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
)

func (o *console) operations(r *request) (string, templ.Component, error) {
	rows, err := casework.Operations(r.ctx, r.q)
	return "Operations", operationsPage(r.show, rows), err
}
