package triage

import (
	"context"
	"database/sql"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Holding is one station of a tip's way: who became responsible, how and when, as far as this node knows. Times are
// microseconds UTC.
type Holding struct {
	ID         int64  `json:"id"`
	TipID      int64  `json:"tip_id"`
	Agency     string `json:"agency"`
	How        string `json:"how"`              // sent (it is in the post), received, refused, accepted, returned, held (told by an agency on the way), withdrawn
	Reason     string `json:"reason,omitempty"` // a code
	Note       string `json:"note,omitempty"`
	DocumentID int64  `json:"document_id,omitempty"`
	ViaID      int64  `json:"via_id,omitempty"` // our referral that it went with
	At         int64  `json:"at"`

	n int64 // the addressee's count of what it told
}

// hold enters a station.
func (d *Desk) hold(ctx context.Context, tx *store.Tx, h Holding) (int64, error) {
	return d.log.Insert(ctx, tx, "holding", "tip.held", time.Time{}, record.Fields{"tip_id": h.TipID, "agency": h.Agency, "how": h.How, "reason": h.Reason, "note": h.Note,
		"document_id": h.DocumentID, "via_id": h.ViaID, "n": h.n, "at": d.clock.Now()})
}

// Chain reads a tip's way from agency to agency, in the order in which this node learned of it.
func Chain(ctx context.Context, q store.Queryer, tipID int64) ([]Holding, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (h Holding, err error) {
		return h, rows.Scan(&h.ID, &h.TipID, &h.Agency, &h.How, &h.Reason, &h.Note, &h.DocumentID, &h.ViaID, &h.n, &h.At)
	}, "SELECT id, tip_id, agency, how, reason, note, COALESCE(document_id, 0), COALESCE(via_id, 0), n, at FROM holding WHERE tip_id = $1 ORDER BY id", tipID)
}

// returnedBy gives the agencies that returned a tip to us, with their last reason.
func returnedBy(ctx context.Context, q store.Queryer, tipID int64) (map[string]string, error) {
	rows, err := store.Collect(ctx, q, func(rows *sql.Rows) (v [2]string, err error) { return v, rows.Scan(&v[0], &v[1]) },
		`SELECT f.audience, i.reason FROM document_item i JOIN document f ON f.id = i.document_id
			WHERE i.tip_id = $1 AND i.state = 'returned' AND f.direction = $2 AND f.instrument = $3 ORDER BY i.id`, tipID, courier.Out, courier.Referral)
	out := map[string]string{}
	for _, v := range rows {
		out[v[0]] = v[1]
	}
	return out, err
}

// origin names where the chain of a tip began.
func (d *Desk) origin(ctx context.Context, q store.Queryer, t intake.Tip) (origin string, err error) {
	err = q.QueryRowContext(ctx, "SELECT origin FROM tip WHERE id = $1", t.ID).Scan(&origin)
	if origin == "" {
		origin = d.agency() + " " + t.Number
	}
	return origin, err
}

// notInChain refuses a tip that this node referred on, or works on: whoever has it must return it instead, or there would be two
// of it in one chain.
func (d *Desk) notInChain(ctx context.Context, q store.Queryer, origin string) error {
	var number string
	err := q.QueryRowContext(ctx, `SELECT COALESCE(MIN(number), '') FROM tip WHERE (origin = $1 OR (origin = '' AND CAST($2 AS TEXT) || ' ' || number = $1)) AND state <> 'returned'`, origin, d.agency()).Scan(&number)
	if err == nil && number != "" {
		err = fault.Coded(fault.Refused, "already_in_chain", "this agency has the tip as %s and it came from here; return it instead of referring it", number)
	}
	return err
}

// answerItem writes what became of a tip in the referral that brought it here, and of the referral once nothing in it waits.
func (d *Desk) answerItem(ctx context.Context, tx *store.Tx, referralID, tipID int64, state, reason string) error {
	items, err := courier.Items(ctx, tx, referralID)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.TipID != tipID || it.State == state || it.State == "returned" && state == "accepted" {
			continue
		}
		it.State, it.Reason, it.EffectedAt = state, reason, store.Micros(d.clock.Now())
		if err := d.office.SetItem(ctx, tx, it, "referral."+state); err != nil {
			return err
		}
	}
	return d.settled(ctx, tx, referralID)
}

