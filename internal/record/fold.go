package record

import (
	"context"
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

func (s State) apply(p public, sealed string) {
	if s[p.Table] == nil {
		s[p.Table] = map[int64]Row{}
	}
	row := s[p.Table][p.ID]
	if row == nil {
		row = Row{}
		s[p.Table][p.ID] = row
	}
	for k, v := range p.Set {
		row[k] = v
	}
	if sealed == "" {
		return
	}
	var hidden map[string]any
	d := json.NewDecoder(strings.NewReader(sealed))
	d.UseNumber()
	if d.Decode(&hidden) == nil {
		for k, v := range integers(hidden) {
			row[k] = v
		}
	}
}

// Fold replays the entries recorded up to and including asOf (zero: all) for the named tables.
func Fold(ctx context.Context, q store.Queryer, asOf time.Time, tables ...string) (State, error) {
	state := State{}
	if len(tables) == 0 {
		return state, nil
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
	rows, err := q.QueryContext(ctx, `SELECT public, COALESCE(sealed, '') FROM record_entry
		WHERE recorded_at <= $1 AND object IN (`+strings.Join(places, ", ")+") ORDER BY leaf", names...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var open, sealed string
		if err := rows.Scan(&open, &sealed); err != nil {
			return nil, err
		}
		p, err := parsePublic(open)
		if err != nil {
			return nil, err
		}
		if p.Op == "insert" || p.Op == "update" {
			state.apply(p, sealed)
		}
	}
	return state, rows.Err()
}
