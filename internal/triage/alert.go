package triage

import (
	"context"
	"database/sql"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// acknowledgeIn is how long a person who is paged has to acknowledge before the next one is paged too.
const acknowledgeIn = 10 * time.Minute

// Mailer sends a message to one address (fetch). What is given to it holds nothing about a tip.
type Mailer interface {
	Send(ctx context.Context, to, subject, text string) error
}

// Paging is what alerts need beyond the database.
type Paging struct {
	Jobs   *jobs.Queue // nil: nobody is mailed, and alerts go on to the next person only by Escalate
	Mail   Mailer      // nil: the node has no mail server; the pages of the console tell of alerts
	URL    func() string
	Desks  []string      // that this node runs: whom the law's duties bind
	Within time.Duration // how long a person has to acknowledge; 0 is ten minutes
}

// UsePaging says how people are paged. It must be called before the first tip.
func (d *Desk) UsePaging(p Paging) {
	d.paging, d.desks = p, p.Desks
	if d.paging.Within <= 0 {
		d.paging.Within = acknowledgeIn
	}
	if p.Jobs == nil {
		return
	}
	jobs.Register(p.Jobs, func(ctx context.Context, a pageArgs) error { return d.mail(ctx, a.Page) })
	jobs.Register(p.Jobs, func(ctx context.Context, a escalateArgs) error { return d.escalate(ctx, a.Page) })
	jobs.Register(p.Jobs, func(ctx context.Context, _ recomputeArgs) error { return d.RecomputeAll(ctx) })
}

// pageArgs asks for the e-mail to a person who was paged.
type pageArgs struct {
	Page int64 `json:"page"`
}

// Kind names the job.
func (pageArgs) Kind() string { return "alert_mail" }

// escalateArgs asks whether somebody acknowledged; if not, the next person is paged.
type escalateArgs struct {
	Page int64 `json:"page"`
}

// Kind names the job.
func (escalateArgs) Kind() string { return "alert_escalate" }

// recomputeArgs asks for the priority of every waiting tip, after other rules went live or into the shadow.
type recomputeArgs struct{}

// Kind names the job.
func (recomputeArgs) Kind() string { return "priority_recompute" }

// Timeout is how long one attempt may take.
func (recomputeArgs) Timeout() time.Duration { return 30 * time.Minute }

// RecomputeSoon has the priority of every waiting tip computed anew after the commit.
func (d *Desk) RecomputeSoon(ctx context.Context, tx *store.Tx) error {
	if d.paging.Jobs == nil {
		return nil
	}
	return d.paging.Jobs.Enqueue(ctx, tx, recomputeArgs{})
}

// Alert pages people about a child in danger until one acknowledges.
type Alert struct {
	ID             int64  `json:"id"`
	Number         string `json:"number"`
	MarkID         int64  `json:"mark_id"`
	TipID          int64  `json:"tip_id"`
	State          string `json:"state"` // open, acknowledged, closed
	RaisedAt       int64  `json:"raised_at"`
	AcknowledgedBy int64  `json:"acknowledged_by,omitempty"`
	AcknowledgedAt int64  `json:"acknowledged_at,omitempty"`
	Pages          []Page `json:"pages"`
}

// Page is one person who was asked to acknowledge an alert.
type Page struct {
	ID       int64  `json:"id"`
	PersonID int64  `json:"person_id,omitempty"` // 0: nobody was on call
	PagedAt  int64  `json:"paged_at"`
	DueAt    int64  `json:"due_at"`
	Mail     string `json:"mail"` // none, waiting, sent
	MailedAt int64  `json:"mailed_at,omitempty"`
}

// OnCall is a person who is paged, in the order of Place from 1.
type OnCall struct {
	ID       int64  `json:"id"`
	PersonID int64  `json:"person_id"`
	Place    int64  `json:"place"`
	Email    string `json:"email,omitempty"`
}

// Roster reads who is on call, in the order in which they are paged.
func Roster(ctx context.Context, q store.Queryer) ([]OnCall, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (o OnCall, err error) {
		return o, rows.Scan(&o.ID, &o.PersonID, &o.Place, &o.Email)
	},
		"SELECT id, person_id, place, email FROM on_call WHERE ended_at = 0 ORDER BY place")
}

