package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/store"
)

// swap puts the unpacked folder in the place of the target, in one step, and moves what was there aside.
func (t Target) swap(staging string) (aside string, err error) {
	parent := filepath.Dir(t.Dir)
	entries, err := os.ReadDir(t.Dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		if err == nil {
			if err := os.Remove(t.Dir); err != nil {
				return "", err
			}
		}
		if err := os.Rename(staging, t.Dir); err != nil {
			return "", err
		}
		return "", syncFolder(parent)
	}
	if err != nil {
		return "", err
	}
	lock, err := app.LockFolder(t.Dir) // no node may run in it
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := exchange(staging, t.Dir); err != nil {
		return "", err
	}
	if _, err := os.Stat(filepath.Join(staging, app.RestoringMark)); err == nil { // only what a broken off restore left
		return "", errors.Join(discard(staging), syncFolder(parent))
	}
	aside = t.aside()
	return aside, errors.Join(os.Rename(staging, aside), syncFolder(parent))
}

// intoPostgres fills the database in one transaction, which is committed when the folder is in place. Until the mark is taken from
// the folder no node starts in it: killed before, the restore is run again.
func (t Target) intoPostgres(ctx context.Context, staging string, r *Restored) error {
	keep, err := app.OpenKeep(ctx, staging, t.DSN, clock.System{})
	if err != nil {
		return err
	}
	defer keep.Close()
	jobs.New(keep.DB, slog.New(slog.DiscardHandler)) // makes the queue's tables
	conn, err := keep.DB.Raw().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var schema, entries int64
	if err := tx.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&schema); err != nil {
		return err
	}
	if schema != r.Manifest.Schema {
		return fault.New(fault.Conflict, "the backup is of schema %d, this program makes schema %d; restore it with the program of version %s, then start the new one", r.Manifest.Schema, schema, r.Manifest.Version)
	}
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM record_entry").Scan(&entries); err != nil {
		return err
	}
	if entries > 0 && !t.Replace {
		return fault.New(fault.Conflict, "the database holds a node; give an empty one, or --replace to overwrite it")
	}
	if err := fill(ctx, conn, tx, staging, r.Manifest); err != nil {
		return err
	}
	if err := r.verify(ctx, keep, tx, staging, t); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(staging, "database")); err != nil {
		return err
	}
	if err := syncAll(staging); err != nil {
		return err
	}
	if r.Aside, err = t.swap(staging); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return errors.Join(os.Remove(filepath.Join(t.Dir, app.RestoringMark)), syncFolder(t.Dir))
}

// fill copies every table in, in the order of their references.
func fill(ctx context.Context, conn *sql.Conn, tx *sql.Tx, dir string, m Manifest) error {
	there, err := pgTables(ctx, tx)
	if err != nil {
		return err
	}
	there = slices.DeleteFunc(there, func(n string) bool { return slices.Contains(own, n) })
	for name := range m.Tables {
		if !slices.Contains(there, name) {
			return fault.New(fault.Conflict, "the backup has the table %q, which this program does not know", name)
		}
	}
	order, err := pgOrder(ctx, tx, there)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "TRUNCATE "+columnList(order)); err != nil {
		return err
	}
	for _, name := range order {
		t, ok := m.Tables[name]
		if !ok {
			continue
		}
		columns, err := pgColumns(ctx, tx, name)
		if err != nil {
			return err
		}
		for _, c := range t.Columns {
			if !slices.Contains(columns, c) {
				return fault.New(fault.Tampered, "the manifest names a column %q of %s, which there is not", c, name)
			}
		}
		f, err := os.Open(filepath.Join(dir, "database", name+".copy"))
		if err != nil {
			return err
		}
		rows, err := copyIn(ctx, conn, f, "COPY "+quote(name)+" ("+columnList(t.Columns)+") FROM STDIN")
		f.Close()
		if err != nil {
			return fault.Wrap(err, fault.Tampered, "the table %s cannot be restored: %v", name, err)
		}
		if rows != t.Rows {
			return fault.New(fault.Tampered, "the table %s has %d rows in the backup; the manifest says %d", name, rows, t.Rows)
		}
	}
	return sequences(ctx, tx)
}

// sequences has every identity column go on where its rows end.
func sequences(ctx context.Context, tx *sql.Tx) error {
	type column struct{ table, name string }
	all, err := store.Collect(ctx, tx, func(rows *sql.Rows) (c column, err error) { return c, rows.Scan(&c.table, &c.name) },
		`SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')`)
	if err != nil {
		return err
	}
	for _, c := range all {
		query := fmt.Sprintf("SELECT setval(pg_get_serial_sequence($1, $2)::regclass, COALESCE((SELECT MAX(%s) FROM %s), 0) + 1, false)", quote(c.name), quote(c.table))
		if _, err := tx.ExecContext(ctx, query, quote(c.table), c.name); err != nil {
			return fmt.Errorf("sequence of %s: %w", c.table, err)
		}
	}
	return nil
}
