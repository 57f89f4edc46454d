package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Reasons are why a referred tip may be returned.
var Reasons = []string{"wrong_jurisdiction", "insufficient", "duplicate"}

const returnNoteLimit = 500 // characters of a note with a return

// Verdict is what the addressee of a referral says of one of its tips.
type Verdict struct {
	TipID  int64  `json:"tip_id"`
	Accept bool   `json:"accept"`
	Reason string `json:"reason,omitempty"` // of a return: one of Reasons
	Note   string `json:"note,omitempty"`   // of a return, for people
}

// answered is one tip in an answer to a referral, by the number that the addressee of the answer gave it.
type answered struct {
	Tip    string `json:"tip"`
	State  string `json:"state"` // accepted, returned, or held: it is with the holder now
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty"`
	Holder string `json:"holder"` // who is responsible from then on
	N      int64  `json:"n"`      // grows with everything that the answering node tells of a tip: documents may arrive in any order
}

type referralAnswer struct {
	Answers []answered `json:"answers"`
}

// told is what is to be told of a tip to whoever referred it.
type told struct {
	tip intake.Tip
	answered
}

// Accept says that this agency acts on all tips of a referral that wait.
func (d *Desk) Accept(ctx context.Context, tx *store.Tx, documentID int64) error {
	items, err := courier.Items(ctx, tx, documentID)
	if err != nil {
		return err
	}
	var verdicts []Verdict
	for _, it := range items {
		if it.State == "pending" && it.TipID != 0 {
			verdicts = append(verdicts, Verdict{TipID: it.TipID, Accept: true})
		}
	}
	_, err = d.Answer(ctx, tx, documentID, verdicts)
	return err
}

// Answer accepts or returns tips of a received referral, and sends the answer to who referred them, by the agency's key. A tip
// that was accepted may still be returned until it is in a case or went on.
func (d *Desk) Answer(ctx context.Context, tx *store.Tx, documentID int64, verdicts []Verdict) ([]courier.Filed, error) {
	f, err := courier.ByID(ctx, tx, documentID)
	if err != nil {
		return nil, err
	}
	if f.Direction != courier.In || f.Instrument != courier.Referral || len(verdicts) == 0 {
		return nil, fault.New(fault.Conflict, "document %s is no referral with tips that wait to be accepted", f.Number)
	}
	items, err := courier.Items(ctx, tx, documentID)
	if err != nil {
		return nil, err
	}
	var news []told
	for _, v := range verdicts {
		at := slices.IndexFunc(items, func(it courier.Item) bool { return it.TipID == v.TipID && v.TipID != 0 })
		if at < 0 {
			return nil, fault.New(fault.Invalid, "tip %d is not in referral %s", v.TipID, f.Number)
		}
		t, err := intake.ByID(ctx, tx, v.TipID)
		if err != nil {
			return nil, err
		}
		n, err := d.answerTip(ctx, tx, f, items[at], t, v)
		if err != nil {
			return nil, err
		}
		news = append(news, n)
	}
	return d.tellAll(ctx, tx, news)
}

func (d *Desk) answerTip(ctx context.Context, tx *store.Tx, f courier.Filed, it courier.Item, t intake.Tip, v Verdict) (told, error) {
	mine := t.Responsible == d.agency() && t.CaseID == 0 && t.State != "referred"
	switch {
	case !mine || it.State == "returned" || v.Accept && it.State != "pending":
		return told{}, fault.New(fault.Conflict, "tip %s is %s and was answered before", t.Number, t.State)
	case !v.Accept && !slices.Contains(Reasons, v.Reason):
		return told{}, fault.New(fault.Invalid, "say why tip %s is returned: %s", t.Number, strings.ReplaceAll(strings.Join(Reasons, ", "), "_", " "))
	case len([]rune(v.Note)) > returnNoteLimit:
		return told{}, fault.New(fault.Invalid, "a note with a return has %d characters at most", returnNoteLimit)
	}
	h := Holding{TipID: t.ID, Agency: d.agency(), How: "accepted", DocumentID: f.ID}
	item, state := "accepted", "actionable"
	if !v.Accept {
		item, state = "returned", "returned"
		h.Agency, h.How, h.Reason, h.Note = f.Issuer, "returned", v.Reason, strings.TrimSpace(v.Note)
	}
	if err := d.answerItem(ctx, tx, f.ID, t.ID, item, h.Reason); err != nil {
		return told{}, err
	}
	if err := d.tips.Set(ctx, tx, t.ID, "tip."+state, record.Fields{"state": state, "responsible": h.Agency}); err != nil {
		return told{}, err
	}
	id, err := d.hold(ctx, tx, h)
	return told{t, answered{State: item, Reason: h.Reason, Note: h.Note, Holder: h.Agency, N: id}}, err
}

func (d *Desk) tell(ctx context.Context, tx *store.Tx, news []told) error {
	_, err := d.tellAll(ctx, tx, news)
	return err
}

