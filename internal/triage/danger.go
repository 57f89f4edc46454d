package triage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

// Mark says that a child is held to be in danger. Times are microseconds UTC.
type Mark struct {
	ID         int64  `json:"id"`
	TipID      int64  `json:"tip_id"`
	Reason     string `json:"reason"`
	SetBy      int64  `json:"set_by,omitempty"` // 0: the reporter or the rules
	SetAt      int64  `json:"set_at"`
	LiftedBy   int64  `json:"lifted_by,omitempty"`
	LiftedAt   int64  `json:"lifted_at,omitempty"`
	LiftReason string `json:"lift_reason,omitempty"`
}

// Clock is a duty of the jurisdiction's file to a child in danger. DueAt is computed from the rule.
type Clock struct {
	ID          int64  `json:"id"`
	MarkID      int64  `json:"mark_id"`
	TipID       int64  `json:"tip_id"`
	Duty        string `json:"duty"`
	Rule        string `json:"rule"` // with its version
	Title       string `json:"title"`
	LegalBasis  string `json:"legal_basis"`
	StartedAt   int64  `json:"started_at"`
	DueAt       int64  `json:"due_at"`
	FulfilledBy int64  `json:"fulfilled_by,omitempty"`
	FulfilledAt int64  `json:"fulfilled_at,omitempty"`
	Reference   string `json:"reference,omitempty"`
	ClosedBy    int64  `json:"closed_by,omitempty"`
	ClosedAt    int64  `json:"closed_at,omitempty"`
	CloseReason string `json:"close_reason,omitempty"`
}

// Overdue tells whether nobody has done the duty in time.
func (c Clock) Overdue(now time.Time) bool {
	at := store.Micros(now)
	switch {
	case c.FulfilledAt != 0:
		at = c.FulfilledAt
	case c.ClosedAt != 0:
		return false
	}
	return at > c.DueAt
}

// Open tells whether the duty waits to be done.
func (c Clock) Open() bool { return c.FulfilledAt == 0 && c.ClosedAt == 0 }

// Task is something to do about a tip beside its decision.
type Task struct {
	ID       int64  `json:"id"`
	TipID    int64  `json:"tip_id"`
	Kind     string `json:"kind"` // victim_identification
	State    string `json:"state"`
	Note     string `json:"note,omitempty"`
	OpenedAt int64  `json:"opened_at"`
	DoneBy   int64  `json:"done_by,omitempty"`
	DoneAt   int64  `json:"done_at,omitempty"`
}

const victimIdentification = "victim_identification"

// received marks a tip that was entered with a child in danger: by whoever entered it, or by the rules.
func (d *Desk) received(ctx context.Context, tx *store.Tx, id int64) error {
	t, err := intake.ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	reason := "the reporter says so"
	p, err := PriorityOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if p.RulesID != 0 {
		live, _, err := d.inUse(ctx, tx)
		if err != nil {
			return err
		}
		f := p.Why.Facts
		f.Danger = false
		if rule, ok := live.rules.danger(f); ok {
			reason = rule.Title
		}
	}
	return d.raise(ctx, tx, t, reason, 0)
}

// MarkDanger says that a child is in danger: somebody is paged at once, the tip stands before all others, and the clocks of the law
// start.
func (d *Desk) MarkDanger(ctx context.Context, tx *store.Tx, tipID, by int64, reason string) (Mark, error) {
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return Mark{}, err
	}
	if strings.TrimSpace(reason) == "" {
		return Mark{}, fault.New(fault.Invalid, "say why a child is held to be in danger")
	}
	if m, err := openMark(ctx, tx, tipID); err != nil || m.ID != 0 {
		if err == nil {
			err = fault.New(fault.Conflict, "tip %s is marked already", t.Number)
		}
		return m, err
	}
	if err := d.tips.Set(ctx, tx, tipID, "tip.danger", record.Fields{"danger_at": d.clock.Now()}); err != nil {
		return Mark{}, err
	}
	if t, err = intake.ByID(ctx, tx, tipID); err != nil {
		return Mark{}, err
	}
	if err := d.raise(ctx, tx, t, reason, by); err != nil {
		return Mark{}, err
	}
	if err := d.Recompute(ctx, tx, tipID); err != nil {
		return Mark{}, err
	}
	return openMark(ctx, tx, tipID)
}

