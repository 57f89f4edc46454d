package load

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

const (
	tipsAtOnce  = 10_000 // in one transaction
	rowsAtOnce  = 32     // in one statement: SQLite looks each argument up among those before it
	perAccount  = 5      // tips, on average
	bundled     = 4      // of ten tips that are in a bundle
	perBundle   = 6      // tips, on average
	waitingHalf = 2      // one of so many tips waits for its decision
)

// storeTips enters tips until there are n, straight into the tables: what is measured is a full database. Their record is left out, so
// that such a node does not pass raksha record verify and is fit for measuring only.
func storeTips(ctx context.Context, db *store.DB, n int, log io.Writer) error {
	var have int
	if err := db.Reader().QueryRowContext(ctx, "SELECT COUNT(*) FROM tip").Scan(&have); err != nil || have >= n {
		return err
	}
	r := rand.New(rand.NewPCG(uint64(have), 3))
	now := time.Now()
	begin := time.Now()
	for done := have; done < n; {
		some := min(tipsAtOnce, n-done)
		if err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			accounts, err := storeAccounts(ctx, tx, done, max(1, some/perAccount), now)
			if err != nil {
				return err
			}
			rows := make([][]any, some)
			for i := range rows {
				rows[i] = tipRow(r, done+i+1, accounts, now)
			}
			return insertRows(ctx, tx, "tip", tipBenchColumns, rows)
		}); err != nil {
			return err
		}
		if done += some; done%100_000 < tipsAtOnce {
			fmt.Fprintf(log, "%d tips stored, %.0f a second\n", done, float64(done-have)/time.Since(begin).Seconds())
		}
	}
	if db.Engine() == store.Postgres { // what its own upkeep does within a minute
		_, err := db.Raw().ExecContext(ctx, "ANALYZE")
		return err
	}
	return nil
}

// storeAccounts enters accounts and gives the first and the last number.
func storeAccounts(ctx context.Context, tx *store.Tx, from, n int, now time.Time) (ids [2]int64, err error) {
	rows := make([][]any, n)
	for i := range rows {
		handle := fmt.Sprintf("basket_%d", from+i)
		host := benchHosts[(from+i)%len(benchHosts)]
		rows[i] = []any{host, handle, fmt.Sprint(from + i), "https://" + host + "/@" + handle, "unseen", now.UnixMicro()}
	}
	if err := insertRows(ctx, tx, "account", []string{"host", "handle", "native_id", "url", "state", "first_seen_at"}, rows); err != nil {
		return ids, err
	}
	err = tx.QueryRowContext(ctx, "SELECT MAX(id) FROM account").Scan(&ids[1])
	ids[0] = ids[1] - int64(n) + 1
	return ids, err
}

var (
	benchHosts      = []string{"river.example", "kite.example", "basket.example", "harbour.example", "lantern.example"}
	tipBenchColumns = []string{"number", "source", "class", "state", "reporter", "locator", "account_id", "hints", "summary", "responsible", "occurred_at", "received_at",
		"bundle_id", "priority", "danger_at", "language"}
	benchClasses = []string{"media", "media", "media", "media", "media", "media", "enticement", "enticement", "contact_offence", "other"}
	benchStates  = []string{"actionable", "informational", "insufficient", "referred", "referred", "closed"}
)

// tipRow makes one tip: half of them wait, one in two hundred with a child in danger; priorities crowd in the middle; two years of arrival.
func tipRow(r *rand.Rand, number int, accounts [2]int64, now time.Time) []any {
	received := now.Add(-time.Duration(r.Int64N(int64(2 * 365 * 24 * time.Hour))))
	state := "received"
	if r.IntN(waitingHalf) > 0 {
		state = benchStates[r.IntN(len(benchStates))]
	}
	account := accounts[0] + r.Int64N(accounts[1]-accounts[0]+1)
	var bundle any
	if r.IntN(10) < bundled {
		bundle = 1 + int64(number)/(perBundle*10)*4 + r.Int64N(4) // near in number, as near in time
	}
	danger := int64(0)
	if r.IntN(200) == 0 {
		danger = received.UnixMicro()
	}
	return []any{fmt.Sprintf("T-%d-%06d", now.Year(), number), intake.FromReport, benchClasses[r.IntN(len(benchClasses))], state, "provider-" + fmt.Sprint(r.IntN(40)),
		fmt.Sprintf("https://%s/@basket_%d", benchHosts[account%int64(len(benchHosts))], account), account, fmt.Sprintf("ip:203.0.113.%d", r.IntN(250)),
		"an invented tip for measuring", "agency-0", received.Add(-24 * time.Hour).UnixMicro(), received.UnixMicro(), bundle, (r.Int64N(1001) + r.Int64N(1001)) / 2, danger, "en"}
}

