package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
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

// What of an outcome's detail leaves the agency: the number of an FIR and how many people were arrested. Names never do.
var (
	firDetail    = regexp.MustCompile(`^FIR ([A-Z0-9./()-]*[0-9][A-Z0-9./()-]{0,60}|[0-9]+/[0-9]{4}, [^\pC]{1,60})$`) // the second as a case writes it: number, year and station
	typedFIR     = regexp.MustCompile(`^FIR [A-Z0-9./()-]*[0-9][A-Z0-9./()-]{0,60}$`)
	arrestDetail = regexp.MustCompile(`^[1-9][0-9]{0,3} persons?$`)
)

func travels(kind, detail string) string {
	switch {
	case kind == "fir_registered" && len(detail) <= 100 && firDetail.MatchString(detail), kind == "arrest" && arrestDetail.MatchString(detail):
		return detail
	}
	return ""
}

// Entered is an outcome as a person enters it: what happened, the number of the FIR or how many were arrested, and when.
type Entered struct {
	Kind       string `json:"kind"`
	FIR        string `json:"fir,omitempty"`
	Persons    int    `json:"persons,omitempty"`
	HappenedAt int64  `json:"happened_at"` // microseconds UTC
}

// EnterOutcome enters what came of a tip that this agency is responsible for and that is in no case, which enters its own.
func (d *Desk) EnterOutcome(ctx context.Context, tx *store.Tx, tipID int64, e Entered) error {
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	o := Outcome{TipID: tipID, Kind: e.Kind, HappenedAt: e.HappenedAt}
	switch e.Kind {
	case "fir_registered":
		o.Detail = "FIR " + strings.ToUpper(strings.TrimSpace(e.FIR))
	case "arrest":
		o.Detail = fmt.Sprintf("%d persons", e.Persons)
		if e.Persons == 1 {
			o.Detail = "1 person"
		}
	}
	switch {
	case t.Responsible != d.agency() || t.State == "referred":
		return fault.New(fault.Conflict, "%s is responsible for tip %s and reports what comes of it", t.Responsible, t.Number)
	case t.CaseID != 0:
		return fault.New(fault.Conflict, "tip %s is in a case; its outcomes are entered there", t.Number)
	case o.Detail != "" && travels(o.Kind, o.Detail) == "", e.Kind == "fir_registered" && !typedFIR.MatchString(o.Detail):
		return fault.New(fault.Invalid, "an FIR needs its number, such as CYBER/12/2026, and an arrest how many people were arrested; names are not entered here")
	case o.HappenedAt <= 0 || store.Time(o.HappenedAt).After(d.clock.Now()):
		return fault.New(fault.Invalid, "say when it happened; that does not lie ahead")
	}
	if err := d.AddOutcome(ctx, tx, o, 0); err != nil || t.ReferralID == 0 {
		return err
	}
	_, err = d.Report(ctx, tx)
	return err
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
			r.Detail = travels(r.Kind, r.Detail)
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
	_, items, err := d.ours(ctx, tx, in)
	if err != nil {
		return err
	}
	for _, o := range body.Outcomes {
		it, ok := items[o.Tip] // returned meanwhile or not: it came of the tip
		if !ok {
			return fault.Coded(fault.Refused, "unknown_tip", "tip %s was not in the referral", o.Tip)
		}
		if err := d.AddOutcome(ctx, tx, Outcome{TipID: it.TipID, Kind: o.Kind, Detail: travels(o.Kind, o.Detail), HappenedAt: o.HappenedAt, Source: o.Source}, in.ID); err != nil {
			return err
		}
	}
	_, err = d.Report(ctx, tx)
	return err
}
