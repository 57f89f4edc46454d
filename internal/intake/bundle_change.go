package intake

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Acts of a person on bundles.
const (
	TakenOut = "taken_out" // a tip stands alone again, and stays so
	Split    = "split"     // some tips became a bundle of their own
	Merged   = "merged"    // all tips of a bundle went to another
	PutIn    = "put_in"    // a tip went to a bundle
	Undone   = "undone"    // an earlier act was taken back
)

// maxMoved bounds one act of a person: it is one write, and everybody else's writes wait for it.
const maxMoved = 20_000

// BundleChange is what a person changed in bundles: Tips went from one to another. FromID 0: they were alone; ToID 0: they are now.
type BundleChange struct {
	ID        int64   `json:"id"`
	Act       string  `json:"act"`
	FromID    int64   `json:"from_id,omitempty"`
	ToID      int64   `json:"to_id,omitempty"`
	Tips      []int64 `json:"tips"`
	Reason    string  `json:"reason"`
	ChangedBy int64   `json:"changed_by"`
	ChangedAt int64   `json:"changed_at"`          // microseconds UTC
	UndoneID  int64   `json:"undone_id,omitempty"` // the change that took this one back
}

// TakeOut makes a tip stand alone. It joins no bundle by itself after that.
func (t *Tips) TakeOut(ctx context.Context, tx *store.Tx, tipID, by int64, reason string) (BundleChange, error) {
	tip, err := ByID(ctx, tx, tipID)
	if err != nil {
		return BundleChange{}, err
	}
	if tip.BundleID == 0 {
		return BundleChange{}, fault.New(fault.Conflict, "tip %s is in no bundle", tip.Number)
	}
	return t.change(ctx, tx, BundleChange{Act: TakenOut, FromID: tip.BundleID, Tips: []int64{tipID}, Reason: reason, ChangedBy: by})
}

// Split makes some tips of a bundle a bundle of their own.
func (t *Tips) Split(ctx context.Context, tx *store.Tx, bundleID int64, tipIDs []int64, by int64, reason string) (BundleChange, error) {
	b, err := BundleByID(ctx, tx, bundleID)
	if err != nil {
		return BundleChange{}, err
	}
	slices.Sort(tipIDs)
	tipIDs = slices.Compact(tipIDs)
	if len(tipIDs) == 0 || int64(len(tipIDs)) >= b.Tips {
		return BundleChange{}, fault.New(fault.Invalid, "name some of the bundle's %d tips, and not all, to make them a bundle of their own", b.Tips)
	}
	c := BundleChange{Act: Split, FromID: bundleID, Tips: tipIDs, Reason: reason, ChangedBy: by}
	if err := t.mayMove(ctx, tx, c); err != nil {
		return BundleChange{}, err
	}
	if c.ToID, err = t.openBundle(ctx, tx, tipIDs[0]); err != nil {
		return BundleChange{}, err
	}
	return t.change(ctx, tx, c)
}

// Merge brings two bundles together in the larger one, or in the older of two alike.
func (t *Tips) Merge(ctx context.Context, tx *store.Tx, oneID, otherID, by int64, reason string) (BundleChange, error) {
	one, err := BundleByID(ctx, tx, oneID)
	if err != nil {
		return BundleChange{}, err
	}
	other, err := BundleByID(ctx, tx, otherID)
	if err != nil {
		return BundleChange{}, err
	}
	if oneID == otherID || one.Tips == 0 || other.Tips == 0 {
		return BundleChange{}, fault.New(fault.Invalid, "name two different bundles that hold tips")
	}
	if other.Tips > one.Tips || other.Tips == one.Tips && other.ID < one.ID {
		one, other = other, one
	}
	if other.Tips > maxMoved {
		return BundleChange{}, tooMany()
	}
	c := BundleChange{Act: Merged, FromID: other.ID, ToID: one.ID, Reason: reason, ChangedBy: by}
	if c.Tips, err = tipIDs(ctx, tx, other.ID); err != nil {
		return BundleChange{}, err
	}
	return t.change(ctx, tx, c)
}

// PutIn puts a tip that is alone into a bundle.
func (t *Tips) PutIn(ctx context.Context, tx *store.Tx, bundleID, tipID, by int64, reason string) (BundleChange, error) {
	if _, err := BundleByID(ctx, tx, bundleID); err != nil {
		return BundleChange{}, err
	}
	return t.change(ctx, tx, BundleChange{Act: PutIn, ToID: bundleID, Tips: []int64{tipID}, Reason: reason, ChangedBy: by})
}

