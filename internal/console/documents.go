package console

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

const perPage = 50

// Ways to narrow the list of documents beside their own states.
const (
	toAnswer = "to_answer" // received, and somebody waits for our answer
	toHear   = "to_hear"   // acknowledged by the addressee, who has not answered
	overdue  = "overdue"
	failed   = "failed" // refused or undeliverable
)

var documentFilters = []struct{ value, label string }{
	{"", "all"}, {"draft", "waiting to be authorised"}, {toHear, "waiting for their answer"}, {toAnswer, "waiting for our answer"},
	{overdue, "overdue"}, {failed, "refused or not delivered"},
}

// answerable are the instruments that ask for an answer.
var answerable = []string{courier.TakedownOrder, courier.InformationRequest, courier.PreservationRequest, courier.Summons, courier.Notice}

// open says whether a document that asks for an answer has none yet, and whether it has reached its addressee.
func open(f courier.Filed) bool {
	return slices.Contains(answerable, f.Instrument) && f.AnsweredAt == 0 && slices.Contains([]string{"acknowledged", "received", "accepted"}, f.State)
}

// isOverdue is derived from the signed due time, never stored. A preservation request's time is how long to keep, not when to answer.
func isOverdue(f courier.Filed, now time.Time) bool {
	return open(f) && f.DueAt != 0 && f.Instrument != courier.PreservationRequest && now.After(store.Time(f.DueAt))
}

func inState(f courier.Filed, filter string, now time.Time) bool {
	switch filter {
	case "":
		return true
	case toAnswer:
		return f.Direction == courier.In && open(f)
	case toHear:
		return f.Direction == courier.Out && open(f)
	case overdue:
		return isOverdue(f, now)
	case failed:
		return f.State == "refused" || f.State == "undeliverable"
	}
	return f.State == filter
}

// documentState says in words where a document stands and what it waits for.
func documentState(f courier.Filed) string {
	switch f.State {
	case "draft":
		return "waits to be authorised"
	case "authorised":
		return "signed, waits for delivery"
	case "served":
		return "sent, waits for the acknowledgement"
	case "acknowledged":
		if open(f) {
			return "waits for an answer"
		}
		return "received by the addressee"
	case "received":
		if open(f) {
			return "waits for our answer"
		}
		return "received"
	case "accepted":
		if open(f) {
			return "accepted, waits for our answer"
		}
		return "accepted"
	case "complied":
		return "carried out in full"
	case "partially_complied":
		return "carried out in part"
	case "refused":
		return "refused by the addressee"
	case "undeliverable":
		return "could not be delivered"
	}
	return strings.ReplaceAll(f.State, "_", " ")
}

type documentsView struct {
	show        show
	rows        []courier.Filed
	total       int
	filters     url.Values
	instruments []string
	newer       string
	older       string
}

func (v documentsView) chosen(name string) string { return v.filters.Get(name) }

func (o *console) documents(r *request) (string, templ.Component, error) {
	asked := r.URL.Query()
	v := documentsView{show: r.show, filters: url.Values{}}
	for _, name := range []string{"state", "direction", "instrument"} {
		if s := asked.Get(name); s != "" {
			v.filters.Set(name, s)
		}
	}
	all, err := courier.List(r.ctx, r.q, courier.Filter{Direction: asked.Get("direction")})
	if err != nil {
		return "", nil, err
	}
	if all, err = o.seen(r, all); err != nil {
		return "", nil, err
	}
	slices.Reverse(all)
	for _, f := range all {
		if !slices.Contains(v.instruments, f.Instrument) {
			v.instruments = append(v.instruments, f.Instrument)
		}
		if inState(f, asked.Get("state"), r.show.now) && (asked.Get("instrument") == "" || f.Instrument == asked.Get("instrument")) {
			v.rows = append(v.rows, f)
		}
	}
	slices.Sort(v.instruments)
	v.total = len(v.rows)
	v.rows, v.newer, v.older = cut(v.rows, r, "/documents", v.filters)
	return "Documents", documentsPage(v), nil
}

// seen keeps of documents those that the person may see.
func (o *console) seen(r *request, all []courier.Filed) ([]courier.Filed, error) {
	sight, err := r.sight(o)
	return slices.DeleteFunc(all, func(f courier.Filed) bool { return !sight.Sees(identity.OfDocument, f.ID, f.CaseID) }), err
}

// cut gives one page of rows, by the query's `page` from 1, and the links to the pages beside it.
func cut[T any](rows []T, r *request, path string, filters url.Values) (page []T, back, on string) {
	n := max(1, r.number("page", 1))
	last := int64((len(rows) + perPage - 1) / perPage)
	n = min(n, max(1, last))
	to := func(n int64) string {
		q := url.Values{}
		for k, v := range filters {
			q[k] = v
		}
		if n > 1 {
			q.Set("page", decimal(n))
		}
		if len(q) == 0 {
			return path
		}
		return path + "?" + q.Encode()
	}
	if n > 1 {
		back = to(n - 1)
	}
	if n < last {
		on = to(n + 1)
	}
	return rows[min(len(rows), int((n-1)*perPage)):min(len(rows), int(n*perPage))], back, on
}
