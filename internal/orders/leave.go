package orders

import (
	"context"
	"database/sql"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// HandOver gives the drafts of a leaving person that nobody has signed to a successor, and says how many. The successor is
// their drafter from then on, so another officer signs them. Without a successor they stay, and any officer may sign them.
func (o *Orders) HandOver(ctx context.Context, tx *store.Tx, from, to identity.Person) (int, error) {
	type draft struct {
		id                 int64
		instrument, number string
	}
	drafts, err := store.Collect(ctx, tx, func(rows *sql.Rows) (d draft, err error) { return d, rows.Scan(&d.id, &d.instrument, &d.number) },
		"SELECT id, instrument, number FROM document WHERE direction = $1 AND state = 'draft' AND drafted_by = $2 ORDER BY id", courier.Out, from.ID)
	if err != nil || to.ID == 0 {
		return 0, err
	}
	for _, d := range drafts {
		if !mayDraft(to, d.instrument) {
			return 0, fault.New(fault.Conflict, "%s drafted %s, which nobody has signed yet; %s has no role that drafts a %s and cannot take it over", from.Username, d.number, to.Username, words(d.instrument))
		}
		if err := o.log.Update(ctx, tx, "document", "document.handed_over", time.Time{}, d.id, record.Fields{"drafted_by": to.ID}); err != nil {
			return 0, err
		}
	}
	return len(drafts), nil
}

// mayDraft says whether a person may draft an instrument.
func mayDraft(p identity.Person, instrument string) bool {
	switch instrument {
	case courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest:
		return p.May(identity.DraftOrders)
	case courier.Referral:
		return p.May(identity.DecideTips)
	case courier.Response:
		return p.May(identity.ExecuteOrders) || p.May(identity.DraftDocuments)
	case courier.ListShare:
		return p.May(identity.ManageLists)
	}
	return p.May(identity.DraftDocuments)
}
