package store

import (
	"context"
	"database/sql"
	"errors"
)

// Tx is the transaction that a Write closure works in. It is shared with other closures; only the closure's own savepoint
// is undone when it fails. It must not be kept after the closure returns.
//
// Its statements run to their end whatever happens to the context: on both engines a statement that is broken off takes the
// whole transaction with it, and the other closures' work.
type Tx struct {
	*sql.Tx
	Engine Engine
	after  []func()
}

// AfterCommit runs fn once the closure's work is durable, before Write returns. fn must be quick and cannot fail.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// ExecContext runs a statement to its end.
func (tx *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return tx.Tx.ExecContext(context.WithoutCancel(ctx), query, args...)
}

// QueryContext runs a query to its end.
func (tx *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.Tx.QueryContext(context.WithoutCancel(ctx), query, args...)
}

// QueryRowContext runs a query for one row to its end.
func (tx *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.Tx.QueryRowContext(context.WithoutCancel(ctx), query, args...)
}

var errNotYours = errors.New("store: the transaction is shared; Write commits it, and an error of the closure undoes the closure's part")

// Commit refuses: Write commits.
func (tx *Tx) Commit() error { return errNotYours }

// Rollback refuses: an error that the closure returns undoes its part.
func (tx *Tx) Rollback() error { return errNotYours }
