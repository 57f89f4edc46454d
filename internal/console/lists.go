package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/store"
)

type listsView struct {
	show          show
	all           []lists.List
	scans         []scan.State
	manage, tries bool
	exchanges     int
	draft         listDraft // what was written and could not be taken
	problem       string
}

// listDraft is what the form for a new list holds.
type listDraft struct{ name, scheme, version, provenance, threshold string }

func (o *console) lists(r *request) (string, templ.Component, error) {
	v, err := o.listsView(r)
	return "Lists", listsPage(v), err
}

func (o *console) listsView(r *request) (v listsView, err error) {
	v = listsView{show: r.show, manage: r.person.May(identity.ManageLists), tries: r.person.May(identity.LookUp), draft: listDraft{threshold: strconv.Itoa(lists.Threshold)}}
	if v.all, err = lists.All(r.ctx, r.q); err != nil {
		return v, err
	}
	states, err := o.Exchanges.States(r.ctx)
	if err != nil {
		return v, err
	}
	v.exchanges = len(states)
	v.scans, err = scan.States(r.ctx, r.q)
	return v, err
}

func (o *console) createList(r *request) (string, error) {
	f := r.PostForm
	d := listDraft{f.Get("name"), f.Get("scheme"), f.Get("scheme_version"), f.Get("provenance"), f.Get("threshold")}
	id, err := o.makeList(r, d)
	if err == nil {
		return listAddress(id), nil
	}
	if fault.Of(err) != fault.Invalid && fault.Of(err) != fault.Conflict {
		return "", err
	}
	v, viewErr := o.listsView(r)
	if viewErr != nil {
		return "", viewErr
	}
	v.draft, v.problem = d, fault.Message(err)
	return "", shown{"Lists", listsPage(v), http.StatusUnprocessableEntity}
}

func (o *console) makeList(r *request, d listDraft) (id int64, err error) {
	threshold, err := strconv.Atoi(strings.TrimSpace(d.threshold))
	if err != nil {
		return 0, fault.New(fault.Invalid, "the threshold is a number of bits, 0 to %d", lists.Threshold)
	}
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err = o.Lists.CreateList(ctx, tx, lists.New{Name: d.name, Scheme: strings.TrimSpace(d.scheme), SchemeVersion: strings.TrimSpace(d.version),
			Provenance: strings.TrimSpace(d.provenance), Threshold: &threshold})
		return err
	})
	return id, err
}

func listAddress(id int64) string { return "/lists/" + decimal(id) }

// shareOf says in how many look-ups a list takes part.
func shareOf(v lists.List) string {
	switch v.Share {
	case 0:
		return "none: switched off"
	case 1:
		return "all"
	}
	return percentOf(v.Share) + " %"
}

// percentOf writes a share in per cent without needless decimals.
func percentOf(share float64) string {
	return strconv.FormatFloat(float64(int64(share*1e6+0.5))/1e4, 'f', -1, 64)
}

func schemeOf(v lists.List) string { return strings.TrimSpace(v.Scheme + " " + v.SchemeVersion) }
