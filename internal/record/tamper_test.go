package record_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// tampered runs fn in a transaction, verifies what that leaves, and undoes it.
func (n *node) tampered(t *testing.T, fn func(tx *sql.Tx)) record.Report {
	t.Helper()
	tx, err := n.db.Raw().Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	fn(tx)
	return n.verify(t, tx)
}

func exec(t *testing.T, tx *sql.Tx, query string, args ...any) {
	t.Helper()
	res, err := tx.Exec(query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if changed, err := res.RowsAffected(); err != nil || changed == 0 {
		t.Fatalf("%s: changed nothing (%v)", query, err)
	}
}

// Each case is what somebody with the database but without the node's key might do; the report must name it.
func TestTamper(t *testing.T) {
	cases := map[string]struct {
		names  string // what some problem must contain
		change []string
	}{
		"a state in the public part":     {"entry 0: its bytes", []string{"UPDATE record_entry SET public = replace(public, 'officer', 'auditor') WHERE leaf = 0"}},
		"the public part is no JSON":     {"entry 0: its public part is no longer readable", []string{"UPDATE record_entry SET public = '{' WHERE leaf = 0"}},
		"the public part is empty":       {"entry 0: its public part is no longer readable", []string{"UPDATE record_entry SET public = '' WHERE leaf = 0"}},
		"the public part nests deep":     {"entry 0: its public part is no longer readable", []string{"UPDATE record_entry SET public = '{\"set\":' || replace('" + strings.Repeat("x", 20000) + "', 'x', '[') WHERE leaf = 0"}},
		"the public part holds a list":   {"entry 0: its bytes", []string{"UPDATE record_entry SET public = replace(public, '\"officer\"', '[{\"a\":1.5}]') WHERE leaf = 0"}},
		"a sealed name":                  {"entry 1 (person.add): its sealed part", []string{"UPDATE record_entry SET sealed = replace(sealed, 'bina', 'dina') WHERE leaf = 1"}},
		"only the sealed part dropped":   {"entry 1 (person.add): its sealed part", []string{"UPDATE record_entry SET sealed = NULL WHERE leaf = 1"}},
		"only the salt dropped":          {"entry 1 (person.add): its sealed part", []string{"UPDATE record_entry SET salt = NULL WHERE leaf = 1"}},
		"sealed part dropped, row kept":  {"person 1: column name", []string{"UPDATE record_entry SET sealed = NULL, salt = NULL WHERE leaf = 0"}},
		"sealed part and value dropped":  {"entry 0: its sealed part was deleted, and no entry says on what basis", []string{"UPDATE record_entry SET sealed = NULL, salt = NULL WHERE leaf = 0", "UPDATE person SET name = '' WHERE id = 1"}},
		"a sealed part where none was":   {"entry 6 (list.add): its sealed part", []string{"UPDATE record_entry SET sealed = '{\"name\":\"x\"}' WHERE leaf = 6"}},
		"the kind":                       {"entry 4: its column kind", []string{"UPDATE record_entry SET kind = 'person.add' WHERE leaf = 4"}},
		"the object":                     {"entry 4: its column object ", []string{"UPDATE record_entry SET object = 'platform' WHERE leaf = 4"}},
		"the object's id":                {"entry 4: its column object_id", []string{"UPDATE record_entry SET object_id = 1 WHERE leaf = 4"}},
		"when it happened":               {"entry 5: its column occurred_at", []string{"UPDATE record_entry SET occurred_at = occurred_at - 1 WHERE leaf = 5"}},
		"when it was entered":            {"entry 5: its column recorded_at", []string{"UPDATE record_entry SET recorded_at = recorded_at + 1 WHERE leaf = 5"}},
		"an entry deleted":               {"leaf 5 stands where leaf 4 belongs", []string{"DELETE FROM record_entry WHERE leaf = 4"}},
		"the first entry deleted":        {"leaf 1 stands where leaf 0 belongs", []string{"DELETE FROM record_entry WHERE leaf = 0"}},
		"the last entry deleted":         {"checkpoint of size 11: the log has 10 entries", []string{"DELETE FROM record_entry WHERE leaf = 10"}},
		"the log's end deleted":          {"list_entry, batch 2: no entry tells of these rows", []string{"DELETE FROM record_entry WHERE leaf >= 6", "DELETE FROM record_checkpoint WHERE size > 6", "DELETE FROM record_hash WHERE id >= 10"}},
		"all entries deleted":            {"the log has 0 entries", []string{"DELETE FROM record_entry"}},
		"an entry taken out of the tree": {"leaf 5 stands where leaf 4 belongs", []string{"UPDATE record_entry SET leaf = NULL WHERE leaf = 4"}},
		"two entries swapped":            {"entry 3: its bytes", []string{"UPDATE record_entry SET leaf = -1 WHERE leaf = 3", "UPDATE record_entry SET leaf = 3 WHERE leaf = 4", "UPDATE record_entry SET leaf = 4 WHERE leaf = -1"}},
		"leaf numbers moved on":          {"leaf 100 stands where leaf 0 belongs", []string{"UPDATE record_entry SET leaf = leaf + 100"}},
		"an entry added at the end":      {"the newest checkpoint covers 11 of 12", []string{"INSERT INTO record_entry (leaf, kind, object, object_id, occurred_at, recorded_at, public, sealed_hash) SELECT 11, kind, object, object_id, occurred_at, recorded_at, public, sealed_hash FROM record_entry WHERE leaf = 6"}},
		"an entry added in no tree":      {"it was not written by the node", []string{"INSERT INTO record_entry (kind, object, object_id, occurred_at, recorded_at, public, sealed_hash) SELECT kind, object, object_id, occurred_at, recorded_at, public, sealed_hash FROM record_entry WHERE leaf = 6"}},
		"a stored hash deleted":          {"stored hash 2 is missing", []string{"DELETE FROM record_hash WHERE id = 2"}},
		"a leaf's stored hash":           {"stored hash 1 (of entry 1): not what the entry gives", []string{"UPDATE record_hash SET hash = (SELECT hash FROM record_hash WHERE id = 0) WHERE id = 1"}},
		"a stored hash added":            {"stored hash 999", []string{"INSERT INTO record_hash SELECT 999, hash FROM record_hash WHERE id = 0"}},
		"two stored hashes swapped":      {"stored hash 2 (level 1)", []string{"UPDATE record_hash SET id = -1 WHERE id = 2", "UPDATE record_hash SET id = 2 WHERE id = 5", "UPDATE record_hash SET id = 5 WHERE id = -1"}},
		"the newest checkpoint deleted":  {"covers 6 of 11 entries", []string{"DELETE FROM record_checkpoint WHERE size = 11"}},
		"all checkpoints deleted":        {"covers 0 of 11 entries", []string{"DELETE FROM record_checkpoint"}},
		"a checkpoint's size":            {"checkpoint of size 7: the entries before it", []string{"UPDATE record_checkpoint SET size = 7 WHERE size = 6"}},
		"a checkpoint's size is none":    {"checkpoint of size -3", []string{"UPDATE record_checkpoint SET size = -3 WHERE size = 6"}},
		"a checkpoint's size is huge":    {"checkpoint of size 4611686018427387904", []string{"UPDATE record_checkpoint SET size = 4611686018427387904 WHERE size = 6"}},
		"a checkpoint's time":            {"checkpoint of size 6: its time", []string{"UPDATE record_checkpoint SET signed_at = signed_at + 1 WHERE size = 6"}},
		"a checkpoint's text":            {"checkpoint of size 6: its signature", []string{"UPDATE record_checkpoint SET note = replace(note, 'node', 'mode') WHERE size = 6"}},
		"a checkpoint is empty":          {"checkpoint of size 6: its signature", []string{"UPDATE record_checkpoint SET note = '' WHERE size = 6"}},
		"a row added":                    {"platform 1: no entry tells", []string{"INSERT INTO platform (host, name, kind, base_url, created_at) VALUES ('a', 'a', 'a', 'a', 1)"}},
		"a row deleted":                  {"person 3: the entries tell of this row", []string{"DELETE FROM person WHERE id = 3"}},
		"a row's text":                   {"person 1: column name", []string{"UPDATE person SET name = 'Somebody else' WHERE id = 1"}},
		"a row's state":                  {"person 3: column disabled_at", []string{"UPDATE person SET disabled_at = 0 WHERE id = 3"}},
		"a row's number":                 {"person 77: no entry tells", []string{"UPDATE person SET id = 77 WHERE id = 1"}},
		"an unset column":                {"person 1: column kid", []string{"UPDATE person SET kid = 'k' WHERE id = 1"}},
		"a column taken away":            {"hash_list 1: column own", []string{"ALTER TABLE hash_list DROP COLUMN own"}},
		"a bulk row's value":             {"list_entry, batch 1: its rows", []string{"UPDATE list_entry SET value = 'x' WHERE id = 1"}},
		"a bulk row's label":             {"list_entry, batch 1: its rows", []string{"UPDATE list_entry SET label = 'x' WHERE id = 1"}},
		"a bulk row deleted":             {"list_entry, batch 1: its rows", []string{"DELETE FROM list_entry WHERE id = 2"}},
		"a bulk row added":               {"list_entry, batch 1: its rows", []string{"INSERT INTO list_entry (batch_id, kind, value) VALUES (1, 'md5', 'x')"}},
		"a bulk row moved":               {"list_entry, batch 2: its rows", []string{"UPDATE list_entry SET batch_id = 2 WHERE id = 2"}},
		"bulk rows swapped":              {"list_entry, batch 2: its rows", []string{"UPDATE list_entry SET id = 99 WHERE id = 3"}},
		"a batch deleted":                {"list_entry, batch 2: its rows", []string{"DELETE FROM list_entry WHERE batch_id = 2"}},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		n.story(t)
		for name, c := range cases {
			if db.Engine() == store.Postgres && strings.HasPrefix(c.change[0], "ALTER") {
				continue // PostgreSQL itself refuses the plans it keeps for the old columns
			}
			r := n.tampered(t, func(tx *sql.Tx) {
				for _, query := range c.change {
					if _, err := tx.Exec(query); err != nil {
						t.Fatalf("%s: %v", query, err)
					}
				}
			})
			if r.Verified || !strings.Contains(strings.Join(r.Problems, "\n"), c.names) {
				t.Errorf("%s: want a problem with %q; problems:\n%s", name, c.names, strings.Join(r.Problems, "\n"))
			}
		}
		n.mustVerify(t)
	})
}