// Undo takes a change back: those of its tips that are still where it brought them go back to where they were.
func (t *Tips) Undo(ctx context.Context, tx *store.Tx, changeID, by int64, reason string) (BundleChange, error) {
	was, err := ChangeByID(ctx, tx, changeID)
	if err != nil {
		return BundleChange{}, err
	}
	if was.UndoneID != 0 {
		return BundleChange{}, fault.New(fault.Conflict, "this change was taken back before")
	}
	c := BundleChange{Act: Undone, FromID: was.ToID, ToID: was.FromID, Reason: reason, ChangedBy: by}
	for _, id := range was.Tips {
		tip, err := ByID(ctx, tx, id)
		if err != nil {
			return BundleChange{}, err
		}
		if tip.BundleID == was.ToID {
			c.Tips = append(c.Tips, id)
		}
	}
	if len(c.Tips) == 0 {
		return BundleChange{}, fault.New(fault.Conflict, "none of the tips is where this change brought it; there is nothing to take back")
	}
	if c, err = t.change(ctx, tx, c); err != nil {
		return c, err
	}
	return c, t.log.Update(ctx, tx, "bundle_change", "bundle.change_undone", time.Time{}, changeID, record.Fields{"undone_id": c.ID})
}

// mayMove refuses a change that is not whole.
func (t *Tips) mayMove(ctx context.Context, tx *store.Tx, c BundleChange) error {
	if strings.TrimSpace(c.Reason) == "" {
		return fault.New(fault.Invalid, "say why the bundle is changed")
	}
	if len(c.Tips) > maxMoved {
		return tooMany()
	}
	for _, id := range c.Tips {
		tip, err := ByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if tip.BundleID != c.FromID {
			return fault.New(fault.Conflict, "tip %s is not in the bundle that it would be taken from", tip.Number)
		}
	}
	return nil
}

func tooMany() error {
	return fault.New(fault.TooLarge, "%d tips at most change their bundle at once", maxMoved)
}

// change moves tips, counts both bundles anew and writes the change down.
func (t *Tips) change(ctx context.Context, tx *store.Tx, c BundleChange) (BundleChange, error) {
	if err := t.mayMove(ctx, tx, c); err != nil {
		return c, err
	}
	for _, id := range c.Tips {
		apart := int64(0)
		if c.ToID == 0 {
			apart = 1
		}
		if err := t.Set(ctx, tx, id, "tip.moved", record.Fields{"bundle_id": c.ToID, "bundle_apart": apart}); err != nil {
			return c, err
		}
	}
	for _, id := range c.Tips {
		if err := t.handKeys(ctx, tx, id, c); err != nil {
			return c, err
		}
	}
	for _, id := range []int64{c.FromID, c.ToID} {
		if id == 0 {
			continue
		}
		if err := t.recount(ctx, tx, id); err != nil {
			return c, err
		}
	}
	moved, err := json.Marshal(c.Tips)
	if err != nil {
		return c, err
	}
	c.ID, err = t.log.Insert(ctx, tx, "bundle_change", "bundle."+c.Act, time.Time{}, record.Fields{"act": c.Act, "from_id": c.FromID, "to_id": c.ToID, "tips": string(moved), "reason": c.Reason,
		"changed_by": c.ChangedBy, "changed_at": t.clock.Now()})
	if err != nil {
		return c, err
	}
	return ChangeByID(ctx, tx, c.ID)
}

// handKeys gives what a tip stood for to a tip that stays in the bundle it left, so that later tips still find that bundle. What
// nobody else shares goes along with the tip, unless that stands alone: then nothing joins it.
func (t *Tips) handKeys(ctx context.Context, tx *store.Tx, tipID int64, c BundleChange) error {
	tip, err := ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	keys, err := t.keys(ctx, tx, tip)
	if err != nil {
		return err
	}
	if c.FromID != 0 {
		for _, k := range keys {
			heir, err := holderIn(ctx, tx, k, tip, c.FromID)
			if err != nil {
				return err
			}
			if heir != 0 {
				if _, err := tx.ExecContext(ctx, "UPDATE bundle_key SET tip_id = $1 WHERE kind = $2 AND value = $3 AND tip_id = $4", heir, k.kind, k.hash(), tipID); err != nil {
					return err
				}
			}
		}
	}
	if c.ToID == 0 {
		_, err := tx.ExecContext(ctx, "DELETE FROM bundle_key WHERE tip_id = $1", tipID)
		return err
	}
	return t.claim(ctx, tx, keys, tipID)
}

