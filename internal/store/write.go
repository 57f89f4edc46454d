package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"raksha.example/raksha/internal/fault"
)

const (
	queueLength = 1024 // writers that may wait; a further one blocks: back-pressure
	groupSize   = 128  // closures in one transaction at most
)

// Tx is the transaction that a Write closure works in. It is shared with other closures; only the closure's own savepoint
// is undone when it fails. It must not be kept after the closure returns, nor committed or rolled back.
type Tx struct {
	*sql.Tx
	Engine Engine
	after  []func()
}

// AfterCommit runs fn once the closure's work is durable, before Write returns. fn must be quick and cannot fail.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

type request struct {
	ctx  context.Context
	fn   func(context.Context, *Tx) error
	err  error
	done chan struct{}
}

// BeforeCommit adds a step that runs once in each transaction, after the closures and before the commit (the record's
// sequencer). It must be called before the first Write. If the step fails, the transaction and every closure in it fail.
func (db *DB) BeforeCommit(fn func(context.Context, *Tx) error) { db.before = append(db.before, fn) }

// Write runs fn in a transaction and returns after the commit. An error of fn undoes what fn did and is returned.
func (db *DB) Write(ctx context.Context, fn func(context.Context, *Tx) error) error {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case db.queue <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.quit:
		return fault.New(fault.Unavailable, "the node is shutting down; try again")
	}
	select {
	case <-r.done: // once queued, the outcome is waited for: it may be durable already
		return r.err
	case <-db.done: // queued while the writer was leaving
		select {
		case <-r.done:
			return r.err
		default:
			return fault.New(fault.Unavailable, "the node is shutting down; try again")
		}
	}
}

func (db *DB) writer() {
	defer close(db.done)
	for {
		select {
		case r := <-db.queue:
			db.group(db.gather(r))
		case <-db.quit:
			for {
				select {
				case r := <-db.queue:
					db.group(db.gather(r))
				default:
					return
				}
			}
		}
	}
}

func (db *DB) gather(first *request) []*request {
	group := []*request{first}
	for len(group) < groupSize {
		select {
		case r := <-db.queue:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

// group runs requests in one transaction and answers each.
func (db *DB) group(group []*request) {
	var after []func()
	err := db.transact(group, &after)
	for _, fn := range after {
		fn()
	}
	for _, r := range group {
		if err != nil && r.err == nil {
			r.err = err
		}
		close(r.done)
	}
}

func (db *DB) transact(group []*request, after *[]func()) error {
	ctx := context.Background() // a caller that goes away must not undo the others' work
	sqlTx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer sqlTx.Rollback()
	worked := false
	var kept []func()
	for _, r := range group {
		tx := &Tx{Tx: sqlTx, Engine: db.engine}
		if r.err, err = savepoint(ctx, tx, r); err != nil {
			return err
		}
		if r.err == nil {
			worked = true
			kept = append(kept, tx.after...)
		}
	}
	if !worked {
		return nil
	}
	tx := &Tx{Tx: sqlTx, Engine: db.engine}
	for _, fn := range db.before {
		if err := fn(ctx, tx); err != nil {
			return fmt.Errorf("before commit: %w", err)
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	*after = append(kept, tx.after...)
	return nil
}

// savepoint runs one request; its own error leaves the transaction as it was, the second error ends the transaction.
func savepoint(ctx context.Context, tx *Tx, r *request) (own, fatal error) {
	if err := r.ctx.Err(); err != nil {
		return err, nil
	}
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	own = call(r, tx)
	if own != nil {
		_, err := tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT one")
		if err != nil {
			return nil, errors.Join(own, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "RELEASE SAVEPOINT one"); err != nil {
		return nil, err
	}
	return own, nil
}

// call runs the closure; a panic in it is that closure's error. The context is freed of its cancellation, so that a
// caller who hangs up in the middle cannot break the shared transaction.
func call(r *request, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return r.fn(context.WithoutCancel(r.ctx), tx)
}
