package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type referralsView struct {
	show   show
	in     []triage.ReferralOffer
	out    []triage.ReferralOffer
	back   []triage.Back
	groups []routeGroup
	torn   int // tips whose hints lead to several agencies
	lost   int // tips that no route fits
	refer  bool
	said   string
}

// routeGroup are the tips that routing proposes for one agency.
type routeGroup struct {
	agency string
	rows   []routeRow
	reason string // of the first, to begin the referral's own with
}

type routeRow struct {
	id     int64
	number string
	reason string
}

var referralDone = map[string]string{"drafted": "The referral is drafted. An officer other than you must sign it; this agency stays responsible until then.",
	"answered": "The answer is signed and on its way to who referred the tips.", "withdrawn": "The draft is withdrawn; its tips wait here again."}

func (o *console) referrals(r *request) (title string, c templ.Component, err error) {
	v := referralsView{show: r.show, refer: r.person.May(identity.DecideTips), said: referralDone[r.URL.Query().Get("done")]}
	if v.in, err = o.Triage.Offers(r.ctx, r.q, courier.In); err != nil {
		return "", nil, err
	}
	if v.out, err = o.Triage.Offers(r.ctx, r.q, courier.Out); err != nil {
		return "", nil, err
	}
	if v.back, err = o.Triage.CameBack(r.ctx, r.q); err != nil {
		return "", nil, err
	}
	routed, err := o.Triage.RouteTips(r.ctx, r.q)
	if err != nil {
		return "", nil, err
	}
	at := map[string]int{}
	for _, x := range routed {
		switch {
		case x.Conflict():
			v.torn++
			continue
		case x.Agency == "":
			v.lost++
			continue
		case x.Agency == o.Self.Profile().Agency:
			continue // it stays
		}
		t, err := intake.ByID(r.ctx, r.q, x.TipID)
		if err != nil {
			return "", nil, err
		}
		i, ok := at[x.Agency]
		if !ok {
			i = len(v.groups)
			at[x.Agency] = i
			v.groups = append(v.groups, routeGroup{agency: x.Agency, reason: x.Reason})
		}
		if len(v.groups[i].rows) < perPage {
			v.groups[i].rows = append(v.groups[i].rows, routeRow{t.ID, t.Number, x.Reason})
		}
	}
	return "Referrals", referralsPage(v), nil
}

type referralView struct {
	show    show
	offer   triage.ReferralOffer
	tips    map[int64]intake.Tip
	answers bool // the reader may accept and return
	said    string
}

func (o *console) referral(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := referralView{show: r.show, tips: map[int64]intake.Tip{}, answers: r.person.May(identity.AcceptReferrals), said: referralDone[r.URL.Query().Get("done")]}
	if v.offer, err = o.Triage.OfferOf(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	for _, it := range v.offer.Items {
		if it.TipID == 0 {
			continue
		}
		if v.tips[it.TipID], err = intake.ByID(r.ctx, r.q, it.TipID); err != nil {
			return "", nil, err
		}
	}
	return "Referral " + v.offer.Document.Number, referralPage(v), nil
}

// mayAnswer says whether a tip of a received referral can still be answered, and in which way.
func (v referralView) mayAnswer(it courier.Item) (accept, give bool) {
	t, ok := v.tips[it.TipID]
	if !ok || !v.answers || v.offer.Document.Direction != courier.In {
		return false, false
	}
	open := it.State != "returned" && t.CaseID == 0 && (t.State == "received" || t.State == "actionable") && t.Responsible == v.offer.Document.Audience
	return open && it.State == "pending", open
}

func (v referralView) open() bool {
	for _, it := range v.offer.Items {
		if _, give := v.mayAnswer(it); give {
			return true
		}
	}
	return false
}

func (o *console) answerReferral(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	if _, err := o.People.Check(r.ctx, r.q, r.person, identity.Ask{Need: identity.AcceptReferrals, Kind: identity.OfDocument, ID: id, As: identity.Writer}); err != nil {
		return "", err
	}
	var verdicts []triage.Verdict
	for name, values := range r.PostForm {
		tip, ok := strings.CutPrefix(name, "do-")
		if !ok || values[0] == "" {
			continue
		}
		tipID, err := strconv.ParseInt(tip, 10, 64)
		if err != nil || values[0] != "accept" && values[0] != "return" {
			return "", fault.New(fault.Invalid, "a tip is accepted or returned")
		}
		v := triage.Verdict{TipID: tipID, Accept: values[0] == "accept"}
		if !v.Accept {
			v.Reason, v.Note = r.PostForm.Get("reason-"+tip), r.PostForm.Get("note-"+tip)
		}
		verdicts = append(verdicts, v)
	}
	if len(verdicts) == 0 {
		return "", fault.New(fault.Invalid, "nothing was chosen; accept or return at least one tip")
	}
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Triage.Answer(ctx, tx, id, verdicts)
		return err
	})
	return referralAddress(id) + "?done=answered", err
}

