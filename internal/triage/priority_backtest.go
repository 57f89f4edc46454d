package triage

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// testedTips is how many decided tips a test looks at, the newest.
const testedTips = 50_000

// ended are the outcomes that a tip should have been found early for.
var ended = []string{"arrest", "charge_sheeted", "convicted", "child_identified", "child_safeguarded"}

// Backtest says in what order a version would have shown past tips, beside the live version. It rests on the facts as they stood
// when each tip was decided.
type Backtest struct {
	Tips       int64        `json:"tips"`       // decided, with facts
	Actionable int64        `json:"actionable"` // of those: acted on, linked or referred
	Ended      int64        `json:"ended"`      // of those: an arrest, a charge, a child found or safe
	Without    int64        `json:"without"`    // decided before their facts were kept; left out
	LiveID     int64        `json:"live_id"`
	This       OrderQuality `json:"this"`
	Live       OrderQuality `json:"live"`
	Moved      int64        `json:"moved"`    // tips whose place differs by more than a tenth of all
	TopShared  int64        `json:"top_kept"` // of the first 100 of the live order, how many are among the first 100 of this one
	Most       []Moved      `json:"most"`     // the ten tips that move most
}

// OrderQuality says how good an order is.
type OrderQuality struct {
	AUC         float64          `json:"auc"`          // that a tip that was acted on stands before one that was not; 0.5 is chance; 0 if there are not both
	PrecisionAt map[string]int64 `json:"precision_at"` // of the first 10, 50, 100: how many were acted on, in percent
	MedianEnded int64            `json:"median_ended"` // the median place of the tips that ended in an arrest or with a child found; 0: none
}

// Moved is a tip with its places in both orders, from 1, and both priorities.
type Moved struct {
	Number   string `json:"number"`
	TipID    int64  `json:"tip_id"`
	Live     int64  `json:"live"`
	This     int64  `json:"this"`
	LiveSum  int64  `json:"live_priority"`
	ThisSum  int64  `json:"this_priority"`
	ActedOn  bool   `json:"acted_on"`
	EndedIn  bool   `json:"ended_in"`
	received int64
	facts    Facts
}

// TestRules tests a version on past decisions and keeps what came of it.
func (d *Desk) TestRules(ctx context.Context, tx *store.Tx, id int64) (Backtest, error) {
	r, err := RulesByID(ctx, tx, id)
	if err != nil {
		return Backtest{}, err
	}
	if r.State != Draft && r.State != Shadow {
		return Backtest{}, fault.New(fault.Conflict, "version %d is %s; drafts and the version in the shadow are tested", id, r.State)
	}
	rules, err := ParsePriorityRules([]byte(r.Content))
	if err != nil {
		return Backtest{}, err
	}
	live, _, err := d.inUse(ctx, tx)
	if err != nil {
		return Backtest{}, err
	}
	b, err := backtest(ctx, tx, rules, live.rules)
	if err != nil {
		return b, err
	}
	b.LiveID = live.id
	text, err := json.Marshal(b)
	if err != nil {
		return b, err
	}
	return b, d.log.Update(ctx, tx, "priority_rules", "priority.tested", time.Time{}, id, record.Fields{"tested_at": d.clock.Now(), "backtest": string(text)})
}

func backtest(ctx context.Context, q store.Queryer, this, live *PriorityRules) (b Backtest, err error) {
	list := "'" + ended[0] + "'"
	for _, kind := range ended[1:] {
		list += ", '" + kind + "'"
	}
	rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (m Moved, err error) {
		var terms, state string
		var done int64
		if err := rows.Scan(&m.TipID, &m.Number, &state, &m.received, &terms, &done); err != nil {
			return m, err
		}
		m.ActedOn, m.EndedIn = state != "informational" && state != "insufficient", done != 0
		if terms == "" {
			return Moved{}, nil
		}
		var e Explanation
		err = json.Unmarshal([]byte(terms), &e)
		m.facts = e.Facts
		return m, err
	}, `SELECT id, number, state, received_at, priority_terms, CASE WHEN EXISTS (SELECT 1 FROM outcome o WHERE o.tip_id = t.id AND o.kind IN (`+list+`)) THEN 1 ELSE 0 END
		FROM tip t WHERE state IN ('actionable', 'linked', 'referred', 'closed', 'informational', 'insufficient') ORDER BY id DESC LIMIT $1`, testedTips)
	if err != nil {
		return b, err
	}
	all := slices.DeleteFunc(slices.Clone(rows), func(m Moved) bool { return m.TipID == 0 })
	b.Without = int64(len(rows) - len(all))
	for i := range all {
		m := &all[i]
		m.ThisSum, _ = this.Score(m.facts)
		m.LiveSum, _ = live.Score(m.facts)
		b.Tips++
		if m.ActedOn {
			b.Actionable++
		}
		if m.EndedIn {
			b.Ended++
		}
	}
	b.Live = quality(all, func(m *Moved) (int64, *int64) { return m.LiveSum, &m.Live })
	b.This = quality(all, func(m *Moved) (int64, *int64) { return m.ThisSum, &m.This })
	b.compare(all)
	return b, nil
}

