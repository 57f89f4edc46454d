package lists

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Decision says what a platform does with an upload.
type Decision string

// The decisions, from the mildest.
const (
	Allow Decision = "allow"
	Hold  Decision = "hold"  // not shown until a person has decided
	Block Decision = "block" // not taken
)

var decisions = []Decision{Allow, Hold, Block}

// Certainty says how sure a match is.
type Certainty string

// The certainties of a match.
const (
	SameFile  Certainty = "exact"      // the file itself is on the list
	LooksLike Certainty = "perceptual" // it looks like what is on the list; only a person can say more
)

// ScreenRule says what to do with uploads that match. The most particular rule counts: one for the list and the label before one
// for the list, that before one for the label, that before one for all.
type ScreenRule struct {
	ID        int64     `json:"id"`
	ListID    int64     `json:"list_id,omitempty"` // 0: any list
	Label     string    `json:"label,omitempty"`   // "": any label
	Certainty Certainty `json:"certainty"`
	Decision  Decision  `json:"decision"`
}

// byDefault is what counts where there is no rule: a perceptual match alone decides nothing.
var byDefault = map[Certainty]Decision{SameFile: Block, LooksLike: Hold}

// ScreenRules gives the rules that hold.
func (l *Lists) ScreenRules() []ScreenRule {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	return slices.Clone(l.index.rules)
}

// AddScreenRule makes a rule, in the place of one for the same list, label and certainty.
func (l *Lists) AddScreenRule(ctx context.Context, tx *store.Tx, r ScreenRule) (int64, error) {
	if r.Certainty != SameFile && r.Certainty != LooksLike {
		return 0, fault.New(fault.Invalid, "a rule's certainty is exact or perceptual")
	}
	if !slices.Contains(decisions, r.Decision) {
		return 0, fault.New(fault.Invalid, "a rule's decision is allow, hold or block")
	}
	if r.ListID > 0 {
		if v, err := ByID(ctx, tx, r.ListID); err != nil || v.RemovedAt > 0 {
			return 0, fault.New(fault.NotFound, "there is no such list")
		}
	}
	before, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		"SELECT id FROM screen_rule WHERE COALESCE(list_id, 0) = $1 AND label = $2 AND certainty = $3 AND removed_at = 0", r.ListID, r.Label, r.Certainty)
	if err != nil {
		return 0, err
	}
	for _, id := range before {
		if err := l.log.Update(ctx, tx, "screen_rule", "screen.rule_removed", time.Time{}, id, record.Fields{"removed_at": l.clock.Now()}); err != nil {
			return 0, err
		}
	}
	id, err := l.log.Insert(ctx, tx, "screen_rule", "screen.rule", time.Time{}, record.Fields{"list_id": r.ListID, "label": r.Label, "certainty": r.Certainty, "decision": r.Decision})
	if err != nil {
		return 0, err
	}
	return id, l.rulesChanged(ctx, tx)
}

// RemoveScreenRule ends a rule.
func (l *Lists) RemoveScreenRule(ctx context.Context, tx *store.Tx, id int64) error {
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM screen_rule WHERE id = $1 AND removed_at = 0", id).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.NotFound, "there is no such rule")
	}
	if err := l.log.Update(ctx, tx, "screen_rule", "screen.rule_removed", time.Time{}, id, record.Fields{"removed_at": l.clock.Now()}); err != nil {
		return err
	}
	return l.rulesChanged(ctx, tx)
}

func (l *Lists) rulesChanged(ctx context.Context, tx *store.Tx) error {
	rules, err := screenRules(ctx, tx)
	if err == nil {
		tx.AfterCommit(func() {
			l.index.mu.Lock()
			defer l.index.mu.Unlock()
			l.index.rules = rules
		})
	}
	return err
}

func screenRules(ctx context.Context, q store.Queryer) ([]ScreenRule, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r ScreenRule, err error) {
		return r, rows.Scan(&r.ID, &r.ListID, &r.Label, &r.Certainty, &r.Decision)
	}, "SELECT id, COALESCE(list_id, 0), label, certainty, decision FROM screen_rule WHERE removed_at = 0 ORDER BY id")
}

// Screen gives the decision on an upload with these hits: the most severe that one of them asks for.
func (l *Lists) Screen(hits []Hit) Decision {
	rules := l.ScreenRules()
	worst := 0
	for _, h := range hits {
		worst = max(worst, slices.Index(decisions, decisionOn(h, rules)))
	}
	return decisions[worst]
}

func decisionOn(h Hit, rules []ScreenRule) Decision {
	certainty := LooksLike
	if h.Exact() {
		certainty = SameFile
	}
	decision, weight := byDefault[certainty], 0
	for _, r := range rules {
		if r.Certainty != certainty || r.ListID != 0 && r.ListID != h.ListID || r.Label != "" && r.Label != h.Label {
			continue
		}
		w := 1
		if r.Label != "" {
			w++
		}
		if r.ListID != 0 {
			w += 2
		}
		if w > weight {
			decision, weight = r.Decision, w
		}
	}
	return decision
}