// columns gives the columns of a table.
func columns(t *testing.T, db *store.DB, table string) []string {
	t.Helper()
	names, err := store.Collect(context.Background(), db.Reader(), func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT name FROM pragma_table_info($1)", table)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// values gives rowid and value of every row's column.
func values(t *testing.T, db *store.DB, table, column string) map[int64]any {
	t.Helper()
	rows, err := db.Reader().Query("SELECT rowid, " + column + " FROM " + table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[int64]any{}
	for rows.Next() {
		var id int64
		var v any
		if err := rows.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		out[id] = v
	}
	return out
}

// Every single byte that the record answers for, in every column of every row, in values of any type.
func TestTamperAnyByte(t *testing.T) {
	db := storetest.SQLite(t) // it takes any value in any column; what PostgreSQL takes is less
	n := newNode(t, db)
	n.story(t)
	clean := n.mustVerify(t)
	change := func(table, column string, row int64, to any) {
		t.Helper()
		r := n.tampered(t, func(tx *sql.Tx) {
			exec(t, tx, "PRAGMA ignore_check_constraints = ON")
			if _, err := tx.Exec("UPDATE "+table+" SET "+column+" = $1 WHERE rowid = $2", to, row); err != nil {
				if !strings.Contains(err.Error(), "constraint failed") && !strings.Contains(err.Error(), "datatype mismatch") {
					t.Fatal(err)
				}
				tx.Exec("UPDATE record_entry SET kind = 'x' WHERE leaf = 0") // the database itself refuses this one
			}
		})
		if r.Verified {
			t.Errorf("%s.%s of row %d set to %#v: not noticed", table, column, row, to)
		}
	}
	count := 0
	for _, table := range []string{"record_entry", "record_hash", "record_checkpoint", "person", "hash_list", "list_batch", "list_entry"} {
		for _, column := range columns(t, db, table) {
			if column == "id" && (table == "record_entry" || table == "list_entry") {
				continue // the first is shown to nobody; of the second only the order counts (above)
			}
			for row, v := range values(t, db, table, column) {
				text, isText := v.(string)
				bytes, isBytes := v.([]byte)
				if isText {
					bytes = []byte(text)
				}
				step := 1
				if testing.Short() {
					step = 7
				}
				for i := 0; i < len(bytes); i += step {
					changed := append([]byte{}, bytes...)
					changed[i] ^= byte(1 + (i+int(row))%255)
					if isText {
						change(table, column, row, string(changed))
					} else if isBytes {
						change(table, column, row, changed)
					}
					count++
				}
				for _, other := range []any{int64(424242), 1.5, "\xff\xfe", []byte{0xff, 0}} {
					change(table, column, row, other)
					count++
				}
			}
		}
	}
	t.Log(count, "changes")
	if r := n.mustVerify(t); r.Root != clean.Root {
		t.Error("the test left something behind")
	}
}

// Somebody who changes an entry and then recomputes the whole tree lacks the key for the checkpoints.
func TestTamperAndRecompute(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		n.story(t)
		r := n.tampered(t, func(tx *sql.Tx) {
			exec(t, tx, "UPDATE record_entry SET public = replace(public, 'officer', 'auditor') WHERE leaf = 0")
			exec(t, tx, "UPDATE person SET roles = 'auditor' WHERE id = 1")
			exec(t, tx, "DELETE FROM record_hash")
			leaves, err := store.Collect(context.Background(), tx, func(rows *sql.Rows) (b []byte, err error) {
				var open string
				var inner []byte
				err = rows.Scan(&open, &inner)
				return append([]byte(open), inner...), err
			}, "SELECT public, sealed_hash FROM record_entry ORDER BY leaf")
			if err != nil {
				t.Fatal(err)
			}
			var tree []tlog.Hash
			read := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
				for _, i := range indexes {
					out = append(out, tree[i])
				}
				return out, nil
			})
			for i, leaf := range leaves {
				hashes, err := tlog.StoredHashes(int64(i), leaf, read)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range hashes {
					exec(t, tx, "INSERT INTO record_hash (id, hash) VALUES ($1, $2)", len(tree), h[:])
					tree = append(tree, h)
				}
			}
		})
		if len(r.Problems) != 2 || !strings.Contains(r.Problems[0], "checkpoint of size 4: the entries before it are not those it was signed over") ||
			!strings.Contains(r.Problems[1], "3 later checkpoints cover the same change") {
			t.Errorf("want the first checkpoint after the change named and the later ones counted; problems:\n%s", strings.Join(r.Problems, "\n"))
		}
	})
}

