package record

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"hash"
	"sort"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/store"
)

// Report is the outcome of Verify.
type Report struct {
	Entries  int64    `json:"entries"`
	Rows     int64    `json:"rows"` // rows of all tables that the fold was compared with
	Root     string   `json:"root"` // base64 of the tree's root
	Verified bool     `json:"verified"`
	Problems []string `json:"problems,omitempty"` // at most problemLimit, each names what is wrong
}

const problemLimit = 50

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < problemLimit {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify proves a node's database offline: first the log (every leaf, every stored hash, every checkpoint), then, in a
// second pass, that every row of every table is what the entries fold to. The error is for a database that cannot be read;
// what was found wrong stands in the report.
func Verify(ctx context.Context, q store.Queryer, tables []Table, verifier note.Verifier) (Report, error) {
	var r Report
	state := newState()
	batches, err := r.log(ctx, q, verifier, state)
	if err != nil {
		return r, err
	}
	for _, t := range tables {
		if t.Bulk {
			err = r.bulk(ctx, q, t, batches)
		} else {
			err = r.rows(ctx, q, t, state[t.Name])
		}
		if err != nil {
			return r, err
		}
	}
	r.Verified = len(r.Problems) == 0
	return r, nil
}

// memory is a HashReader over the hashes recomputed from the leaves.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(m)) {
			return nil, fmt.Errorf("no stored hash %d", n)
		}
		out[i] = m[n]
	}
	return out, nil
}

type batch struct{ table, id, digest string }

