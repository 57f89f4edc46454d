package triage

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const million = 1_000_000

// The rows go in past the record: only reading is measured.
var fillMillion = map[store.Engine][]string{
	store.SQLite:   {"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) " + strings.ReplaceAll(fillRows, "{HASH}", "(i * 2654435761 % 4294967296)"), "ANALYZE"},
	store.Postgres: {"WITH n(i) AS (SELECT generate_series(1, 1000000)::bigint) " + strings.ReplaceAll(fillRows, "{HASH}", "(i * 2654435761 % 4294967296)"), "VACUUM ANALYZE tip"},
}

// One in seven waits in queue 1, the others in the one that takes the rest; of 200 priorities; one in a thousand is in danger.
const fillRows = `INSERT INTO tip (number, source, class, state, responsible, occurred_at, received_at, priority, danger_at, queue_id)
	SELECT 'T-' || i, 'form', 'other', 'received', 'unit', i, i / 3, {HASH} % 200 * 5, CASE WHEN i % 1000 = 0 THEN 1 ELSE 0 END, CASE WHEN i % 7 = 0 THEN 1 ELSE NULL END FROM n`

// BenchmarkQueue reads pages at random places of queues that hold a million tips together, finds the next tip to take, and counts.
// It fails if a statement does not walk along an index.
func BenchmarkQueue(b *testing.B) {
	storetest.EachBench(b, func(b *testing.B, db *store.DB) {
		ctx := context.Background()
		for _, query := range fillMillion[db.Engine()] {
			if _, err := db.Raw().ExecContext(ctx, query); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := db.Raw().ExecContext(ctx, "INSERT INTO tip_queue (name, place, filter, created_at) VALUES ('One', 1, '{}', 1)"); err != nil {
			b.Fatal(err)
		}
		d := &Desk{db: db, clock: clock.System{}}
		r := rand.New(rand.NewPCG(1, 2))
		q := &explaining{Queryer: db.Reader(), b: b, engine: db.Engine(), seen: map[string]bool{}}
		places := make([]*intake.Place, 200)
		for i := range places {
			t, err := intake.ByID(ctx, db.Reader(), r.Int64N(million)+1)
			if err != nil {
				b.Fatal(err)
			}
			p := intake.PlaceOf(t)
			places[i] = &p
		}
		measure := func(name string, fn func(i int) error) {
			b.Run(name, func(b *testing.B) {
				var took []time.Duration
				for i := 0; b.Loop(); i++ {
					from := time.Now()
					if err := fn(i); err != nil {
						b.Fatal(err)
					}
					took = append(took, time.Since(from))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
			})
		}
		measure("page", func(i int) error {
			_, err := d.QueuePage(ctx, q, int64(i%2), places[i%len(places)], 50)
			return err
		})
		measure("first", func(i int) error { _, err := d.QueuePage(ctx, q, int64(i%2), nil, 50); return err })
		p := identity.Person{ID: 7, Permissions: []identity.Permission{identity.DecideTips}}
		measure("next", func(i int) error {
			_, _, err := d.first(ctx, q, p, []Queue{{ID: 1}, {ID: Rest}}, -1, false)
			return err
		})
		measure("counts", func(int) error { _, err := d.QueueStates(ctx, db.Reader(), p); return err })
	})
}

// explaining asks once for the plan of every statement and holds it to walking along an index.
type explaining struct {
	store.Queryer
	b      *testing.B
	engine store.Engine
	seen   map[string]bool
}

func (e *explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if !e.seen[query] {
		e.seen[query] = true
		e.explain(ctx, query, args)
	}
	return e.Queryer.QueryContext(ctx, query, args...)
}

func (e *explaining) explain(ctx context.Context, query string, args []any) {
	how := "EXPLAIN "
	if e.engine == store.SQLite {
		how = "EXPLAIN QUERY PLAN "
	}
	rows, err := e.Queryer.QueryContext(ctx, how+query, args...)
	if err != nil {
		e.b.Fatal(err)
	}
	defer rows.Close()
	var plan []string
	for rows.Next() {
		var line string
		var a, b, c int
		if e.engine == store.SQLite {
			err = rows.Scan(&a, &b, &c, &line)
		} else {
			err = rows.Scan(&line)
		}
		if err != nil {
			e.b.Fatal(err)
		}
		plan = append(plan, line)
	}
	text := strings.Join(plan, "\n")
	if !strings.Contains(text, "tip_waiting") && !strings.Contains(text, "tip_waiting_danger") || strings.Contains(text, "Sort") || strings.Contains(text, "TEMP B-TREE") || strings.Contains(text, "SCAN tip\n") || strings.Contains(text, "Seq Scan on tip ") {
		e.b.Errorf("no walk along an index:\n%s\n%s", query, text)
	}
	e.b.Logf("%s\n%s", query[strings.Index(query, "WHERE"):], text)
}
