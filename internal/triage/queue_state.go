package triage

import (
	"context"
	"database/sql"
	"errors"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// countLimit is how far waiting tips are counted: a queue with more says "and more".
const countLimit = 10000

// QueueState is a queue as it stands.
type QueueState struct {
	Queue
	Mine    bool     `json:"mine"`              // the asking person may work it
	Waiting int64    `json:"waiting"`           // counted up to 10,000
	More    bool     `json:"more,omitempty"`    // there are more than were counted
	Danger  int64    `json:"danger"`            // of those, with a child held to be in danger
	Oldest  int64    `json:"oldest,omitempty"`  // when the oldest was received
	Workers []string `json:"workers,omitempty"` // names of those who hold a claim
}

// QueueStates gives every open queue as it stands, for a person.
func (d *Desk) QueueStates(ctx context.Context, q store.Queryer, p identity.Person) ([]QueueState, error) {
	all, err := d.Queues(ctx)
	if err != nil {
		return nil, err
	}
	mine, err := d.workable(ctx, q, p)
	if err != nil {
		return nil, err
	}
	may := map[int64]bool{}
	for _, queue := range mine {
		may[queue.ID] = true
	}
	var out []QueueState
	for _, queue := range all {
		s, err := d.queueState(ctx, q, queue)
		if err != nil {
			return nil, err
		}
		s.Mine = may[queue.ID]
		out = append(out, s)
	}
	return out, nil
}

func (d *Desk) queueState(ctx context.Context, q store.Queryer, queue Queue) (QueueState, error) {
	s := QueueState{Queue: queue}
	of, args := "queue_id IS NULL", []any(nil)
	if queue.ID != Rest {
		of, args = "queue_id = $1", []any{queue.ID}
	}
	var others int64
	for _, c := range []struct {
		danger string
		n      *int64
	}{{"> 0", &s.Danger}, {"= 0", &others}} {
		query := "SELECT COUNT(*) FROM (SELECT id FROM tip WHERE " + of + " AND state = 'received' AND danger_at " + c.danger + " LIMIT 10001) counted"
		if err := q.QueryRowContext(ctx, query, args...).Scan(c.n); err != nil {
			return s, err
		}
	}
	if s.Waiting = s.Danger + others; s.Waiting > countLimit {
		s.Waiting, s.More = countLimit, true
	}
	s.Danger = min(s.Danger, countLimit)
	err := q.QueryRowContext(ctx, "SELECT received_at FROM tip WHERE "+of+" AND state = 'received' ORDER BY queue_id, received_at LIMIT 1", args...).Scan(&s.Oldest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	now := "$1"
	if queue.ID != Rest {
		now = "$2"
	}
	s.Workers, err = store.Collect(ctx, q, func(rows *sql.Rows) (name string, err error) { return name, rows.Scan(&name) },
		"SELECT DISTINCT p.name FROM claim c JOIN person p ON p.id = c.person_id WHERE c."+of+" AND c.ended_at = 0 AND c.expires_at > "+now+" ORDER BY p.name LIMIT 50",
		append(args, d.clock.Now().UnixMicro())...)
	return s, err
}

// QueuePage reads the tips that wait in a queue, in the order in which they are worked, from the place after on.
func (d *Desk) QueuePage(ctx context.Context, q store.Queryer, queue int64, after *intake.Place, limit int) ([]intake.Tip, error) {
	if _, err := d.Queue(ctx, queue); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > 500 {
		limit = 50
	}
	return intake.Waiting(ctx, q, queue, after, limit, nil)
}
