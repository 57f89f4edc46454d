package exchange

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/pdq"
)

// Offer puts an own list among those that others may take by hash sharing, or takes it back. What others have of a list that is taken
// back, or removed, is told to them as deleted.
func (x *Exchanges) Offer(ctx context.Context, tx *store.Tx, listID int64, on bool) error {
	v, err := lists.ByID(ctx, tx, listID)
	if err != nil {
		return err
	}
	if !v.Own {
		return fault.New(fault.Refused, "the list %s is held by %s; a list received from others is not passed on", v.Name, v.Holder)
	}
	if v.RemovedAt > 0 {
		return fault.New(fault.NotFound, "this list is removed")
	}
	all, err := Offered(ctx, tx)
	if err != nil {
		return err
	}
	is := false
	for _, o := range all {
		is = is || o.ListID == listID && o.Ended == 0
	}
	switch {
	case on == is:
		return nil
	case on:
		return x.Log.Update(ctx, tx, "hash_list", "list.offered", time.Time{}, listID, record.Fields{"offered_at": x.Clock.Now(), "withdrawn_at": 0})
	}
	return x.Log.Update(ctx, tx, "hash_list", "list.withdrawn", time.Time{}, listID, record.Fields{"withdrawn_at": x.Clock.Now()})
}

// Offering is a list that is offered, or was. Times are microseconds.
type Offering struct {
	ListID int64
	Bank   string
	Since  int64
	Ended  int64 // 0: it is offered
}

// Offered reads the lists that are offered or were.
func Offered(ctx context.Context, q store.Queryer) ([]Offering, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (o Offering, err error) {
		var removed int64
		err = rows.Scan(&o.ListID, &o.Bank, &o.Since, &o.Ended, &removed)
		if removed > 0 && (o.Ended == 0 || removed < o.Ended) {
			o.Ended = removed
		}
		return o, err
	}, "SELECT id, bank, offered_at, withdrawn_at, removed_at FROM hash_list WHERE own = 1 AND offered_at > 0 ORDER BY id")
}

// Posted is a content of an offered list as others are told of it.
type Posted struct {
	Content int64
	ListID  int64
	At      time.Time // of its last change
	Gone    bool
	Entries []lists.Entry // also of one that is gone
}

// Film says whether a content is told as a film. One with nothing but hashes of its file may be either: it is told as a film, because the
// field's clients take an MD5 of films only.
func (p Posted) Film() bool {
	for _, e := range p.Entries {
		switch e.Kind {
		case lists.PDQ, lists.PhotoDNA:
			return false
		}
	}
	return true
}

// Cursor is a place in a feed; the zero value is its beginning.
type Cursor struct{ List, At, Batch, Row int64 }

// String gives a cursor as a word for an address.
func (c Cursor) String() string { return fmt.Sprintf("%d.%d.%d.%d", c.List, c.At, c.Batch, c.Row) }

// ParseCursor is the inverse of String; "" is the beginning.
func ParseCursor(text string) (c Cursor, err error) {
	if text == "" {
		return c, nil
	}
	if n, err := fmt.Sscanf(text, "%d.%d.%d.%d", &c.List, &c.At, &c.Batch, &c.Row); err != nil || n != 4 || c.String() != text {
		return Cursor{}, fault.New(fault.Invalid, "%.60q is no place in this range", text)
	}
	return c, nil
}

// stretch is a part of a list's changes: those after one instant and up to another (microseconds).
type stretch struct {
	list         int64
	after, until int64
	gone         bool  // everything is told as deleted
	at           int64 // the time that is told; 0: that of the change
	least        int64 // but no earlier than this
}

// stretchOf gives what of an offered list falls into a range; ok is false if nothing can.
func stretchOf(o Offering, from, to int64) (s stretch, ok bool) {
	s = stretch{list: o.ListID, after: from, until: to, least: o.Since}
	switch {
	case o.Ended > 0: // told once, at the end, of all that was ever on it
		return stretch{list: o.ListID, after: -1, until: o.Ended, gone: true, at: o.Ended}, o.Ended > from && o.Ended <= to
	case o.Since > to:
		return s, false
	case o.Since > from: // what was on the list before is new to others since it is offered
		s.after = -1
	}
	return s, true
}

// Feed reads what became of the contents of offered lists after from and up to to, at most size of them from a cursor on, and the cursor
// to go on from if there is more. bank restricts it to one list; "" is all. Both instants are whole seconds.
func (x *Exchanges) Feed(ctx context.Context, q store.Queryer, bank string, from, to time.Time, c Cursor, size int) (out []Posted, next Cursor, more bool, err error) {
	all, err := Offered(ctx, q)
	if err != nil {
		return nil, c, false, err
	}
	for _, o := range all {
		if o.ListID < c.List || bank != "" && o.Bank != bank {
			continue
		}
		s, ok := stretchOf(o, store.Micros(from), store.Micros(to))
		if !ok {
			continue
		}
		if o.ListID > c.List {
			c = Cursor{List: o.ListID}
		}
		part, at, more, err := walk(ctx, q, s, c, size-len(out))
		if err != nil {
			return nil, c, false, err
		}
		out = append(out, part...)
		if more || len(out) == size {
			return out, at, true, nil
		}
	}
	return out, c, false, nil
}

