// Package record is the node's memory that cannot be changed unseen: every change of state is an entry in a Merkle log
// (golang.org/x/mod/sumdb/tlog) whose signed checkpoints (C2SP tlog-checkpoint) travel with every document.
//
// Stages change rows only through Insert, Update and InsertBatch. Each writes the row and, in the same transaction, an
// entry that holds the same columns, so that folding the entries gives back every row: that is what Verify checks and
// what figures as of an earlier time are computed from.
//
// An entry has a public part (ids, kinds, states, times) and a sealed part (names, text), and
// leaf = H(0x00 || public || H(salt || sealed)). Lawful deletion (Erase) drops sealed part and salt and says so in an entry of
// its own; the log stays sound.
package record

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/store"
)

// Table describes one table whose rows the record answers for. Every table has `id`; a bulk table has `batch_id` too.
type Table struct {
	Name   string
	Sealed []string // columns that hold names or text: they stand in the sealed part
	Bulk   bool     // rows come only by InsertBatch and never change
}

// Fields are a row's columns: strings, integers, booleans (0 or 1), times (microseconds) or nil.
type Fields map[string]any

// Log writes entries. It is safe for concurrent use.
type Log struct {
	Verifier string // the record's public key, shown to whoever asks; set before the first use

	db     *store.DB
	clock  clock.Clock
	signer note.Signer
	tables map[string]Table
	watch  map[string][]watcher // of inserts; fixed before the first
	change map[string][]watcher // of updates; fixed before the first

	// Guarded by the store's single writer:
	edge    edge
	written map[int64]bool // entries of the transaction under way; those of closures that failed may be among them
}

// watcher is told of a row in the transaction that writes it.
type watcher = func(ctx context.Context, tx *store.Tx, id int64, f Fields) error

func tell(ctx context.Context, tx *store.Tx, watchers []watcher, id int64, f Fields) error {
	for _, fn := range watchers {
		if err := fn(ctx, tx, id, f); err != nil {
			return err
		}
	}
	return nil
}

// New makes the node's log and puts its sequencer into db's write path. signer signs checkpoints; its name is the
// log's origin.
func New(db *store.DB, c clock.Clock, signer note.Signer, tables []Table) *Log {
	l := &Log{db: db, clock: c, signer: signer, tables: map[string]Table{}, written: map[int64]bool{},
		watch: map[string][]watcher{}, change: map[string][]watcher{}}
	for _, t := range tables {
		l.tables[t.Name] = t
	}
	db.BeforeCommit(l.sequence)
	return l
}

// Watch calls fn after each Insert into a table, in the same transaction, with the new row's id. It must be called before the
// first Insert.
func (l *Log) Watch(table string, fn func(ctx context.Context, tx *store.Tx, id int64, f Fields) error) {
	l.watch[table] = append(l.watch[table], fn)
}

// WatchUpdates calls fn after each Update of a table, in the same transaction, with the row's id and the columns that were set. It
// must be called before the first Update.
func (l *Log) WatchUpdates(table string, fn func(ctx context.Context, tx *store.Tx, id int64, f Fields) error) {
	l.change[table] = append(l.change[table], fn)
}

// Origin is the name under which the log signs its checkpoints.
func (l *Log) Origin() string { return l.signer.Name() }

type actorKey struct{}

// WithActor names who acts in ctx: a person ("person:7"), an agency ("agency:x") or a part of the node ("scan").
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// Actor gives the name set by WithActor, or "node".
func Actor(ctx context.Context) string {
	if a, ok := ctx.Value(actorKey{}).(string); ok {
		return a
	}
	return "node"
}

// public is the public part of an entry, in the order in which it is written.
type public struct {
	Kind       string         `json:"kind"`
	Op         string         `json:"op"` // insert, update, batch, note, erase
	Table      string         `json:"table,omitempty"`
	ID         int64          `json:"id,omitempty"`
	Actor      string         `json:"actor"`
	OccurredAt int64          `json:"occurred_at"` // microseconds UTC
	RecordedAt int64          `json:"recorded_at"` // microseconds UTC
	Set        map[string]any `json:"set,omitempty"`
}

// Insert adds a row to a table and its entry. at is when it happened; zero means now.
func (l *Log) Insert(ctx context.Context, tx *store.Tx, table, kind string, at time.Time, f Fields) (int64, error) {
	t, ok := l.tables[table]
	if !ok || t.Bulk {
		return 0, fmt.Errorf("record: no row-wise table %q", table)
	}
	f, err := plain(f)
	if err != nil {
		return 0, fmt.Errorf("insert %s: %w", table, err)
	}
	columns, args := split(f)
	var id int64
	if err := tx.QueryRowContext(ctx, insertion(table, columns)+" RETURNING id", args...).Scan(&id); err != nil {
		return 0, fmt.Errorf("insert %s: %w", table, err)
	}
	if err := l.entry(ctx, tx, t, public{Kind: kind, Op: "insert", Table: table, ID: id}, at, f); err != nil {
		return 0, err
	}
	return id, tell(ctx, tx, l.watch[table], id, f)
}

