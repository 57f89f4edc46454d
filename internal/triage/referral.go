package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/netip"
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
	Channel string     `json:"channel"` // the legal channel it goes by
	Reason  string     `json:"reason"`  // why the addressee has jurisdiction
	Tips    []referred `json:"tips"`
}

// Refer drafts one referral of several tips to another agency, which becomes responsible for them once it has received it.
func (d *Desk) Refer(ctx context.Context, tx *store.Tx, tipIDs []int64, audience, channel, reason string, by int64) (courier.Filed, error) {
	if len(tipIDs) == 0 || strings.TrimSpace(channel) == "" || strings.TrimSpace(reason) == "" {
		return courier.Filed{}, fault.New(fault.Invalid, "a referral needs tips, the legal channel and why the addressee has jurisdiction")
	}
	body := referral{Channel: channel, Reason: reason}
	var items []courier.Item
	for _, id := range tipIDs {
		t, err := intake.ByID(ctx, tx, id)
		if err != nil {
			return courier.Filed{}, err
		}
		if t.Responsible != d.agency() || (t.State != "received" && t.State != "actionable") {
			return courier.Filed{}, fault.New(fault.Conflict, "tip %s is %s and %s is responsible for it; it cannot be referred from here", t.Number, t.State, t.Responsible)
		}
		if err := d.mayRefer(ctx, tx, t, audience); err != nil {
			return courier.Filed{}, err
		}
		if err := d.stands(ctx, tx, t); err != nil {
			return courier.Filed{}, err
		}
		r, err := d.pack(ctx, tx, t)
		if err != nil {
			return courier.Filed{}, err
		}
		body.Tips = append(body.Tips, r)
		items = append(items, courier.Item{Kind: "tip", Locator: t.Number, TipID: t.ID, AccountID: t.AccountID})
	}
	rule, err := d.law.Rule(courier.Referral, d.clock.Now())
	if err != nil {
		return courier.Filed{}, err
	}
	f, err := d.office.File(ctx, tx, courier.Draft{Instrument: courier.Referral, Audience: audience, Subject: reason, Body: body, RuleID: rule.Name(), Rule: rule, DraftedBy: by, Items: items})
	if err != nil {
		return f, err
	}
	for _, id := range tipIDs {
		if err := d.tips.Set(ctx, tx, id, "tip.referred", record.Fields{"state": "referred", "onward_id": f.ID, "responsible": audience}); err != nil {
			return f, err
		}
	}
	return f, nil
}

// delivered takes the tips of a referral back that its addressee refused: somebody must act on them, and that is this agency again.
func (d *Desk) delivered(ctx context.Context, tx *store.Tx, f courier.Filed) error {
	if f.State != "refused" {
		return nil
	}
	tips, err := intake.List(ctx, tx, intake.Filter{OnwardID: f.ID})
	if err != nil {
		return err
	}
	for _, t := range tips {
		if err := d.tips.Set(ctx, tx, t.ID, "tip.returned", record.Fields{"state": "received", "onward_id": int64(0), "responsible": d.agency()}); err != nil {
			return err
		}
	}
	return nil
}

