package console

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

type caseView struct {
	show      show
	c         casework.Case
	operation string
	procedure rules.Section
	sections  []citation
	teams     []casework.Team
	posts     int64
	analysed  int64
	accounts  []casework.Account
	findings  []tally
	documents []courier.Filed
	meetings  []casework.Meeting
}

// citation is a section that the case cites, with what the jurisdiction's file says of it.
type citation struct {
	label string
	law   rules.Section // zero: the file no longer has it
}

func (o *console) caseFile(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := caseView{show: r.show}
	if v.c, err = casework.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	v.procedure, v.sections = o.cited(v.c)
	if v.teams, err = casework.Teams(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	for _, t := range v.teams {
		v.posts, v.analysed = v.posts+t.Posts, v.analysed+t.Analysed
	}
	if v.accounts, err = casework.Accounts(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	order := []string{casework.Offending, casework.Pending, casework.Undetermined, casework.Gone}
	slices.SortStableFunc(v.accounts, func(a, b casework.Account) int {
		return slices.Index(order, a.Finding) - slices.Index(order, b.Finding)
	})
	for _, f := range order {
		n := len(slices.DeleteFunc(slices.Clone(v.accounts), func(a casework.Account) bool { return a.Finding != f }))
		if n > 0 {
			v.findings = append(v.findings, tally{f, finding(f), f, n})
		}
	}
	if v.documents, err = courier.List(r.ctx, r.q, courier.Filter{CaseID: id}); err != nil {
		return "", nil, err
	}
	if v.meetings, err = casework.Meetings(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	operations, err := casework.Operations(r.ctx, r.q)
	for _, op := range operations {
		if op.ID == v.c.OperationID {
			v.operation = op.Name
		}
	}
	return caseName(v.c), casePage(v), err
}

// cited finds the sections that a case cites in the jurisdiction's file, by the dates by which they were chosen.
func (o *console) cited(c casework.Case) (procedure rules.Section, out []citation) {
	if o.Law == nil {
		return procedure, nil
	}
	if c.RegisteredAt != 0 {
		procedure = o.Law.Procedure("fir", store.Time(c.RegisteredAt))
	}
	known := o.Law.Sections(c.Class, store.Time(c.OffenceAt))
	for _, label := range lines(c.Sections) {
		cite := citation{label: strings.TrimSpace(label)}
		for _, s := range known {
			if s.String() == cite.label {
				cite.law = s
			}
		}
		out = append(out, cite)
	}
	return procedure, out
}