// raise enters the mark with the alert, the clocks and the task that it calls for.
func (d *Desk) raise(ctx context.Context, tx *store.Tx, t intake.Tip, reason string, by int64) error {
	now := d.clock.Now()
	mark, err := d.log.Insert(ctx, tx, "danger_mark", "danger.marked", time.Time{}, record.Fields{"tip_id": t.ID, "reason": reason, "set_by": by, "set_at": now})
	if err != nil {
		return err
	}
	for _, duty := range d.law.Duties(now, d.desks...) {
		from := store.Time(t.ReceivedAt)
		if duty.Trigger == rules.OnEvent {
			from = now
		}
		if _, err := d.log.Insert(ctx, tx, "protection_clock", "protection.started", time.Time{}, record.Fields{"mark_id": mark, "tip_id": t.ID, "duty": duty.ID, "rule": duty.Name(), "title": duty.Title,
			"legal_basis": duty.LegalBasis, "started_at": from, "due_at": duty.Due(from)}); err != nil {
			return err
		}
	}
	if _, err := d.log.Insert(ctx, tx, "triage_task", "task.opened", time.Time{}, record.Fields{"tip_id": t.ID, "mark_id": mark, "kind": victimIdentification, "state": "open", "opened_at": now}); err != nil {
		return err
	}
	return d.alert(ctx, tx, mark, t.ID)
}

// LiftDanger ends a mark that was a false alarm or is no longer so. It takes another person than the one who set it. The alert and the
// clocks that still run are closed for the same reason.
func (d *Desk) LiftDanger(ctx context.Context, tx *store.Tx, tipID, by int64, reason string) error {
	m, err := openMark(ctx, tx, tipID)
	if err != nil {
		return err
	}
	switch {
	case m.ID == 0:
		return fault.New(fault.Conflict, "no child is held to be in danger by this tip")
	case strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "say why the mark is lifted")
	case m.SetBy == by:
		return fault.New(fault.Refused, "you set this mark; another person must lift it")
	}
	now := d.clock.Now()
	if err := d.log.Update(ctx, tx, "danger_mark", "danger.lifted", time.Time{}, m.ID, record.Fields{"lifted_by": by, "lifted_at": now, "lift_reason": reason}); err != nil {
		return err
	}
	clocks, err := Clocks(ctx, tx, tipID)
	if err != nil {
		return err
	}
	for _, c := range clocks {
		if c.MarkID != m.ID || !c.Open() {
			continue
		}
		if err := d.log.Update(ctx, tx, "protection_clock", "protection.closed", time.Time{}, c.ID, record.Fields{"closed_by": by, "closed_at": now, "close_reason": reason}); err != nil {
			return err
		}
	}
	if err := d.closeAlerts(ctx, tx, m.ID); err != nil {
		return err
	}
	if err := d.tips.Set(ctx, tx, tipID, "tip.danger_lifted", record.Fields{"danger_at": 0}); err != nil {
		return err
	}
	return d.Recompute(ctx, tx, tipID)
}

// Fulfil says that a duty was done: when, and under which reference.
func (d *Desk) Fulfil(ctx context.Context, tx *store.Tx, clockID, by, at int64, reference string) (Clock, error) {
	c, err := clockByID(ctx, tx, clockID)
	if err != nil {
		return c, err
	}
	now := store.Micros(d.clock.Now())
	if at == 0 {
		at = now
	}
	switch {
	case !c.Open():
		return c, fault.New(fault.Conflict, "this clock does not run any more")
	case strings.TrimSpace(reference) == "":
		return c, fault.New(fault.Invalid, "give the reference by which this can be found: a diary number, a letter, a name")
	case at > now || at < c.StartedAt:
		return c, fault.New(fault.Invalid, "the duty was done between the start of its clock and now")
	}
	if err := d.log.Update(ctx, tx, "protection_clock", "protection.fulfilled", store.Time(at), clockID, record.Fields{"fulfilled_by": by, "fulfilled_at": at, "reference": reference}); err != nil {
		return c, err
	}
	return clockByID(ctx, tx, clockID)
}