// tellAll drafts and seals the answers, one document for each referral that brought tips.
func (d *Desk) tellAll(ctx context.Context, tx *store.Tx, news []told) (out []courier.Filed, err error) {
	var order []int64
	by := map[int64]*referralAnswer{}
	for _, n := range news {
		if by[n.tip.ReferralID] == nil {
			by[n.tip.ReferralID] = &referralAnswer{}
			order = append(order, n.tip.ReferralID)
		}
		n.answered.Tip = n.tip.ExternalRef
		by[n.tip.ReferralID].Answers = append(by[n.tip.ReferralID].Answers, n.answered)
	}
	for _, id := range order {
		asked, err := courier.ByID(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		f, err := d.office.File(ctx, tx, courier.Draft{Instrument: courier.ReferralAnswer, Audience: asked.Issuer, InReplyTo: asked.JTI,
			Subject: fmt.Sprintf("%d tips of referral %s", len(by[id].Answers), asked.Number), Body: by[id]})
		if err != nil {
			return nil, err
		}
		if f, err = d.office.Seal(ctx, tx, f.ID, "", 0, nil); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// receiveAnswer enters what the addressee says of the tips that we referred. A returned tip is ours again; who else holds one is
// told on to whoever referred it to us.
func (d *Desk) receiveAnswer(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	var body referralAnswer
	if err := json.Unmarshal(in.Body, &body); err != nil || len(body.Answers) == 0 {
		return fault.Coded(fault.Refused, "malformed", "the answer to the referral is not readable")
	}
	ours, items, err := d.ours(ctx, tx, in)
	if err != nil {
		return err
	}
	var news []told
	for _, a := range body.Answers {
		it, ok := items[a.Tip]
		if !ok {
			return fault.Coded(fault.Refused, "unknown_tip", "tip %s was not in the referral", a.Tip)
		}
		n, err := d.receiveVerdict(ctx, tx, in, ours, it, a)
		if err != nil {
			return err
		}
		news = append(news, n...)
	}
	return d.tell(ctx, tx, news)
}

// ours finds the referral of ours that a document answers, and its items by the number of the tip.
func (d *Desk) ours(ctx context.Context, tx *store.Tx, in courier.Incoming) (courier.Filed, map[string]courier.Item, error) {
	ours, err := courier.ByJTI(ctx, tx, courier.Out, d.agency(), in.InReplyTo)
	if fault.Of(err) == fault.NotFound && err != nil || err == nil && (ours.Audience != in.Issuer || ours.Instrument != courier.Referral) {
		return ours, nil, fault.Coded(fault.Refused, "not_our_referral", "the report answers no referral that this node sent to %s", in.Issuer)
	}
	if err != nil {
		return ours, nil, err
	}
	items, err := courier.Items(ctx, tx, ours.ID)
	byNumber := map[string]courier.Item{}
	for _, it := range items {
		byNumber[it.Locator] = it
	}
	return ours, byNumber, err
}

func (d *Desk) receiveVerdict(ctx context.Context, tx *store.Tx, in courier.Incoming, ours courier.Filed, it courier.Item, a answered) ([]told, error) {
	t, err := intake.ByID(ctx, tx, it.TipID)
	if err != nil {
		return nil, err
	}
	if it.State == "returned" || t.OnwardID != ours.ID {
		return nil, nil // what it says was so before the tip came back
	}
	h := Holding{TipID: t.ID, Agency: a.Holder, How: a.State, DocumentID: in.ID, ViaID: ours.ID, n: a.N}
	tip, state := record.Fields{"responsible": a.Holder}, "accepted"
	switch a.State {
	case "returned":
		if !slices.Contains(Reasons, a.Reason) || len([]rune(a.Note)) > returnNoteLimit {
			return nil, fault.Coded(fault.Refused, "malformed", "a return needs one of the reasons %s", strings.Join(Reasons, ", "))
		}
		h.Agency, h.Reason, h.Note, state = d.agency(), a.Reason, a.Note, "returned"
		tip = record.Fields{"state": "received", "onward_id": int64(0), "responsible": d.agency()}
	case "accepted", "held":
		if a.Holder == "" || a.Holder == d.agency() {
			return nil, fault.Coded(fault.Refused, "malformed", "an answer that does not return a tip names the other agency that holds it")
		}
		var known int64
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(n), 0) FROM holding WHERE tip_id = $1 AND via_id = $2", t.ID, ours.ID).Scan(&known); err != nil || a.N <= known {
			return nil, err // it was overtaken by what was told later
		}
	default:
		return nil, fault.Coded(fault.Refused, "malformed", "an answer says accepted, returned or held")
	}
	if err := d.answerItem(ctx, tx, ours.ID, t.ID, state, h.Reason); err != nil {
		return nil, err
	}
	if err := d.tips.Set(ctx, tx, t.ID, "tip."+a.State, tip); err != nil {
		return nil, err
	}
	id, err := d.hold(ctx, tx, h)
	if err != nil || t.ReferralID == 0 {
		return nil, err
	}
	holder := h.Agency
	return []told{{t, answered{State: "held", Holder: holder, N: id}}}, nil
}

// answerDelivered takes the tips of a return back that its addressee refused: somebody must act on them, and that is this agency.
func (d *Desk) answerDelivered(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	if f.State == "acknowledged" {
		return nil
	}
	asked, err := courier.ByJTI(ctx, tx, courier.In, f.Audience, f.InReplyTo)
	if err != nil {
		return err
	}
	var body referralAnswer
	if err := json.Unmarshal(f.Body, &body); err != nil {
		return err
	}
	tips, err := intake.List(ctx, tx, intake.Filter{ReferralID: asked.ID})
	if err != nil {
		return err
	}
	for _, a := range body.Answers {
		at := slices.IndexFunc(tips, func(t intake.Tip) bool { return t.ExternalRef == a.Tip })
		if a.State != "returned" || at < 0 || tips[at].State != "returned" {
			continue
		}
		t := tips[at]
		if err := d.tips.Set(ctx, tx, t.ID, "tip.received_again", record.Fields{"state": "received", "responsible": d.agency()}); err != nil {
			return err
		}
		if err := d.answerItem(ctx, tx, asked.ID, t.ID, "pending", "return refused"); err != nil {
			return err
		}
		if err := d.office.SetState(ctx, tx, asked.ID, "received"); err != nil {
			return err
		}
		if _, err := d.hold(ctx, tx, Holding{TipID: t.ID, Agency: d.agency(), How: "refused", Reason: f.RefusalCode, DocumentID: f.ID}); err != nil {
			return err
		}
	}
	return nil
}