// Estimate gives at most how many contents a feed's range has: cheap, and never too few.
func (x *Exchanges) Estimate(ctx context.Context, q store.Queryer, bank string, from, to time.Time) (n int64, err error) {
	all, err := Offered(ctx, q)
	if err != nil {
		return 0, err
	}
	for _, o := range all {
		s, ok := stretchOf(o, store.Micros(from), store.Micros(to))
		if !ok || bank != "" && o.Bank != bank {
			continue
		}
		var part int64
		if err := q.QueryRowContext(ctx, "SELECT COALESCE(SUM(ABS(entries)), 0) FROM list_batch WHERE list_id = $1 AND created_at > $2 AND created_at <= $3", s.list, s.after, s.until).Scan(&part); err != nil {
			return 0, err
		}
		n += part
	}
	return n, nil
}

type batch struct{ id, at, entries int64 }

// walk goes through a list's changes in the order of their time.
func walk(ctx context.Context, q store.Queryer, s stretch, c Cursor, size int) (out []Posted, next Cursor, more bool, err error) {
	c.List = s.list
	for {
		batches, err := store.Collect(ctx, q, func(rows *sql.Rows) (b batch, err error) { return b, rows.Scan(&b.id, &b.at, &b.entries) },
			`SELECT id, created_at, entries FROM list_batch WHERE list_id = $1 AND created_at >= $2 AND created_at <= $3 AND (created_at > $4 OR id >= $5)
			ORDER BY created_at, id LIMIT 500`, s.list, max(s.after+1, c.At), s.until, c.At, c.Batch)
		if err != nil {
			return nil, c, false, err
		}
		for _, b := range batches {
			if b.id != c.Batch {
				c = Cursor{List: s.list, At: b.at, Batch: b.id}
			}
			rows, last, err := changesOf(ctx, q, s, b, c.Row, size-len(out))
			if err != nil {
				return nil, c, false, err
			}
			out = append(out, rows...)
			c.Row = max(c.Row, last)
			if len(out) == size {
				return out, c, true, fill(ctx, q, out)
			}
		}
		if len(batches) < 500 {
			return out, c, false, fill(ctx, q, out)
		}
		c = Cursor{List: s.list, At: batches[len(batches)-1].at, Batch: batches[len(batches)-1].id + 1}
	}
}

// changesOf reads what a batch says, after a row, at most limit contents; last is 0 when there is nothing.
func changesOf(ctx context.Context, q store.Queryer, s stretch, b batch, after int64, limit int) (out []Posted, last int64, err error) {
	at := max(b.at, s.least)
	if s.at > 0 {
		at = s.at
	}
	query := `SELECT e.id, e.id FROM list_entry e WHERE e.batch_id = $1 AND e.id > $2 AND e.content = 0
		AND NOT EXISTS (SELECT 1 FROM list_change c WHERE c.entry = e.id AND c.act = 'removed') ORDER BY e.id LIMIT $3`
	gone := s.gone
	switch {
	case b.entries == 0, s.gone && b.entries < 0: // no change of what is on the list; or told with all the others
		return nil, 0, nil
	case s.gone:
		query = "SELECT e.id, e.id FROM list_entry e WHERE e.batch_id = $1 AND e.id > $2 AND e.content = 0 ORDER BY e.id LIMIT $3"
	case b.entries < 0:
		gone = true
		query = `SELECT c.id, c.entry FROM list_change c JOIN list_entry e ON e.id = c.entry
			WHERE c.batch_id = $1 AND c.id > $2 AND c.act = 'removed' AND e.content = 0 ORDER BY c.id LIMIT $3`
	}
	rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (v [2]int64, err error) { return v, rows.Scan(&v[0], &v[1]) }, query, b.id, after, limit)
	for _, v := range rows {
		out = append(out, Posted{Content: v[1], ListID: s.list, At: store.Time(at), Gone: gone})
		last = v[0]
	}
	return out, last, err
}

// fill reads the hashes of contents.
func fill(ctx context.Context, q store.Queryer, out []Posted) error {
	place := map[int64]int{}
	var args []any
	var words []string
	for i, p := range out {
		if _, has := place[p.Content]; !has {
			args = append(args, p.Content)
			words = append(words, fmt.Sprintf("$%d", len(args)))
		}
		place[p.Content] = i
	}
	if len(args) == 0 {
		return nil
	}
	in := " IN (" + strings.Join(words, ", ") + ")"
	entries, err := store.Collect(ctx, q, func(rows *sql.Rows) (e lists.Entry, err error) {
		return e, rows.Scan(&e.ID, &e.Content, &e.Kind, &e.Value, &e.Label)
	}, "SELECT id, id, kind, value, label FROM list_entry WHERE id"+in+" UNION ALL SELECT id, content, kind, value, label FROM list_entry WHERE content > 0 AND content"+in+" ORDER BY 1", args...)
	if err != nil {
		return err
	}
	of := map[int64][]lists.Entry{}
	for _, e := range entries {
		of[e.Content] = append(of[e.Content], e)
	}
	for i := range out {
		out[i].Entries = of[out[i].Content]
	}
	return nil
}

func parsePDQ(value string) []pdq.Hash {
	h, err := pdq.Parse(value)
	if err != nil {
		return nil
	}
	return []pdq.Hash{h}
}
