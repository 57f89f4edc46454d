package console

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// tipWork is what the work with a tip knows of it: its bundle, its priority, and a child in danger.
type tipWork struct {
	show     show
	t        intake.Tip
	priority triage.Priority
	bundle   *intake.Bundle
	related  []int64
	marks    []triage.Mark
	alerts   []triage.Alert
	clocks   []triage.Clock
	tasks    []triage.Task
	people   map[int64]string
	decides  bool
}

func tipAddress(id int64) string { return fmt.Sprintf("/tips/%d", id) }

func (o *console) tipWork(r *request, t intake.Tip) (w tipWork, err error) {
	w = tipWork{show: r.show, t: t, decides: r.person.May(identity.DecideTips)}
	if w.priority, err = triage.PriorityOf(r.ctx, r.q, t.ID); err != nil {
		return w, err
	}
	if t.BundleID != 0 {
		b, err := intake.BundleByID(r.ctx, r.q, t.BundleID)
		if err != nil {
			return w, err
		}
		w.bundle = &b
	}
	if o.Tips != nil {
		if w.related, err = o.Tips.Related(r.ctx, r.q, t); err != nil {
			return w, err
		}
	}
	if w.marks, err = triage.Marks(r.ctx, r.q, t.ID); err != nil {
		return w, err
	}
	if w.alerts, err = triage.AlertsOf(r.ctx, r.q, t.ID); err != nil {
		return w, err
	}
	if w.clocks, err = triage.Clocks(r.ctx, r.q, t.ID); err != nil {
		return w, err
	}
	if w.tasks, err = triage.Tasks(r.ctx, r.q, t.ID); err != nil {
		return w, err
	}
	w.people, err = o.names(r)
	return w, err
}

// marked gives the mark that stands, nil if there is none.
func (w tipWork) marked() *triage.Mark {
	for i := range w.marks {
		if w.marks[i].LiftedAt == 0 {
			return &w.marks[i]
		}
	}
	return nil
}

// clockState gives the state of a duty: its key and in words.
func clockState(c triage.Clock, now time.Time) (key, phrase string) {
	left := store.Time(c.DueAt).Sub(now)
	switch {
	case c.FulfilledAt != 0 && c.Overdue(now):
		return "late", "done, " + span(store.Time(c.FulfilledAt).Sub(store.Time(c.DueAt))) + " late"
	case c.FulfilledAt != 0:
		return "complied", "done"
	case c.ClosedAt != 0:
		return "closed", "closed"
	case c.Overdue(now):
		return "overdue", "overdue by " + span(left)
	}
	return "pending", span(left) + " left"
}

type alertsView struct {
	show    show
	open    []triage.Alert
	others  []triage.Alert
	clocks  []triage.Clock
	tasks   []triage.Task
	roster  []triage.OnCall
	people  map[int64]string
	numbers map[int64]string // of tips
}

