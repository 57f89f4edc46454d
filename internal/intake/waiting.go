package intake

import (
	"context"
	"database/sql"
	"fmt"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// Sorter says which queue a tip waits in (triage); 0 is the queue that takes the rest.
type Sorter interface {
	QueueOf(ctx context.Context, q store.Queryer, t Tip) (int64, error)
}

// SortBy has every tip put into its queue when it is entered and when what queues go by changes. It must be called before the
// first Enter.
func (t *Tips) SortBy(s Sorter) { t.sorter = s }

// queueOf asks the sorter, if there is one.
func (t *Tips) queueOf(ctx context.Context, q store.Queryer, tip Tip) (int64, error) {
	if t.sorter == nil {
		return 0, nil
	}
	return t.sorter.QueueOf(ctx, q, tip)
}

// resorted gives the tip's queue after a change, and whether it is another.
func (t *Tips) resorted(ctx context.Context, q store.Queryer, id int64, change map[string]any) (queue int64, moved bool, err error) {
	sorts := false
	for _, column := range []string{"class", "language", "label", "account_id", "source"} {
		_, has := change[column]
		sorts = sorts || has
	}
	if !sorts || t.sorter == nil {
		return 0, false, nil
	}
	tip, err := ByID(ctx, q, id)
	if err != nil {
		return 0, false, err
	}
	for column, to := range map[string]*string{"class": &tip.Class, "language": &tip.Language, "label": &tip.Label, "source": &tip.Source} {
		if v, ok := change[column].(string); ok {
			*to = v
		}
	}
	if v, ok := change["account_id"].(int64); ok {
		tip.AccountID = v
	}
	queue, err = t.queueOf(ctx, q, tip)
	return queue, queue != tip.QueueID, err
}

// Place is where a tip stands in the order in which a queue is worked: a child in danger first, then by priority, then by age.
type Place struct {
	Danger                   bool
	Priority, ReceivedAt, ID int64
}

// PlaceOf gives the place of a tip.
func PlaceOf(t Tip) Place { return Place{t.DangerAt > 0, t.Priority, t.ReceivedAt, t.ID} }

// String writes a place for an address: ParsePlace reads it.
func (p Place) String() string {
	danger := 0
	if p.Danger {
		danger = 1
	}
	return fmt.Sprintf("%d-%d-%d-%d", danger, p.Priority, p.ReceivedAt, p.ID)
}

// ParsePlace reads a place. Errors are fault.Invalid.
func ParsePlace(s string) (p Place, err error) {
	var danger int
	if _, err := fmt.Sscanf(s, "%d-%d-%d-%d", &danger, &p.Priority, &p.ReceivedAt, &p.ID); err != nil || danger != 0 && danger != 1 || len(s) > 80 {
		return Place{}, fault.New(fault.Invalid, "%q is no place in a queue; take the one that the page before gave", clipped(s))
	}
	p.Danger = danger == 1
	return p, nil
}

func clipped(s string) string { return s[:min(len(s), 40)] }

// Argument adds an argument to a statement and gives its place in the text, $N.
type Argument func(v any) string

// Waiting reads up to limit of the tips that wait in a queue (0: the one that takes the rest), in the order in which they are worked,
// from the place after on (nil: the first). also, if it is not nil, gives one further condition on the table tip.
//
// Each stretch of the order is read by a statement of its own, so that each is one walk along one index, wherever the page begins:
// those in danger and the others; of either, what is left of the priority at which the page before ended, and then the lower ones.
func Waiting(ctx context.Context, q store.Queryer, queue int64, after *Place, limit int, also func(Argument) string) ([]Tip, error) {
	var out []Tip
	for _, s := range partsAfter(after) {
		if len(out) >= limit {
			break
		}
		query, args := s.statement(queue, limit-len(out), also)
		rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (Tip, error) { return scanTip(rows.Scan) }, query, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	return out, nil
}

// stretch is one stretch of a queue's order.
type stretch struct {
	danger bool
	same   *Place // after this place among those of its priority
	below  *Place // of a lower priority than this
}

func partsAfter(p *Place) []stretch {
	switch {
	case p == nil:
		return []stretch{{danger: true}, {}}
	case p.Danger:
		return []stretch{{danger: true, same: p}, {danger: true, below: p}, {}}
	default:
		return []stretch{{same: p}, {below: p}}
	}
}

func (p stretch) statement(queue int64, limit int, also func(Argument) string) (query string, args []any) {
	arg := func(v any) string { args = append(args, v); return fmt.Sprintf("$%d", len(args)) }
	query = tipColumns + "WHERE queue_id IS NULL"
	if queue != 0 {
		query = tipColumns + "WHERE queue_id = " + arg(queue)
	}
	query += " AND state = 'received' AND danger_at "
	if p.danger {
		query += "> 0"
	} else {
		query += "= 0"
	}
	if p.same != nil {
		query += " AND priority = " + arg(p.same.Priority) + " AND (received_at, id) > (" + arg(p.same.ReceivedAt) + ", " + arg(p.same.ID) + ")"
	}
	if p.below != nil {
		query += " AND priority < " + arg(p.below.Priority)
	}
	if also != nil {
		query += " AND " + also(arg)
	}
	// queue_id stands in the order so that PostgreSQL, which takes IS NULL for no equality, still finds it in the index.
	return query + " ORDER BY queue_id, priority DESC, received_at, id LIMIT " + arg(limit), args
}
