package triage

import (
	"context"
	"database/sql"
	"slices"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// Work is a tip as its holder works on it.
type Work struct {
	Tip       intake.Tip `json:"tip"`
	Claim     Claim      `json:"claim"`
	Queue     Queue      `json:"queue"`
	Class     Class      `json:"class"`
	KnownFile bool       `json:"known_file"`         // decided from metadata: no opening is offered
	Openings  []int64    `json:"openings,omitempty"` // matches whose picture may be asked for
	Asks      string     `json:"asks,omitempty"`     // why another spoke before: confirmation, opinion, disagreement
	Said      []Decision `json:"said"`               // by others, as far as the holder may see it now
	Notes     []string   `json:"notes"`              // of those who had the tip before
	Exposure  Exposure   `json:"exposure"`
}

// Disagreement is why a supervisor works on a tip.
const Disagreement = "disagreement"

// Open shows a tip to who holds it: it counts as activity. Errors: fault.Conflict with the codes "not_claimed", "claimed" and
// "claim_expired"; fault.Refused with one of the codes "exposure_..." when a limit of exposure is reached.
func (d *Desk) Open(ctx context.Context, p identity.Person, tipID int64) (w Work, err error) {
	if _, _, err := d.held(ctx, d.db.Reader(), p, tipID); err != nil {
		return w, err
	}
	t, err := intake.ByID(ctx, d.db.Reader(), tipID)
	if err != nil {
		return w, err
	}
	known, err := d.knownFile(ctx, d.db.Reader(), t)
	if err != nil {
		return w, err
	}
	if Exposes(t.Class) && !known {
		refusal, err := d.limited(ctx, p, tipID)
		if err != nil {
			return w, err
		}
		if refusal != nil {
			return w, refusal
		}
	}
	err = d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		w = Work{KnownFile: known}
		if w.Tip, w.Claim, err = d.held(ctx, tx, p, tipID); err != nil {
			return err
		}
		if err := d.active(ctx, tx, p, w.Claim); err != nil {
			return err
		}
		if w.Tip, w.Claim, err = d.held(ctx, tx, p, tipID); err != nil {
			return err
		}
		return d.fill(ctx, tx, p, &w)
	})
	return w, err
}

func (d *Desk) fill(ctx context.Context, q store.Queryer, p identity.Person, w *Work) (err error) {
	if w.Queue, err = d.queueOf(ctx, w.Tip); err != nil {
		return err
	}
	w.Class = ClassOf(w.Tip.Class)
	if w.Exposure, err = d.Exposure(ctx, q, p.ID); err != nil {
		return err
	}
	if w.Said, w.Asks, err = visible(ctx, q, p, w.Tip.ID); err != nil {
		return err
	}
	if w.Notes, err = notes(ctx, q, w.Tip.ID); err != nil {
		return err
	}
	if w.KnownFile {
		return nil
	}
	where, id := mediaOf(w.Tip)
	w.Openings, err = store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		"SELECT x.id FROM media m JOIN media_match x ON x.media_id = m.id WHERE x.state = 'unconfirmed' AND "+where+" ORDER BY x.id LIMIT 100", id)
	return err
}

// visible gives what others said of a tip that is not decided, as far as a person may see it: not the first's decision before their own
// opinion was given.
func visible(ctx context.Context, q store.Queryer, p identity.Person, tipID int64) (said []Decision, asks string, err error) {
	open, err := openDecisions(ctx, q, tipID)
	if err != nil || len(open) == 0 {
		return []Decision{}, "", err
	}
	if len(open) > 1 {
		if p.May(identity.ManageQueues) || slices.ContainsFunc(open, func(o Decision) bool { return o.PersonID == p.ID }) {
			return open, Disagreement, nil
		}
		return []Decision{}, Disagreement, nil
	}
	if open[0].Asks == ForOpinion && open[0].PersonID != p.ID {
		return []Decision{}, ForOpinion, nil
	}
	return open, open[0].Asks, nil
}

// SaidOf gives what people said of a tip, to somebody who does not work on it: all of it once it is decided, and before that what
// they may see.
func (d *Desk) SaidOf(ctx context.Context, q store.Queryer, p identity.Person, tipID int64) ([]Decision, error) {
	all, err := DecisionsOf(ctx, q, tipID)
	if err != nil || !slices.ContainsFunc(all, func(o Decision) bool { return o.ClosedAt == 0 }) {
		return all, err
	}
	said, _, err := visible(ctx, q, p, tipID)
	return said, err
}

// notes gives what those who had the tip before left for the next.
func notes(ctx context.Context, q store.Queryer, tipID int64) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (text string, err error) { return text, rows.Scan(&text) },
		`SELECT note FROM (SELECT note, ended_at AS at FROM claim WHERE tip_id = $1 AND note <> '' UNION ALL SELECT 'Class changed ' || content, written_at FROM tip_note WHERE tip_id = $1 AND kind = 'class') n ORDER BY at`, tipID)
}

// InDanger gives a tip with a child in danger that a person could work on though a limit of exposure is reached: one that they hold, or
// the first that is free. fault.NotFound: there is none.
func (d *Desk) InDanger(ctx context.Context, q store.Queryer, p identity.Person) (intake.Tip, error) {
	held, err := d.Claims(ctx, q, p.ID)
	if err != nil {
		return intake.Tip{}, err
	}
	for _, c := range held {
		if t, err := intake.ByID(ctx, q, c.TipID); err != nil || t.DangerAt > 0 && t.State == "received" {
			return t, err
		}
	}
	queues, err := d.workable(ctx, q, p)
	if err != nil {
		return intake.Tip{}, err
	}
	t, found, err := d.first(ctx, q, p, queues, -1, false)
	if err == nil && (!found || t.DangerAt == 0) {
		err = fault.New(fault.NotFound, "no child is held to be in danger in what waits for you")
	}
	return t, err
}