// Update changes columns of one row and writes the entry.
func (l *Log) Update(ctx context.Context, tx *store.Tx, table, kind string, at time.Time, id int64, f Fields) error {
	t, ok := l.tables[table]
	if !ok || t.Bulk {
		return fmt.Errorf("record: no row-wise table %q", table)
	}
	f, err := plain(f)
	if err != nil {
		return fmt.Errorf("update %s %d: %w", table, id, err)
	}
	columns, args := split(f)
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = fmt.Sprintf("%s = $%d", c, i+1)
	}
	query := fmt.Sprintf("UPDATE %s SET %s WHERE id = $%d", table, strings.Join(sets, ", "), len(columns)+1)
	res, err := tx.ExecContext(ctx, query, append(args, id)...)
	if err != nil {
		return fmt.Errorf("update %s %d: %w", table, id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return fmt.Errorf("update %s %d: %d rows (%w)", table, id, n, err)
	}
	if err := l.entry(ctx, tx, t, public{Kind: kind, Op: "update", Table: table, ID: id}, at, f); err != nil {
		return err
	}
	return tell(ctx, tx, l.change[table], id, f)
}

// InsertBatch adds rows to a bulk table under a batch number, with one entry that commits to their digest.
func (l *Log) InsertBatch(ctx context.Context, tx *store.Tx, table, kind string, batch int64, rows []Fields) error {
	t, ok := l.tables[table]
	if !ok || !t.Bulk {
		return fmt.Errorf("record: no bulk table %q", table)
	}
	if len(rows) == 0 {
		return nil
	}
	var before int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM record_entry WHERE object = $1 AND object_id = $2", table, batch).Scan(&before); err != nil {
		return err
	}
	if before > 0 { // its entry commits to the whole batch
		return fmt.Errorf("insert %s: batch %d has been entered already", table, batch)
	}
	h := sha256.New()
	w := rowWriter{ctx: ctx, tx: tx, table: table}
	defer w.close()
	for _, f := range rows {
		f, err := plain(f)
		if err != nil {
			return fmt.Errorf("insert %s: %w", table, err)
		}
		f["batch_id"] = batch
		if err := w.add(f); err != nil {
			return fmt.Errorf("insert %s: %w", table, err)
		}
		h.Write(rowLine(f))
	}
	if err := w.flush(); err != nil {
		return fmt.Errorf("insert %s: %w", table, err)
	}
	set := Fields{"count": int64(len(rows)), "digest": fmt.Sprintf("%x", h.Sum(nil))}
	return l.entry(ctx, tx, Table{Name: table}, public{Kind: kind, Op: "batch", Table: table, ID: batch}, time.Time{}, set)
}

// Note writes an entry that changes no row: a sign-in, a read of restricted material, a refusal.
func (l *Log) Note(ctx context.Context, tx *store.Tx, kind string, open, sealed Fields) error {
	t := Table{}
	all := Fields{}
	for k, v := range open {
		all[k] = v
	}
	for k, v := range sealed {
		all[k] = v
		t.Sealed = append(t.Sealed, k)
	}
	all, err := plain(all)
	if err != nil {
		return fmt.Errorf("note %s: %w", kind, err)
	}
	return l.entry(ctx, tx, t, public{Kind: kind, Op: "note"}, time.Time{}, all)
}

// entry writes one entry. It has no leaf number until the sequencer runs, before the commit.
func (l *Log) entry(ctx context.Context, tx *store.Tx, t Table, p public, at time.Time, f Fields) error {
	now := l.clock.Now()
	if at.IsZero() {
		at = now
	}
	p.Actor, p.OccurredAt, p.RecordedAt = Actor(ctx), store.Micros(at), store.Micros(now)
	p.Set = map[string]any{}
	hidden := map[string]any{}
	for k, v := range f {
		p.Set[k] = v
	}
	for _, k := range t.Sealed {
		if v, ok := p.Set[k]; ok {
			hidden[k] = v
			delete(p.Set, k)
		}
	}
	open, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var sealed any
	var text, salt []byte
	if len(hidden) > 0 {
		if text, err = json.Marshal(hidden); err != nil {
			return err
		}
		salt = make([]byte, 16)
		rand.Read(salt)
		sealed = string(text)
	}
	inner := sealedHash(salt, text)
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO record_entry (kind, object, object_id, occurred_at, recorded_at, public, sealed, salt, sealed_hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		p.Kind, p.Table, p.ID, p.OccurredAt, p.RecordedAt, string(open), sealed, salt, inner[:]).Scan(&id)
	if err != nil {
		return fmt.Errorf("record %s: %w", p.Kind, err)
	}
	l.written[id] = true
	return nil
}

func sealedHash(salt, text []byte) [32]byte {
	return sha256.Sum256(append(append([]byte{}, salt...), text...))
}
