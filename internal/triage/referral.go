package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// referred is a tip as a referral carries it: locators, hashes and hints, never media.
type referred struct {
	Number     string          `json:"number"` // the sender's
	Class      string          `json:"class"`
	Locator    string          `json:"locator,omitempty"`
	NativeID   string          `json:"native_id,omitempty"` // of the account
	Host       string          `json:"host,omitempty"`
	Handle     string          `json:"handle,omitempty"`
	Post       *referredPost   `json:"post,omitempty"`
	Media      []referredMedia `json:"media,omitempty"`
	Hints      string          `json:"hints,omitempty"`
	Summary    string          `json:"summary,omitempty"`
	Language   string          `json:"language,omitempty"`
	DangerAt   int64           `json:"danger_at,omitempty"` // since when a child is held to be in danger
	Origin     string          `json:"origin,omitempty"`    // where the chain began: agency and number
	OccurredAt int64           `json:"occurred_at"`
}

type referredPost struct {
	ID       string `json:"id"`
	URL      string `json:"url"`
	PostedAt int64  `json:"posted_at"`
}

type referredMedia struct {
	SHA256 string `json:"sha256"`
	PDQ    string `json:"pdq,omitempty"`
	Size   int64  `json:"size"`
	Match  string `json:"match,omitempty"` // state of the match: exact, confirmed
	Label  string `json:"label,omitempty"`
	Viewed string `json:"viewed,omitempty"` // by the provider that reported it: yes, no, unknown; empty: no provider did
}

// referral is the content of a referral document.
type referral struct {
	Channel string     `json:"channel"`            // the legal channel it goes by
	Reason  string     `json:"reason"`             // why the addressee has jurisdiction
	ReplyBy int64      `json:"reply_by,omitempty"` // when it must be accepted or returned by; no law sets a time, the referral names it
	Tips    []referred `json:"tips"`
}

// Reference says what is referred, to whom, and why.
type Reference struct {
	TipIDs   []int64   `json:"tip_ids"`
	Audience string    `json:"audience"`
	Channel  string    `json:"channel"`
	Reason   string    `json:"reason"`
	ReplyBy  time.Time `json:"reply_by,omitzero"` // zero: no day is named
	Again    bool      `json:"again,omitempty"`   // a person wants it there though that agency returned it before
}

// Refer drafts one referral of several tips to another agency. This agency stays responsible until the referral is signed.
func (d *Desk) Refer(ctx context.Context, tx *store.Tx, tipIDs []int64, audience, channel, reason string, by int64) (courier.Filed, error) {
	return d.ReferAs(ctx, tx, Reference{TipIDs: tipIDs, Audience: audience, Channel: channel, Reason: reason}, by)
}

// ReferAs is Refer with the day to reply by, and for tips that the agency returned before.
func (d *Desk) ReferAs(ctx context.Context, tx *store.Tx, r Reference, by int64) (courier.Filed, error) {
	now := d.clock.Now()
	switch {
	case len(r.TipIDs) == 0 || strings.TrimSpace(r.Channel) == "" || strings.TrimSpace(r.Reason) == "":
		return courier.Filed{}, fault.New(fault.Invalid, "a referral needs tips, the legal channel and why the addressee has jurisdiction")
	case r.Audience == "" || r.Audience == d.agency():
		return courier.Filed{}, fault.New(fault.Invalid, "a referral goes to another agency; name it")
	case !r.ReplyBy.IsZero() && !r.ReplyBy.After(now):
		return courier.Filed{}, fault.New(fault.Invalid, "the day to reply by must lie ahead")
	}
	body := referral{Channel: r.Channel, Reason: r.Reason, ReplyBy: store.Micros(r.ReplyBy)}
	var items []courier.Item
	for _, id := range r.TipIDs {
		t, err := intake.ByID(ctx, tx, id)
		if err != nil {
			return courier.Filed{}, err
		}
		if err := d.mayRefer(ctx, tx, t, r); err != nil {
			return courier.Filed{}, err
		}
		p, err := d.pack(ctx, tx, t)
		if err != nil {
			return courier.Filed{}, err
		}
		body.Tips = append(body.Tips, p)
		items = append(items, courier.Item{Kind: "tip", Locator: t.Number, TipID: t.ID, AccountID: t.AccountID})
	}
	rule, err := d.law.Rule(courier.Referral, now)
	if err != nil {
		return courier.Filed{}, err
	}
	f, err := d.office.File(ctx, tx, courier.Draft{Instrument: courier.Referral, Audience: r.Audience, Subject: r.Reason, Body: body, RuleID: rule.Name(), Rule: rule, DraftedBy: by, Items: items})
	if err != nil {
		return f, err
	}
	for _, id := range r.TipIDs {
		if err := d.tips.Set(ctx, tx, id, "tip.referred", record.Fields{"state": "referred", "onward_id": f.ID}); err != nil {
			return f, err
		}
	}
	return f, nil
}

