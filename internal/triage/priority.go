package triage

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Term is one part of a tip's priority.
type Term struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Points int64  `json:"points"`
}

// Explanation says how a tip's priority came about. By the version of the rules and the facts it can be computed again.
type Explanation struct {
	Base     int64  `json:"base"`
	Terms    []Term `json:"terms"`
	Computed int64  `json:"computed"` // 0 to 1000, before an overrule
	Facts    Facts  `json:"facts"`
	At       int64  `json:"at"` // microseconds UTC
}

// Priority is a tip's priority as people see it.
type Priority struct {
	Priority  int64       `json:"priority"`
	RulesID   int64       `json:"rules_id,omitempty"` // 0: it was never computed
	Rules     string      `json:"rules,omitempty"`
	Why       Explanation `json:"why"`
	Overruled *Overrule   `json:"overruled,omitempty"`
	ShadowID  int64       `json:"shadow_id,omitempty"` // a version that is tried beside the live one
	Shadow    int64       `json:"shadow,omitempty"`
}

// Overrule is a priority that a person set against the computed one.
type Overrule struct {
	ID       int64  `json:"id"`
	TipID    int64  `json:"tip_id"`
	Priority int64  `json:"priority"`
	Reason   string `json:"reason"`
	SetBy    int64  `json:"set_by"`
	SetAt    int64  `json:"set_at"`
}

// parsed keeps the rules that were read, by the hash of their text.
type parsed struct {
	mu    sync.Mutex
	rules map[string]*PriorityRules
}

// version is a version of the rules as it is used.
type version struct {
	id    int64
	rules *PriorityRules
}

// inUse gives the live version and the one in the shadow, whose id is 0 if there is none. A node that has none makes its own rules live.
func (d *Desk) inUse(ctx context.Context, tx *store.Tx) (live, shadow version, err error) {
	type row struct {
		id       int64
		state, h string
	}
	rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (r row, err error) { return r, rows.Scan(&r.id, &r.state, &r.h) },
		"SELECT id, state, sha256 FROM priority_rules WHERE state IN ('live', 'shadow')")
	if err != nil {
		return live, shadow, err
	}
	for _, r := range rows {
		v := version{id: r.id}
		if v.rules, err = d.readRules(ctx, tx, r.id, r.h); err != nil {
			return live, shadow, err
		}
		if r.state == "live" {
			live = v
		} else {
			shadow = v
		}
	}
	if live.id == 0 {
		live, err = d.beginRules(ctx, tx)
	}
	return live, shadow, err
}

func (d *Desk) readRules(ctx context.Context, q store.Queryer, id int64, hash string) (*PriorityRules, error) {
	d.parsed.mu.Lock()
	defer d.parsed.mu.Unlock()
	if r := d.parsed.rules[hash]; r != nil {
		return r, nil
	}
	var content string
	if err := q.QueryRowContext(ctx, "SELECT content FROM priority_rules WHERE id = $1", id).Scan(&content); err != nil {
		return nil, err
	}
	r, err := ParsePriorityRules([]byte(content))
	if err != nil {
		return nil, err
	}
	if d.parsed.rules == nil {
		d.parsed.rules = map[string]*PriorityRules{}
	}
	d.parsed.rules[hash] = r
	return r, nil
}

