package record

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/store"
)

// Report is the outcome of Verify.
type Report struct {
	Entries     int64    `json:"entries"`
	Checkpoints int64    `json:"checkpoints"`
	Erased      int64    `json:"erased"` // entries whose sealed part is gone, each by an entry that says on what basis
	Rows        int64    `json:"rows"`   // rows of all tables that the fold was compared with
	Root        string   `json:"root"`   // base64 of the tree's root
	Verified    bool     `json:"verified"`
	Problems    []string `json:"problems,omitempty"` // at most problemLimit, each names what is wrong
	More        int64    `json:"more,omitempty"`     // further problems, not shown

	dropped []int64 // entries without their sealed part, found in the log
}

const problemLimit = 50

// Problem adds what was found wrong.
func (r *Report) Problem(format string, args ...any) {
	r.Verified = false
	if len(r.Problems) < problemLimit {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
		return
	}
	r.More++
}

// Verify proves a node's database offline: first the log (every leaf, every stored hash, every checkpoint), then, in a
// second pass, that every row of every table is what the entries fold to. The error is for a database that cannot be read;
// what was found wrong stands in the report, the culprit before what follows from it. Given a *sql.DB it reads one snapshot, so
// that the node may go on writing, on two connections; given a transaction, that must be one (on PostgreSQL: repeatable read).
func Verify(ctx context.Context, q store.Queryer, tables []Table, verifier note.Verifier) (Report, error) {
	q, hashes, end, err := snapshot(ctx, q)
	if err != nil {
		return Report{}, err
	}
	defer end()
	r, whole, err := verifyLog(ctx, q, hashes, verifier)
	if err != nil {
		return r, err
	}
	if !whole {
		r.Problem("the rows were not compared with the entries, because the log has a gap")
		return r, nil
	}
	return r, r.fold(ctx, q, tables)
}

// VerifyLog is the first pass of Verify alone.
func VerifyLog(ctx context.Context, q store.Queryer, verifier note.Verifier) (Report, error) {
	q, hashes, end, err := snapshot(ctx, q)
	if err != nil {
		return Report{}, err
	}
	defer end()
	r, _, err := verifyLog(ctx, q, hashes, verifier)
	return r, err
}

// VerifyRows is the second pass of Verify alone; it takes the log as sound.
func VerifyRows(ctx context.Context, q store.Queryer, tables []Table) (Report, error) {
	q, _, end, err := snapshot(ctx, q)
	if err != nil {
		return Report{}, err
	}
	defer end()
	r := Report{Verified: true}
	if err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM record_entry WHERE leaf IS NOT NULL").Scan(&r.Entries); err != nil {
		return r, err
	}
	r.dropped, err = store.Collect(ctx, q, func(rows *sql.Rows) (leaf int64, err error) { return leaf, rows.Scan(&leaf) },
		"SELECT leaf FROM record_entry WHERE sealed IS NULL AND salt IS NULL AND leaf IS NOT NULL AND sealed_hash <> $1 ORDER BY leaf", noSeal[:])
	if err != nil {
		return r, err
	}
	return r, r.fold(ctx, q, tables)
}

// snapshot gives one state of the database, unless it is in one already, and a second connection for the stored hashes. That one
// sees the same state or a later one: hashes are only ever added, and those beyond the first state's entries are not asked for.
func snapshot(ctx context.Context, q store.Queryer) (state, hashes store.Queryer, end func(), err error) {
	db, ok := q.(*sql.DB)
	if !ok {
		return q, q, func() {}, nil
	}
	readOnly := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	first, err := db.BeginTx(ctx, readOnly)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, err := newestSize(ctx, first); err != nil { // the state is fixed at the first read
		first.Rollback()
		return nil, nil, nil, err
	}
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := db.Conn(soon)
	if err != nil { // all are in use
		return first, first, func() { first.Rollback() }, nil
	}
	second, err := conn.BeginTx(ctx, readOnly)
	if err != nil {
		return nil, nil, nil, errors.Join(err, conn.Close(), first.Rollback())
	}
	return first, second, func() { second.Rollback(); conn.Close(); first.Rollback() }, nil
}

// canonical says whether text is the only way to write n: signatures could be spelt in several.
func canonical(n *note.Note, text string) bool {
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return false
	}
	sig := n.Sigs[0]
	b, err := base64.StdEncoding.DecodeString(sig.Base64)
	return err == nil && text == fmt.Sprintf("%s\n\u2014 %s %s\n", n.Text, sig.Name, base64.StdEncoding.EncodeToString(b))
}
