package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/stdlib"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// state is one consistent state of a database, for as long as it is open.
type state struct {
	q          store.Queryer
	schema     int64
	checkpoint string
	tables     map[string]Table
	blobs      int64
	close      func()
	write      func(ctx context.Context, a *archive) error
}

// fix takes the state of the database as it is now: on SQLite a copy of the file (VACUUM INTO), on PostgreSQL one snapshot.
func fix(ctx context.Context, src Source, tmp string) (*state, error) {
	if src.Keep.DB.Engine() == store.Postgres {
		return fixPostgres(ctx, src, tmp)
	}
	path := filepath.Join(tmp, "raksha.db")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	from := strings.TrimPrefix(src.DSN, "sqlite:")
	if from == "" {
		from = strings.TrimPrefix(app.DSN(src.Dir), "sqlite:")
	}
	live, err := openSQLite(from)
	if err != nil {
		return nil, err
	}
	defer live.Close()
	if _, err := live.ExecContext(ctx, "VACUUM INTO $1", path); err != nil {
		return nil, fmt.Errorf("copy the database: %w", err)
	}
	copied, err := openSQLite(path)
	if err != nil {
		return nil, err
	}
	s := &state{q: copied, close: func() { copied.Close() }, write: func(ctx context.Context, a *archive) error { return a.file("database/raksha.db", path) }}
	names, err := store.Collect(ctx, copied, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err == nil {
		err = s.describe(ctx, names)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func openSQLite(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
}

// describe counts the rows and reads schema and checkpoint.
func (s *state) describe(ctx context.Context, names []string) error {
	s.tables = map[string]Table{}
	for _, name := range names {
		t := s.tables[name]
		if err := s.q.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quote(name)).Scan(&t.Rows); err != nil {
			return err
		}
		s.tables[name] = t
	}
	if err := s.q.QueryRowContext(ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&s.schema); err != nil {
		return err
	}
	err := s.q.QueryRowContext(ctx, "SELECT note FROM record_checkpoint ORDER BY size DESC LIMIT 1").Scan(&s.checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Conflict, "the record is empty; there is nothing to back up")
	}
	return err
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// own are the tables that a new database makes for itself, and those that only tell which processes are up.
var own = []string{"goose_db_version", "river_migration", "river_leader", "river_client", "river_client_queue"}

func fixPostgres(ctx context.Context, src Source, tmp string) (*state, error) {
	conn, err := src.Keep.DB.Raw().Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &state{q: tx, close: func() { tx.Rollback(); conn.Close() }}
	s.write = func(ctx context.Context, a *archive) error {
		for name, t := range s.tables {
			path := filepath.Join(tmp, "copy")
			if err := copyOut(ctx, conn, path, "COPY "+quote(name)+" ("+columnList(t.Columns)+") TO STDOUT"); err != nil {
				return fmt.Errorf("copy %s: %w", name, err)
			}
			if err := a.file("database/"+name+".copy", path); err != nil {
				return err
			}
		}
		return nil
	}
	names, err := pgTables(ctx, tx)
	if err == nil {
		names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(own, n) })
		err = s.describe(ctx, names)
	}
	for _, name := range names {
		if err != nil {
			break
		}
		t := s.tables[name]
		t.Columns, err = pgColumns(ctx, tx, name)
		s.tables[name] = t
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func columnList(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = quote(c)
	}
	return strings.Join(quoted, ", ")
}

func pgTables(ctx context.Context, q store.Queryer) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name")
}

func pgColumns(ctx context.Context, q store.Queryer, table string) ([]string, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
		"SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position", table)
}

func copyOut(ctx context.Context, conn *sql.Conn, path, query string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().PgConn().CopyTo(ctx, f, query)
		return err
	})
	return errors.Join(err, f.Close())
}

func copyIn(ctx context.Context, conn *sql.Conn, r io.Reader, query string) (rows int64, err error) {
	err = conn.Raw(func(driver any) error {
		tag, err := driver.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, r, query)
		rows = tag.RowsAffected()
		return err
	})
	return rows, err
}

// pgOrder sorts tables so that each comes after those that it refers to.
func pgOrder(ctx context.Context, q store.Queryer, names []string) ([]string, error) {
	type edge struct{ from, to string }
	edges, err := store.Collect(ctx, q, func(rows *sql.Rows) (e edge, err error) { return e, rows.Scan(&e.from, &e.to) },
		`SELECT f.relname, t.relname FROM pg_constraint c JOIN pg_class f ON f.oid = c.conrelid JOIN pg_class t ON t.oid = c.confrelid WHERE c.contype = 'f' AND f.relname <> t.relname`)
	if err != nil {
		return nil, err
	}
	var out []string
	for len(out) < len(names) {
		before := len(out)
		for _, n := range names {
			waits := slices.ContainsFunc(edges, func(e edge) bool { return e.from == n && slices.Contains(names, e.to) && !slices.Contains(out, e.to) })
			if !waits && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
		if len(out) == before {
			return nil, errors.New("the tables refer to each other in a circle")
		}
	}
	return out, nil
}
