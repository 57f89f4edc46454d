package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Round is one round of the scrub: every blob is opened and its content compared with its name. Times are microseconds UTC.
type Round struct {
	ID         int64  `json:"id"`
	StartedAt  int64  `json:"started_at"`
	FinishedAt int64  `json:"finished_at,omitempty"` // 0: under way, or broken off and to be gone on with
	Position   string `json:"-"`                     // name of the newest blob looked at
	Blobs      int64  `json:"blobs"`
	Bytes      int64  `json:"bytes"` // of content
	Damaged    int64  `json:"damaged"`
}

func newestRound(ctx context.Context, q store.Queryer) (r Round, err error) {
	return r, q.QueryRowContext(ctx, "SELECT id, started_at, finished_at, position, blobs, bytes, damaged FROM vault_scrub ORDER BY id DESC LIMIT 1").
		Scan(&r.ID, &r.StartedAt, &r.FinishedAt, &r.Position, &r.Blobs, &r.Bytes, &r.Damaged)
}

const (
	scrubStretch = 64      // blobs between two looks at the database
	scrubNotes   = 1 << 30 // bytes after which the position is put on record
)

// Scrub goes through the whole vault at up to rate bytes of content a second (0: as fast as it can) and records damage at the
// blob and the round at its end. A round that was broken off is gone on with. What is damaged stays damaged until it is put again.
func (v *Vault) Scrub(ctx context.Context, rate int64) (Round, error) {
	r, err := newestRound(ctx, v.db.Reader())
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return r, err
	}
	if err != nil || r.FinishedAt != 0 {
		r = Round{StartedAt: store.Micros(v.clock.Now())}
		err = v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			r.ID, err = v.log.Insert(ctx, tx, "vault_scrub", "vault.scrub_began", time.Time{}, record.Fields{"started_at": r.StartedAt})
			return err
		})
		if err != nil {
			return r, err
		}
	}
	noted := r.Bytes
	pace := newPace(rate)
	for {
		names, err := store.Collect(ctx, v.db.Reader(), func(rows *sql.Rows) (s string, err error) { return s, rows.Scan(&s) },
			"SELECT name FROM blob WHERE name > $1 ORDER BY name LIMIT $2", r.Position, scrubStretch)
		if err != nil {
			return r, err
		}
		for _, name := range names {
			size, err := v.look(ctx, name, &r)
			if err != nil {
				return r, errors.Join(err, v.note(context.WithoutCancel(ctx), r, false))
			}
			r.Position = name
			if err := pace.wait(ctx, size); err != nil {
				return r, errors.Join(err, v.note(context.WithoutCancel(ctx), r, false))
			}
		}
		if len(names) < scrubStretch {
			r.FinishedAt = store.Micros(v.clock.Now())
			return r, v.note(ctx, r, true)
		}
		if r.Bytes-noted >= scrubNotes {
			noted = r.Bytes
			if err := v.note(ctx, r, false); err != nil {
				return r, err
			}
		}
	}
}

// ScrubDue runs a round unless the last one ended less than every ago.
func (v *Vault) ScrubDue(ctx context.Context, rate int64, every time.Duration) error {
	r, err := newestRound(ctx, v.db.Reader())
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err == nil && r.FinishedAt != 0 && v.clock.Now().Before(store.Time(r.FinishedAt).Add(every)) {
		return nil
	}
	_, err = v.Scrub(ctx, rate)
	return err
}

func (v *Vault) note(ctx context.Context, r Round, finished bool) error {
	f := record.Fields{"position": r.Position, "blobs": r.Blobs, "bytes": r.Bytes, "damaged": r.Damaged}
	kind := "vault.scrub_position"
	if finished {
		f["finished_at"], kind = r.FinishedAt, "vault.scrub_finished"
	}
	return v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return v.log.Update(ctx, tx, "vault_scrub", kind, time.Time{}, r.ID, f)
	})
}

// look opens one blob and records what is wrong with it, or that it is well again.
func (v *Vault) look(ctx context.Context, name string, r *Round) (size int64, err error) {
	why, _, plain, err := v.read(ctx, v.db.Reader(), name)
	if fault.Of(err) == fault.NotFound {
		return 0, nil // shredded meanwhile
	}
	if err != nil {
		return 0, err
	}
	size = int64(len(plain))
	r.Blobs++
	r.Bytes += size
	if why != "" {
		r.Damaged++
	}
	b, err := byName(ctx, v.db.Reader(), name)
	if fault.Of(err) == fault.NotFound || err == nil && b.Damage == why {
		return size, nil
	}
	if err != nil {
		return size, err
	}
	f, kind := record.Fields{"damage": why, "damaged_at": v.clock.Now()}, "vault.damaged"
	if why == "" {
		f["damaged_at"], kind = 0, "vault.mended"
	}
	return size, v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return v.log.Update(ctx, tx, "vault_blob", kind, time.Time{}, b.ID, f)
	})
}

// pace holds a rate of bytes a second.
type pace struct {
	rate  int64
	begun time.Time
	done  int64
}

func newPace(rate int64) *pace { return &pace{rate: rate, begun: time.Now()} }

func (p *pace) wait(ctx context.Context, n int64) error {
	p.done += n
	if p.rate <= 0 {
		return ctx.Err()
	}
	due := time.Duration(float64(p.done) / float64(p.rate) * float64(time.Second))
	t := time.NewTimer(due - time.Since(p.begun))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Check proves the vault against its account, offline: every blob on record is there, opens with the node's key and is what it is
// named for; every key belongs to a blob on record. problem is called for each thing that is wrong.
func (v *Vault) Check(ctx context.Context, q store.Queryer, problem func(format string, args ...any)) (blobs int64, err error) {
	last := ""
	for {
		type row struct {
			name, state string
			size        int64
			here        bool
		}
		rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (r row, err error) { return r, rows.Scan(&r.name, &r.state, &r.size, &r.here) },
			`SELECT v.name, v.state, v.size, EXISTS (SELECT 1 FROM blob b WHERE b.name = v.name) FROM vault_blob v WHERE v.name > $1 ORDER BY v.name LIMIT 256`, last)
		if err != nil {
			return blobs, err
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			last = r.name
			switch {
			case r.state == Shredded && r.here:
				problem("vault blob %s: the record says that it was shredded, but its key is there", r.name)
			case r.state == Shredded:
			case !r.here:
				problem("vault blob %s: the record says that it is kept, but its key is gone", r.name)
			default:
				blobs++
				why, cause, plain, err := v.read(ctx, q, r.name)
				if fault.Of(err) == fault.NotFound {
					continue // shredded meanwhile
				}
				if err != nil {
					return blobs, err
				}
				if why == "" && int64(len(plain)) != r.size {
					why = "its size is not the recorded one"
				}
				if why != "" && cause != nil {
					problem("vault blob %s: %s (%v)", r.name, why, cause)
				} else if why != "" {
					problem("vault blob %s: %s", r.name, why)
				}
			}
		}
	}
	return blobs, nil
}

// Unrecorded counts the blobs of which no entry tells: those kept before the record told of blobs, until the node starts again.
func (v *Vault) Unrecorded(ctx context.Context) (n int64, err error) {
	err = v.db.Reader().QueryRowContext(ctx, "SELECT COUNT(*) FROM blob b WHERE NOT EXISTS (SELECT 1 FROM vault_blob v WHERE v.name = b.name)").Scan(&n)
	if err != nil {
		err = fmt.Errorf("vault: %w", err)
	}
	return n, err
}
