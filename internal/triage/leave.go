package triage

import (
	"context"
	"database/sql"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// HandOver gives the openings that a leaving person asked for and did not use to a successor, and says how many. Consent was
// given to the person who asked: the successor needs it anew, from somebody else. Without a successor they stay, and nobody
// can use them.
func (d *Desk) HandOver(ctx context.Context, tx *store.Tx, from, to identity.Person) (int, error) {
	open, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) },
		`SELECT o.id FROM opening o JOIN media_match m ON m.id = o.match_id WHERE o.requested_by = $1 AND o.opened_at = 0 AND m.state = $2 ORDER BY o.id`, from.ID, lists.Unconfirmed)
	if err != nil || len(open) == 0 || to.ID == 0 {
		return 0, err
	}
	if !to.May(identity.DecideMatches) {
		return 0, fault.New(fault.Conflict, "%s asked for %d openings that wait; %s has no role that decides matches and cannot take them over", from.Username, len(open), to.Username)
	}
	for _, id := range open {
		if err := d.log.Update(ctx, tx, "opening", "opening.handed_over", time.Time{}, id, record.Fields{"requested_by": to.ID, "approved_by": nil, "approved_at": 0}); err != nil {
			return 0, err
		}
	}
	return len(open), nil
}