func insertRows(ctx context.Context, tx *store.Tx, table string, columns []string, rows [][]any) error {
	for some := range slices.Chunk(rows, rowsAtOnce) {
		var text strings.Builder
		args := make([]any, 0, len(some)*len(columns))
		fmt.Fprintf(&text, "INSERT INTO %s (%s) VALUES ", table, strings.Join(columns, ", "))
		for i, row := range some {
			if i > 0 {
				text.WriteString(", ")
			}
			for j := range row {
				mark := ", "
				if j == 0 {
					mark = "("
				}
				fmt.Fprintf(&text, "%s$%d", mark, len(args)+j+1)
			}
			text.WriteString(")")
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, text.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

const (
	pageOf    = 50
	readings  = 200
	bundleMax = 500 // tips of one thing that are read at once
)

// readTips measures what officers read: pages of the queue from anywhere in it, and all tips of one thing. Milliseconds.
func readTips(ctx context.Context, db *store.DB) (queueP95, bundleP95 float64, err error) {
	r := rand.New(rand.NewPCG(9, 9))
	var pages, things []float64
	timed := func(into *[]float64, query string, args ...any) (err error) {
		begin := time.Now()
		_, err = store.Collect(ctx, db.Reader(), func(rows *sql.Rows) (id int64, err error) {
			var rest [6]any
			return id, rows.Scan(&id, &rest[0], &rest[1], &rest[2], &rest[3], &rest[4], &rest[5])
		}, query, args...)
		*into = append(*into, time.Since(begin).Seconds()*1e3)
		return err
	}
	const columns = "SELECT id, number, state, locator, summary, priority, received_at FROM tip "
	var accounts, bundles int64
	if err := db.Reader().QueryRowContext(ctx, "SELECT COALESCE(MAX(account_id), 1), COALESCE(MAX(bundle_id), 1) FROM tip").Scan(&accounts, &bundles); err != nil {
		return 0, 0, err
	}
	for range readings {
		if err := timed(&pages, columns+`WHERE queue_id IS NULL AND state = 'received' AND danger_at = 0 AND priority < $1
			ORDER BY queue_id, priority DESC, received_at, id LIMIT $2`, 1+r.Int64N(1000), pageOf); err != nil {
			return 0, 0, err
		}
		if err := timed(&pages, columns+`WHERE queue_id IS NULL AND state = 'received' AND danger_at > 0 AND priority < $1
			ORDER BY queue_id, priority DESC, received_at, id LIMIT $2`, 1+r.Int64N(1001), pageOf); err != nil {
			return 0, 0, err
		}
		if err := timed(&things, columns+"WHERE bundle_id = $1 ORDER BY id LIMIT $2", 1+r.Int64N(bundles), bundleMax); err != nil {
			return 0, 0, err
		}
		account := 1 + r.Int64N(accounts)
		if err := timed(&things, columns+"WHERE account_id = $1 ORDER BY id LIMIT $2", account, bundleMax); err != nil {
			return 0, 0, err
		}
		if err := timed(&things, columns+"WHERE locator = $1 ORDER BY id LIMIT $2", fmt.Sprintf("https://%s/@basket_%d", benchHosts[account%int64(len(benchHosts))], account), bundleMax); err != nil {
			return 0, 0, err
		}
	}
	return percentile95(pages), percentile95(things), nil
}

func percentile95(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*95/100]
}
