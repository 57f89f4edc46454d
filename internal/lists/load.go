package lists

import (
	"context"
	"database/sql"
	"math"

	"raksha.example/raksha/hamming"
	"raksha.example/raksha/internal/store"
)

// load fills the index: from its file, if there is one that is sound, and from the database what changed since.
func (l *Lists) load(ctx context.Context) error {
	q, err := l.db.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer q.Rollback()
	x := newIndex()
	if l.keep != nil {
		if kept, err := l.keep.read(); err == nil {
			x = kept
		} else {
			l.keep.report(err)
		}
	}
	lists, err := store.Collect(ctx, q, func(rows *sql.Rows) (List, error) { return scanList(rows.Scan) }, listColumns+"ORDER BY l.id")
	if err != nil {
		return err
	}
	for _, v := range lists {
		x.lists[v.ID] = v
	}
	if err := x.loadRemovals(ctx, q); err != nil {
		return err
	}
	if err := x.loadEntries(ctx, q); err != nil {
		return err
	}
	if err := x.loadDisabled(ctx, q); err != nil {
		return err
	}
	if err := x.loadKinds(ctx, q); err != nil {
		return err
	}
	if x.rules, err = screenRules(ctx, q); err != nil {
		return err
	}
	if err := q.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM list_batch").Scan(&x.batch); err != nil {
		return err
	}
	l.index = x
	return nil
}

// loadEntries adds the entries of batches that the index has not seen and that are not removed.
func (x *index) loadEntries(ctx context.Context, q store.Queryer) error {
	if x.batch == 0 {
		return x.loadAll(ctx, q)
	}
	entries, err := store.Collect(ctx, q, func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.ID, &e.ListID, &e.Kind, &e.Value, &e.Label, &e.Content)
	}, `SELECT e.id, b.list_id, e.kind, e.value, e.label, e.content FROM list_entry e JOIN list_batch b ON b.id = e.batch_id
		WHERE e.batch_id > $1 AND NOT `+isRemoved+" ORDER BY e.batch_id, e.id", x.batch) // in the order of the index on batch_id: few of millions
	if err == nil {
		x.add(entries, 0)
	}
	return err
}

// loadAll reads everything. A large database is read here: its batches and removals are few beside its entries and are kept at hand.
func (x *index) loadAll(ctx context.Context, q store.Queryer) error {
	listOf := map[int64]int64{}
	batches, err := store.Collect(ctx, q, func(rows *sql.Rows) (v [2]int64, err error) { return v, rows.Scan(&v[0], &v[1]) }, "SELECT id, list_id FROM list_batch")
	if err != nil {
		return err
	}
	for _, v := range batches {
		listOf[v[0]] = v[1]
	}
	gone := map[int64]bool{}
	removals, err := store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, "SELECT entry FROM list_change WHERE act = 'removed'")
	if err != nil {
		return err
	}
	for _, id := range removals {
		gone[id] = true
	}
	rows, err := q.QueryContext(ctx, "SELECT id, batch_id, kind, value, label, content FROM list_entry ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	var hashes [][32]byte
	var ids []uint64
	chunk := make([]Entry, 0, 4096)
	flush := func() {
		x.describe(chunk)
		for _, e := range chunk {
			if h, ok := pdqOf(e.Value); ok && e.Kind == PDQ {
				hashes, ids = append(hashes, h), append(ids, uint64(e.ID))
			}
		}
		chunk = chunk[:0]
	}
	var films []Entry
	for rows.Next() {
		var e Entry
		var batch int64
		if err := rows.Scan(&e.ID, &batch, &e.Kind, &e.Value, &e.Label, &e.Content); err != nil {
			return err
		}
		if gone[e.ID] {
			continue
		}
		e.ListID = listOf[batch]
		if chunk = append(chunk, e); len(chunk) == cap(chunk) {
			flush()
		}
		if e.Kind == VPDQ {
			films = append(films, e)
		}
	}
	flush()
	if err := rows.Err(); err != nil {
		return err
	}
	x.images.Swap(hamming.Build(hashes, ids))
	for _, e := range films {
		x.films.Add(uint64(e.ID), x.videos[uint64(e.ID)])
	}
	clear(x.newest) // of changes since the start only
	return nil
}

// loadRemovals takes out of an index that came from a file what was removed since.
func (x *index) loadRemovals(ctx context.Context, q store.Queryer) error {
	if x.batch == 0 {
		return nil
	}
	entries, err := store.Collect(ctx, q, func(rows *sql.Rows) (e Entry, err error) {
		return e, rows.Scan(&e.ID, &e.Kind, &e.Value)
	}, "SELECT e.id, e.kind, e.value FROM list_change c JOIN list_entry e ON e.id = c.entry WHERE c.batch_id > $1 AND c.act = 'removed' ORDER BY c.batch_id, c.id", x.batch)
	if err == nil {
		x.remove(entries, 0)
	}
	return err
}

// loadDisabled reads which contents are left out: few, so always all.
func (x *index) loadDisabled(ctx context.Context, q store.Queryer) error {
	x.disabled = map[uint64]int64{}
	rows, err := q.QueryContext(ctx, "SELECT entry, act, until FROM list_change WHERE act IN ('disabled', 'enabled', 'removed') ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, until int64
		var act string
		if err := rows.Scan(&id, &act, &until); err != nil {
			return err
		}
		if act != disabled {
			delete(x.disabled, uint64(id))
			continue
		}
		if until == 0 {
			until = math.MaxInt64
		}
		x.disabled[uint64(id)] = until
	}
	return rows.Err()
}
