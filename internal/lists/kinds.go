package lists

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"

	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// KindShare gives in how many look-ups of the match service a kind of hash takes part: 0 is switched off, 1 all.
func (l *Lists) KindShare(kind string) float64 {
	l.index.mu.RLock()
	defer l.index.mu.RUnlock()
	if share, ok := l.index.kindShare[kind]; ok {
		return share
	}
	return 1
}

// SetKindShare switches a kind of hash off, on, or to a share.
func (l *Lists) SetKindShare(ctx context.Context, tx *store.Tx, kind string, share float64) error {
	if err := checkShare(share); err != nil {
		return err
	}
	var id int64
	err := tx.QueryRowContext(ctx, "SELECT id FROM list_kind WHERE kind = $1", kind).Scan(&id)
	switch f := (record.Fields{"kind": kind, "share": millionths(share)}); {
	case errors.Is(err, sql.ErrNoRows):
		_, err = l.log.Insert(ctx, tx, "list_kind", "list.kind", time.Time{}, f)
	case err == nil:
		err = l.log.Update(ctx, tx, "list_kind", "list.kind", time.Time{}, id, f)
	}
	if err == nil {
		tx.AfterCommit(func() {
			l.index.mu.Lock()
			defer l.index.mu.Unlock()
			l.index.kindShare[kind] = float64(millionths(share)) / 1e6
		})
	}
	return err
}

func (x *index) loadKinds(ctx context.Context, q store.Queryer) error {
	rows, err := q.QueryContext(ctx, "SELECT kind, share FROM list_kind")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var share int64
		if err := rows.Scan(&kind, &share); err != nil {
			return err
		}
		x.kindShare[kind] = float64(share) / 1e6
	}
	return rows.Err()
}

// Newest gives when a list last changed; the zero time: never.
func (l *Lists) Newest(ctx context.Context) (time.Time, error) {
	var at int64
	err := l.db.Reader().QueryRowContext(ctx, "SELECT created_at FROM list_batch ORDER BY id DESC LIMIT 1").Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return store.Time(at), err
}

// LastChange gives the number of the newest change of a list; in the transaction of a change, that of the change itself. See Sequence.
func LastChange(ctx context.Context, q store.Queryer, listID int64) (n int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM list_batch WHERE list_id = $1", listID).Scan(&n)
	return n, err
}

// FreshSeed gives a seed for a look-up whose caller has none.
func FreshSeed() string {
	b := [8]byte{}
	for i, n := 0, rand.Uint64(); i < 8; i, n = i+1, n>>8 {
		b[i] = byte(n)
	}
	return hex.EncodeToString(b[:])
}