// waitsAgain opens the question of a received tip again that had only been answered by referring it onward.
func (d *Desk) waitsAgain(ctx context.Context, tx *store.Tx, t intake.Tip) error {
	if t.ReferralID == 0 {
		return nil
	}
	items, err := courier.Items(ctx, tx, t.ReferralID)
	if err != nil {
		return err
	}
	for _, it := range items {
		if it.TipID != t.ID || it.State != "accepted" || it.Reason != "onward" {
			continue
		}
		if err := d.answerItem(ctx, tx, t.ReferralID, t.ID, "pending", ""); err != nil {
			return err
		}
		return d.office.SetState(ctx, tx, t.ReferralID, "received")
	}
	return nil
}

// settled moves a referral on once none of its tips waits for an answer: accepted if any was, closed if all came back.
func (d *Desk) settled(ctx context.Context, tx *store.Tx, referralID int64) error {
	f, err := courier.ByID(ctx, tx, referralID)
	if err != nil || f.State != "received" && f.State != "acknowledged" && f.State != "accepted" {
		return err
	}
	items, err := courier.Items(ctx, tx, referralID)
	if err != nil {
		return err
	}
	state := "closed"
	for _, it := range items {
		switch it.State {
		case "pending":
			return nil
		case "accepted":
			state = "accepted"
		}
	}
	if f.State == state {
		return nil
	}
	return d.office.SetState(ctx, tx, referralID, state)
}

// ReferralOffer is a referral with how far it is answered.
type ReferralOffer struct {
	Document courier.Filed  `json:"document"`
	Items    []courier.Item `json:"items"`
	Waiting  int            `json:"waiting"`
	Accepted int            `json:"accepted"`
	Returned int            `json:"returned"`
	Overdue  bool           `json:"overdue"` // tips wait, and the day to reply by has passed
}

// Offers reads the referrals that came (courier.In) or went (courier.Out), newest first.
func (d *Desk) Offers(ctx context.Context, q store.Queryer, direction string) ([]ReferralOffer, error) {
	all, err := courier.List(ctx, q, courier.Filter{Direction: direction, Instrument: courier.Referral})
	if err != nil {
		return nil, err
	}
	out := []ReferralOffer{}
	for i := len(all) - 1; i >= 0; i-- {
		o, err := d.offer(ctx, q, all[i])
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// OfferOf reads one referral with its items.
func (d *Desk) OfferOf(ctx context.Context, q store.Queryer, documentID int64) (ReferralOffer, error) {
	f, err := courier.ByID(ctx, q, documentID)
	if err != nil {
		return ReferralOffer{}, err
	}
	if f.Instrument != courier.Referral {
		return ReferralOffer{}, fault.New(fault.NotFound, "there is no such referral")
	}
	return d.offer(ctx, q, f)
}

func (d *Desk) offer(ctx context.Context, q store.Queryer, f courier.Filed) (o ReferralOffer, err error) {
	o.Document, o.Document.Body, o.Document.Rule = f, nil, nil
	if o.Items, err = courier.Items(ctx, q, f.ID); err != nil {
		return o, err
	}
	for _, it := range o.Items {
		switch it.State {
		case "pending":
			o.Waiting++
		case "accepted":
			o.Accepted++
		case "returned":
			o.Returned++
		}
	}
	if f.State == "refused" || f.State == "undeliverable" || f.State == "closed" {
		o.Waiting = 0
	}
	o.Overdue = o.Waiting > 0 && f.State != "draft" && f.DueAt != 0 && d.clock.Now().After(store.Time(f.DueAt))
	return o, nil
}

// Back is a tip that an agency returned and that waits here for a decision again.
type Back struct {
	TipID  int64  `json:"tip_id"`
	Number string `json:"number"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	Note   string `json:"note,omitempty"`
	At     int64  `json:"at"` // microseconds UTC
}

// CameBack reads the tips that were returned and wait here again, the longest first.
func (d *Desk) CameBack(ctx context.Context, q store.Queryer) ([]Back, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (b Back, err error) {
		return b, rows.Scan(&b.TipID, &b.Number, &b.By, &b.Reason, &b.Note, &b.At)
	}, `SELECT t.id, t.number, f.audience, h.reason, h.note, h.at FROM holding h JOIN tip t ON t.id = h.tip_id JOIN document f ON f.id = h.via_id
		WHERE h.how = 'returned' AND t.responsible = $1 AND t.state IN ('received', 'actionable')
		AND h.id = (SELECT MAX(l.id) FROM holding l WHERE l.tip_id = t.id AND l.how = 'returned') ORDER BY h.id`, d.agency())
}
