package jobs

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
)

// wake tells the running queue of this process that a commit brought a job, so that it need not poll often: River's own
// listener for SQLite would ask the one writing connection twenty times a second.
type wake chan struct{}

func (w wake) up() {
	select {
	case w <- struct{}{}:
	default: // told already
	}
}

// driver is River's driver for an engine with our wake-up in the place of notifications through the database.
type driver struct {
	riverdriver.Driver[*sql.Tx]
	wake wake
}

func newDriver(engine store.Engine, db *sql.DB, w wake) riverdriver.Driver[*sql.Tx] {
	if engine == store.SQLite {
		return driver{riversqlite.New(db), w}
	}
	return driver{riverdatabasesql.New(db), w}
}

// SupportsListener implements riverdriver.Driver: there is one, ours.
func (driver) SupportsListener() bool { return true }

// SupportsListenNotify implements riverdriver.Driver: River need not write notifications.
func (driver) SupportsListenNotify() bool { return false }

// GetListener implements riverdriver.Driver.
func (d driver) GetListener(p *riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.wake, p.Schema}
}

type listener struct {
	wake   wake
	schema string
}

// WaitForNotification implements riverdriver.Listener.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.wake:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"default"}`}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l listener) Close(context.Context) error            { return nil }
func (l listener) Connect(context.Context) error          { return nil }
func (l listener) Listen(context.Context, string) error   { return nil }
func (l listener) Unlisten(context.Context, string) error { return nil }
func (l listener) Ping(context.Context) error             { return nil }
func (l listener) Schema() string                         { return l.schema }
func (l listener) SetAfterConnectExec(string)             {}

// migrate brings River's tables up to date. On PostgreSQL a lock keeps nodes that start together apart.
func migrate(ctx context.Context, db *store.DB, log *slog.Logger) error {
	if db.Engine() == store.Postgres {
		conn, err := db.Raw().Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7216)"); err != nil {
			return err
		}
		defer conn.ExecContext(ctx, "SELECT pg_advisory_unlock(7216)")
	}
	m, err := rivermigrate.New(newDriver(db.Engine(), db.Raw(), nil), &rivermigrate.Config{Logger: log})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// backoff doubles the wait after each failed attempt, from firstRetry to longRetry.
type backoff struct{}

// NextRetry implements river.ClientRetryPolicy.
func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	wait := longRetry
	if n := len(job.Errors); n < 9 { // this attempt's error is not among them yet
		wait = min(longRetry, firstRetry<<n)
	}
	return time.Now().Add(wait)
}

// atLeast passes on records of a level and above: River tells of its inner life at lower ones.
type atLeast struct {
	level slog.Level
	slog.Handler
}

func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}
func (h atLeast) WithAttrs(a []slog.Attr) slog.Handler {
	return atLeast{h.level, h.Handler.WithAttrs(a)}
}
func (h atLeast) WithGroup(g string) slog.Handler { return atLeast{h.level, h.Handler.WithGroup(g)} }

func notThere(id int64) error {
	return fault.New(fault.NotFound, "there is no job %d; it may be done", id)
}
