package statistics

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"raksha.example/raksha/internal/store"
)

func scanOperation(rows *sql.Rows) (o OperationFigures, err error) {
	return o, rows.Scan(&o.ID, &o.Name, &o.Period, &o.Tips, &o.Cases, &o.Arrests)
}

// days counts by day in SQL: the zone is five and a half hours ahead of UTC, all the year.
func (n *node) days(order, gone string) []Day {
	n.t.Helper()
	days := map[int64]*Day{}
	add := func(field func(*Day) *int64, column, from string) {
		n.t.Helper()
		_, err := store.Collect(context.Background(), n.db.Reader(), func(rows *sql.Rows) (struct{}, error) {
			var day, count int64
			err := rows.Scan(&day, &count)
			if days[day] == nil {
				days[day] = &Day{Day: store.Time(day * 86400e6).Format("2006-01-02")}
			}
			*field(days[day]) = count
			return struct{}{}, err
		}, "SELECT ("+column+" + 19800000000) / 86400000000, COUNT(*) FROM "+from+" GROUP BY 1")
		if err != nil {
			n.t.Fatal(err)
		}
	}
	items := "document_item i JOIN document d ON d.id = i.document_id WHERE " + order
	add(func(d *Day) *int64 { return &d.Tips }, "received_at", "tip")
	add(func(d *Day) *int64 { return &d.Cases }, "registered_at", "case_file WHERE serial > 0")
	add(func(d *Day) *int64 { return &d.Ordered }, "d.authorised_at", items)
	add(func(d *Day) *int64 { return &d.Blocked }, "CASE WHEN i.effected_at > 0 THEN i.effected_at WHEN d.answered_at > 0 THEN d.answered_at ELSE d.received_at END", items+" AND "+gone)
	add(func(d *Day) *int64 { return &d.Arrests }, "arrested_at", "arrest")
	out := []Day{}
	for _, key := range slices.Sorted(maps.Keys(days)) {
		out = append(out, *days[key])
	}
	return out
}