// log is the first pass; it fills state and gives the bulk batches.
func (r *Report) log(ctx context.Context, q store.Queryer, verifier note.Verifier, state State) ([]batch, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, leaf, kind, object, object_id, occurred_at, recorded_at, public, sealed, salt, sealed_hash
		FROM record_entry ORDER BY leaf, id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var tree memory
	var batches []batch
	for rows.Next() {
		var id, objectID, occurred, recorded int64
		var leaf sql.NullInt64
		var kind, object, open string
		var sealed sql.NullString
		var salt, inner []byte
		if err := rows.Scan(&id, &leaf, &kind, &object, &objectID, &occurred, &recorded, &open, &sealed, &salt, &inner); err != nil {
			return nil, err
		}
		if !leaf.Valid || leaf.Int64 != r.Entries {
			r.problem("entry %d: leaf %d stands where leaf %d belongs: an entry is missing, doubled or was never sequenced", id, leaf.Int64, r.Entries)
			return nil, rows.Err()
		}
		p, err := parsePublic(open)
		if err != nil {
			r.problem("entry %d: its public part is no longer readable (%v)", r.Entries, err)
		}
		if p.Kind != kind || p.Table != object || p.ID != objectID || p.OccurredAt != occurred || p.RecordedAt != recorded {
			r.problem("entry %d: its columns are not what its public part says", r.Entries)
		}
		if sealed.Valid || len(salt) > 0 {
			if h := sealedHash(salt, []byte(sealed.String)); !bytes.Equal(h[:], inner) {
				r.problem("entry %d (%s): its sealed part is not what was recorded", r.Entries, kind)
			}
		}
		hashes, err := tlog.StoredHashes(r.Entries, leafData(open, inner), tree)
		if err != nil {
			return nil, err
		}
		tree = append(tree, hashes...)
		switch p.Op {
		case "batch":
			digest, _ := p.Set["digest"].(string)
			batches = append(batches, batch{p.Table, fmt.Sprint(p.ID), digest})
		case "insert", "update":
			state.apply(p, sealed.String)
		}
		r.Entries++
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if err := r.storedHashes(ctx, q, tree); err != nil {
		return nil, err
	}
	if r.Entries > 0 {
		root, err := tlog.TreeHash(r.Entries, tree)
		if err != nil {
			return nil, err
		}
		r.Root = root.String()
	}
	return batches, r.checkpoints(ctx, q, verifier, tree)
}

// storedHashes compares the stored tree with the recomputed one; a leaf that differs names its entry.
func (r *Report) storedHashes(ctx context.Context, q store.Queryer, tree memory) error {
	rows, err := q.QueryContext(ctx, "SELECT id, hash FROM record_hash ORDER BY id")
	if err != nil {
		return err
	}
	defer rows.Close()
	var next int64
	for ; rows.Next(); next++ {
		var id int64
		var b []byte
		if err := rows.Scan(&id, &b); err != nil {
			return err
		}
		if id != next || id >= int64(len(tree)) {
			r.problem("stored hash %d: a hash is missing or too many", id)
			return nil
		}
		if !bytes.Equal(b, tree[id][:]) {
			if level, n := tlog.SplitStoredHashIndex(id); level == 0 {
				r.problem("entry %d: its bytes are not what was recorded", n)
			} else {
				r.problem("stored hash %d (level %d): not what the entries give", id, level)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if next != int64(len(tree)) {
		r.problem("the stored tree has %d hashes, the entries give %d", next, len(tree))
	}
	return nil
}

func (r *Report) checkpoints(ctx context.Context, q store.Queryer, verifier note.Verifier, tree memory) error {
	rows, err := q.QueryContext(ctx, "SELECT size, note FROM record_checkpoint ORDER BY size")
	if err != nil {
		return err
	}
	defer rows.Close()
	var last int64
	for rows.Next() {
		var size int64
		var text string
		if err := rows.Scan(&size, &text); err != nil {
			return err
		}
		n, err := note.Open([]byte(text), note.VerifierList(verifier))
		if err != nil {
			r.problem("checkpoint of size %d: its signature is wrong (%v)", size, err)
			continue
		}
		if size < 1 || size > r.Entries {
			r.problem("checkpoint of size %d: the log has %d entries", size, r.Entries)
			continue
		}
		root, err := tlog.TreeHash(size, tree)
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%s\n%d\n%s\n", verifier.Name(), size, root); n.Text != want {
			r.problem("checkpoint of size %d: the entries before it are not those it was signed over", size)
		}
		last = size
	}
	if last != r.Entries {
		r.problem("the newest checkpoint covers %d of %d entries", last, r.Entries)
	}
	return rows.Err()
}

// rows compares one table with the fold.
func (r *Report) rows(ctx context.Context, q store.Queryer, t Table, folded map[int64]Row) error {
	seen := map[int64]bool{}
	err := eachRow(ctx, q, "SELECT * FROM "+t.Name+" ORDER BY id", func(row Row) {
		r.Rows++
		id := row.Int("id")
		seen[id] = true
		want, ok := folded[id]
		if !ok {
			r.problem("%s %d: no entry tells of this row", t.Name, id)
			return
		}
		for _, column := range differing(row, want) {
			r.problem("%s %d: column %s is not what the entries fold to", t.Name, id, column)
		}
	})
	if err != nil {
		return err
	}
	for id := range folded {
		if !seen[id] {
			r.problem("%s %d: the entries tell of this row, but it is gone", t.Name, id)
		}
	}
	return nil
}

func differing(row, want Row) []string {
	var out []string
	for k, v := range row {
		if k != "id" && !(empty(v) && empty(want[k])) && v != want[k] {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return out
}

// bulk compares the batches of a bulk table with the digests in the entries.
func (r *Report) bulk(ctx context.Context, q store.Queryer, t Table, batches []batch) error {
	have := map[string]hash.Hash{}
	err := eachRow(ctx, q, "SELECT * FROM "+t.Name+" ORDER BY batch_id, id", func(row Row) {
		r.Rows++
		id := fmt.Sprint(row["batch_id"])
		if have[id] == nil {
			have[id] = sha256.New()
		}
		have[id].Write(rowLine(Fields(row)))
	})
	if err != nil {
		return err
	}
	for _, b := range batches {
		if b.table != t.Name {
			continue
		}
		if h := have[b.id]; h == nil || fmt.Sprintf("%x", h.Sum(nil)) != b.digest {
			r.problem("%s, batch %s: its rows are not those that were recorded", t.Name, b.id)
		}
		delete(have, b.id)
	}
	for id := range have {
		r.problem("%s, batch %s: no entry tells of these rows", t.Name, id)
	}
	return nil
}

func eachRow(ctx context.Context, q store.Queryer, query string, fn func(Row)) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := Row{}
		for i, c := range columns {
			if b, ok := values[i].([]byte); ok {
				values[i] = string(b)
			}
			row[c] = values[i]
		}
		fn(row)
	}
	return rows.Err()
}

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

func newState() State { return State{} }

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
	state := newState()
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
