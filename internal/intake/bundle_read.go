package intake

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"raksha.example/raksha/internal/store"
)

// Shared is one thing that tips of a bundle have in common.
type Shared struct {
	Kind  string `json:"kind"`  // locator, account, file
	Value string `json:"value"` // an address, an account's address, or a SHA-256
	Tips  int64  `json:"tips"`
}

// From counts a bundle's tips of one source.
type From struct {
	Source   string `json:"source"`
	Reporter string `json:"reporter"`
	Tips     int64  `json:"tips"`
}

// looked is how many tips of a bundle are looked at for what they share, and shown how many lines are shown.
const (
	looked = 1000
	shown  = 20
)

// SharedBy says what the first 1,000 tips of a bundle have in common, what most share first, 20 of a kind at most.
func SharedBy(ctx context.Context, q store.Queryer, bundleID int64) ([]Shared, error) {
	out := []Shared{}
	members := fmt.Sprintf("(SELECT * FROM tip WHERE bundle_id = $1 ORDER BY id LIMIT %d) t", looked)
	for kind, query := range map[string]string{
		keyLocator: "SELECT t.locator, COUNT(*) FROM " + members + " WHERE t.locator <> '' GROUP BY t.locator",
		keyAccount: "SELECT a.url, COUNT(*) FROM " + members + " JOIN account a ON a.id = t.account_id GROUP BY a.url",
		keyFile: "SELECT f.sha256, COUNT(DISTINCT f.tip) FROM (SELECT m.sha256, t.id AS tip FROM " + members + " JOIN media m ON m.post_id = t.post_id WHERE m.sha256 <> '' " +
			"UNION SELECT m.sha256, t.id FROM " + members + " JOIN report r ON r.tip_id = t.id JOIN report_file l ON l.report_id = r.id JOIN media m ON m.id = l.media_id WHERE m.sha256 <> '') f GROUP BY f.sha256",
	} {
		part, err := store.Collect(ctx, q, func(rows *sql.Rows) (Shared, error) {
			s := Shared{Kind: kind}
			return s, rows.Scan(&s.Value, &s.Tips)
		}, query+fmt.Sprintf(" HAVING COUNT(*) > 1 ORDER BY 2 DESC, 1 LIMIT %d", shown), bundleID)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	slices.SortFunc(out, func(a, b Shared) int {
		return cmp.Or(cmp.Compare(b.Tips, a.Tips), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
	})
	return out, nil
}

// SourcesOf counts a bundle's tips by source and reporter, the most first, 20 lines at most.
func SourcesOf(ctx context.Context, q store.Queryer, bundleID int64) ([]From, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (f From, err error) { return f, rows.Scan(&f.Source, &f.Reporter, &f.Tips) },
		fmt.Sprintf("SELECT source, reporter, COUNT(*) FROM tip WHERE bundle_id = $1 GROUP BY source, reporter ORDER BY 3 DESC, 1, 2 LIMIT %d", shown), bundleID)
}

// Members reads tips of a bundle in order of their numbers.
func Members(ctx context.Context, q store.Queryer, bundleID, afterID int64, limit int) ([]Tip, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (Tip, error) { return scanTip(rows.Scan) },
		tipColumns+"WHERE bundle_id = $1 AND id > $2 ORDER BY id LIMIT $3", bundleID, afterID, limit)
}

// Related lists other bundles that share something with a tip: it joined the one with which it shares most, and did not make them one.
func (t *Tips) Related(ctx context.Context, q store.Queryer, tip Tip) ([]int64, error) {
	keys, err := t.keys(ctx, q, tip)
	if err != nil {
		return nil, err
	}
	out := []int64{}
	for _, k := range keys {
		_, bundleID, err := t.held(ctx, q, []key{k}, tip.ID)
		if err != nil {
			return nil, err
		}
		if bundleID != 0 && bundleID != tip.BundleID {
			out = append(out, bundleID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// FilesOf says how the files of a tip stand to the hash lists: the state of the best match, "new" if none is on a list, "none" if it
// has no files; and how many there are, and whether one has hashes.
func FilesOf(ctx context.Context, q store.Queryer, tip Tip) (match string, files int64, hashes bool, err error) {
	from, id := mediaOf(tip)
	if id == 0 {
		return "none", 0, false, nil
	}
	var hashed, exact, confirmed, unconfirmed, rejected int64
	err = q.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN m.sha256 <> '' THEN 1 END), COUNT(CASE WHEN x.state = 'exact' THEN 1 END),
		COUNT(CASE WHEN x.state = 'confirmed' THEN 1 END), COUNT(CASE WHEN x.state = 'unconfirmed' THEN 1 END), COUNT(CASE WHEN x.state = 'rejected' THEN 1 END)
		FROM `+from+" LEFT JOIN media_match x ON x.media_id = m.id", id).Scan(&files, &hashed, &exact, &confirmed, &unconfirmed, &rejected)
	switch {
	case exact > 0:
		match = "exact"
	case confirmed > 0:
		match = "confirmed"
	case unconfirmed > 0:
		match = "unconfirmed"
	case rejected > 0:
		match = "rejected"
	case hashed > 0:
		match = "new"
	default:
		match = "none"
	}
	return match, files, hashed > 0, err
}

// WithFile lists the tips that have a file: 200 at most.
func WithFile(ctx context.Context, q store.Queryer, mediaID int64) ([]int64, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT t.id FROM tip t JOIN media m ON m.post_id = t.post_id WHERE m.id = $1
		UNION SELECT r.tip_id FROM report_file f JOIN report r ON r.id = f.report_id WHERE f.media_id = $1 AND r.tip_id IS NOT NULL ORDER BY 1 LIMIT 200`, mediaID)
}