// An entry that somebody puts into the table must not be signed with the node's next ones.
func TestForeignEntryIsNotSigned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNode(t, db)
		n.story(t)
		inner := sha256.Sum256(nil)
		public := `{"kind":"platform.add","op":"insert","table":"platform","id":1,"actor":"node","occurred_at":1,"recorded_at":1,"set":{"host":"a","name":"a","kind":"a","base_url":"a","created_at":1}}`
		for _, q := range []struct {
			query string
			args  []any
		}{
			{"INSERT INTO platform (host, name, kind, base_url, created_at) VALUES ('a', 'a', 'a', 'a', 1)", nil},
			{"INSERT INTO record_entry (kind, object, object_id, occurred_at, recorded_at, public, sealed_hash) VALUES ('platform.add', 'platform', 1, 1, 1, $1, $2)", []any{public, inner[:]}},
		} {
			if _, err := db.Raw().Exec(q.query, q.args...); err != nil {
				t.Fatal(err)
			}
		}
		n.write(t, func(ctx context.Context, tx *store.Tx) error { _, err := n.person(ctx, tx, "dana", "D"); return err })
		r := n.verify(t, db.Reader())
		if len(r.Problems) != 2 || !strings.Contains(r.Problems[0], "it was not written by the node") || !strings.Contains(r.Problems[1], "platform 1: no entry tells of this row") {
			t.Errorf("problems:\n%s", strings.Join(r.Problems, "\n"))
		}
		if _, err := db.Raw().Exec("DELETE FROM record_entry WHERE leaf IS NULL"); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Raw().Exec("DELETE FROM platform"); err != nil {
			t.Fatal(err)
		}
		n.mustVerify(t)
	})
}