// quality puts tips into the order of a queue (danger, then priority, then age), gives each its place, and judges the order.
func quality(all []Moved, of func(*Moved) (sum int64, place *int64)) OrderQuality {
	o := OrderQuality{PrecisionAt: map[string]int64{}}
	rank := func(m *Moved) int64 {
		sum, _ := of(m)
		if m.facts.Danger {
			sum += maxPriority + 1
		}
		return sum
	}
	slices.SortFunc(all, func(a, b Moved) int {
		return cmp.Or(cmp.Compare(rank(&b), rank(&a)), cmp.Compare(a.received, b.received), cmp.Compare(a.TipID, b.TipID))
	})
	acted, places := int64(0), []int64{}
	for i := range all {
		_, place := of(&all[i])
		*place = int64(i + 1)
		if all[i].ActedOn {
			acted++
		}
		if all[i].EndedIn {
			places = append(places, *place)
		}
		if n := int64(i + 1); n == 10 || n == 50 || n == 100 {
			o.PrecisionAt[map[int64]string{10: "10", 50: "50", 100: "100"}[n]] = acted * 100 / n
		}
	}
	if len(places) > 0 {
		o.MedianEnded = places[len(places)/2]
	}
	o.AUC = auc(all, rank)
	return o
}

// auc counts, over all pairs of a tip that was acted on and one that was not, how often the first has the higher rank; equal ranks
// count half (the Mann-Whitney statistic). all is in the order of falling ranks.
func auc(all []Moved, rank func(*Moved) int64) float64 {
	var acted, others, won float64
	for i := 0; i < len(all); {
		same, sameOthers := 0.0, 0.0
		j := i
		for ; j < len(all) && rank(&all[j]) == rank(&all[i]); j++ {
			if all[j].ActedOn {
				same++
			} else {
				sameOthers++
			}
		}
		won += sameOthers * (acted + same/2)
		acted, others = acted+same, others+sameOthers
		i = j
	}
	if acted == 0 || others == 0 {
		return 0
	}
	return won / (acted * others)
}

// compare says what changes from the live order to this one.
func (b *Backtest) compare(all []Moved) {
	far := func(m Moved) int64 { return max(m.Live-m.This, m.This-m.Live) }
	for _, m := range all {
		if far(m)*10 > int64(len(all)) {
			b.Moved++
		}
		if m.Live <= 100 && m.This <= 100 {
			b.TopShared++
		}
	}
	slices.SortFunc(all, func(x, y Moved) int { return cmp.Or(cmp.Compare(far(y), far(x)), cmp.Compare(x.TipID, y.TipID)) })
	b.Most = slices.Clone(all[:min(10, len(all))])
	b.Most = slices.DeleteFunc(b.Most, func(m Moved) bool { return far(m) == 0 })
}

// ShadowReport compares the version in the shadow with the live one on the tips that wait for a decision.
type ShadowReport struct {
	Tips   int64   `json:"tips"`   // computed by both
	Higher int64   `json:"higher"` // the shadow's priority is higher
	Lower  int64   `json:"lower"`
	Mean   float64 `json:"mean"` // of the differences, in points
	Most   []Moved `json:"most"` // the ten with the greatest difference; no places
}

// ShadowOf compares a version in the shadow with the live one.
func ShadowOf(ctx context.Context, q store.Queryer, id int64) (r ShadowReport, err error) {
	// The computed priority is compared, not one that a person set: it is read from the explanation.
	rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (m Moved, err error) {
		var terms string
		if err := rows.Scan(&m.TipID, &m.Number, &m.ThisSum, &terms); err != nil {
			return m, err
		}
		var e Explanation
		err = json.Unmarshal([]byte(terms), &e)
		m.LiveSum = e.Computed
		return m, err
	}, "SELECT id, number, shadow_priority, priority_terms FROM tip WHERE state = 'received' AND shadow_rules_id = $1 AND priority_terms <> '' ORDER BY id DESC LIMIT $2", id, testedTips)
	if err != nil {
		return r, err
	}
	var sum int64
	for _, m := range rows {
		r.Tips++
		sum += m.ThisSum - m.LiveSum
		switch {
		case m.ThisSum > m.LiveSum:
			r.Higher++
		case m.ThisSum < m.LiveSum:
			r.Lower++
		}
	}
	if r.Tips > 0 {
		r.Mean = float64(sum) / float64(r.Tips)
	}
	far := func(m Moved) int64 { return max(m.LiveSum-m.ThisSum, m.ThisSum-m.LiveSum) }
	slices.SortFunc(rows, func(x, y Moved) int { return cmp.Or(cmp.Compare(far(y), far(x)), cmp.Compare(x.TipID, y.TipID)) })
	r.Most = slices.DeleteFunc(rows[:min(10, len(rows))], func(m Moved) bool { return far(m) == 0 })
	return r, nil
}
