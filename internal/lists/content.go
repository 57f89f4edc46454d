package lists

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Content is one picture or film on a list: its hashes and what is said of it. Times are microseconds UTC.
type Content struct {
	ID            int64     `json:"id"`
	ListID        int64     `json:"list_id"`
	Entries       []Entry   `json:"entries"`
	Disabled      bool      `json:"disabled"`
	DisabledUntil int64     `json:"disabled_until,omitempty"` // 0 with Disabled: for ever
	Note          string    `json:"note,omitempty"`
	Metadata      *Metadata `json:"metadata,omitempty"`
	AddedAt       int64     `json:"added_at"`
}

// ContentByID reads one content of a list.
func ContentByID(ctx context.Context, q store.Queryer, listID, content int64) (Content, error) {
	c := Content{ID: content, ListID: listID}
	var err error
	if c.Entries, err = group(ctx, q, listID, content); err != nil {
		return c, err
	}
	if len(c.Entries) == 0 || c.Entries[0].ID != content {
		return c, fault.New(fault.NotFound, "content %d not found", content)
	}
	if err := q.QueryRowContext(ctx, "SELECT b.created_at FROM list_entry e JOIN list_batch b ON b.id = e.batch_id WHERE e.id = $1", content).Scan(&c.AddedAt); err != nil {
		return c, err
	}
	changes, err := changesOf(ctx, q, content)
	for _, v := range changes {
		switch v.Act {
		case disabled, enabled:
			c.Disabled, c.DisabledUntil = v.Act == disabled, v.Until
		case noted:
			c.Note = v.Value
		case described:
			c.Metadata = new(Metadata)
			if err := json.Unmarshal([]byte(v.Value), c.Metadata); err != nil {
				return c, err
			}
		}
	}
	return c, err
}

// Change is one thing that became of a content.
type Change struct {
	Act   string `json:"act"` // "added", "removed", "disabled", "enabled", "noted" or "described"
	Value string `json:"value,omitempty"`
	Until int64  `json:"until,omitempty"`
	At    int64  `json:"at"`
	Actor string `json:"actor"`
}

func changesOf(ctx context.Context, q store.Queryer, content int64) ([]Change, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (v Change, err error) {
		return v, rows.Scan(&v.Act, &v.Value, &v.Until, &v.At)
	}, "SELECT c.act, c.value, c.until, b.created_at FROM list_change c JOIN list_batch b ON b.id = c.batch_id WHERE c.entry = $1 ORDER BY c.id", content)
}

// History tells what became of a content and who did it, oldest first.
func History(ctx context.Context, q store.Queryer, listID, content int64) ([]Change, error) {
	out, err := store.Collect(ctx, q, func(rows *sql.Rows) (v Change, err error) {
		var open string
		if err := rows.Scan(&v.Act, &v.Value, &v.Until, &v.At, &open); err != nil {
			return v, err
		}
		v.Actor, err = record.ActorOf(open)
		return v, err
	}, `SELECT x.act, x.value, x.until, b.created_at, r.public FROM (
			SELECT 0 AS n, 'added' AS act, '' AS value, 0 AS until, e.batch_id AS batch FROM list_entry e WHERE e.id = $1
			UNION ALL SELECT c.id, c.act, c.value, c.until, c.batch_id FROM list_change c WHERE c.entry = $1) x
		JOIN list_batch b ON b.id = x.batch JOIN record_entry r ON r.object = 'list_batch' AND r.object_id = b.id
		WHERE b.list_id = $2 ORDER BY x.n`, content, listID)
	if err == nil && len(out) == 0 {
		err = fault.New(fault.NotFound, "content %d not found", content)
	}
	return out, err
}

// ListedEntry is an entry as a listing shows it.
type ListedEntry struct {
	ID      int64  `json:"id"`
	Content int64  `json:"content"` // the number under which it is changed and removed
	Kind    string `json:"kind"`
	Value   string `json:"value"`
	Label   string `json:"label,omitempty"`
	AddedAt int64  `json:"added_at"`
	Removed bool   `json:"removed,omitempty"`

	// Set by Mark.
	Disabled      bool  `json:"disabled,omitempty"`       // it is left out of look-ups now
	DisabledUntil int64 `json:"disabled_until,omitempty"` // 0 with Disabled: for ever
}

// Mark says which entries are left out of look-ups now.
func (l *Lists) Mark(entries []ListedEntry) {
	now := store.Micros(l.clock.Now())
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	for i := range entries {
		e := &entries[i]
		if until, off := l.index.disabled[uint64(e.Content)]; off && until > now {
			if e.Disabled = true; until != math.MaxInt64 {
				e.DisabledUntil = until
			}
		}
	}
}

// MaxPage is the most entries of one page of Entries.
const MaxPage = 10000

// Entries reads a page of a list's entries that are not removed, those with numbers after `after`, at most limit of them.
func Entries(ctx context.Context, q store.Queryer, listID, after int64, limit int) ([]ListedEntry, error) {
	if limit <= 0 || limit > MaxPage {
		limit = MaxPage
	}
	out := []ListedEntry{}
	// Batch by batch, so that a small list beside a large one is not looked for among all entries.
	var batch int64
	if after > 0 {
		err := q.QueryRowContext(ctx, "SELECT COALESCE(MAX(e.batch_id), 0) FROM list_entry e WHERE e.id = $1", after).Scan(&batch)
		if err != nil {
			return nil, err
		}
	}
	for len(out) < limit {
		batches, err := store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
			"SELECT id FROM list_batch WHERE list_id = $1 AND id >= $2 AND entries > 0 ORDER BY id LIMIT 500", listID, batch)
		if err != nil {
			return nil, err
		}
		if len(batches) == 0 {
			return out, nil
		}
		items, err := store.Collect(ctx, q, func(rows *sql.Rows) (v ListedEntry, err error) {
			return v, rows.Scan(&v.ID, &v.Content, &v.Kind, &v.Value, &v.Label, &v.AddedAt)
		}, `SELECT e.id, CASE WHEN e.content = 0 THEN e.id ELSE e.content END, e.kind, e.value, e.label, b.created_at FROM list_entry e JOIN list_batch b ON b.id = e.batch_id
			WHERE b.list_id = $1 AND e.batch_id >= $2 AND e.batch_id <= $3 AND e.id > $4 AND NOT `+isRemoved+` ORDER BY e.batch_id, e.id LIMIT $5`,
			listID, batches[0], batches[len(batches)-1], after, limit-len(out))
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
		batch = batches[len(batches)-1] + 1
	}
	return out, nil
}