// holderIn gives the first tip of a bundle that shares a key, 0 if there is none.
func holderIn(ctx context.Context, q store.Queryer, k key, tip Tip, bundleID int64) (id int64, err error) {
	files := func(where string) string {
		return `SELECT COALESCE(MIN(t.id), 0) FROM tip t WHERE t.bundle_id = $1 AND (t.post_id IN (SELECT m.post_id FROM media m ` + where + `)
			OR t.id IN (SELECT r.tip_id FROM media m JOIN report_file f ON f.media_id = m.id JOIN report r ON r.id = f.report_id ` + where + `))`
	}
	query, value := "", any(k.value)
	switch k.kind {
	case keyLocator:
		query = "SELECT COALESCE(MIN(id), 0) FROM tip WHERE bundle_id = $1 AND locator = $2"
	case keyAccount:
		query, value = "SELECT COALESCE(MIN(id), 0) FROM tip WHERE bundle_id = $1 AND account_id = $2", tip.AccountID
	case keyFile:
		query = files("WHERE m.sha256 = $2")
	case keyEntry:
		query = files("JOIN media_match x ON x.media_id = m.id WHERE x.value = $2 AND x.state IN ('exact', 'confirmed')")
		_, rest, _ := strings.Cut(k.value, " ")
		_, value2, _ := strings.Cut(rest, " ")
		value = value2
	}
	err = q.QueryRowContext(ctx, query, bundleID, value).Scan(&id)
	return id, err
}

// recount counts a bundle anew and sees to its first tip.
func (t *Tips) recount(ctx context.Context, tx *store.Tx, id int64) error {
	for _, table := range []string{"bundle_seen", "bundle_tally"} {
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE bundle_id = $1", id); err != nil {
			return err
		}
	}
	type member struct {
		id, account int64
		reporter    string
	}
	members, err := store.Collect(ctx, tx, func(rows *sql.Rows) (m member, err error) { return m, rows.Scan(&m.id, &m.account, &m.reporter) },
		"SELECT id, COALESCE(account_id, 0), reporter FROM tip WHERE bundle_id = $1 ORDER BY id", id)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO bundle_tally (bundle_id, tips, reporters, accounts) VALUES ($1, 0, 0, 0)", id); err != nil {
		return err
	}
	head := int64(0)
	for i, m := range members {
		if i == 0 {
			head = m.id
		}
		if _, err := t.count(ctx, tx, id, Tip{AccountID: m.account, Reporter: m.reporter}); err != nil {
			return err
		}
	}
	b, err := BundleByID(ctx, tx, id)
	if err != nil || b.HeadID == head {
		return err
	}
	return t.log.Update(ctx, tx, "bundle", "bundle.head", time.Time{}, id, record.Fields{"head_id": head})
}

func tipIDs(ctx context.Context, q store.Queryer, bundleID int64) ([]int64, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }, "SELECT id FROM tip WHERE bundle_id = $1 ORDER BY id", bundleID)
}

const changeColumns = `SELECT id, act, COALESCE(from_id, 0), COALESCE(to_id, 0), tips, reason, changed_by, changed_at, COALESCE(undone_id, 0) FROM bundle_change `

func scanChange(scan func(...any) error) (c BundleChange, err error) {
	var tips string
	if err := scan(&c.ID, &c.Act, &c.FromID, &c.ToID, &tips, &c.Reason, &c.ChangedBy, &c.ChangedAt, &c.UndoneID); err != nil {
		return c, err
	}
	return c, json.Unmarshal([]byte(tips), &c.Tips)
}

// ChangeByID reads one change.
func ChangeByID(ctx context.Context, q store.Queryer, id int64) (BundleChange, error) {
	c, err := scanChange(q.QueryRowContext(ctx, changeColumns+"WHERE id = $1", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such change of a bundle")
	}
	return c, err
}

// Changes reads what people changed in a bundle, newest first.
func Changes(ctx context.Context, q store.Queryer, bundleID int64) ([]BundleChange, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (BundleChange, error) { return scanChange(rows.Scan) }, changeColumns+"WHERE from_id = $1 OR to_id = $1 ORDER BY id DESC", bundleID)
}
