package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/store"
)

// edge keeps the stored hashes that appends at the right end of the tree need again. What a transaction adds counts only once
// it is committed: until then the edge is open, and an edge found open is thrown away, because another process may have put
// other hashes in the places of those that were lost.
type edge struct {
	hashes map[int64]tlog.Hash
	open   bool
}

const edgeLimit = 8192 // hashes kept in memory

// sequence gives the new entries of the transaction their leaf numbers, extends the tree and signs a checkpoint. One
// sequencer runs at a time: SQLite has one writer, PostgreSQL takes a lock until the commit.
func (l *Log) sequence(ctx context.Context, tx *store.Tx) error {
	if tx.Engine == store.Postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7215)"); err != nil {
			return err
		}
	}
	type fresh struct {
		id, recorded int64
		open         string
		inner        []byte
	}
	entries, err := store.Collect(ctx, tx, func(rows *sql.Rows) (f fresh, err error) {
		return f, rows.Scan(&f.id, &f.recorded, &f.open, &f.inner)
	}, "SELECT id, recorded_at, public, sealed_hash FROM record_entry WHERE leaf IS NULL ORDER BY id")
	written := l.written
	l.written = map[int64]bool{}
	entries = slices.DeleteFunc(entries, func(f fresh) bool { return !written[f.id] }) // what others put there gets no signature
	if err != nil || len(entries) == 0 {
		return err
	}
	var size int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(size), 0) FROM record_checkpoint").Scan(&size); err != nil {
		return err
	}
	r := &hashReader{ctx: ctx, q: tx, edge: &l.edge}
	l.edge.begin()
	tx.AfterCommit(l.edge.keep)
	for _, e := range entries {
		hashes, err := tlog.StoredHashes(size, leafData(e.open, e.inner), r)
		if err != nil {
			return fmt.Errorf("extend the log: %w", err)
		}
		at := tlog.StoredHashIndex(0, size)
		for i, h := range hashes {
			if _, err := tx.ExecContext(ctx, "INSERT INTO record_hash (id, hash) VALUES ($1, $2)", at+int64(i), h[:]); err != nil {
				return err
			}
			l.edge.hashes[at+int64(i)] = h
		}
		if _, err := tx.ExecContext(ctx, "UPDATE record_entry SET leaf = $1 WHERE id = $2", size, e.id); err != nil {
			return err
		}
		size++
	}
	root, err := tlog.TreeHash(size, r)
	if err != nil {
		return err
	}
	text, err := l.checkpoint(size, root)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO record_checkpoint (size, note, signed_at) VALUES ($1, $2, $3)",
		size, text, entries[len(entries)-1].recorded)
	return err
}

// leafData is what a leaf hashes: the public text and the hash of the sealed part.
func leafData(open string, inner []byte) []byte { return append([]byte(open), inner...) }

// checkpoint writes a C2SP tlog-checkpoint: origin, size, root, as a signed note.
func (l *Log) checkpoint(size int64, root tlog.Hash) (string, error) {
	b, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.signer.Name(), size, root)}, l.signer)
	return string(b), err
}

func (e *edge) begin() {
	if e.open || e.hashes == nil || len(e.hashes) > edgeLimit {
		e.hashes = map[int64]tlog.Hash{}
	}
	e.open = true
}

func (e *edge) keep() { e.open = false }

// hashReader reads stored hashes, through the edge if there is one.
type hashReader struct {
	ctx  context.Context
	q    store.Queryer
	edge *edge
}

// ReadHashes implements tlog.HashReader.
func (r *hashReader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	at := map[int64][]int{} // where the hashes that are not in the edge go
	var ask []any
	for i, n := range indexes {
		if r.edge != nil {
			if h, ok := r.edge.hashes[n]; ok {
				out[i] = h
				continue
			}
		}
		if at[n] == nil {
			ask = append(ask, n)
		}
		at[n] = append(at[n], i)
	}
	for some := range slices.Chunk(ask, hashesAtOnce) {
		if err := r.read(some, out, at); err != nil {
			return nil, err
		}
	}
	if len(at) > 0 {
		return nil, fmt.Errorf("%d of %d stored hashes are not there", len(at), len(ask))
	}
	return out, nil
}

const hashesAtOnce = 256 // arguments of one query; a tile's worth

func (r *hashReader) read(ids []any, out []tlog.Hash, at map[int64][]int) error {
	places := make([]string, len(ids))
	for i := range ids {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	rows, err := r.q.QueryContext(r.ctx, "SELECT id, hash FROM record_hash WHERE id IN ("+strings.Join(places, ", ")+")", ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var b []byte
		if err := rows.Scan(&n, &b); err != nil {
			return err
		}
		if len(b) != tlog.HashSize {
			return fmt.Errorf("stored hash %d has %d bytes", n, len(b))
		}
		for _, i := range at[n] {
			copy(out[i][:], b)
		}
		if r.edge != nil {
			r.edge.hashes[n] = tlog.Hash(b)
		}
		delete(at, n)
	}
	return rows.Err()
}

// Checkpoint gives the newest signed checkpoint, or "" for an empty log.
func (l *Log) Checkpoint(ctx context.Context, q store.Queryer) (string, error) {
	return newestNote(ctx, q)
}

func newestNote(ctx context.Context, q store.Queryer) (string, error) {
	var text string
	err := q.QueryRowContext(ctx, "SELECT note FROM record_checkpoint ORDER BY size DESC LIMIT 1").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, err
}

// Line is one entry as people read it.
type Line struct {
	Leaf       int64          `json:"leaf"`
	Kind       string         `json:"kind"`
	Table      string         `json:"table,omitempty"`
	ID         int64          `json:"id,omitempty"`
	Actor      string         `json:"actor"`
	OccurredAt int64          `json:"occurred_at"` // microseconds UTC
	RecordedAt int64          `json:"recorded_at"` // microseconds UTC
	Set        map[string]any `json:"set,omitempty"`
}

// Tail gives up to limit entries below leaf `before` (or the newest when it is negative), newest first, public parts only.
func Tail(ctx context.Context, q store.Queryer, before int64, limit int) ([]Line, error) {
	if before < 0 {
		before = 1 << 62
	}
	return store.Collect(ctx, q, func(rows *sql.Rows) (Line, error) {
		var line Line
		var text string
		if err := rows.Scan(&line.Leaf, &text); err != nil {
			return line, err
		}
		p, err := parsePublic(text)
		line.Kind, line.Table, line.ID, line.Actor = p.Kind, p.Table, p.ID, p.Actor
		line.OccurredAt, line.RecordedAt, line.Set = p.OccurredAt, p.RecordedAt, p.Set
		return line, err
	}, "SELECT leaf, public FROM record_entry WHERE leaf < $1 ORDER BY leaf DESC LIMIT $2", before, limit)
}

func parsePublic(text string) (p public, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err = d.Decode(&p); err != nil {
		return p, err
	}
	p.Set = integers(p.Set)
	return p, nil
}

// integers turns the numbers of decoded JSON into int64: entries hold no others.
func integers(m map[string]any) map[string]any {
	for k, v := range m {
		if n, ok := v.(json.Number); ok {
			if i, err := n.Int64(); err == nil {
				m[k] = i
			}
		}
	}
	return m
}