func (d *Desk) pack(ctx context.Context, q store.Queryer, t intake.Tip) (referred, error) {
	r := referred{Number: t.Number, Class: t.Class, Locator: t.Locator, Hints: t.Hints, Summary: t.Summary, OccurredAt: t.OccurredAt}
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
	var err error
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
	for i, r := range body.Tips {
		t := intake.Tip{Source: intake.FromReferral, Class: r.Class, Reporter: in.Issuer, Locator: r.Locator, ReferralID: in.ID, ExternalRef: r.Number,
			Hints: r.Hints, Summary: r.Summary, OccurredAt: r.OccurredAt}
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

// Route is a rule of a bureau: tips whose hints match go to an agency.
type Route struct {
	ID      int64  `json:"id,omitempty"`
	Kind    string `json:"kind"`    // ip, phone, country, any
	Pattern string `json:"pattern"` // a prefix, 203.0.113.0/24 or +9170, or a country, IN
	Agency  string `json:"agency"`
}

// AddRoute enters a route.
func (d *Desk) AddRoute(ctx context.Context, tx *store.Tx, r Route) error {
	if r.Kind == "ip" {
		if _, err := netip.ParsePrefix(r.Pattern); err != nil {
			return fault.New(fault.Invalid, "an ip route needs a prefix such as 203.0.113.0/24")
		}
	}
	if r.Agency == "" || (r.Kind != "ip" && r.Kind != "phone" && r.Kind != "country" && r.Kind != "any") {
		return fault.New(fault.Invalid, "a route needs a kind (ip, phone, country or any) and an agency")
	}
	_, err := d.log.Insert(ctx, tx, "route", "route.added", time.Time{}, record.Fields{"kind": r.Kind, "pattern": r.Pattern, "agency": r.Agency, "created_at": d.clock.Now()})
	return err
}

// Routes reads the routes in the order in which they are tried.
func (d *Desk) Routes(ctx context.Context, q store.Queryer) ([]Route, error) {
	return store.Collect(ctx, q, func(rows *sql.Rows) (r Route, err error) {
		return r, rows.Scan(&r.ID, &r.Kind, &r.Pattern, &r.Agency)
	}, "SELECT id, kind, pattern, agency FROM route ORDER BY id")
}

// Routed says where a tip belongs and by which hint; "" when no route fits.
type Routed struct {
	TipID  int64  `json:"tip_id"`
	Agency string `json:"agency"`
	Reason string `json:"reason"`
}

// RouteTips finds the agency for each tip that this node is responsible for and that is not decided.
func (d *Desk) RouteTips(ctx context.Context, q store.Queryer) ([]Routed, error) {
	routes, err := d.Routes(ctx, q)
	if err != nil {
		return nil, err
	}
	tips, err := intake.List(ctx, q, intake.Filter{})
	if err != nil {
		return nil, err
	}
	out := []Routed{}
	for _, t := range tips {
		if t.Responsible == d.agency() && (t.State == "received" || t.State == "actionable") {
			agency, reason := route(routes, t.Hints)
			out = append(out, Routed{t.ID, agency, reason})
		}
	}
	return out, nil
}

func route(routes []Route, hints string) (agency, reason string) {
	for _, r := range routes {
		for _, hint := range strings.Split(hints, "\n") {
			kind, value, _ := strings.Cut(hint, ":")
			switch {
			case r.Kind == "any":
				return r.Agency, "the only agency known"
			case r.Kind != kind:
			case kind == "phone" && strings.HasPrefix(value, r.Pattern):
				return r.Agency, "phone number with prefix " + r.Pattern
			case kind == "country" && value == r.Pattern:
				return r.Agency, "country " + r.Pattern + " named in the profile or post"
			case kind == "ip":
				ip, err := netip.ParseAddr(value)
				prefix, err2 := netip.ParsePrefix(r.Pattern)
				if err == nil && err2 == nil && prefix.Contains(ip) {
					return r.Agency, "network address in " + r.Pattern
				}
			}
		}
	}
	return "", ""
}

// Accept says that this agency acts on the referred tips.
func (d *Desk) Accept(ctx context.Context, tx *store.Tx, documentID int64) error {
	f, err := courier.ByID(ctx, tx, documentID)
	if err != nil {
		return err
	}
	if f.Direction != courier.In || f.Instrument != courier.Referral || f.State != "received" {
		return fault.New(fault.Conflict, "document %s is no referral that waits to be accepted", f.Number)
	}
	items, err := courier.Items(ctx, tx, documentID)
	if err != nil {
		return err
	}
	for _, it := range items {
		it.State = "accepted"
		if err := d.office.SetItem(ctx, tx, it, "referral.accepted"); err != nil {
			return err
		}
		if err := d.tips.Set(ctx, tx, it.TipID, "tip.actionable", record.Fields{"state": "actionable"}); err != nil {
			return err
		}
	}
	return d.office.SetState(ctx, tx, documentID, "accepted")
}
