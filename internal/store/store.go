// Package store is the node's database: SQLite (embedded) or PostgreSQL, one SQL text for both, and one write path.
//
// DB.Write is the only writer. It gathers the closures of concurrent callers into one transaction, a savepoint each, and
// returns after the commit, so that durability costs one fsync for many. Reads go through DB.Reader on connections of
// their own. Times are BIGINT microseconds UTC; arguments are $N on both engines.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // driver "sqlite"
)

// Engine says which database stands behind a DB.
type Engine string

// The two engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Queryer reads: a transaction inside Write, or the read connections.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// DB is one node's database.
type DB struct {
	engine Engine
	w      *sql.DB // on SQLite a single connection; used by the writer goroutine and by the job queue
	r      *sql.DB
	queue  chan *request
	quit   chan struct{}
	done   chan struct{}
	before []func(context.Context, *Tx) error // fixed before the first Write
	close  func() error                       // does its work once
}

// Open opens the database of dsn, "sqlite:PATH" or "postgres://...", and brings its schema up to date: fault.Conflict if a newer
// program has used it. On PostgreSQL several processes may open the same database.
func Open(ctx context.Context, dsn string) (*DB, error) { return open(ctx, dsn, newest) }

func open(ctx context.Context, dsn string, version int64) (*DB, error) {
	db := &DB{queue: make(chan *request, queueLength), quit: make(chan struct{}), done: make(chan struct{})}
	db.close = sync.OnceValue(db.shut)
	var err error
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		db.engine = SQLite
		err = db.openSQLite(strings.TrimPrefix(dsn, "sqlite:"))
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		db.engine = Postgres
		err = db.openPostgres(dsn)
	default:
		err = errors.New(`the database is named "sqlite:PATH" or "postgres://..."`)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := db.migrate(ctx, version); err != nil {
		db.closeConns()
		return nil, fmt.Errorf("migrate database: %w", err)
	}
	go db.writer()
	return db, nil
}

func (db *DB) openSQLite(path string) error {
	// 16 MiB of cache for each of five connections: the system caches the file as well, and a node's memory should not grow with its database.
	pragmas := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "busy_timeout(10000)",
		"cache_size(-16384)", "temp_store(MEMORY)"}}
	uri := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode()
	var err error
	if db.w, err = sql.Open("sqlite", uri+"&_txlock=immediate"); err != nil {
		return err
	}
	db.w.SetMaxOpenConns(1)
	if err = db.w.Ping(); err != nil { // creates the file before the readers open it
		return err
	}
	if db.r, err = sql.Open("sqlite", uri+"&_pragma=query_only(ON)"); err != nil {
		return err
	}
	db.r.SetMaxOpenConns(4)
	db.r.SetMaxIdleConns(4)
	return nil
}

func (db *DB) openPostgres(dsn string) error {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	db.w = stdlib.OpenDB(*c)
	db.w.SetMaxOpenConns(8)
	reading := c.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	db.r = stdlib.OpenDB(*reading)
	db.r.SetMaxOpenConns(8)
	db.r.SetMaxIdleConns(4)
	return nil
}

// Engine tells the engine.
func (db *DB) Engine() Engine { return db.engine }

// Reader gives the read connections. They see what is committed, and refuse to write.
func (db *DB) Reader() *sql.DB { return db.r }

// Raw gives the writing connections, for the job queue, which runs its own transactions on its own tables.
func (db *DB) Raw() *sql.DB { return db.w }

// Close carries out the writes that wait and closes the connections; further writes are refused.
func (db *DB) Close() error { return db.close() }

func (db *DB) shut() error {
	close(db.quit)
	<-db.done
	return db.closeConns()
}

func (db *DB) closeConns() error { return errors.Join(db.w.Close(), db.r.Close()) }

// Micros turns an instant into the form that tables hold; the zero time is 0.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the inverse of Micros.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// Collect runs a query and scans every row with scan.
func Collect[T any](ctx context.Context, q Queryer, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Snapshot begins a read-only transaction that sees one state of everything, however long it reads.
func (db *DB) Snapshot(ctx context.Context) (*sql.Tx, error) {
	o := &sql.TxOptions{}
	if db.engine == Postgres {
		o = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return db.r.BeginTx(ctx, o)
}
