package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Blob is the recorded account of one blob. Times are microseconds UTC; 0: not, or not yet.
type Blob struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"` // HMAC of the content's hash under the node's key
	Size        int64  `json:"size"` // bytes of content
	State       string `json:"state"`
	KeptAt      int64  `json:"kept_at"`
	RetainUntil int64  `json:"retain_until,omitempty"` // afterwards it is shredded, unless it is held; 0: no limit
	Damage      string `json:"damage,omitempty"`       // what the scrub found
	DamagedAt   int64  `json:"damaged_at,omitempty"`
	ShreddedAt  int64  `json:"shredded_at,omitempty"`
	ShreddedBy  string `json:"shredded_by,omitempty"`
	ShredBasis  string `json:"shred_basis,omitempty"`
	Holds       int64  `json:"holds,omitempty"` // in force
}

// States of a blob.
const (
	Kept     = "kept"
	Shredded = "shredded"
)

const blobColumns = `SELECT id, name, size, state, kept_at, retain_until, damage, damaged_at, shredded_at, shredded_by, shred_basis,
	(SELECT COUNT(*) FROM vault_hold h WHERE h.blob_id = vault_blob.id AND h.released_at = 0) FROM vault_blob `

func scanBlob(scan func(...any) error) (b Blob, err error) {
	return b, scan(&b.ID, &b.Name, &b.Size, &b.State, &b.KeptAt, &b.RetainUntil, &b.Damage, &b.DamagedAt, &b.ShreddedAt, &b.ShreddedBy, &b.ShredBasis, &b.Holds)
}

func byName(ctx context.Context, q store.Queryer, name string) (Blob, error) {
	b, err := scanBlob(q.QueryRowContext(ctx, blobColumns+"WHERE name = $1", name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return b, fault.New(fault.NotFound, "the vault does not hold this content; it was never kept here")
	}
	return b, err
}

// Account gives the account of content by its SHA-256: also of what was shredded. fault.NotFound if it was never kept.
func (v *Vault) Account(ctx context.Context, q store.Queryer, sha string) (Blob, error) {
	name, err := v.nameOf(sha)
	if err != nil {
		return Blob{}, err
	}
	return byName(ctx, q, name)
}

// enter records that content is kept, for the first time or again after it was shredded.
func (v *Vault) enter(ctx context.Context, tx *store.Tx, name string, size int64, kind string) error {
	b, err := byName(ctx, tx, name)
	if fault.Of(err) == fault.NotFound {
		_, err = v.log.Insert(ctx, tx, "vault_blob", kind, time.Time{}, record.Fields{"name": name, "size": size, "state": Kept, "kept_at": v.clock.Now()})
		return err
	}
	if err != nil {
		return err
	}
	return v.log.Update(ctx, tx, "vault_blob", "vault.kept_again", time.Time{}, b.ID, record.Fields{"state": Kept, "size": size, "kept_at": v.clock.Now(), "retain_until": 0,
		"damage": "", "damaged_at": 0, "shredded_at": 0, "shredded_by": "", "shred_basis": ""})
}

// Adopt puts on record the blobs that were kept before the record told of blobs, and says how many.
func (v *Vault) Adopt(ctx context.Context) (n int, err error) {
	for {
		some := 0
		err := v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (b Blob, err error) { return b, rows.Scan(&b.Name, &b.Size, &b.KeptAt) },
				"SELECT name, size, created_at FROM blob b WHERE NOT EXISTS (SELECT 1 FROM vault_blob v WHERE v.name = b.name) LIMIT 500")
			if err != nil {
				return err
			}
			for _, b := range rows {
				if _, err := v.log.Insert(ctx, tx, "vault_blob", "vault.adopted", store.Time(b.KeptAt), record.Fields{"name": b.Name, "size": b.Size, "state": Kept, "kept_at": b.KeptAt}); err != nil {
					return err
				}
			}
			some = len(rows)
			return nil
		})
		if n += some; err != nil || some == 0 {
			return n, err
		}
	}
}

