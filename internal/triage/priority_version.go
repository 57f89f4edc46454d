package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// States of a version of the priority rules.
const (
	Draft   = "draft"
	Shadow  = "shadow" // computed beside the live one and compared, not used
	Live    = "live"
	Retired = "retired"
)

// RulesVersion is one version of the priority rules. Times are microseconds UTC.
type RulesVersion struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Content   string    `json:"content,omitempty"` // YAML
	SHA256    string    `json:"sha256"`
	State     string    `json:"state"`
	DraftedBy int64     `json:"drafted_by,omitempty"` // 0: the rules that come with the program
	DraftedAt int64     `json:"drafted_at"`
	ShadowAt  int64     `json:"shadow_at,omitempty"`
	TestedAt  int64     `json:"tested_at,omitempty"`
	Backtest  *Backtest `json:"backtest,omitempty"`
	LiveBy    int64     `json:"live_by,omitempty"`
	LiveAt    int64     `json:"live_at,omitempty"`
	RetiredAt int64     `json:"retired_at,omitempty"`
}

const rulesColumns = `SELECT id, name, content, sha256, state, COALESCE(drafted_by, 0), drafted_at, shadowed_at, tested_at, backtest, COALESCE(live_by, 0), live_at, retired_at FROM priority_rules `

func scanRules(scan func(...any) error) (r RulesVersion, err error) {
	var test string
	if err := scan(&r.ID, &r.Name, &r.Content, &r.SHA256, &r.State, &r.DraftedBy, &r.DraftedAt, &r.ShadowAt, &r.TestedAt, &test, &r.LiveBy, &r.LiveAt, &r.RetiredAt); err != nil || test == "" {
		return r, err
	}
	r.Backtest = &Backtest{}
	return r, json.Unmarshal([]byte(test), r.Backtest)
}

// AllRules reads every version, newest first, without its text.
func AllRules(ctx context.Context, q store.Queryer) ([]RulesVersion, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (RulesVersion, error) {
		r, err := scanRules(rows.Scan)
		r.Content = ""
		return r, err
	}, rulesColumns+"ORDER BY id DESC")
}

// RulesByID reads one version.
func RulesByID(ctx context.Context, q store.Queryer, id int64) (RulesVersion, error) {
	r, err := scanRules(q.QueryRowContext(ctx, rulesColumns+"WHERE id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no version %d of the priority rules", id)
	}
	return r, err
}

// DraftRules enters a version that is used for nothing yet.
func (d *Desk) DraftRules(ctx context.Context, tx *store.Tx, content []byte, by int64) (RulesVersion, error) {
	r, err := ParsePriorityRules(content)
	if err != nil {
		return RulesVersion{}, err
	}
	var known int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM priority_rules WHERE sha256 = $1", hashRules(content)).Scan(&known); err != nil {
		return RulesVersion{}, err
	}
	if known != 0 {
		return RulesVersion{}, fault.New(fault.Conflict, "this very file is version %d already", known)
	}
	if _, _, err := d.inUse(ctx, tx); err != nil { // the rules that come with the program are the first version
		return RulesVersion{}, err
	}
	id, err := d.log.Insert(ctx, tx, "priority_rules", "priority.drafted", time.Time{}, record.Fields{"name": r.Name, "content": string(content), "sha256": hashRules(content), "state": Draft,
		"drafted_by": by, "drafted_at": d.clock.Now()})
	if err != nil {
		return RulesVersion{}, err
	}
	return RulesByID(ctx, tx, id)
}

// ShadowRules has a draft computed beside the live version. One version at most is in the shadow.
func (d *Desk) ShadowRules(ctx context.Context, tx *store.Tx, id int64) error {
	r, err := RulesByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if r.State != Draft && r.State != Retired {
		return fault.New(fault.Conflict, "version %d is %s; a draft goes into the shadow", id, r.State)
	}
	if err := d.endShadow(ctx, tx); err != nil {
		return err
	}
	return d.log.Update(ctx, tx, "priority_rules", "priority.shadow", time.Time{}, id, record.Fields{"state": Shadow, "shadowed_at": d.clock.Now(), "tested_at": 0, "backtest": ""})
}

func (d *Desk) endShadow(ctx context.Context, tx *store.Tx) error {
	var id int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM priority_rules WHERE state = 'shadow'").Scan(&id); err != nil || id == 0 {
		return err
	}
	return d.log.Update(ctx, tx, "priority_rules", "priority.draft", time.Time{}, id, record.Fields{"state": Draft})
}

// GoLive makes the version in the shadow the one that counts. It must have been tested on past decisions, and whoever makes it live is
// another person than its drafter.
func (d *Desk) GoLive(ctx context.Context, tx *store.Tx, id, by int64) error {
	r, err := RulesByID(ctx, tx, id)
	if err != nil {
		return err
	}
	switch {
	case r.State != Shadow:
		return fault.New(fault.Conflict, "version %d is %s; only a version in the shadow can be made live", id, r.State)
	case r.TestedAt == 0:
		return fault.New(fault.Conflict, "version %d was not tested on past decisions; do that first", id)
	case r.DraftedBy == by:
		return fault.New(fault.Refused, "whoever drafted the rules does not make them live; another person must")
	}
	now := d.clock.Now()
	live, _, err := d.inUse(ctx, tx)
	if err != nil {
		return err
	}
	if err := d.log.Update(ctx, tx, "priority_rules", "priority.retired", time.Time{}, live.id, record.Fields{"state": Retired, "retired_at": now}); err != nil {
		return err
	}
	return d.log.Update(ctx, tx, "priority_rules", "priority.live", time.Time{}, id, record.Fields{"state": Live, "live_by": by, "live_at": now, "retired_at": 0})
}

