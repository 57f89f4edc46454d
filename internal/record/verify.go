package record

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	"hash"
	"sort"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/store"
)

// Report is the outcome of Verify.
type Report struct {
	Entries  int64    `json:"entries"`
	Dropped  int64    `json:"dropped"` // entries whose sealed part was deleted: lawfully, or by somebody who should not
	Rows     int64    `json:"rows"`    // rows of all tables that the fold was compared with
	Root     string   `json:"root"`    // base64 of the tree's root
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
// what was found wrong stands in the report. Given a *sql.DB it reads one snapshot, so that the node may go on writing;
// given a transaction, that must be one (on PostgreSQL: repeatable read).
func Verify(ctx context.Context, q store.Queryer, tables []Table, verifier note.Verifier) (Report, error) {
	var r Report
	if db, ok := q.(*sql.DB); ok {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
		if err != nil {
			return r, err
		}
		defer tx.Rollback()
		q = tx
	}
	state := State{}
	batches, whole, err := r.log(ctx, q, verifier, state)
	if err != nil {
		return r, err
	}
	if !whole {
		r.problem("the rows were not compared with the entries, because the log has a gap")
		return r, nil
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
		if n < 0 || n >= int64(len(m)) {
			return nil, fmt.Errorf("no stored hash %d", n)
		}
		out[i] = m[n]
	}
	return out, nil
}

type batch struct{ table, id, digest string }

// log is the first pass; it fills state and gives the bulk batches. It is not whole if it ended at a gap.
func (r *Report) log(ctx context.Context, q store.Queryer, verifier note.Verifier, state State) (batches []batch, whole bool, err error) {
	var tree memory
	var recorded []int64 // of each entry
	whole = true
	err = eachRow(ctx, q, `SELECT id, leaf, kind, object, object_id, occurred_at, recorded_at, public, sealed, salt, sealed_hash
		FROM record_entry ORDER BY CASE WHEN leaf IS NULL THEN 1 ELSE 0 END, leaf, id`, func(row Row) error {
		if row["leaf"] == nil {
			r.problem("entry with id %v (%v): it is in no tree: it was not written by the node", row["id"], row["kind"])
			return nil
		}
		if !whole {
			return nil
		}
		if row["leaf"] != r.Entries {
			r.problem("entry with id %v: leaf %v stands where leaf %d belongs: an entry is missing or doubled", row["id"], row["leaf"], r.Entries)
			whole = false
			return nil
		}
		p := r.entry(row)
		hashes, err := tlog.StoredHashes(r.Entries, leafData(row.Text("public"), []byte(row.Text("sealed_hash"))), tree)
		if err != nil {
			return err
		}
		tree = append(tree, hashes...)
		recorded = append(recorded, p.RecordedAt)
		switch p.Op {
		case "batch":
			digest, _ := p.Set["digest"].(string)
			batches = append(batches, batch{p.Table, fmt.Sprint(p.ID), digest})
		case "insert", "update":
			state.apply(p, row.Text("sealed"))
		}
		r.Entries++
		return nil
	})
	if err != nil || !whole {
		return nil, whole, err
	}
	if err := r.storedHashes(ctx, q, tree); err != nil {
		return nil, whole, err
	}
	if r.Entries > 0 {
		root, err := tlog.TreeHash(r.Entries, tree)
		if err != nil {
			return nil, whole, err
		}
		r.Root = root.String()
	}
	return batches, whole, r.checkpoints(ctx, q, verifier, tree, recorded)
}

// entry checks one entry in itself and gives its public part.
func (r *Report) entry(row Row) public {
	p, err := parsePublic(row.Text("public"))
	if err != nil {
		r.problem("entry %d: its public part is no longer readable (%v)", r.Entries, err)
		return public{}
	}
	for column, v := range map[string]any{"kind": p.Kind, "object": p.Table, "object_id": p.ID, "occurred_at": p.OccurredAt, "recorded_at": p.RecordedAt} {
		if row[column] != v {
			r.problem("entry %d: its column %s is not what its public part says", r.Entries, column)
		}
	}
	for _, column := range []string{"sealed", "salt", "sealed_hash"} {
		if _, isText := row[column].(string); !isText && row[column] != nil {
			r.problem("entry %d (%s): its column %s holds what the node never wrote", r.Entries, p.Kind, column)
		}
	}
	want := sealedHash([]byte(row.Text("salt")), []byte(row.Text("sealed")))
	switch {
	case string(want[:]) == row.Text("sealed_hash"):
	case row["sealed"] == nil && row["salt"] == nil:
		r.Dropped++
	default:
		r.problem("entry %d (%s): its sealed part is not what was recorded", r.Entries, p.Kind)
	}
	return p
}

// storedHashes compares the stored tree with the recomputed one; a leaf that differs names its entry.
func (r *Report) storedHashes(ctx context.Context, q store.Queryer, tree memory) error {
	stored := make([]bool, len(tree))
	err := eachRow(ctx, q, "SELECT id, hash FROM record_hash ORDER BY id", func(row Row) error {
		id, ok := row["id"].(int64)
		if !ok || id < 0 || id >= int64(len(tree)) {
			r.problem("stored hash %v: the entries give no such hash", row["id"])
			return nil
		}
		stored[id] = true
		if row.Text("hash") == string(tree[id][:]) {
			return nil
		}
		if level, n := tlog.SplitStoredHashIndex(id); level == 0 {
			r.problem("entry %d: its bytes are not what was recorded", n)
		} else {
			r.problem("stored hash %d (level %d): not what the entries give", id, level)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, there := range stored {
		if !there {
			r.problem("stored hash %d is missing", id)
		}
	}
	return nil
}

func (r *Report) checkpoints(ctx context.Context, q store.Queryer, verifier note.Verifier, tree memory, recorded []int64) error {
	var last, spoilt int64
	err := eachRow(ctx, q, "SELECT size, note, signed_at FROM record_checkpoint ORDER BY size", func(row Row) error {
		size, ok := row["size"].(int64)
		if !ok || size < 1 || size > r.Entries {
			r.problem("checkpoint of size %v: the log has %d entries", row["size"], r.Entries)
			return nil
		}
		n, err := note.Open([]byte(row.Text("note")), note.VerifierList(verifier))
		if err != nil {
			r.problem("checkpoint of size %d: its signature is wrong (%v)", size, err)
			return nil
		}
		if !canonical(n, row.Text("note")) {
			r.problem("checkpoint of size %d: its text is not as the node wrote it", size)
		}
		root, err := tlog.TreeHash(size, tree)
		if err != nil {
			return err
		}
		if want := fmt.Sprintf("%s\n%d\n%s\n", verifier.Name(), size, root); n.Text != want {
			if spoilt++; spoilt == 1 {
				r.problem("checkpoint of size %d: the entries before it are not those it was signed over", size)
			}
		}
		if row["signed_at"] != recorded[size-1] {
			r.problem("checkpoint of size %d: its time is not that of its newest entry", size)
		}
		last = size
		return nil
	})
	if spoilt > 1 {
		r.problem("%d later checkpoints cover the same change", spoilt-1)
	}
	if err == nil && last != r.Entries {
		r.problem("the newest checkpoint covers %d of %d entries", last, r.Entries)
	}
	return err
}

// canonical says whether text is the only way to write n: signatures could be spelt in several.
func canonical(n *note.Note, text string) bool {
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return false
	}
	sig := n.Sigs[0]
	b, err := base64.StdEncoding.DecodeString(sig.Base64)
	return err == nil && text == fmt.Sprintf("%s\n\u2014 %s %s\n", n.Text, sig.Name, base64.StdEncoding.EncodeToString(b))
}

// rows compares one table with the fold.
func (r *Report) rows(ctx context.Context, q store.Queryer, t Table, folded map[int64]Row) error {
	seen := map[int64]bool{}
	err := eachRow(ctx, q, "SELECT * FROM "+t.Name+" ORDER BY id", func(row Row) error {
		r.Rows++
		id := row.Int("id")
		seen[id] = true
		want, ok := folded[id]
		if !ok {
			r.problem("%s %v: no entry tells of this row", t.Name, row["id"])
			return nil
		}
		for _, column := range differing(row, want) {
			r.problem("%s %d: column %s is not what the entries fold to", t.Name, id, column)
		}
		return nil
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
			r.problem("%s, batch %s: its rows are not those that were recorded", t.Name, b.id)
		}
		delete(have, b.id)
	}
	for id := range have {
		r.problem("%s, batch %s: no entry tells of these rows", t.Name, id)
	}
	return nil
}

// eachRow scans every row into whatever types its columns hold: in a file that was tampered with they may be any.
func eachRow(ctx context.Context, q store.Queryer, query string, fn func(Row) error) error {
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
		if err := fn(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