// Shred destroys content for good: its key goes with the transaction, its file after the commit. The entry that says so, with the
// blob's name, its size, who (the actor in ctx) and on what basis, is the proof of destruction. fault.NotFound if the content is
// not held, fault.Conflict if it is under a legal hold.
func (v *Vault) Shred(ctx context.Context, tx *store.Tx, sha, basis string) error {
	name, err := v.nameOf(sha)
	if err != nil {
		return err
	}
	return v.shred(ctx, tx, name, basis)
}

// ShredNamed is Shred for a blob of which only the name is known, such as one that the scrub found damaged.
func (v *Vault) ShredNamed(ctx context.Context, tx *store.Tx, name, basis string) error {
	return v.shred(ctx, tx, name, basis)
}

func (v *Vault) shred(ctx context.Context, tx *store.Tx, name, basis string) error {
	if basis = strings.TrimSpace(basis); basis == "" {
		return fault.New(fault.Invalid, "shredding needs its basis: the order, the section or the rule of retention that it follows")
	}
	wrapped, _, _, err := v.row(ctx, tx, name)
	if err != nil {
		return err
	}
	b, err := byName(ctx, tx, name)
	if err != nil {
		return err
	}
	if b.Holds > 0 {
		return fault.Coded(fault.Conflict, "legal_hold", "the content is under %d legal hold(s) and cannot be shredded; release them first", b.Holds)
	}
	if tx.Engine == store.SQLite { // what is freed is overwritten, on this connection
		if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = ON"); err != nil {
			return err
		}
	}
	// Overwritten first, so that a page freed by the database does not hold the key.
	if _, err := tx.ExecContext(ctx, "UPDATE blob SET wrapped = $1 WHERE name = $2", make([]byte, len(wrapped)), name); err != nil {
		return fmt.Errorf("vault: shred: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM blob WHERE name = $1", name); err != nil {
		return fmt.Errorf("vault: shred: %w", err)
	}
	v.removeAfter(tx, objectKey(name, wrapped))
	return v.log.Update(ctx, tx, "vault_blob", "vault.shredded", time.Time{}, b.ID, record.Fields{"state": Shredded, "shredded_at": v.clock.Now(), "shredded_by": record.Actor(ctx),
		"shred_basis": basis, "size": b.Size, "name": b.Name})
}

// Retain says until when content is kept at least, and shredded afterwards. A later time stands; an earlier one changes nothing.
func (v *Vault) Retain(ctx context.Context, tx *store.Tx, sha string, until time.Time) error {
	b, err := v.Account(ctx, tx, sha)
	if err != nil {
		return err
	}
	if b.State != Kept || store.Micros(until) <= b.RetainUntil {
		return nil
	}
	return v.log.Update(ctx, tx, "vault_blob", "vault.retained", time.Time{}, b.ID, record.Fields{"retain_until": until})
}

// Hold puts content under a legal hold: as long as one is in force nothing shreds it. Several may be, each with its own basis.
func (v *Vault) Hold(ctx context.Context, tx *store.Tx, sha, basis string) error {
	if basis = strings.TrimSpace(basis); basis == "" {
		return fault.New(fault.Invalid, "a legal hold needs its basis: the case, the order or the proceeding")
	}
	b, err := v.Account(ctx, tx, sha)
	if err != nil {
		return err
	}
	if b.State != Kept {
		return fault.New(fault.Conflict, "the content was shredded on %s; there is nothing left to hold", store.Time(b.ShreddedAt).Format("2 January 2006"))
	}
	var same int64
	if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM vault_hold WHERE blob_id = $1 AND basis = $2 AND released_at = 0", b.ID, basis).Scan(&same); err != nil || same > 0 {
		return err
	}
	_, err = v.log.Insert(ctx, tx, "vault_hold", "vault.held", time.Time{}, record.Fields{"blob_id": b.ID, "basis": basis, "placed_by": record.Actor(ctx), "placed_at": v.clock.Now()})
	return err
}

