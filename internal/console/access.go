package console

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

type accessView struct {
	show   show
	rows   []accessRow
	caseID int64
	all    bool // the reader is an auditor
	next   string
	first  string
}

type accessRow struct {
	identity.ReadLine
	what link
}

const accessRows = 100

func (o *console) access(r *request) (string, templ.Component, error) {
	v := accessView{show: r.show, caseID: r.number("case_id", 0), all: r.person.May(identity.AuditAccess)}
	before := r.number("before", 0)
	lines, err := o.People.Reads(r.ctx, r.q, r.person, identity.ReadFilter{CaseID: v.caseID, Before: before, Limit: accessRows})
	if err != nil {
		return "", nil, err
	}
	for _, l := range lines {
		row := accessRow{ReadLine: l, what: link{label: title(strings.ReplaceAll(l.Object, "_", " "))}}
		if l.ObjectID != 0 {
			row.what.label += fmt.Sprintf(" %d", l.ObjectID)
		}
		switch l.Object {
		case "tip", "case", "document":
			row.what.href = fmt.Sprintf("/%ss/%d", l.Object, l.ObjectID)
		}
		v.rows = append(v.rows, row)
	}
	to := func(before int64) string {
		q := url.Values{}
		if v.caseID != 0 {
			q.Set("case_id", decimal(v.caseID))
		}
		if before != 0 {
			q.Set("before", decimal(before))
		}
		return "/access?" + q.Encode()
	}
	if len(lines) == accessRows {
		v.next = to(lines[len(lines)-1].ID)
	}
	if before != 0 {
		v.first = to(0)
	}
	return "Who read what", accessPage(v), nil
}

type purposeView struct{ scope, what, next string }

// purpose asks for what a person reads restricted material, once per case and session.
func (o *console) purpose(r *request) (string, templ.Component, error) {
	v := purposeView{scope: r.URL.Query().Get("for"), next: local(r.URL.Query().Get("next"))}
	var err error
	v.what, err = o.scopeName(r, v.scope)
	return "For what purpose?", purposePage(v), err
}

// scopeName says in words what a purpose is for. Whoever may not see a case learns nothing of it here.
func (o *console) scopeName(r *request, scope string) (string, error) {
	var id int64
	if _, err := fmt.Sscanf(scope, "case:%d", &id); err == nil {
		if _, err := o.People.Check(r.ctx, r.q, r.person, identity.Ask{Need: identity.ReadCases, Kind: identity.OfCase, ID: id, As: identity.CaseCounsel}); err != nil {
			return "", err
		}
		c, err := casework.ByID(r.ctx, r.q, id)
		return caseName(c), err
	}
	switch scope {
	case "tips":
		return "tips and complaints", nil
	case "victim":
		return "the sealed parts of reports, which tell who a child is", nil
	case "documents":
		return "documents that belong to no case", nil
	case "matches":
		return "matches of pictures and videos", nil
	}
	return "restricted material", nil
}

func (o *console) keepPurpose(r *request) (string, error) {
	scope := r.PostForm.Get("for")
	if _, err := o.scopeName(r, scope); err != nil {
		return "", err
	}
	err := o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		return o.People.KeepPurpose(ctx, tx, r.person, scope, r.PostForm.Get("purpose"))
	})
	return local(r.PostForm.Get("next")), err
}

func caseFilter(id int64) string {
	if id == 0 {
		return ""
	}
	return decimal(id)
}
