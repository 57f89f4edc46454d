package statistics

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Compute gives the figures as of a time, by what had been recorded up to it; zero means everything recorded, as of the
// last entry. Whoever has a clock should pass its time, since what is overdue depends on it. caseID adds the figures of one
// case (0: none); a case that was not there yet is a fault.NotFound. Days begin at midnight in zone (nil: UTC).
func Compute(ctx context.Context, q store.Queryer, asOf time.Time, caseID int64, zone *time.Location) (Figures, error) {
	f := Figures{AsOf: store.Micros(asOf)}
	if asOf.IsZero() {
		if err := q.QueryRowContext(ctx, "SELECT COALESCE(MAX(recorded_at), 0) FROM record_entry WHERE leaf IS NOT NULL").Scan(&f.AsOf); err != nil {
			return f, err
		}
		asOf = store.Time(f.AsOf)
	}
	if zone == nil {
		zone = time.UTC
	}
	state, err := record.Fold(ctx, q, asOf, "tip", "operation", "case_file", "team", "case_account", "assignment", "arrest", "document", "document_item", "cluster")
	if err != nil {
		return f, err
	}
	c := count{state: state, asOf: f.AsOf, days: map[string]*Day{}, zone: zone, superseded: map[int64]bool{}}
	for _, d := range state["document"] {
		if signed(d) && d.Int("supersedes_id") != 0 {
			c.superseded[d.Int("supersedes_id")] = true
		}
	}
	f.Funnel, f.Documents, f.Operations = c.funnel(), c.documents(), c.operations()
	f.ByDay = c.byDay()
	if caseID != 0 {
		if f.Case, err = c.caseOf(caseID); err != nil {
			return f, err
		}
	}
	return f, nil
}

// count counts in folded rows.
type count struct {
	state      record.State
	asOf       int64
	zone       *time.Location
	days       map[string]*Day
	superseded map[int64]bool // documents of which a newer version is signed
}

// signed tells whether a document of the node is more than a draft.
func signed(d record.Row) bool {
	return d.Text("direction") == courier.Out && d.Int("authorised_at") > 0
}

// orders tells whether a document's items count as ordered.
func (c count) orders(id int64) bool {
	d := c.state["document"][id]
	return signed(d) && d.Text("instrument") == courier.TakedownOrder && !c.superseded[id]
}

func blocked(item record.Row) bool {
	s := item.Text("state")
	return s == "account_suspended" || s == "removed" || s == "already_removed"
}

func registered(c record.Row) bool { return c.Int("serial") > 0 }

func (c count) funnel() (f Funnel) {
	for _, t := range c.state["tip"] {
		f.Tips++
		switch t.Text("state") {
		case "actionable", "referred", "linked":
			f.Actionable++
		}
	}
	for _, v := range c.state["case_file"] {
		f.Cases += one(registered(v))
	}
	for id := range c.state["document"] {
		f.Orders += one(c.orders(id))
	}
	for _, item := range c.state["document_item"] {
		f.Blocked += one(c.orders(item.Int("document_id")) && blocked(item))
	}
	for _, v := range c.state["cluster"] {
		f.Identified += one(v.Text("state") == "lead")
	}
	f.Arrested = int64(len(c.state["arrest"]))
	return f
}

func (c count) documents() (f Documents) {
	for _, d := range c.state["document"] {
		if !signed(d) {
			continue
		}
		f.Sent++
		f.Acknowledged += one(d.Int("received_at") > 0)
		f.Refused += one(d.Text("state") == "refused")
		f.Overdue += one(d.Int("due_at") > 0 && d.Int("due_at") < c.asOf && d.Int("answered_at") == 0 && d.Text("state") != "closed")
	}
	return f
}

func (c count) operations() []OperationFigures {
	out := []OperationFigures{}
	for _, id := range slices.Sorted(maps.Keys(c.state["operation"])) {
		o := c.state["operation"][id]
		f := OperationFigures{ID: id, Name: o.Text("name"), Period: o.Text("period")}
		for _, v := range c.state["case_file"] {
			f.Cases += one(v.Int("operation_id") == id && registered(v))
		}
		for _, t := range c.state["tip"] {
			f.Tips += one(c.operationOf(t) == id)
		}
		for _, a := range c.state["arrest"] {
			f.Arrests += one(c.operationOf(a) == id)
		}
		out = append(out, f)
	}
	return out
}