func TestProblemsAreBounded(t *testing.T) {
	n := newNode(t, storetest.SQLite(t))
	n.write(t, func(ctx context.Context, tx *store.Tx) error {
		for i := range 80 {
			if _, err := n.person(ctx, tx, fmt.Sprint(i), "N"); err != nil {
				return err
			}
		}
		return nil
	})
	r := n.tampered(t, func(tx *sql.Tx) { exec(t, tx, "UPDATE person SET name = 'x', roles = 'y'") })
	if len(r.Problems) != 50 {
		t.Errorf("%d problems", len(r.Problems))
	}
}

// BenchmarkAppend measures entries in transactions of one hundred.
func BenchmarkAppend(b *testing.B) {
	n := newNode(b, storetest.SQLite(b))
	i := 0
	for b.Loop() {
		n.write(b, func(ctx context.Context, tx *store.Tx) error {
			for range 100 {
				i++
				if _, err := n.person(ctx, tx, fmt.Sprint(i), "A name"); err != nil {
					return err
				}
			}
			return nil
		})
	}
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkBatch measures rows of a bulk table under one entry.
func BenchmarkBatch(b *testing.B) {
	n := newNode(b, storetest.SQLite(b))
	rows := make([]record.Fields, 1000)
	for i := range rows {
		rows[i] = record.Fields{"kind": "md5", "value": fmt.Sprintf("%032d", i), "label": "A1"}
	}
	total := 0
	var list int64
	for b.Loop() {
		n.write(b, func(ctx context.Context, tx *store.Tx) (err error) {
			if list == 0 {
				if list, err = n.log.Insert(ctx, tx, "hash_list", "list.add", time.Time{}, record.Fields{"name": "l", "holder": "h", "own": 1, "created_at": 1}); err != nil {
					return err
				}
			}
			batch, err := n.log.Insert(ctx, tx, "list_batch", "list.import", time.Time{}, record.Fields{"list_id": list, "entries": len(rows), "created_at": 1})
			if err != nil {
				return err
			}
			return n.log.InsertBatch(ctx, tx, "list_entry", "list.entries", batch, rows)
		})
		total += len(rows)
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
}
