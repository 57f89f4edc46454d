package intake

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// What makes two tips tips of the same thing, the strongest first.
const (
	keyLocator = "locator" // the same address
	keyFile    = "file"    // a file with the same SHA-256
	keyEntry   = "entry"   // a file that is the same entry of a hash list: exactly, or as a person confirmed
	keyAccount = "account"
)

var keyOrder = []string{keyLocator, keyFile, keyEntry, keyAccount}

// maxKeys bounds what one tip is looked up by: a report may carry any number of files.
const maxKeys = 100

// key is one thing that a tip is about.
type key struct{ kind, value string }

// hash is the value as the key table holds it: the text of a tip stands in no index.
func (k key) hash() string {
	sum := sha256.Sum256([]byte(k.value))
	return hex.EncodeToString(sum[:16])
}

// Bundle is several tips of the same thing, which are worked on as one. Each keeps its own number and reporter.
type Bundle struct {
	ID       int64 `json:"id"`
	HeadID   int64 `json:"head_id,omitempty"` // its first tip; 0: every tip went elsewhere
	OpenedAt int64 `json:"opened_at"`         // microseconds UTC
	Tally
}

// Tally counts a bundle. A tip that is alone is a Tally of one.
type Tally struct {
	Tips      int64 `json:"tips"`
	Reporters int64 `json:"reporters"` // distinct; all who gave no name count as one
	Accounts  int64 `json:"accounts"`  // distinct
}

// join finds the bundle of the first earlier tip that shares a key with a new one, the strongest key first, and makes it if
// that tip was alone. A new tip never makes two bundles one: that is a person's to decide. Its cost does not grow with the
// bundle.
func (t *Tips) join(ctx context.Context, tx *store.Tx, keys []key, self int64) (bundleID int64, err error) {
	head, bundleID, err := t.held(ctx, tx, keys, self)
	if err != nil || head == 0 || bundleID != 0 {
		return bundleID, err
	}
	first, err := ByID(ctx, tx, head)
	if err != nil {
		return 0, err
	}
	if bundleID, err = t.openBundle(ctx, tx, head); err != nil {
		return 0, err
	}
	if err := t.Set(ctx, tx, head, "tip.bundled", record.Fields{"bundle_id": bundleID}); err != nil {
		return 0, err
	}
	_, err = t.count(ctx, tx, bundleID, first)
	return bundleID, err
}

func (t *Tips) openBundle(ctx context.Context, tx *store.Tx, head int64) (int64, error) {
	id, err := t.log.Insert(ctx, tx, "bundle", "bundle.opened", time.Time{}, record.Fields{"head_id": head, "opened_at": t.clock.Now()})
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO bundle_tally (bundle_id, tips, reporters, accounts) VALUES ($1, 0, 0, 0)", id)
	return id, err
}

// held gives the tip that stands for the strongest of keys, other than self, and its bundle.
func (t *Tips) held(ctx context.Context, q store.Queryer, keys []key, self int64) (tipID, bundleID int64, err error) {
	type holder struct {
		kind        string
		tip, bundle int64
	}
	if len(keys) == 0 {
		return 0, 0, nil
	}
	var args []any
	var places []string
	for _, k := range keys {
		args = append(args, k.kind, k.hash())
		places = append(places, fmt.Sprintf("(k.kind = $%d AND k.value = $%d)", len(args)-1, len(args)))
	}
	found, err := store.Collect(ctx, q, func(rows *sql.Rows) (h holder, err error) { return h, rows.Scan(&h.kind, &h.tip, &h.bundle) },
		"SELECT k.kind, t.id, COALESCE(t.bundle_id, 0) FROM bundle_key k JOIN tip t ON t.id = k.tip_id WHERE "+strings.Join(places, " OR ")+" ORDER BY t.id", args...)
	if err != nil {
		return 0, 0, err
	}
	for _, kind := range keyOrder {
		for _, h := range found {
			if h.kind == kind && h.tip != self {
				return h.tip, h.bundle, nil
			}
		}
	}
	return 0, 0, nil
}

