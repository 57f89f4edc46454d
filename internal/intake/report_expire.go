package intake

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// An unfinished filing ends 24 hours after it was opened or one hour after its last change, whichever is later, as the public
// documentation of the CyberTipline says of its own.
const (
	expireOpened  = 24 * time.Hour
	expireChanged = time.Hour

	expireAtOnce = 50 // filings of one transaction
)

// expired says whether an open filing is past its time. Times are microseconds UTC.
func expired(opened, changed, now int64) bool {
	return now >= max(opened+expireOpened.Microseconds(), changed+expireChanged.Microseconds())
}

// Expire ends the filings that are past their time and erases what they told: nobody filed it. It gives how many ended.
func (t *Tips) Expire(ctx context.Context) (ended int, err error) {
	for {
		now := store.Micros(t.clock.Now())
		due, err := store.Collect(ctx, t.db.Reader(), func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
			"SELECT id FROM report WHERE state = 'open' AND opened_at <= $1 AND changed_at <= $2 ORDER BY opened_at LIMIT $3",
			now-expireOpened.Microseconds(), now-expireChanged.Microseconds(), expireAtOnce)
		if err != nil || len(due) == 0 {
			return ended, err
		}
		err = t.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			ctx = record.WithActor(ctx, "node")
			for _, id := range due {
				if err := t.expire(ctx, tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return ended, err
		}
		ended += len(due)
	}
}

// expire ends one filing, unless something came in between.
func (t *Tips) expire(ctx context.Context, tx *store.Tx, id int64) error {
	var state string
	var opened, changed int64
	if err := tx.QueryRowContext(ctx, "SELECT state, opened_at, changed_at FROM report WHERE id = $1", id).Scan(&state, &opened, &changed); err != nil {
		return err
	}
	if state != reportOpen || !expired(opened, changed, store.Micros(t.clock.Now())) {
		return nil
	}
	if err := t.touch(ctx, tx, id, "report.expired", record.Fields{"state": reportExpired}); err != nil {
		return err
	}
	return t.forget(ctx, tx, id, "the filing was not finished within its time")
}

// forget erases what a filing told that never became a tip: the report, the names and details of its files, and their hashes. That it
// was opened, by whom, and how it ended stays.
func (t *Tips) forget(ctx context.Context, tx *store.Tx, id int64, basis string) error {
	files, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, "SELECT id FROM report_file WHERE report_id = $1 ORDER BY id", id)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := t.log.EraseAbout(ctx, tx, "report_file", f, basis); err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
	}
	_, err = t.log.EraseAbout(ctx, tx, "report", id, basis)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