func hashRules(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// beginRules makes the rules that come with the program live on a node that has none.
func (d *Desk) beginRules(ctx context.Context, tx *store.Tx) (version, error) {
	r, err := ParsePriorityRules(ownRules)
	if err != nil {
		return version{}, err
	}
	now := d.clock.Now()
	id, err := d.log.Insert(ctx, tx, "priority_rules", "priority.begun", time.Time{}, record.Fields{"name": r.Name, "content": string(ownRules), "sha256": hashRules(ownRules), "state": "live",
		"drafted_at": now, "live_at": now})
	return version{id, r}, err
}

// Rank implements intake.Ranker: it is asked while the tip is entered.
func (d *Desk) Rank(ctx context.Context, tx *store.Tx, t intake.Tip, n intake.Tally) (record.Fields, error) {
	live, shadow, err := d.inUse(ctx, tx)
	if err != nil {
		return nil, err
	}
	f, err := d.facts(ctx, tx, t, n)
	if err != nil {
		return nil, err
	}
	out := record.Fields{}
	if _, ok := live.rules.danger(f); ok && t.DangerAt == 0 {
		t.DangerAt = store.Micros(d.clock.Now())
		out["danger_at"], f.Danger = t.DangerAt, true
	}
	fields, err := d.ranked(t, f, live, shadow)
	maps.Copy(out, fields)
	return out, err
}

// ranked gives the columns that tell a tip's priority.
func (d *Desk) ranked(t intake.Tip, f Facts, live, shadow version) (record.Fields, error) {
	e := Explanation{Base: live.rules.Base, Facts: f, At: store.Micros(d.clock.Now())}
	e.Computed, e.Terms = live.rules.Score(f)
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	out := record.Fields{"priority": e.Computed, "priority_terms": string(b), "priority_rules_id": live.id, "priority_due_at": int64(0), "shadow_rules_id": shadow.id, "shadow_priority": int64(0)}
	if next := live.rules.nextWait(f.WaitingHours); next != 0 {
		out["priority_due_at"] = t.ReceivedAt + next*time.Hour.Microseconds()
	}
	if shadow.id != 0 {
		out["shadow_priority"], _ = shadow.rules.Score(f)
	}
	return out, nil
}

// Recompute computes the priority of a tip that waits for a decision anew, if it changes anything. What was decided keeps the priority
// that it was decided with: the test of new rules rests on it. An overrule stays.
func (d *Desk) Recompute(ctx context.Context, tx *store.Tx, id int64) error {
	t, err := intake.ByID(ctx, tx, id)
	if err != nil || t.State != "received" {
		return err
	}
	n, err := intake.TallyOf(ctx, tx, t)
	if err != nil {
		return err
	}
	live, shadow, err := d.inUse(ctx, tx)
	if err != nil {
		return err
	}
	f, err := d.facts(ctx, tx, t, n)
	if err != nil {
		return err
	}
	fields, err := d.ranked(t, f, live, shadow)
	if err != nil {
		return err
	}
	o, err := overruleOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if o != nil {
		fields["priority"] = o.Priority
	}
	before, err := PriorityOf(ctx, tx, id)
	if err != nil {
		return err
	}
	var after Explanation
	if err := json.Unmarshal([]byte(fields["priority_terms"].(string)), &after); err != nil {
		return err
	}
	var due int64
	if err := tx.QueryRowContext(ctx, "SELECT priority_due_at FROM tip WHERE id = $1", id).Scan(&due); err != nil {
		return err
	}
	if before.Priority == fields["priority"] && before.RulesID == live.id && before.ShadowID == shadow.id && before.Shadow == fields["shadow_priority"] &&
		due == fields["priority_due_at"] && sameFacts(before.Why.Facts, after.Facts) {
		return nil
	}
	return d.tips.Set(ctx, tx, id, "tip.priority", fields)
}

// sameFacts compares facts but for the hours, which always go on.
func sameFacts(a, b Facts) bool {
	a.WaitingHours, b.WaitingHours = 0, 0
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// PriorityOf reads a tip's priority with how it came about.
func PriorityOf(ctx context.Context, q store.Queryer, id int64) (p Priority, err error) {
	var terms string
	err = q.QueryRowContext(ctx, `SELECT t.priority, t.priority_terms, COALESCE(t.priority_rules_id, 0), COALESCE(r.name, ''), COALESCE(t.shadow_rules_id, 0), t.shadow_priority
		FROM tip t LEFT JOIN priority_rules r ON r.id = t.priority_rules_id WHERE t.id = $1`, id).Scan(&p.Priority, &terms, &p.RulesID, &p.Rules, &p.ShadowID, &p.Shadow)
	if errors.Is(err, sql.ErrNoRows) {
		return p, fault.New(fault.NotFound, "there is no tip %d", id)
	}
	if err != nil {
		return p, err
	}
	if terms != "" {
		if err := json.Unmarshal([]byte(terms), &p.Why); err != nil {
			return p, err
		}
	}
	p.Overruled, err = overruleOf(ctx, q, id)
	return p, err
}

// Replay computes a tip's priority again from its version of the rules and its facts, and refuses if that is not what is kept.
func (d *Desk) Replay(ctx context.Context, q store.Queryer, id int64) (Explanation, error) {
	p, err := PriorityOf(ctx, q, id)
	if err != nil {
		return Explanation{}, err
	}
	if p.RulesID == 0 {
		return Explanation{}, fault.New(fault.NotFound, "the priority of this tip was never computed")
	}
	r, err := RulesByID(ctx, q, p.RulesID)
	if err != nil {
		return Explanation{}, err
	}
	rules, err := ParsePriorityRules([]byte(r.Content))
	if err != nil {
		return Explanation{}, err
	}
	again := p.Why
	again.Computed, again.Terms = rules.Score(p.Why.Facts)
	if again.Computed != p.Why.Computed {
		return again, fault.New(fault.Conflict, "computed again the priority is %d, and %d is kept", again.Computed, p.Why.Computed)
	}
	return again, nil
}

func overruleOf(ctx context.Context, q store.Queryer, tipID int64) (*Overrule, error) {
	var o Overrule
	err := q.QueryRowContext(ctx, "SELECT id, tip_id, priority, reason, set_by, set_at FROM priority_overrule WHERE tip_id = $1 AND lifted_at = 0 ORDER BY id DESC LIMIT 1", tipID).
		Scan(&o.ID, &o.TipID, &o.Priority, &o.Reason, &o.SetBy, &o.SetAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &o, err
}

// SetPriority overrules the computed priority of a tip that waits for a decision. It stays until it is lifted.
func (d *Desk) SetPriority(ctx context.Context, tx *store.Tx, tipID, priority, by int64, reason string) error {
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	switch {
	case t.State != "received":
		return fault.New(fault.Conflict, "tip %s is %s; its priority is no longer asked for", t.Number, t.State)
	case priority < 0 || priority > maxPriority:
		return fault.New(fault.Invalid, "a priority is a number from 0 to %d", maxPriority)
	case strings.TrimSpace(reason) == "":
		return fault.New(fault.Invalid, "say why the priority is another than the computed one")
	}
	if err := d.endOverrule(ctx, tx, tipID, by, "another priority was set"); err != nil && fault.Of(err) != fault.Conflict {
		return err
	}
	if _, err := d.log.Insert(ctx, tx, "priority_overrule", "priority.overruled", time.Time{}, record.Fields{"tip_id": tipID, "priority": priority, "reason": reason, "set_by": by, "set_at": d.clock.Now()}); err != nil {
		return err
	}
	return d.tips.Set(ctx, tx, tipID, "tip.priority", record.Fields{"priority": priority})
}

// LiftPriority ends an overrule; the computed priority counts again.
func (d *Desk) LiftPriority(ctx context.Context, tx *store.Tx, tipID, by int64, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fault.New(fault.Invalid, "say why the computed priority shall count again")
	}
	if err := d.endOverrule(ctx, tx, tipID, by, reason); err != nil {
		return err
	}
	return d.Recompute(ctx, tx, tipID)
}

func (d *Desk) endOverrule(ctx context.Context, tx *store.Tx, tipID, by int64, reason string) error {
	o, err := overruleOf(ctx, tx, tipID)
	if err != nil {
		return err
	}
	if o == nil {
		return fault.New(fault.Conflict, "nobody has overruled the priority of this tip")
	}
	return d.log.Update(ctx, tx, "priority_overrule", "priority.lifted", time.Time{}, o.ID, record.Fields{"lifted_by": by, "lifted_at": d.clock.Now(), "lift_reason": reason})
}