const defaultDays = 14 // to reply by, which the form begins with

func (o *console) refer(r *request) (string, error) {
	f := r.PostForm
	days, err := strconv.Atoi(strings.TrimSpace(f.Get("days")))
	if err != nil || days < 1 || days > 365 {
		return "", fault.New(fault.Invalid, "a referral is to be answered in 1 to 365 days")
	}
	ref := triage.Reference{Audience: strings.TrimSpace(f.Get("audience")), Channel: f.Get("channel"), Reason: f.Get("reason"), Again: f.Get("again") == "yes",
		ReplyBy: o.Clock.Now().Add(time.Duration(days) * 24 * time.Hour)}
	for _, s := range f["tip"] {
		id, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return "", fault.New(fault.Invalid, "%.20q is no tip", s)
		}
		ref.TipIDs = append(ref.TipIDs, id)
	}
	var made courier.Filed
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		made, err = o.Triage.ReferAs(ctx, tx, ref, r.person.ID)
		return err
	})
	return referralAddress(made.ID) + "?done=drafted", err
}

func (o *console) withdrawReferral(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return "/referrals?done=withdrawn", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.Withdraw(ctx, tx, id) })
}

func referralAddress(id int64) string { return "/referrals/" + decimal(id) }

// offerState says in words how far a referral is.
func offerState(o triage.ReferralOffer) (tone, phrase string) {
	f := o.Document
	switch {
	case f.State == "draft":
		return "draft", "waits for a signature"
	case f.State == "authorised", f.State == "served":
		return "served", "in the post"
	case f.State == "refused":
		return "refused", "refused"
	case f.State == "undeliverable":
		return "undeliverable", "could not be delivered"
	case o.Overdue:
		return "overdue", "OVERDUE"
	case o.Waiting > 0 && f.Direction == courier.In:
		return "received", "waits for our answer"
	case o.Waiting > 0:
		return "acknowledged", "waits for their answer"
	case f.State == "closed" && o.Returned == 0:
		return "plain", "withdrawn"
	case o.Accepted == 0:
		return "returned", "all returned"
	}
	return "complied", "answered"
}

var returnWords = map[string]string{"wrong_jurisdiction": "wrong jurisdiction", "insufficient": "too little to act on", "duplicate": "known already", "onward": "referred onward",
	"instrument_not_allowed": "they do not take this from us", "already_in_chain": "it came from them"}

// holdingWords tells one station of a tip's way.
func holdingWords(h triage.Holding) string {
	why := ""
	if h.Reason != "" {
		why = ": " + words(returnWords, h.Reason)
	}
	if h.Note != "" {
		why += " – “" + defang(h.Note) + "”"
	}
	switch h.How {
	case "sent":
		return "Signed and sent to " + h.Agency
	case "received":
		return h.Agency + " received it and is responsible"
	case "accepted":
		return "Accepted by " + h.Agency
	case "returned":
		return "Returned to " + h.Agency + why
	case "refused":
		return "Not taken over there, so " + h.Agency + " is responsible again" + why
	case "withdrawn":
		return "The draft was withdrawn; it stays with " + h.Agency
	}
	return "With " + h.Agency + ", as we were told"
}

// proposal is where a tip should go, on its own page.
type proposal struct {
	shown  bool
	routed triage.Routed
	tip    int64
}

func (o *console) propose(r *request, t intake.Tip) (p proposal, err error) {
	if t.Responsible != o.Self.Profile().Agency || t.State != "received" && t.State != "actionable" || !r.person.May(identity.DecideTips) {
		return p, nil
	}
	p.shown, p.tip = true, t.ID
	p.routed, err = o.Triage.RouteTip(r.ctx, r.q, t)
	return p, err
}

func waitingReferrals(offers []triage.ReferralOffer) (wait, late int) {
	for _, o := range offers {
		if o.Waiting > 0 && o.Document.Direction == courier.In {
			wait += o.Waiting
		}
		if o.Overdue {
			late++
		}
	}
	return wait, late
}

// referralWaits tells of tips that other agencies offered, and of referrals past their day.
func (o *console) referralWaits(r *request) (out []waiting, err error) {
	in, err := o.Triage.Offers(r.ctx, r.q, courier.In)
	if err != nil {
		return nil, err
	}
	sent, err := o.Triage.Offers(r.ctx, r.q, courier.Out)
	if err != nil {
		return nil, err
	}
	wait, late := waitingReferrals(append(in, sent...))
	back, err := o.Triage.CameBack(r.ctx, r.q)
	for _, w := range []waiting{{n: wait, label: "tips that others referred wait to be accepted or returned", href: "/referrals"}, {n: late, label: "referrals are past their day to reply by", href: "/referrals"},
		{n: len(back), label: "tips came back and wait to go elsewhere", href: "/referrals#back"}} {
		if w.n > 0 {
			out = append(out, w)
		}
	}
	return out, err
}