// mayRefer says why a tip cannot be referred to an agency.
func (d *Desk) mayRefer(ctx context.Context, q store.Queryer, t intake.Tip, r Reference) error {
	if t.Responsible != d.agency() || (t.State != "received" && t.State != "actionable") {
		return fault.New(fault.Conflict, "tip %s is %s and %s is responsible for it; it cannot be referred from here", t.Number, t.State, t.Responsible)
	}
	if err := d.stands(ctx, q, t); err != nil {
		return err
	}
	if err := d.mayGo(ctx, q, t, r.Audience); err != nil {
		return err
	}
	back, err := returnedBy(ctx, q, t.ID)
	if err != nil || r.Again {
		return err
	}
	if why, ok := back[r.Audience]; ok {
		return fault.Coded(fault.Conflict, "returned_before", "%s returned tip %s (%s); say that it shall go there again, or refer it elsewhere", r.Audience, t.Number, strings.ReplaceAll(why, "_", " "))
	}
	return nil
}

// Withdraw takes a referral back that nobody has signed.
func (d *Desk) Withdraw(ctx context.Context, tx *store.Tx, documentID int64) error {
	f, err := courier.ByID(ctx, tx, documentID)
	if err != nil {
		return err
	}
	if f.Direction != courier.Out || f.Instrument != courier.Referral || f.State != "draft" {
		return fault.New(fault.Conflict, "document %s is no referral that waits for a signature; what was signed can only be returned by its addressee", f.Number)
	}
	if err := d.office.SetState(ctx, tx, f.ID, "closed"); err != nil {
		return err
	}
	return d.takeBack(ctx, tx, f, "withdrawn", "")
}

// takeBack makes this agency responsible again for the tips that a referral did not take along.
func (d *Desk) takeBack(ctx context.Context, tx *store.Tx, f courier.Filed, how, reason string) error {
	tips, err := intake.List(ctx, tx, intake.Filter{OnwardID: f.ID})
	if err != nil {
		return err
	}
	for _, t := range tips {
		if err := d.tips.Set(ctx, tx, t.ID, "tip.returned", record.Fields{"state": "received", "onward_id": int64(0), "responsible": d.agency()}); err != nil {
			return err
		}
		if _, err := d.hold(ctx, tx, Holding{TipID: t.ID, Agency: d.agency(), How: how, Reason: reason, DocumentID: f.ID, ViaID: f.ID}); err != nil {
			return err
		}
		if err := d.waitsAgain(ctx, tx, t); err != nil {
			return err
		}
	}
	return nil
}

// sent gives the responsibility for the tips of a signed referral away. While it is in the post nobody acts on them; they come
// back if it is refused. At no time two agencies are responsible (invariant 9).
func (d *Desk) sent(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	if err := d.replyBy(ctx, tx, f); err != nil {
		return err
	}
	tips, err := intake.List(ctx, tx, intake.Filter{OnwardID: f.ID})
	if err != nil {
		return err
	}
	for _, t := range tips {
		if err := d.tips.Set(ctx, tx, t.ID, "tip.sent", record.Fields{"responsible": f.Audience}); err != nil {
			return err
		}
		if _, err := d.hold(ctx, tx, Holding{TipID: t.ID, Agency: f.Audience, How: "sent", DocumentID: f.ID, ViaID: f.ID}); err != nil {
			return err
		}
		if t.ReferralID == 0 {
			continue
		}
		if err := d.answerItem(ctx, tx, t.ReferralID, t.ID, "accepted", "onward"); err != nil {
			return err
		}
	}
	return nil
}

// delivered acts when the addressee has a referral, or refuses it: then somebody must act on its tips, and that is this agency again.
func (d *Desk) delivered(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	if f.State != "acknowledged" {
		return d.takeBack(ctx, tx, f, "refused", f.RefusalCode)
	}
	if err := d.replyBy(ctx, tx, f); err != nil {
		return err
	}
	tips, err := intake.List(ctx, tx, intake.Filter{OnwardID: f.ID})
	if err != nil {
		return err
	}
	var news []told
	for _, t := range tips {
		id, err := d.hold(ctx, tx, Holding{TipID: t.ID, Agency: f.Audience, How: "received", DocumentID: f.ID, ViaID: f.ID})
		if err != nil {
			return err
		}
		if t.ReferralID != 0 && t.Responsible == f.Audience { // else it went on further, and that was told
			news = append(news, told{t, answered{State: "held", Holder: f.Audience, N: id}})
		}
	}
	if err := d.settled(ctx, tx, f.ID); err != nil {
		return err
	}
	return d.tell(ctx, tx, news)
}

// replyBy keeps the day that a referral names as the time of the document.
func (d *Desk) replyBy(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	var body referral
	if err := json.Unmarshal(f.Body, &body); err != nil || body.ReplyBy == 0 {
		return err
	}
	return d.log.Update(ctx, tx, "document", "referral.reply_by", time.Time{}, f.ID, record.Fields{"due_at": body.ReplyBy})
}