// SetRoster says who is on call from now on, the first one first.
func (d *Desk) SetRoster(ctx context.Context, tx *store.Tx, people []OnCall) error {
	seen := map[int64]bool{}
	for _, p := range people {
		var there int64
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM person WHERE id = $1 AND disabled_at = 0", p.PersonID).Scan(&there); err != nil {
			return err
		}
		if there == 0 || seen[p.PersonID] {
			return fault.New(fault.Invalid, "person %d is not there, has left, or stands twice", p.PersonID)
		}
		seen[p.PersonID] = true
		if a, err := mail.ParseAddress(p.Email); p.Email != "" && (err != nil || a.Address != p.Email) {
			return fault.New(fault.Invalid, "%q is no e-mail address", p.Email)
		}
	}
	now := d.clock.Now()
	was, err := Roster(ctx, tx)
	if err != nil {
		return err
	}
	for _, o := range was {
		if err := d.log.Update(ctx, tx, "on_call", "on_call.ended", time.Time{}, o.ID, record.Fields{"ended_at": now}); err != nil {
			return err
		}
	}
	for i, p := range people {
		if _, err := d.log.Insert(ctx, tx, "on_call", "on_call.set", time.Time{}, record.Fields{"person_id": p.PersonID, "place": i + 1, "email": p.Email, "since_at": now}); err != nil {
			return err
		}
	}
	return nil
}

// alert raises the alert of a mark and pages the first person on call.
func (d *Desk) alert(ctx context.Context, tx *store.Tx, markID, tipID int64) error {
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM alert").Scan(&last); err != nil {
		return err
	}
	id, err := d.log.Insert(ctx, tx, "alert", "alert.raised", time.Time{}, record.Fields{"number": fmt.Sprintf("A-%06d", last+1), "mark_id": markID, "tip_id": tipID, "state": "open", "raised_at": d.clock.Now()})
	if err != nil {
		return err
	}
	return d.page(ctx, tx, id)
}

// page asks the next person on call: after the last the first again. One who left since is passed over.
func (d *Desk) page(ctx context.Context, tx *store.Tx, alertID int64) error {
	roster, err := store.Collect(ctx, tx, func(rows *sql.Rows) (o OnCall, err error) {
		return o, rows.Scan(&o.ID, &o.PersonID, &o.Place, &o.Email)
	},
		"SELECT o.id, o.person_id, o.place, o.email FROM on_call o JOIN person p ON p.id = o.person_id WHERE o.ended_at = 0 AND p.disabled_at = 0 ORDER BY o.place")
	if err != nil {
		return err
	}
	var asked int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM alert_page WHERE alert_id = $1", alertID).Scan(&asked); err != nil {
		return err
	}
	now := d.clock.Now()
	within := d.paging.Within
	if within <= 0 {
		within = acknowledgeIn
	}
	f := record.Fields{"alert_id": alertID, "paged_at": now, "due_at": now.Add(within), "mail": "none"}
	mailed := false
	if len(roster) > 0 {
		next := roster[int(asked)%len(roster)]
		f["person_id"] = next.PersonID
		if mailed = next.Email != "" && d.paging.Mail != nil && d.paging.Jobs != nil; mailed {
			f["mail"] = "waiting"
		}
	}
	id, err := d.log.Insert(ctx, tx, "alert_page", "alert.paged", time.Time{}, f)
	if err != nil || d.paging.Jobs == nil {
		return err
	}
	if mailed {
		if err := d.paging.Jobs.Enqueue(ctx, tx, pageArgs{id}); err != nil {
			return err
		}
	}
	return d.paging.Jobs.EnqueueAt(ctx, tx, escalateArgs{id}, time.Now().Add(within)) // the machine's time: jobs keep no other
}

// mail tells a person by e-mail that there is an alert: its number and where it stands, nothing else.
func (d *Desk) mail(ctx context.Context, pageID int64) error {
	var number, state, mailState, email string
	err := d.db.Reader().QueryRowContext(ctx, `SELECT a.number, a.state, p.mail, COALESCE((SELECT email FROM on_call o WHERE o.person_id = p.person_id AND o.ended_at = 0), '')
		FROM alert_page p JOIN alert a ON a.id = p.alert_id WHERE p.id = $1`, pageID).Scan(&number, &state, &mailState, &email)
	if err != nil {
		return err
	}
	if mailState != "waiting" {
		return nil
	}
	result := "none" // acknowledged or handed on before it could be sent
	if state == "open" && email != "" {
		link := strings.TrimSuffix(d.paging.URL(), "/") + "/alerts"
		if err := d.paging.Mail.Send(ctx, email, "Alert "+number, "Alert "+number+" waits for you.\n\n"+link+"\n"); err != nil {
			return err
		}
		result = "sent"
	}
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return d.log.Update(ctx, tx, "alert_page", "alert.mailed", time.Time{}, pageID, record.Fields{"mail": result, "mailed_at": d.clock.Now()})
	})
}

