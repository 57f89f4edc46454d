package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// The outcomes of a tip, in the field's vocabulary.
var outcomes = []string{"not_actionable", "enquiry", "fir_registered", "arrest", "charge_sheeted", "convicted", "acquitted", "child_identified", "child_safeguarded"}

// Outcome is one thing that came of a tip. Times are microseconds UTC.
type Outcome struct {
	ID         int64  `json:"id"`
	TipID      int64  `json:"tip_id"`
	Kind       string `json:"kind"`
	Detail     string `json:"detail,omitempty"`
	HappenedAt int64  `json:"happened_at"`
	Source     string `json:"source"` // the agency that reached it
}

// reported is an outcome as it travels: the tip by the number that the addressee gave it.
type reported struct {
	Tip        string `json:"tip"`
	Kind       string `json:"kind"`
	Detail     string `json:"detail,omitempty"`
	HappenedAt int64  `json:"happened_at"`
	Source     string `json:"source"`
}

type outcomeReport struct {
	Outcomes []reported `json:"outcomes"`
}

// AddOutcome enters an outcome of a tip.
func (d *Desk) AddOutcome(ctx context.Context, tx *store.Tx, o Outcome, documentID int64) error {
	if !slices.Contains(outcomes, o.Kind) {
		return fault.New(fault.Invalid, "there is no outcome %q; the outcomes are %v", o.Kind, outcomes)
	}
	if o.Source == "" {
		o.Source = d.agency()
	}
	if _, err := d.log.Insert(ctx, tx, "outcome", "outcome."+o.Kind, store.Time(o.HappenedAt), record.Fields{"tip_id": o.TipID, "kind": o.Kind, "detail": o.Detail,
		"happened_at": o.HappenedAt, "source": o.Source, "document_id": documentID}); err != nil {
		return err
	}
	return d.tips.Set(ctx, tx, o.TipID, "tip.outcome", record.Fields{"outcome": o.Kind})
}

// Outcomes reads what came of a tip.
func Outcomes(ctx context.Context, q store.Queryer, tipID int64) ([]Outcome, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (o Outcome, err error) {
		return o, rows.Scan(&o.ID, &o.TipID, &o.Kind, &o.Detail, &o.HappenedAt, &o.Source)
	}, "SELECT id, tip_id, kind, detail, happened_at, source FROM outcome WHERE tip_id = $1 ORDER BY id", tipID)
}

// Report drafts and seals, by the agency's key, the reports of outcomes that no referring agency has been told of yet: one
// document for each agency and referral.
func (d *Desk) Report(ctx context.Context, tx *store.Tx) ([]courier.Filed, error) {
	type row struct {
		reported
		referralID int64
		outcomeID  int64
	}
	rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.outcomeID, &r.referralID, &r.Tip, &r.Kind, &r.Detail, &r.HappenedAt, &r.Source)
	}, `SELECT o.id, t.referral_id, t.external_ref, o.kind, o.detail, o.happened_at, o.source FROM outcome o JOIN tip t ON t.id = o.tip_id
		WHERE t.referral_id IS NOT NULL AND o.reported_id IS NULL ORDER BY t.referral_id, o.id`)
	if err != nil {
		return nil, err
	}
	var out []courier.Filed
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].referralID == rows[0].referralID {
			n++
		}
		origin, err := courier.ByID(ctx, tx, rows[0].referralID)
		if err != nil {
			return nil, err
		}
		var body outcomeReport
		for _, r := range rows[:n] {
			body.Outcomes = append(body.Outcomes, r.reported)
		}
		f, err := d.office.File(ctx, tx, courier.Draft{Instrument: courier.OutcomeReport, Audience: origin.Issuer, InReplyTo: origin.JTI,
			Subject: fmt.Sprintf("%d outcomes of referral %s", n, origin.Number), Body: body})
		if err != nil {
			return nil, err
		}
		if f, err = d.office.Seal(ctx, tx, f.ID, "", 0, nil); err != nil {
			return nil, err
		}
		for _, r := range rows[:n] {
			if err := d.log.Update(ctx, tx, "outcome", "outcome.reported", time.Time{}, r.outcomeID, record.Fields{"reported_id": f.ID}); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
		rows = rows[n:]
	}
	return out, nil
}

// receiveOutcomes enters what became of the tips that we referred, and passes it on to whoever referred them to us.
func (d *Desk) receiveOutcomes(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	var body outcomeReport
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return fault.Coded(fault.Refused, "malformed", "the outcome report is not readable")
	}
	ours, err := courier.ByJTI(ctx, tx, courier.Out, d.agency(), in.InReplyTo)
	if err != nil || ours.Audience != in.Issuer {
		return fault.Coded(fault.Refused, "not_our_referral", "the report answers no referral that this node sent to %s", in.Issuer)
	}
	tips, err := intake.List(ctx, tx, intake.Filter{OnwardID: ours.ID})
	if err != nil {
		return err
	}
	byNumber := map[string]intake.Tip{}
	for _, t := range tips {
		byNumber[t.Number] = t
	}
	for _, o := range body.Outcomes {
		t, ok := byNumber[o.Tip]
		if !ok {
			return fault.Coded(fault.Refused, "unknown_tip", "tip %s was not in the referral", o.Tip)
		}
		if err := d.AddOutcome(ctx, tx, Outcome{TipID: t.ID, Kind: o.Kind, Detail: o.Detail, HappenedAt: o.HappenedAt, Source: o.Source}, in.ID); err != nil {
			return err
		}
	}
	_, err = d.Report(ctx, tx)
	return err
}