// Release ends the hold that has a basis: fault.NotFound if there is none. why is what ends it.
func (v *Vault) Release(ctx context.Context, tx *store.Tx, sha, basis, why string) error {
	if why = strings.TrimSpace(why); why == "" {
		return fault.New(fault.Invalid, "the release of a hold needs its own basis: what ended the case, the order or the proceeding")
	}
	b, err := v.Account(ctx, tx, sha)
	if err != nil {
		return err
	}
	var id int64
	err = tx.QueryRowContext(ctx, "SELECT id FROM vault_hold WHERE blob_id = $1 AND basis = $2 AND released_at = 0", b.ID, strings.TrimSpace(basis)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, "the content is not under a hold of %q", basis)
	}
	if err != nil {
		return err
	}
	return v.log.Update(ctx, tx, "vault_hold", "vault.released", time.Time{}, id, record.Fields{"released_at": v.clock.Now(), "released_by": record.Actor(ctx), "release_basis": why})
}

// Expire shreds the content whose time of retention is over and that no hold keeps, and says how many.
func (v *Vault) Expire(ctx context.Context) (n int, err error) {
	for {
		some := 0
		err := v.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			due, err := store.Collect(ctx, tx, func(rows *sql.Rows) (Blob, error) { return scanBlob(rows.Scan) }, blobColumns+`WHERE retain_until > 0 AND retain_until <= $1 AND state = 'kept'
				AND NOT EXISTS (SELECT 1 FROM vault_hold h WHERE h.blob_id = vault_blob.id AND h.released_at = 0) ORDER BY id LIMIT 100`, store.Micros(v.clock.Now()))
			if err != nil {
				return err
			}
			for _, b := range due {
				if err := v.shred(ctx, tx, b.Name, "retention ended on "+store.Time(b.RetainUntil).Format("2 January 2006")); err != nil {
					return err
				}
			}
			some = len(due)
			return nil
		})
		if n += some; err != nil || some == 0 {
			return n, err
		}
	}
}

// Status is the vault at a glance.
type Status struct {
	Blobs    int64  `json:"blobs"`
	Bytes    int64  `json:"bytes"`           // of content
	Quota    int64  `json:"quota,omitempty"` // bytes; 0: no limit
	Held     int64  `json:"held"`            // blobs under a legal hold
	Expiring int64  `json:"expiring"`        // blobs with a time of retention
	Shredded int64  `json:"shredded"`        // of which the account is kept
	Damaged  int64  `json:"damaged"`
	KeyID    string `json:"key_id"` // of the wrapping key
	OldKeys  int64  `json:"old_keys"`
	Scrub    *Round `json:"scrub,omitempty"` // the newest round
}

// Status reads the vault's figures.
func (v *Vault) Status(ctx context.Context) (Status, error) {
	q := v.db.Reader()
	s := Status{Quota: v.quota}
	err := q.QueryRowContext(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blob`).Scan(&s.Blobs, &s.Bytes)
	if err != nil {
		return s, err
	}
	err = q.QueryRowContext(ctx, `SELECT
		(SELECT COUNT(DISTINCT blob_id) FROM vault_hold WHERE released_at = 0),
		(SELECT COUNT(*) FROM vault_blob WHERE state = 'kept' AND retain_until > 0),
		(SELECT COUNT(*) FROM vault_blob WHERE state = 'shredded'),
		(SELECT COUNT(*) FROM vault_blob WHERE state = 'kept' AND damage <> ''),
		(SELECT COUNT(*) FROM vault_key WHERE state = 'retiring')`).Scan(&s.Held, &s.Expiring, &s.Shredded, &s.Damaged, &s.OldKeys)
	if err != nil {
		return s, err
	}
	if s.KeyID, err = currentKey(ctx, q); err != nil {
		return s, err
	}
	if s.KeyID == "" {
		s.KeyID = v.first.Recipient().String()
	}
	if round, err := newestRound(ctx, q); err == nil {
		s.Scrub = &round
	} else if !errors.Is(err, sql.ErrNoRows) {
		return s, err
	}
	return s, nil
}