func (d *Desk) pack(ctx context.Context, q store.Queryer, t intake.Tip) (referred, error) {
	r := referred{Number: t.Number, Class: t.Class, Locator: t.Locator, Summary: t.Summary, Language: t.Language, DangerAt: t.DangerAt, OccurredAt: t.OccurredAt}
	var err error
	if r.Hints, err = hintsOf(ctx, q, t); err != nil {
		return r, err
	}
	if r.Origin, err = d.origin(ctx, q, t); err != nil {
		return r, err
	}
	if t.AccountID != 0 {
		a, err := platforms.AccountByID(ctx, q, t.AccountID)
		if err != nil {
			return r, err
		}
		r.NativeID, r.Host, r.Handle = a.NativeID, a.Host, a.Handle
	}
	where, id := "m.post_id = $1", t.PostID
	if t.PostID != 0 {
		p, err := platforms.PostByID(ctx, q, t.PostID)
		if err != nil {
			return r, err
		}
		r.Post = &referredPost{p.NativeID, p.URL, p.PostedAt}
	} else {
		where, id = "m.id IN (SELECT f.media_id FROM report_file f JOIN report r ON r.id = f.report_id WHERE r.tip_id = $1)", t.ID
	}
	r.Media, err = store.Collect(ctx, q, func(rows *sql.Rows) (m referredMedia, err error) {
		return m, rows.Scan(&m.SHA256, &m.PDQ, &m.Size, &m.Match, &m.Label, &m.Viewed)
	}, "SELECT m.sha256, m.pdq, m.size, COALESCE(x.state, ''), COALESCE(x.label, ''), "+viewedColumn+" FROM media m LEFT JOIN media_match x ON x.media_id = m.id WHERE "+where+" ORDER BY m.id", id)
	return r, err
}

// receiveReferral enters the tips of a referral: this agency is now responsible for them.
func (d *Desk) receiveReferral(ctx context.Context, tx *store.Tx, in courier.Incoming) error {
	var body referral
	if err := json.Unmarshal(in.Body, &body); err != nil || len(body.Tips) == 0 || len(body.Tips) != len(in.Items) {
		return fault.Coded(fault.Refused, "malformed", "the referral's content is not readable or does not fit its items")
	}
	if err := in.From.NeedOfficer(); err != nil {
		return err
	}
	rule, err := d.law.Rule(courier.Referral, d.clock.Now())
	if err != nil {
		return err
	}
	if err := rule.Allows(in.From.Officer.Rank, in.From.Officer.AuthorisationRef); err != nil {
		return err
	}
	if err := d.replyBy(ctx, tx, in.Filed); err != nil {
		return err
	}
	for i, r := range body.Tips {
		if r.Origin == "" {
			r.Origin = in.Issuer + " " + r.Number
		}
		if err := d.notInChain(ctx, tx, r.Origin); err != nil {
			return err
		}
		t := intake.Tip{Source: intake.FromReferral, Class: r.Class, Reporter: in.Issuer, Locator: r.Locator, ReferralID: in.ID, ExternalRef: r.Number,
			Hints: r.Hints, Summary: r.Summary, Language: r.Language, DangerAt: r.DangerAt, OccurredAt: r.OccurredAt}
		if r.Host != "" && (r.Handle != "" || r.NativeID != "") {
			a, err := d.register.EnsureAccount(ctx, tx, r.Host, r.Handle, r.NativeID)
			if err != nil {
				return err
			}
			t.AccountID = a.ID
			if t.PostID, err = d.receivePost(ctx, tx, a, r); err != nil {
				return err
			}
		}
		t, err := d.tips.Enter(ctx, tx, t)
		if err != nil {
			return err
		}
		if err := d.tips.Set(ctx, tx, t.ID, "tip.origin", record.Fields{"origin": r.Origin}); err != nil {
			return err
		}
		it := in.Items[i]
		if err := d.log.Update(ctx, tx, "document_item", "referral.item", time.Time{}, it.ID, record.Fields{"tip_id": t.ID, "account_id": t.AccountID}); err != nil {
			return err
		}
	}
	return nil
}

// receivePost enters the post and the media hashes that a referral tells of.
func (d *Desk) receivePost(ctx context.Context, tx *store.Tx, a platforms.AccountRow, r referred) (int64, error) {
	if r.Post == nil {
		return 0, nil
	}
	p := platforms.Post{Host: a.Host, ID: r.Post.ID, URL: r.Post.URL, CreatedAt: store.Time(r.Post.PostedAt)}
	for range r.Media {
		p.Media = append(p.Media, platforms.Media{Kind: platforms.Image})
	}
	id, err := d.register.SawPost(ctx, tx, a.ID, p)
	if err != nil {
		return 0, err
	}
	rows, err := platforms.MediaOf(ctx, tx, id)
	if err != nil || len(rows) != len(r.Media) {
		return id, err // the post was known before
	}
	for i, m := range rows {
		m.SHA256, m.PDQ, m.Size = r.Media[i].SHA256, r.Media[i].PDQ, r.Media[i].Size
		if err := d.register.Hashed(ctx, tx, m); err != nil {
			return 0, err
		}
		if err := d.register.Viewed(ctx, tx, m.ID, viewedWord(r.Media[i].Viewed)); err != nil {
			return 0, err
		}
	}
	return id, nil
}
