package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/store"
)

// Row is one row as the entries fold to it.
type Row map[string]any

// Int gives an integer column, 0 if it is not there.
func (r Row) Int(column string) int64 { n, _ := r[column].(int64); return n }

// Text gives a text column, "" if it is not there (or its sealed part was lawfully deleted).
func (r Row) Text(column string) string { s, _ := r[column].(string); return s }

// Time gives a time column.
func (r Row) Time(column string) time.Time { return store.Time(r.Int(column)) }

// State is what entries fold to: table, id, row.
type State map[string]map[int64]Row

// apply adds an entry that is no erased one.
func (s State) apply(p public, sealed map[string]any) {
	row := s.row(p)
	for k, v := range p.Set {
		row[k] = v
	}
	for k, v := range sealed {
		row[k] = v
	}
}

// applyErased adds an entry whose sealed part was erased: the columns that stood in it are empty from then on.
func (s State) applyErased(p public, columns []string) {
	row := s.row(p)
	for k, v := range p.Set {
		row[k] = v
	}
	for _, k := range columns {
		delete(row, k)
	}
}

func (s State) row(p public) Row {
	if s[p.Table] == nil {
		s[p.Table] = map[int64]Row{}
	}
	row := s[p.Table][p.ID]
	if row == nil {
		row = Row{}
		s[p.Table][p.ID] = row
	}
	return row
}

// unseal reads a sealed part. One that cannot be read has no columns: Verify names it by its hash.
func unseal(sealed string) map[string]any {
	if sealed == "" {
		return nil
	}
	var hidden map[string]any
	d := json.NewDecoder(strings.NewReader(sealed))
	d.UseNumber()
	if d.Decode(&hidden) != nil {
		return nil
	}
	return integers(hidden)
}

// Fold replays the entries recorded up to and including asOf (zero: all) for the named tables. What was erased is empty at every
// time, also before the erasure.
func Fold(ctx context.Context, q store.Queryer, asOf time.Time, tables ...string) (State, error) {
	state := State{}
	if len(tables) == 0 {
		return state, nil
	}
	gone, err := erasures(ctx, q)
	if err != nil {
		return nil, err
	}
	until := store.Micros(asOf)
	if asOf.IsZero() {
		until = 1 << 62
	}
	names := make([]any, len(tables)+1)
	names[0] = until
	places := make([]string, len(tables))
	for i, t := range tables {
		names[i+1] = t
		places[i] = fmt.Sprintf("$%d", i+2)
	}
	rows, err := q.QueryContext(ctx, `SELECT leaf, public, COALESCE(sealed, '') FROM record_entry
		WHERE recorded_at <= $1 AND object IN (`+strings.Join(places, ", ")+") ORDER BY leaf", names...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var leaf sql.NullInt64
		var open, sealed string
		if err := rows.Scan(&leaf, &open, &sealed); err != nil {
			return nil, err
		}
		p, err := parsePublic(open)
		if err != nil {
			return nil, err
		}
		state.entry(leaf.Int64, p, sealed, gone)
	}
	return state, rows.Err()
}

// entry applies one entry, if it changes a row.
func (s State) entry(leaf int64, p public, sealed string, gone map[int64]erasure) {
	if p.Op != "insert" && p.Op != "update" {
		return
	}
	if e, erased := gone[leaf]; erased {
		s.applyErased(p, e.columns)
		return
	}
	s.apply(p, unseal(sealed))
}