const recomputed = 200 // tips in one write

// RecomputeAll computes the priority of every tip that waits for a decision anew, in steps between which others write.
func (d *Desk) RecomputeAll(ctx context.Context) error {
	return d.recomputeSteps(ctx, "SELECT id FROM tip WHERE state = 'received' AND id > $1 ORDER BY id LIMIT $2")
}

// RecomputeDue computes the priority of the tips that have now waited long enough for another term.
func (d *Desk) RecomputeDue(ctx context.Context) error {
	return d.recomputeSteps(ctx, "SELECT id FROM tip WHERE state = 'received' AND priority_due_at > 0 AND priority_due_at <= $3 AND id > $1 ORDER BY id LIMIT $2", store.Micros(d.clock.Now()))
}

func (d *Desk) recomputeSteps(ctx context.Context, query string, args ...any) error {
	for after := int64(0); ; {
		ids, err := store.Collect(ctx, d.db.Reader(), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, query, append([]any{after, recomputed}, args...)...)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, id := range ids {
				if err := d.Recompute(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// watch recomputes what a change bears on.
func (d *Desk) watch() {
	d.log.Watch("tip", func(ctx context.Context, tx *store.Tx, id int64, f record.Fields) error {
		if err := d.recomputeHead(ctx, tx, id, f); err != nil {
			return err
		}
		if at, _ := f["danger_at"].(int64); at != 0 {
			return d.received(ctx, tx, id)
		}
		return nil
	})
	d.log.Watch("outcome", func(ctx context.Context, tx *store.Tx, _ int64, f record.Fields) error {
		tipID, _ := f["tip_id"].(int64)
		return d.recomputeAccount(ctx, tx, tipID)
	})
	d.log.WatchUpdates("tip", func(ctx context.Context, tx *store.Tx, id int64, f record.Fields) error {
		_, bundled := f["bundle_id"]
		if _, moved := f["bundle_apart"]; bundled && !moved { // those that a person moved come with the change itself
			return d.Recompute(ctx, tx, id)
		}
		if _, decided := f["state"]; decided {
			return d.recomputeAccount(ctx, tx, id)
		}
		return nil
	})
	d.log.Watch("bundle_change", func(ctx context.Context, tx *store.Tx, id int64, _ record.Fields) error {
		return d.recomputeMoved(ctx, tx, id)
	})
	matched := func(ctx context.Context, tx *store.Tx, mediaID int64) error {
		ids, err := intake.WithFile(ctx, tx, mediaID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := d.tips.Rejoin(ctx, tx, id); err != nil {
				return err
			}
			if err := d.Recompute(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	}
	d.log.Watch("media_match", func(ctx context.Context, tx *store.Tx, _ int64, f record.Fields) error {
		mediaID, _ := f["media_id"].(int64)
		return matched(ctx, tx, mediaID)
	})
	d.log.WatchUpdates("media_match", func(ctx context.Context, tx *store.Tx, id int64, _ record.Fields) error {
		var mediaID int64
		if err := tx.QueryRowContext(ctx, "SELECT media_id FROM media_match WHERE id = $1", id).Scan(&mediaID); err != nil {
			return err
		}
		return matched(ctx, tx, mediaID)
	})
}

// recomputeHead sees to the first tip of a bundle that a new tip joined, when the new count makes a term hold that did not.
func (d *Desk) recomputeHead(ctx context.Context, tx *store.Tx, id int64, f record.Fields) error {
	bundleID, _ := f["bundle_id"].(int64)
	if bundleID == 0 {
		return nil
	}
	b, err := intake.BundleByID(ctx, tx, bundleID)
	if err != nil || b.HeadID == id {
		return err
	}
	live, _, err := d.inUse(ctx, tx)
	if err != nil || !live.rules.crossed(b.Tally) {
		return err
	}
	return d.Recompute(ctx, tx, b.HeadID)
}

// recomputeMoved sees to the first tips of the bundles that a person changed, and to those that were moved, 200 at most: the first tip
// is the one that a bundle is shown by.
func (d *Desk) recomputeMoved(ctx context.Context, tx *store.Tx, changeID int64) error {
	c, err := intake.ChangeByID(ctx, tx, changeID)
	if err != nil {
		return err
	}
	ids := c.Tips[:min(recomputed, len(c.Tips))]
	for _, id := range []int64{c.FromID, c.ToID} {
		if id == 0 {
			continue
		}
		b, err := intake.BundleByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if b.HeadID != 0 {
			ids = append(ids, b.HeadID)
		}
	}
	for _, id := range ids {
		if err := d.Recompute(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// recomputeAccount sees to the newest tips that wait and are about the account of a tip that was decided or came to something. Of a
// bundle, the first tip is enough.
func (d *Desk) recomputeAccount(ctx context.Context, tx *store.Tx, tipID int64) error {
	ids, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT o.id FROM (SELECT w.id, w.bundle_id FROM tip t JOIN tip w ON w.account_id = t.account_id WHERE t.id = $1 AND w.state = 'received' AND w.id > t.id ORDER BY w.id DESC LIMIT 50) o
		LEFT JOIN bundle b ON b.id = o.bundle_id WHERE b.id IS NULL OR b.head_id = o.id`, tipID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := d.Recompute(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}
