package intake

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// KeptForm is a form of the public page as it is kept. Times are microseconds UTC.
type KeptForm struct {
	ID         int64         `json:"id"`
	Number     string        `json:"number"`
	State      string        `json:"state"` // held, entered, discarded
	HeldFor    string        `json:"held_for,omitempty"`
	Class      string        `json:"class"`
	Danger     bool          `json:"danger,omitempty"`
	Language   string        `json:"language,omitempty"`
	What       string        `json:"what,omitempty"`
	Happened   string        `json:"happened,omitempty"`
	Contact    string        `json:"contact,omitempty"`
	Reason     string        `json:"reason,omitempty"`
	DecidedBy  int64         `json:"decided_by,omitempty"`
	DecidedAt  int64         `json:"decided_at,omitempty"`
	ReceivedAt int64         `json:"received_at"`
	Addresses  []KeptAddress `json:"addresses"`
}

// KeptAddress is an address of a form, as it was written.
type KeptAddress struct {
	ID    int64  `json:"-"`
	Typed string `json:"typed"`
	TipID int64  `json:"tip_id,omitempty"`
}

const formColumns = `SELECT id, number, state, held_for, class, danger, language, what, happened, contact, reason, COALESCE(decided_by, 0), decided_at, received_at FROM form_report `

func scanForm(scan func(...any) error) (f KeptForm, err error) {
	var danger int64
	err = scan(&f.ID, &f.Number, &f.State, &f.HeldFor, &f.Class, &danger, &f.Language, &f.What, &f.Happened, &f.Contact, &f.Reason, &f.DecidedBy, &f.DecidedAt, &f.ReceivedAt)
	f.Danger = danger != 0
	return f, err
}

func formByID(ctx context.Context, q store.Queryer, id int64) (KeptForm, error) {
	f, err := scanForm(q.QueryRowContext(ctx, formColumns+"WHERE id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, fault.New(fault.NotFound, "there is no form %d", id)
	}
	if err != nil {
		return f, err
	}
	f.Addresses, err = formAddresses(ctx, q, id)
	return f, err
}

func formAddresses(ctx context.Context, q store.Queryer, id int64) ([]KeptAddress, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (a KeptAddress, err error) { return a, rows.Scan(&a.ID, &a.Typed, &a.TipID) },
		"SELECT id, typed, COALESCE(tip_id, 0) FROM form_address WHERE form_id = $1 ORDER BY n", id)
}

// Forms reads forms in one state, those of children in danger first and then the oldest; an empty state is every one, the newest first.
func Forms(ctx context.Context, q store.Queryer, state string, limit int) ([]KeptForm, error) {
	order := "danger DESC, id"
	if state == "" {
		order = "id DESC"
	}
	forms, err := store.Collect(ctx, q, func(rows *sql.Rows) (KeptForm, error) { return scanForm(rows.Scan) },
		formColumns+"WHERE ($1 = '' OR state = $1) ORDER BY "+order+" LIMIT $2", state, limit)
	for i := range forms {
		if err == nil {
			forms[i].Addresses, err = formAddresses(ctx, q, forms[i].ID)
		}
	}
	return forms, err
}

// Release makes tips of a held form.
func (t *Tips) Release(ctx context.Context, tx *store.Tx, id, person int64) error {
	if err := t.decideForm(ctx, tx, id, "form.released", record.Fields{"state": "entered", "decided_by": person, "decided_at": t.clock.Now()}); err != nil {
		return err
	}
	return t.enterForm(ctx, tx, id)
}

// Discard ends a held form without a tip. It stays on record, and the reporter is told that nothing came of it.
func (t *Tips) Discard(ctx context.Context, tx *store.Tx, id, person int64, reason string) error {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return fault.New(fault.Invalid, "say why no tip is made of the form")
	case runes(reason) > longestReason:
		return fault.New(fault.TooLarge, "the reason is longer than %d characters", longestReason)
	}
	return t.decideForm(ctx, tx, id, "form.discarded", record.Fields{"state": "discarded", "reason": reason, "decided_by": person, "decided_at": t.clock.Now()})
}

func (t *Tips) decideForm(ctx context.Context, tx *store.Tx, id int64, kind string, f record.Fields) error {
	form, err := formByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if form.State != "held" {
		return fault.New(fault.Conflict, "the form %s is not held any more", form.Number)
	}
	return t.log.Update(ctx, tx, "form_report", kind, time.Time{}, id, f)
}