// escalate pages the next person if nobody acknowledged what a page asked for.
func (d *Desk) escalate(ctx context.Context, pageID int64) error {
	return d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		var alertID, last, due int64
		var state string
		err := tx.QueryRowContext(ctx, `SELECT a.id, a.state, p.due_at, (SELECT MAX(id) FROM alert_page WHERE alert_id = a.id) FROM alert_page p JOIN alert a ON a.id = p.alert_id WHERE p.id = $1`,
			pageID).Scan(&alertID, &state, &due, &last)
		if err != nil || state != "open" || last != pageID {
			return err
		}
		if left := store.Time(due).Sub(d.clock.Now()); left > 0 && d.paging.Jobs != nil { // the node's clock is behind the machine's
			return d.paging.Jobs.EnqueueAt(ctx, tx, escalateArgs{pageID}, time.Now().Add(min(left, d.paging.Within)))
		}
		return d.page(ctx, tx, alertID)
	})
}

// Escalate pages the next person for every alert that nobody acknowledged in time.
func (d *Desk) Escalate(ctx context.Context) error {
	due, err := store.Collect(ctx, d.db.Reader(), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT MAX(p.id) FROM alert a JOIN alert_page p ON p.alert_id = a.id WHERE a.state = 'open' GROUP BY a.id HAVING MAX(p.due_at) <= $1 ORDER BY 1`, store.Micros(d.clock.Now()))
	if err != nil {
		return err
	}
	for _, id := range due {
		if err := d.escalate(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// Acknowledge says that a person has taken an alert up; nobody else is paged for it.
func (d *Desk) Acknowledge(ctx context.Context, tx *store.Tx, id, by int64) (Alert, error) {
	a, err := AlertByID(ctx, tx, id)
	if err != nil {
		return a, err
	}
	if a.State != "open" {
		return a, fault.New(fault.Conflict, "alert %s is %s", a.Number, a.State)
	}
	if err := d.log.Update(ctx, tx, "alert", "alert.acknowledged", time.Time{}, id, record.Fields{"state": "acknowledged", "acknowledged_by": by, "acknowledged_at": d.clock.Now()}); err != nil {
		return a, err
	}
	return AlertByID(ctx, tx, id)
}

func (d *Desk) closeAlerts(ctx context.Context, tx *store.Tx, markID int64) error {
	ids, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, "SELECT id FROM alert WHERE mark_id = $1 AND state <> 'closed'", markID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.log.Update(ctx, tx, "alert", "alert.closed", time.Time{}, id, record.Fields{"state": "closed"}); err != nil {
			return err
		}
	}
	return nil
}

// Alerts reads alerts in a state ("": all), newest first, 200 at most.
func Alerts(ctx context.Context, q store.Queryer, state string) ([]Alert, error) {
	return alerts(ctx, q, "WHERE ($1 = '' OR state = $1) ORDER BY id DESC LIMIT 200", state)
}

// AlertsOf reads the alerts about a tip, newest first.
func AlertsOf(ctx context.Context, q store.Queryer, tipID int64) ([]Alert, error) {
	return alerts(ctx, q, "WHERE tip_id = $1 ORDER BY id DESC", tipID)
}

// AlertByID reads one alert.
func AlertByID(ctx context.Context, q store.Queryer, id int64) (Alert, error) {
	one, err := alerts(ctx, q, "WHERE id = $1", id)
	if err == nil && len(one) == 0 {
		err = fault.New(fault.NotFound, "there is no such alert")
	}
	if err != nil {
		return Alert{}, err
	}
	return one[0], nil
}

func alerts(ctx context.Context, q store.Queryer, where string, arg any) ([]Alert, error) {
	list, err := store.Collect(ctx, q, func(rows *sql.Rows) (a Alert, err error) {
		return a, rows.Scan(&a.ID, &a.Number, &a.MarkID, &a.TipID, &a.State, &a.RaisedAt, &a.AcknowledgedBy, &a.AcknowledgedAt)
	}, "SELECT id, number, mark_id, tip_id, state, raised_at, COALESCE(acknowledged_by, 0), acknowledged_at FROM alert "+where, arg)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Pages, err = store.Collect(ctx, q, func(rows *sql.Rows) (p Page, err error) {
			return p, rows.Scan(&p.ID, &p.PersonID, &p.PagedAt, &p.DueAt, &p.Mail, &p.MailedAt)
		}, "SELECT id, COALESCE(person_id, 0), paged_at, due_at, mail, mailed_at FROM alert_page WHERE alert_id = $1 ORDER BY id", list[i].ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Pressing counts the open alerts that a person sees at the head of every page: whoever is on call, and everybody who decides tips
// while nobody is.
func Pressing(ctx context.Context, q store.Queryer, personID int64, decides bool) (open int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT COUNT(*) FROM alert WHERE state = 'open' AND (EXISTS (SELECT 1 FROM on_call WHERE person_id = $1 AND ended_at = 0)
		OR ($2 = 1 AND NOT EXISTS (SELECT 1 FROM on_call WHERE ended_at = 0)))`, personID, flag(decides)).Scan(&open)
	return open, err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
