package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// entryTable is what an erasure is about: it stands as the object of its entry, with the erased leaf as the id.
const entryTable = "record_entry"

// erasure is what the entry of one says.
type erasure struct {
	by      int64 // its own leaf
	columns []string
}

// Erase drops the sealed part and the salt of an entry for good, by an entry of its own that says who (the actor in ctx) and on
// what basis, and empties the columns of the row whose value came from it. The log stays sound: its hashes cover what is left.
// fault.NotFound if there is no such entry, fault.Conflict if it has no sealed part or lost it before.
//
// Copies elsewhere are not reached: backups that were made before, and on PostgreSQL its own archive and, until the next VACUUM,
// the dead row. On SQLite freed bytes are overwritten; the write-ahead log is, when it is next reused.
func (l *Log) Erase(ctx context.Context, tx *store.Tx, leaf int64, basis string) error {
	basis = strings.TrimSpace(basis)
	if basis == "" {
		return fault.New(fault.Invalid, "an erasure needs its basis: the order, the section or the request that it follows")
	}
	var id int64
	var open string
	var sealed sql.NullString
	err := tx.QueryRowContext(ctx, "SELECT id, public, sealed FROM record_entry WHERE leaf = $1", leaf).Scan(&id, &open, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "the record has no entry %d", leaf)
	}
	if err != nil {
		return err
	}
	if !sealed.Valid {
		return fault.New(fault.Conflict, "entry %d has no sealed part; there is nothing to erase", leaf)
	}
	p, err := parsePublic(open)
	if err != nil {
		return err
	}
	hidden := unseal(sealed.String)
	columns := make([]string, 0, len(hidden))
	for k := range hidden {
		columns = append(columns, k)
	}
	slices.Sort(columns)
	if tx.Engine == store.SQLite { // overwrite what is freed, on this connection
		if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = ON"); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE record_entry SET sealed = NULL, salt = NULL WHERE id = $1", id); err != nil {
		return err
	}
	if err := l.emptyColumns(ctx, tx, p, id, hidden); err != nil {
		return err
	}
	return l.entry(ctx, tx, Table{}, public{Kind: "record.erased", Op: "erase", Table: entryTable, ID: leaf}, time.Time{},
		Fields{"basis": text(basis), "columns": strings.Join(columns, " "), "about": p.Table, "about_id": p.ID})
}

// emptyColumns empties the columns of the row that no later entry has set again.
func (l *Log) emptyColumns(ctx context.Context, tx *store.Tx, p public, id int64, hidden map[string]any) error {
	if p.Op != "insert" && p.Op != "update" {
		return nil
	}
	t, ok := l.tables[p.Table]
	if !ok {
		return fmt.Errorf("erase: no table %q", p.Table)
	}
	left := Fields{}
	for k, v := range hidden {
		switch v.(type) {
		case string:
			left[k] = ""
		case int64:
			left[k] = int64(0)
		default:
			left[k] = nil
		}
	}
	later, err := store.Collect(ctx, tx, func(rows *sql.Rows) (map[string]any, error) {
		var open, sealed string
		if err := rows.Scan(&open, &sealed); err != nil {
			return nil, err
		}
		p, err := parsePublic(open)
		if p.Set == nil {
			p.Set = map[string]any{}
		}
		for k, v := range unseal(sealed) {
			p.Set[k] = v
		}
		return p.Set, err
	}, "SELECT public, COALESCE(sealed, '') FROM record_entry WHERE object = $1 AND object_id = $2 AND id > $3", p.Table, p.ID, id)
	if err != nil {
		return err
	}
	for _, set := range later {
		for k := range set {
			delete(left, k)
		}
	}
	if len(left) == 0 {
		return nil
	}
	columns, args := split(left)
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = fmt.Sprintf("%s = $%d", c, i+1)
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s WHERE id = $%d", t.Name, strings.Join(sets, ", "), len(columns)+1), append(args, p.ID)...)
	return err
}

// EraseAbout erases every entry with a sealed part about one row and says how many there were. fault.NotFound if there is none.
func (l *Log) EraseAbout(ctx context.Context, tx *store.Tx, table string, id int64, basis string) (int, error) {
	if _, ok := l.tables[table]; !ok {
		return 0, fault.New(fault.Invalid, "the record answers for no table %.80q", table)
	}
	leaves, err := store.Collect(ctx, tx, func(rows *sql.Rows) (leaf int64, err error) { return leaf, rows.Scan(&leaf) },
		"SELECT leaf FROM record_entry WHERE object = $1 AND object_id = $2 AND sealed IS NOT NULL AND leaf IS NOT NULL ORDER BY leaf", table, id)
	if err != nil {
		return 0, err
	}
	if len(leaves) == 0 {
		return 0, fault.New(fault.NotFound, "no entry about %s %d has a sealed part", table, id)
	}
	for _, leaf := range leaves {
		if err := l.Erase(ctx, tx, leaf, basis); err != nil {
			return 0, err
		}
	}
	return len(leaves), nil
}

// Erasure is an erasure as people read it.
type Erasure struct {
	Leaf     int64    `json:"leaf"`      // of the entry that says so
	Erased   int64    `json:"erased"`    // the entry whose sealed part is gone
	About    string   `json:"about"`     // table of the row
	AboutID  int64    `json:"about_id"`  // 0 for a note
	Columns  []string `json:"columns"`   // what stood in the sealed part
	Basis    string   `json:"basis"`     // the order, section or request
	Actor    string   `json:"actor"`     // who
	ErasedAt int64    `json:"erased_at"` // microseconds UTC
}

// Erasures lists all erasures in the order in which they were done.
func Erasures(ctx context.Context, q store.Queryer) ([]Erasure, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (e Erasure, err error) {
		var open string
		if err := rows.Scan(&e.Leaf, &open); err != nil {
			return e, err
		}
		p, err := parsePublic(open)
		set := Row(p.Set)
		e.Erased, e.About, e.AboutID, e.Basis, e.Actor, e.ErasedAt = p.ID, set.Text("about"), set.Int("about_id"), set.Text("basis"), p.Actor, p.RecordedAt
		e.Columns = strings.Fields(set.Text("columns"))
		return e, err
	}, "SELECT leaf, public FROM record_entry WHERE object = $1 AND leaf IS NOT NULL ORDER BY leaf", entryTable)
}

// erasures reads which entries were erased. Of an entry that cannot be read nothing is known: Verify names it.
func erasures(ctx context.Context, q store.Queryer) (map[int64]erasure, error) {
	gone := map[int64]erasure{}
	rows, err := q.QueryContext(ctx, "SELECT leaf, public FROM record_entry WHERE object = $1 AND leaf IS NOT NULL", entryTable)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var leaf any
		var open string
		if err := rows.Scan(&leaf, &open); err != nil {
			return nil, err
		}
		by, _ := leaf.(int64)
		var p public
		if json.Unmarshal([]byte(open), &p) != nil || p.Op != "erase" || p.Table != entryTable {
			continue
		}
		columns, _ := p.Set["columns"].(string)
		gone[p.ID] = erasure{by, strings.Fields(columns)}
	}
	return gone, rows.Err()
}