// FinishTask closes a task with what came of it.
func (d *Desk) FinishTask(ctx context.Context, tx *store.Tx, taskID, by int64, note string) error {
	var state string
	err := tx.QueryRowContext(ctx, "SELECT state FROM triage_task WHERE id = $1", taskID).Scan(&state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.New(fault.NotFound, "there is no such task")
	case err != nil:
		return err
	case state == "done":
		return fault.New(fault.Conflict, "this task was done before")
	case strings.TrimSpace(note) == "":
		return fault.New(fault.Invalid, "say in a few words what came of the task")
	}
	return d.log.Update(ctx, tx, "triage_task", "task.done", time.Time{}, taskID, record.Fields{"state": "done", "note": note, "done_by": by, "done_at": d.clock.Now()})
}

const markColumns = "SELECT id, tip_id, reason, COALESCE(set_by, 0), set_at, COALESCE(lifted_by, 0), lifted_at, lift_reason FROM danger_mark "

func scanMark(rows *sql.Rows) (m Mark, err error) {
	return m, rows.Scan(&m.ID, &m.TipID, &m.Reason, &m.SetBy, &m.SetAt, &m.LiftedBy, &m.LiftedAt, &m.LiftReason)
}

// Marks reads every mark of a tip, newest first.
func Marks(ctx context.Context, q store.Queryer, tipID int64) ([]Mark, error) {
	return store.Collect(ctx, q, scanMark, markColumns+"WHERE tip_id = $1 ORDER BY id DESC", tipID)
}

// openMark gives the mark of a tip that was not lifted; its ID is 0 if there is none.
func openMark(ctx context.Context, q store.Queryer, tipID int64) (Mark, error) {
	open, err := store.Collect(ctx, q, scanMark, markColumns+"WHERE tip_id = $1 AND lifted_at = 0 ORDER BY id DESC LIMIT 1", tipID)
	if err != nil || len(open) == 0 {
		return Mark{}, err
	}
	return open[0], nil
}

const clockColumns = `SELECT id, mark_id, tip_id, duty, rule, title, legal_basis, started_at, due_at, COALESCE(fulfilled_by, 0), fulfilled_at, reference, COALESCE(closed_by, 0), closed_at, close_reason
	FROM protection_clock `

func scanClock(rows *sql.Rows) (c Clock, err error) {
	return c, rows.Scan(&c.ID, &c.MarkID, &c.TipID, &c.Duty, &c.Rule, &c.Title, &c.LegalBasis, &c.StartedAt, &c.DueAt, &c.FulfilledBy, &c.FulfilledAt, &c.Reference, &c.ClosedBy, &c.ClosedAt, &c.CloseReason)
}

// Clocks reads the duties that a tip started.
func Clocks(ctx context.Context, q store.Queryer, tipID int64) ([]Clock, error) {
	return store.Collect(ctx, q, scanClock, clockColumns+"WHERE tip_id = $1 ORDER BY id", tipID)
}

// OpenClocks reads every duty that waits to be done, the one that is due first first.
func OpenClocks(ctx context.Context, q store.Queryer) ([]Clock, error) {
	return store.Collect(ctx, q, scanClock, clockColumns+"WHERE fulfilled_at = 0 AND closed_at = 0 ORDER BY due_at, id LIMIT 500")
}

func clockByID(ctx context.Context, q store.Queryer, id int64) (Clock, error) {
	one, err := store.Collect(ctx, q, scanClock, clockColumns+"WHERE id = $1", id)
	if err == nil && len(one) == 0 {
		err = fault.New(fault.NotFound, "there is no such clock")
	}
	if err != nil {
		return Clock{}, err
	}
	return one[0], nil
}

// Tasks reads the tasks about a tip; 0: every open one.
func Tasks(ctx context.Context, q store.Queryer, tipID int64) ([]Task, error) {
	where := "WHERE tip_id = $1"
	if tipID == 0 {
		where = "WHERE state = 'open' AND id > $1"
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (t Task, err error) {
		return t, rows.Scan(&t.ID, &t.TipID, &t.Kind, &t.State, &t.Note, &t.OpenedAt, &t.DoneBy, &t.DoneAt)
	}, fmt.Sprintf("SELECT id, tip_id, kind, state, note, opened_at, COALESCE(done_by, 0), done_at FROM triage_task %s ORDER BY id LIMIT 500", where), tipID)
}