// claim makes a tip stand for those of keys for which none does yet.
func (t *Tips) claim(ctx context.Context, tx *store.Tx, keys []key, tipID int64) error {
	if len(keys) == 0 {
		return nil
	}
	args := []any{tipID}
	var rows []string
	for _, k := range keys {
		args = append(args, k.kind, k.hash())
		rows = append(rows, fmt.Sprintf("($%d, $%d, CAST($1 AS BIGINT))", len(args)-1, len(args)))
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO bundle_key (kind, value, tip_id) VALUES "+strings.Join(rows, ", ")+" ON CONFLICT (kind, value) DO NOTHING", args...)
	return err
}

// count adds one tip to a bundle's tally.
func (t *Tips) count(ctx context.Context, tx *store.Tx, bundleID int64, tip Tip) (Tally, error) {
	add := map[string]int64{}
	for kind, value := range map[string]string{"reporter": tip.Reporter, "account": fmt.Sprint(tip.AccountID)} {
		if kind == "account" && tip.AccountID == 0 {
			continue
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO bundle_seen (bundle_id, kind, value) VALUES ($1, $2, $3) ON CONFLICT (bundle_id, kind, value) DO NOTHING", bundleID, kind, key{kind, value}.hash())
		if err != nil {
			return Tally{}, err
		}
		if add[kind], err = res.RowsAffected(); err != nil {
			return Tally{}, err
		}
	}
	var n Tally
	err := tx.QueryRowContext(ctx, `UPDATE bundle_tally SET tips = tips + 1, reporters = reporters + $2, accounts = accounts + $3 WHERE bundle_id = $1
		RETURNING tips, reporters, accounts`, bundleID, add["reporter"], add["account"]).Scan(&n.Tips, &n.Reporters, &n.Accounts)
	return n, err
}

// keys gives everything that a tip is about.
func (t *Tips) keys(ctx context.Context, q store.Queryer, tip Tip) ([]key, error) {
	var keys []key
	if tip.Locator != "" {
		keys = append(keys, key{keyLocator, tip.Locator})
	}
	if tip.AccountID != 0 {
		keys = append(keys, key{keyAccount, fmt.Sprint(tip.AccountID)})
	}
	from, id := mediaOf(tip)
	if id == 0 {
		return keys, nil
	}
	files, err := store.Collect(ctx, q, func(rows *sql.Rows) ([2]string, error) {
		var sha256, kind, value, state string
		var list int64
		err := rows.Scan(&sha256, &list, &kind, &value, &state)
		entry := ""
		if state == "exact" || state == "confirmed" {
			entry = fmt.Sprintf("%d %s %s", list, kind, value)
		}
		return [2]string{sha256, entry}, err
	}, "SELECT m.sha256, COALESCE(x.list_id, 0), COALESCE(x.kind, ''), COALESCE(x.value, ''), COALESCE(x.state, '') FROM "+from+" LEFT JOIN media_match x ON x.media_id = m.id ORDER BY m.id LIMIT $2", id, maxKeys/2)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		for kind, value := range map[string]string{keyFile: f[0], keyEntry: f[1]} {
			if k := (key{kind, value}); value != "" && !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys, nil
}

// mediaOf says where the files of a tip stand: those of its post, or of the filing that it was or is being made from.
func mediaOf(tip Tip) (from string, id int64) {
	switch {
	case tip.PostID != 0:
		return "(SELECT * FROM media WHERE post_id = $1) m", tip.PostID
	case tip.ReportID != 0:
		return "(SELECT d.* FROM report_file f JOIN media d ON d.id = f.media_id WHERE f.report_id = $1) m", tip.ReportID
	case tip.Source == FromReport:
		return "(SELECT d.* FROM report r JOIN report_file f ON f.report_id = r.id JOIN media d ON d.id = f.media_id WHERE r.tip_id = $1) m", tip.ID
	}
	return "", 0
}

// Rejoin looks again for the bundle of a tip that is alone, after something new is known of its files. A tip that a person took
// out stays out.
func (t *Tips) Rejoin(ctx context.Context, tx *store.Tx, id int64) error {
	tip, err := ByID(ctx, tx, id)
	if err != nil {
		return err
	}
	apart, err := isApart(ctx, tx, id)
	if err != nil || apart {
		return err
	}
	keys, err := t.keys(ctx, tx, tip)
	if err != nil {
		return err
	}
	if tip.BundleID == 0 {
		bundleID, err := t.join(ctx, tx, keys, id)
		if err != nil {
			return err
		}
		if bundleID != 0 {
			if err := t.Set(ctx, tx, id, "tip.bundled", record.Fields{"bundle_id": bundleID}); err != nil {
				return err
			}
			if _, err := t.count(ctx, tx, bundleID, tip); err != nil {
				return err
			}
		}
	}
	return t.claim(ctx, tx, keys, id)
}

func isApart(ctx context.Context, q store.Queryer, id int64) (bool, error) {
	var apart int64
	err := q.QueryRowContext(ctx, "SELECT bundle_apart FROM tip WHERE id = $1", id).Scan(&apart)
	return apart != 0, err
}

// BundleByID reads a bundle with its counts.
func BundleByID(ctx context.Context, q store.Queryer, id int64) (b Bundle, err error) {
	err = q.QueryRowContext(ctx, `SELECT b.id, COALESCE(b.head_id, 0), b.opened_at, COALESCE(n.tips, 0), COALESCE(n.reporters, 0), COALESCE(n.accounts, 0)
		FROM bundle b LEFT JOIN bundle_tally n ON n.bundle_id = b.id WHERE b.id = $1`, id).Scan(&b.ID, &b.HeadID, &b.OpenedAt, &b.Tips, &b.Reporters, &b.Accounts)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no bundle %d", id)
	}
	return b, err
}

// TallyOf counts the bundle of a tip; a tip that is alone counts as itself.
func TallyOf(ctx context.Context, q store.Queryer, tip Tip) (Tally, error) {
	if tip.BundleID == 0 {
		n := Tally{Tips: 1, Reporters: 1}
		if tip.AccountID != 0 {
			n.Accounts = 1
		}
		return n, nil
	}
	b, err := BundleByID(ctx, q, tip.BundleID)
	return b.Tally, err
}
