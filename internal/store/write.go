package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"raksha.example/raksha/internal/fault"
)

const (
	queueLength = 1024 // writers that may wait in line; further ones wait before it: back-pressure
	groupSize   = 128  // closures in one transaction at most
)

// The stages of a request.
const (
	waiting   = iota // in the queue
	begun            // its closure runs or has run: the outcome must be waited for, it may be durable
	abandoned        // its caller has gone
)

type request struct {
	ctx   context.Context
	fn    func(context.Context, *Tx) error
	stage atomic.Int32
	err   error         // set before done is closed
	done  chan struct{} // closed when the outcome is known
}

// BeforeCommit adds a step that runs once in each transaction, after the closures and before the commit (the record's
// sequencer). It must be called before the first Write. If the step fails, the transaction and every closure in it fail.
func (db *DB) BeforeCommit(fn func(context.Context, *Tx) error) { db.before = append(db.before, fn) }

// Write runs fn in a transaction and returns after the commit. An error of fn, or a panic in it, undoes what fn did, and that
// alone, and is returned. All writes of a database happen one after another, also those of other processes, so that fn may
// read what it decides upon.
//
// When more than 1024 writes wait, Write waits for a place. If ctx ends before fn begins, fn never runs and Write returns a
// fault.Unavailable that wraps the context's error. Once fn has begun, its outcome is waited for. The context that fn is
// given carries ctx's values and never ends. fn must not call Write: it would wait for itself, and gets an error instead.
func (db *DB) Write(ctx context.Context, fn func(context.Context, *Tx) error) error {
	if inside, ok := ctx.Value(insideKey{}).(*atomic.Bool); ok && inside.Load() {
		return errors.New("store: Write inside the closure of a Write")
	}
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case db.queue <- r:
	case <-ctx.Done():
		return busy(ctx)
	case <-db.quit:
		return closing()
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.stage.CompareAndSwap(waiting, abandoned) {
			return busy(ctx)
		}
	case <-db.done:
	}
	select {
	case <-r.done:
		return r.err
	case <-db.done: // the writer has left, perhaps with this request answered at the last moment
		select {
		case <-r.done:
			return r.err
		default:
			return closing()
		}
	}
}

func closing() error { return fault.New(fault.Unavailable, "the node is shutting down; try again") }

// busy says why a write was not begun: its caller's time ended while others were before it.
func busy(ctx context.Context) error {
	return fault.Wrap(ctx.Err(), fault.Unavailable, "the node is busy and could not write this in time; nothing was changed, try again")
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

// gather takes what waits. The writers that the last commit has answered may be about to write again: they get a chance to
// run first, because one that comes a moment later pays for a commit of its own.
func (db *DB) gather(first *request) []*request {
	group := []*request{first}
	for yielded := false; len(group) < groupSize; {
		select {
		case r := <-db.queue:
			group = append(group, r)
		default:
			if yielded {
				return group
			}
			runtime.Gosched()
			yielded = true
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

// The statements around each closure. RELEASE keeps the savepoint's work. On PostgreSQL the lock makes the writes of all
// processes one sequence, as SQLite does by itself; it goes with the transaction.
const (
	enter      = "SAVEPOINT one"
	leave      = "RELEASE SAVEPOINT one"
	next       = leave + "; " + enter
	undo       = "ROLLBACK TO SAVEPOINT one"
	onlyWriter = "SELECT pg_advisory_xact_lock(7214)"
)

func (db *DB) transact(group []*request, after *[]func()) error {
	ctx := context.Background() // a caller that goes away must not undo the others' work
	sqlTx, err := db.w.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer sqlTx.Rollback()
	begin := enter
	if db.engine == Postgres {
		begin = onlyWriter + "; " + enter
	}
	if _, err := sqlTx.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	worked := false
	var kept []func()
	for i, r := range group {
		if !r.stage.CompareAndSwap(waiting, begun) {
			continue // abandoned
		}
		tx := &Tx{Tx: sqlTx, Engine: db.engine}
		if r.err = call(r.ctx, r.fn, tx); r.err == nil {
			move := next
			if i == len(group)-1 {
				move = leave
			}
			if _, err := sqlTx.ExecContext(ctx, move); err == nil {
				worked = true
				kept = append(kept, tx.after...)
				continue
			} else {
				// PostgreSQL takes nothing more after a statement that failed, also if the closure passed over the failure.
				r.err = fmt.Errorf("a statement of this write failed: %w", err)
			}
		}
		if _, err := sqlTx.ExecContext(ctx, undo); err != nil {
			return fmt.Errorf("undo a write: %w", errors.Join(r.err, err))
		}
	}
	if !worked {
		return nil
	}
	tx := &Tx{Tx: sqlTx, Engine: db.engine}
	for _, fn := range db.before {
		if err := call(ctx, fn, tx); err != nil {
			return fmt.Errorf("before commit: %w", err)
		}
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	*after = append(kept, tx.after...)
	return nil
}

type insideKey struct{}

// call runs a closure; a panic in it is its error. The context is freed of its cancellation: see Tx.
func call(ctx context.Context, fn func(context.Context, *Tx) error, tx *Tx) (err error) {
	inside := new(atomic.Bool)
	inside.Store(true)
	defer func() {
		inside.Store(false)
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a write: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(context.WithValue(context.WithoutCancel(ctx), insideKey{}, inside), tx)
}

// Waiting counts the writes that wait in line.
func (db *DB) Waiting() int { return len(db.queue) }