func (o *console) alerts(r *request) (string, templ.Component, error) {
	v := alertsView{show: r.show, numbers: map[int64]string{}}
	all, err := triage.Alerts(r.ctx, r.q, "")
	if err != nil {
		return "", nil, err
	}
	for _, a := range all {
		if a.State == "open" {
			v.open = append([]triage.Alert{a}, v.open...) // the oldest first
		} else {
			v.others = append(v.others, a)
		}
	}
	if v.clocks, err = triage.OpenClocks(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	if v.tasks, err = triage.Tasks(r.ctx, r.q, 0); err != nil {
		return "", nil, err
	}
	if v.roster, err = triage.Roster(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	if v.people, err = o.names(r); err != nil {
		return "", nil, err
	}
	var ids []int64
	for _, a := range all {
		ids = append(ids, a.TipID)
	}
	for _, c := range v.clocks {
		ids = append(ids, c.TipID)
	}
	for _, t := range v.tasks {
		ids = append(ids, t.TipID)
	}
	for _, id := range ids {
		if v.numbers[id] != "" {
			continue
		}
		t, err := intake.ByID(r.ctx, r.q, id)
		if err != nil {
			return "", nil, err
		}
		v.numbers[id] = t.Number
	}
	return "Alerts", alertsPage(v), nil
}

// pressing counts the open alerts that this person is told of at the head of every page.
func (o *console) pressing(ctx context.Context, p identity.Person) int64 {
	if !p.May(identity.ReadTips) {
		return 0
	}
	n, err := triage.Pressing(ctx, o.DB.Reader(), p.ID, p.May(identity.DecideTips))
	if err != nil {
		slog.ErrorContext(ctx, "the alerts of a page's head cannot be read", "error", err)
	}
	return n
}

func (o *console) acknowledge(r *request) (string, error) {
	return o.onID(r, func(int64) string { return "/alerts" }, func(ctx context.Context, tx *store.Tx, id int64) error {
		_, err := o.Triage.Acknowledge(ctx, tx, id, r.person.ID)
		return err
	})
}

// onID runs a form that is about the object in the path.
func (o *console) onID(r *request, next func(int64) string, fn func(ctx context.Context, tx *store.Tx, id int64) error) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return o.written(r, next(id), func(ctx context.Context, tx *store.Tx) error { return fn(ctx, tx, id) })
}

func (o *console) markDanger(r *request) (string, error) {
	return o.onID(r, tipAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		_, err := o.Triage.MarkDanger(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
		return err
	})
}

func (o *console) liftDanger(r *request) (string, error) {
	return o.onID(r, tipAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		return o.Triage.LiftDanger(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
	})
}

func (o *console) setPriority(r *request) (string, error) {
	n, err := strconv.ParseInt(r.PostForm.Get("priority"), 10, 64)
	if err != nil {
		return "", fault.New(fault.Invalid, "a priority is a whole number from 0 to 1000")
	}
	return o.onID(r, tipAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		return o.Triage.SetPriority(ctx, tx, id, n, r.person.ID, r.PostForm.Get("reason"))
	})
}

func (o *console) liftPriority(r *request) (string, error) {
	return o.onID(r, tipAddress, func(ctx context.Context, tx *store.Tx, id int64) error {
		return o.Triage.LiftPriority(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
	})
}

// fulfil takes the time at which a duty was done as the page's zone has it; empty is now.
func (o *console) fulfil(r *request) (string, error) {
	at := int64(0)
	if text := r.PostForm.Get("at"); text != "" {
		t, err := time.ParseInLocation("2006-01-02T15:04", text, r.show.zone)
		if err != nil {
			return "", fault.New(fault.Invalid, "the time is not readable; write it as 2022-09-25T14:30")
		}
		at = store.Micros(t)
	}
	return o.onID(r, func(int64) string { return back(r.Request) }, func(ctx context.Context, tx *store.Tx, id int64) error {
		_, err := o.Triage.Fulfil(ctx, tx, id, r.person.ID, at, r.PostForm.Get("reference"))
		return err
	})
}

func (o *console) finishTask(r *request) (string, error) {
	return o.onID(r, func(int64) string { return back(r.Request) }, func(ctx context.Context, tx *store.Tx, id int64) error {
		return o.Triage.FinishTask(ctx, tx, id, r.person.ID, r.PostForm.Get("note"))
	})
}

// alertWords says what became of an alert so far.
func alertWords(s show, people map[int64]string, a triage.Alert) string {
	switch {
	case a.AcknowledgedAt != 0 && a.State == "closed":
		return fmt.Sprintf("taken up by %s, %s; closed since the mark was lifted", who(people, a.AcknowledgedBy, "–"), s.at(a.AcknowledgedAt))
	case a.AcknowledgedAt != 0:
		return fmt.Sprintf("taken up by %s, %s", who(people, a.AcknowledgedBy, "–"), s.at(a.AcknowledgedAt))
	case a.State == "closed":
		return "closed since the mark was lifted; nobody had taken it up"
	}
	return fmt.Sprintf("raised %s; nobody has taken it up; %s paged", s.at(a.RaisedAt), count(len(a.Pages), "time"))
}