// operationOf gives the operation of the case that a row belongs to, or 0.
func (c count) operationOf(row record.Row) int64 {
	return c.state["case_file"][row.Int("case_id")].Int("operation_id")
}

// byDay counts by the day on which things happened.
func (c count) byDay() []Day {
	for _, t := range c.state["tip"] {
		c.day(t.Int("received_at")).Tips++
	}
	for _, v := range c.state["case_file"] {
		if registered(v) {
			c.day(v.Int("registered_at")).Cases++
		}
	}
	for _, item := range c.state["document_item"] {
		id := item.Int("document_id")
		if !c.orders(id) {
			continue
		}
		d := c.state["document"][id]
		c.day(d.Int("authorised_at")).Ordered++
		if blocked(item) { // one that was gone before has no time of its own: it counts when the holder said so
			c.day(cmp.Or(item.Int("effected_at"), d.Int("answered_at"), d.Int("received_at"), d.Int("authorised_at"))).Blocked++
		}
	}
	for _, a := range c.state["arrest"] {
		c.day(a.Int("arrested_at")).Arrests++
	}
	out := []Day{}
	for _, key := range slices.Sorted(maps.Keys(c.days)) {
		out = append(out, *c.days[key])
	}
	return out
}

func (c count) day(micros int64) *Day {
	key := store.Time(micros).In(c.zone).Format(time.DateOnly)
	if c.days[key] == nil {
		c.days[key] = &Day{Day: key}
	}
	return c.days[key]
}

// one counts a row if it meets a condition.
func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

func (c count) caseOf(id int64) (*CaseFigures, error) {
	v, ok := c.state["case_file"][id]
	if !ok {
		return nil, fault.New(fault.NotFound, "there was no case %d at that time", id)
	}
	f := &CaseFigures{CaseID: id, FIR: v.Text("fir")}
	in := func(row record.Row) int64 { return one(row.Int("case_id") == id) }
	for _, t := range c.state["team"] {
		f.Teams += in(t)
	}
	for _, a := range c.state["case_account"] {
		f.Accounts += in(a)
		switch a.Text("finding") {
		case "offending":
			f.Offending += in(a)
		case "undetermined":
			f.Undetermined += in(a)
		case "gone":
			f.Gone += in(a)
		}
	}
	for _, a := range c.state["assignment"] {
		f.Posts += in(a)
		f.PostsAnalysed += in(a) * one(a.Text("finding") != "")
		f.ListedMedia += in(a) * one(a.Text("finding") == "listed_media")
	}
	for _, a := range c.state["arrest"] {
		f.Arrests += in(a)
	}
	for _, v := range c.state["cluster"] {
		f.Leads += in(v) * one(v.Text("state") == "lead")
		f.Clusters += in(v) * one(v.Text("state") == "lead" || v.Text("state") == "candidate")
	}
	c.documentsOf(id, f)
	return f, nil
}

// documentsOf counts what became of a case's orders and requests, item by item.
func (c count) documentsOf(id int64, f *CaseFigures) {
	for _, item := range c.state["document_item"] {
		document := item.Int("document_id")
		d := c.state["document"][document]
		if d.Int("case_id") != id || !signed(d) || c.superseded[document] {
			continue
		}
		open := item.Text("state") == "pending" || item.Text("state") == "preserved"
		switch d.Text("instrument") {
		case courier.TakedownOrder:
			f.Ordered++
			f.Blocked += one(blocked(item))
			f.NotFound += one(item.Text("state") == "not_found")
			refused := item.Text("state") == "refused" || open && d.Text("state") == "refused"
			f.Refused += one(refused)
			f.Pending += one(open && !refused)
			f.VerifiedGone += one(blocked(item) && item.Text("verified") == "gone")
		case courier.InformationRequest:
			f.InformationRequested++
			f.InformationAnswered += one(!open)
		}
	}
	var last int64
	for n, d := range c.state["document"] {
		if d.Int("case_id") == id && c.orders(n) && d.Int("due_at") > 0 && d.Int("received_at") > last {
			last = d.Int("received_at")
			f.HoursAllowed = time.Duration((d.Int("due_at") - last) * int64(time.Microsecond)).Hours()
		}
	}
}
