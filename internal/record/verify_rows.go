package record

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"runtime"
	"slices"
	"sort"
	"sync"

	"raksha.example/raksha/internal/store"
)

type batch struct{ table, id, digest string }

// folding is what the second pass gathers from the entries.
type folding struct {
	state   State
	batches []batch
	gone    map[int64]erasure
}

// fold replays the entries and compares every row of every table.
func (r *Report) fold(ctx context.Context, q store.Queryer, tables []Table) error {
	gone, err := erasures(ctx, q)
	if err != nil {
		return err
	}
	f := &folding{state: State{}, gone: gone}
	if err := r.replay(ctx, q, f); err != nil {
		return err
	}
	for _, leaf := range r.dropped {
		if _, erased := gone[leaf]; !erased {
			r.Problem("entry %d: its sealed part was deleted, and no entry says on what basis", leaf)
			continue
		}
		r.Erased++
		delete(gone, leaf)
	}
	for leaf, e := range gone {
		r.Problem("entry %d says that entry %d was erased, but its sealed part is there", e.by, leaf)
	}
	for _, t := range tables {
		if t.Bulk {
			err = r.bulk(ctx, q, t, f.batches)
		} else {
			err = r.rows(ctx, q, t, f.state[t.Name])
		}
		if err != nil {
			return err
		}
		delete(f.state, t.Name)
	}
	return nil
}

const stretch = 2048 // entries parsed at a time

// parsed is one entry with its parts read.
type parsed struct {
	row    Row
	public public
	sealed map[string]any
	err    error
}

// replay reads the entries in order; several are parsed at once.
func (r *Report) replay(ctx context.Context, q store.Queryer, f *folding) error {
	for first := int64(0); first < r.Entries; first += stretch {
		entries := make([]parsed, 0, stretch)
		err := eachRow(ctx, q, `SELECT leaf, kind, object, object_id, occurred_at, recorded_at, public, sealed, salt, sealed_hash
			FROM record_entry WHERE leaf >= $1 AND leaf < $2 ORDER BY leaf`, func(row Row) error {
			entries = append(entries, parsed{row: row})
			return nil
		}, first, first+stretch)
		if err != nil {
			return err
		}
		var wait sync.WaitGroup
		share := (len(entries) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
		for part := range slices.Chunk(entries, max(share, 1)) {
			wait.Go(func() {
				for i := range part {
					e := &part[i]
					e.public, e.err = parsePublic(e.row.Text("public"))
					e.sealed = unseal(e.row.Text("sealed"))
				}
			})
		}
		wait.Wait()
		for _, e := range entries {
			r.entry(e, f)
		}
	}
	return nil
}

// entry checks one entry in itself and applies it.
func (r *Report) entry(e parsed, f *folding) {
	leaf, p := e.row.Int("leaf"), e.public
	if e.err != nil {
		r.Problem("entry %d: its public part is no longer readable (%v)", leaf, e.err)
		return
	}
	for _, c := range []struct {
		column string
		v      any
	}{{"kind", p.Kind}, {"object", p.Table}, {"object_id", p.ID}, {"occurred_at", p.OccurredAt}, {"recorded_at", p.RecordedAt}} {
		if e.row[c.column] != c.v {
			r.Problem("entry %d: its column %s is not what its public part says", leaf, c.column)
		}
	}
	for _, column := range []string{"public", "sealed", "salt", "sealed_hash"} {
		if _, isText := e.row[column].(string); !isText && e.row[column] != nil {
			r.Problem("entry %d (%s): its column %s holds what the node never wrote", leaf, p.Kind, column)
		}
	}
	switch p.Op {
	case "batch":
		digest, _ := p.Set["digest"].(string)
		f.batches = append(f.batches, batch{p.Table, fmt.Sprint(p.ID), digest})
	case "insert", "update":
		if g, erased := f.gone[leaf]; erased {
			f.state.applyErased(p, g.columns)
		} else {
			f.state.apply(p, e.sealed)
		}
	}
}

// rows compares one table with the fold.
func (r *Report) rows(ctx context.Context, q store.Queryer, t Table, folded map[int64]Row) error {
	seen := make(map[int64]bool, len(folded))
	err := eachRow(ctx, q, "SELECT * FROM "+t.Name+" ORDER BY id", func(row Row) error {
		r.Rows++
		id := row.Int("id")
		seen[id] = true
		want, ok := folded[id]
		if !ok {
			r.Problem("%s %v: no entry tells of this row", t.Name, row["id"])
			return nil
		}
		for _, column := range differing(row, want) {
			r.Problem("%s %d: column %s is not what the entries fold to", t.Name, id, column)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id := range folded {
		if !seen[id] {
			r.Problem("%s %d: the entries tell of this row, but it is gone", t.Name, id)
		}
	}
	return nil
}

// differing names the columns in which a row is not what the entries fold to. An unset column is empty in both.
func differing(row, want Row) []string {
	var out []string
	for k, v := range row {
		if k != "id" && !(empty(v) && empty(want[k])) && v != want[k] {
			out = append(out, k)
		}
	}
	for k, v := range want {
		if _, there := row[k]; !there && k != "id" && !empty(v) {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

// bulk compares the batches of a bulk table with the digests in the entries.
func (r *Report) bulk(ctx context.Context, q store.Queryer, t Table, batches []batch) error {
	have := map[string]hash.Hash{}
	err := eachRow(ctx, q, "SELECT * FROM "+t.Name+" ORDER BY batch_id, id", func(row Row) error {
		r.Rows++
		id := fmt.Sprint(row["batch_id"])
		if have[id] == nil {
			have[id] = sha256.New()
		}
		have[id].Write(rowLine(Fields(row)))
		return nil
	})
	if err != nil {
		return err
	}
	for _, b := range batches {
		if b.table != t.Name {
			continue
		}
		if h := have[b.id]; h == nil || fmt.Sprintf("%x", h.Sum(nil)) != b.digest {
			r.Problem("%s, batch %s: its rows are not those that were recorded", t.Name, b.id)
		}
		delete(have, b.id)
	}
	for id := range have {
		r.Problem("%s, batch %s: no entry tells of these rows", t.Name, id)
	}
	return nil
}

// eachRow scans every row into whatever types its columns hold: in a file that was tampered with they may be any.
func eachRow(ctx context.Context, q store.Queryer, query string, fn func(Row) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := make(Row, len(columns))
		for i, c := range columns {
			if b, ok := values[i].([]byte); ok {
				values[i] = string(b)
			}
			row[c] = values[i]
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
