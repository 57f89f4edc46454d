// Package triage decides what becomes of tips: a perceptual match is looked at under the opening rules, a tip is acted on,
// referred to the agency with jurisdiction, or returned; and every outcome travels back to where the tip came from.
package triage

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

// Tables tell the record which rows to answer for.
var Tables = []record.Table{{Name: "opening", Sealed: []string{"purpose", "basis"}}, {Name: "legal_process", Sealed: []string{"number", "issued_by", "reason"}}, {Name: "route"}, {Name: "outcome", Sealed: []string{"detail"}},
	{Name: "priority_rules"}, {Name: "priority_overrule", Sealed: []string{"reason", "lift_reason"}}, {Name: "danger_mark", Sealed: []string{"reason", "lift_reason"}},
	{Name: "on_call", Sealed: []string{"email"}}, {Name: "alert"}, {Name: "alert_page"}, {Name: "protection_clock", Sealed: []string{"reference", "close_reason"}},
	{Name: "triage_task", Sealed: []string{"note"}},
	{Name: "tip_queue"}, {Name: "queue_member"}, {Name: "claim", Sealed: []string{"note"}}, {Name: "tip_decision", Sealed: []string{"reason", "answers"}},
	{Name: "tip_note", Sealed: []string{"content"}}, {Name: "exposure_rule"}, {Name: "exposure_consent"}, {Name: "holding", Sealed: []string{"note"}}}

// Desk works on tips.
type Desk struct {
	db       *store.DB
	log      *record.Log
	clock    clock.Clock
	office   *courier.Office
	law      *rules.Jurisdiction
	register *platforms.Register
	pool     *media.Pool
	lists    *lists.Lists
	tips     *intake.Tips
	agency   func() string
	paging   Paging
	desks    []string
	parsed   parsed
	queues   queueCache
	places   *Places
}

// New makes the desk and takes referrals, returns and outcomes from the office.
func New(db *store.DB, log *record.Log, c clock.Clock, office *courier.Office, law *rules.Jurisdiction, register *platforms.Register, pool *media.Pool, l *lists.Lists, tips *intake.Tips, agency func() string) *Desk {
	d := &Desk{db: db, log: log, clock: c, office: office, law: law, register: register, pool: pool, lists: l, tips: tips, agency: agency, places: &Places{}}
	tips.UseRanker(d)
	d.watch()
	tips.SortBy(d)
	office.On(courier.Referral, d.receiveReferral)
	office.On(courier.ReferralAnswer, d.receiveAnswer)
	office.On(courier.OutcomeReport, d.receiveOutcomes)
	office.OnSealed(courier.Referral, d.sent)
	office.OnDelivered(courier.Referral, d.delivered)
	office.OnDelivered(courier.ReferralAnswer, d.answerDelivered)
	return d
}

// Opening is a request to look at one picture. It needs a second person; the look itself is recorded.
type Opening struct {
	ID          int64  `json:"id"`
	MatchID     int64  `json:"match_id"`
	Purpose     string `json:"purpose"`
	RequestedBy int64  `json:"requested_by"`
	ApprovedBy  int64  `json:"approved_by,omitempty"`
	RequestedAt int64  `json:"requested_at"`
	ApprovedAt  int64  `json:"approved_at,omitempty"`
	OpenedAt    int64  `json:"opened_at,omitempty"`
}

// RequestOpening asks to look at the picture behind an unconfirmed match. An exact match is decided from metadata and is
// never opened.
func (d *Desk) RequestOpening(ctx context.Context, tx *store.Tx, matchID, by int64, purpose string) (Opening, error) {
	m, err := lists.MatchByID(ctx, tx, matchID)
	if err != nil {
		return Opening{}, err
	}
	if m.State != lists.Unconfirmed {
		return Opening{}, fault.New(fault.Refused, "the match is %s; there is nothing to look at", m.State)
	}
	if strings.TrimSpace(purpose) == "" {
		return Opening{}, fault.New(fault.Invalid, "say for what purpose the picture must be opened")
	}
	if _, err := d.mayOpen(ctx, tx, m.MediaID); err != nil {
		return Opening{}, err
	}
	id, err := d.log.Insert(ctx, tx, "opening", "opening.requested", time.Time{}, record.Fields{"match_id": matchID, "purpose": purpose, "requested_by": by, "requested_at": d.clock.Now()})
	if err != nil {
		return Opening{}, err
	}
	return d.opening(ctx, tx, id)
}

func (d *Desk) opening(ctx context.Context, q store.Queryer, id int64) (o Opening, err error) {
	err = q.QueryRowContext(ctx, "SELECT id, match_id, purpose, requested_by, COALESCE(approved_by, 0), requested_at, approved_at, opened_at FROM opening WHERE id = $1", id).
		Scan(&o.ID, &o.MatchID, &o.Purpose, &o.RequestedBy, &o.ApprovedBy, &o.RequestedAt, &o.ApprovedAt, &o.OpenedAt)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no such opening")
	}
	return o, err
}

// ApproveOpening is the second person's consent.
func (d *Desk) ApproveOpening(ctx context.Context, tx *store.Tx, id, by int64) (Opening, error) {
	o, err := d.opening(ctx, tx, id)
	if err != nil {
		return o, err
	}
	if o.RequestedBy == by {
		return o, fault.New(fault.Refused, "opening a picture needs two people; another must approve")
	}
	if o.ApprovedAt != 0 {
		return o, nil
	}
	if err := d.log.Update(ctx, tx, "opening", "opening.approved", time.Time{}, id, record.Fields{"approved_by": by, "approved_at": d.clock.Now()}); err != nil {
		return o, err
	}
	return d.opening(ctx, tx, id)
}

const previewSide = 256 // pixels: enough to decide, no more

// Look gives a small picture of what a match is about, once, to the person who asked for it. The bytes come from the
// platform's public view, pass the confined child and are not kept.
func (d *Desk) Look(ctx context.Context, id, by int64) (png []byte, err error) {
	o, err := d.opening(ctx, d.db.Reader(), id)
	switch {
	case err != nil:
		return nil, err
	case o.RequestedBy != by:
		return nil, fault.New(fault.Forbidden, "only the person who asked for an opening may look")
	case o.ApprovedAt == 0:
		return nil, fault.New(fault.Refused, "another person must approve this opening first")
	case o.OpenedAt != 0:
		return nil, fault.New(fault.Refused, "this opening was used; ask for another if you must look again")
	}
	m, err := lists.MatchByID(ctx, d.db.Reader(), o.MatchID)
	if err != nil {
		return nil, err
	}
	if err := d.looks(ctx, by, m.MediaID); err != nil {
		return nil, err
	}
	if _, err := d.mayOpen(ctx, d.db.Reader(), m.MediaID); err != nil {
		return nil, err
	}
	if png, err = d.preview(ctx, m.MediaID); err != nil {
		return nil, err
	}
	err = d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		o, err := d.opening(ctx, tx, id)
		if err != nil {
			return err
		}
		if o.OpenedAt != 0 {
			return fault.New(fault.Refused, "this opening was used; ask for another if you must look again")
		}
		if err := d.looked(ctx, tx, by, id); err != nil {
			return err
		}
		basis, err := d.mayOpen(ctx, tx, m.MediaID)
		if err != nil {
			return err
		}
		return d.log.Update(ctx, tx, "opening", "opening.opened", time.Time{}, id, record.Fields{"opened_at": d.clock.Now(), "basis": basis})
	})
	if err != nil {
		return nil, err // nobody sees what is not on record
	}
	return png, nil
}

func (d *Desk) preview(ctx context.Context, mediaID int64) ([]byte, error) {
	var host, postID, sha256, nativeID string
	err := d.db.Reader().QueryRowContext(ctx, `SELECT a.host, p.native_id, m.sha256, m.native_id FROM media m
		JOIN post p ON p.id = m.post_id JOIN account a ON a.id = p.account_id WHERE m.id = $1`, mediaID).Scan(&host, &postID, &sha256, &nativeID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fault.New(fault.NotSupported, "this picture is in no public post; it was hashed and discarded")
	}
	if err != nil {
		return nil, err
	}
	connector, err := d.register.Public(ctx, host)
	if err != nil {
		return nil, err
	}
	post, err := connector.Post(ctx, postID)
	if err != nil {
		return nil, err
	}
	for _, m := range post.Media {
		if m.ID != nativeID {
			continue
		}
		b, err := connector.MediaBytes(ctx, m, 64<<20)
		if err != nil {
			return nil, err
		}
		r, err := d.pool.Hash(ctx, b)
		if err != nil {
			return nil, err
		}
		if r.SHA256 != sha256 {
			return nil, fault.New(fault.Conflict, "the platform now shows another file than the one that was matched; examine the post again")
		}
		return d.pool.Preview(ctx, b, previewSide)
	}
	return nil, fault.New(fault.NotFound, "the picture is no longer in the post")
}

// Decide says what a tip is: actionable, informational or insufficient. A tip that somebody else holds is theirs to decide, and one that
// asks for two people is decided at the work with it: see Say.
func (d *Desk) Decide(ctx context.Context, tx *store.Tx, tipID int64, state, reason string) error {
	t, err := intake.ByID(ctx, tx, tipID)
	if err != nil {
		return err
	}
	if err := d.allowed(ctx, tx, t, state, reason); err != nil {
		return err
	}
	if err := d.unclaimed(ctx, tx, t, Said{State: state, Reason: reason}); err != nil {
		return err
	}
	return d.decide(ctx, tx, t, state, reason)
}

// allowed holds a decision to the rules that every decision has.
func (d *Desk) allowed(ctx context.Context, q store.Queryer, t intake.Tip, state, reason string) error {
	if t.State != "received" && t.State != "actionable" {
		return fault.New(fault.Conflict, "tip %s is %s; it was decided before", t.Number, t.State)
	}
	if state != "actionable" && state != "informational" && state != "insufficient" {
		return fault.New(fault.Invalid, "a tip is actionable, informational or insufficient")
	}
	if state != "actionable" && strings.TrimSpace(reason) == "" {
		return fault.New(fault.Invalid, "say why the tip is %s", state)
	}
	if state == "actionable" {
		return d.stands(ctx, q, t)
	}
	return nil
}

// decide makes a tip what was decided.
func (d *Desk) decide(ctx context.Context, tx *store.Tx, t intake.Tip, state, reason string) error {
	return d.tips.Set(ctx, tx, t.ID, "tip."+state, record.Fields{"state": state, "outcome": reason})
}

// stands refuses to act on a scan's tip behind which there is only a perceptual match.
func (d *Desk) stands(ctx context.Context, q store.Queryer, t intake.Tip) error {
	if t.Source != intake.FromScan {
		return nil
	}
	var n int64
	err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM media_match x JOIN media m ON m.id = x.media_id WHERE m.post_id = $1 AND x.state IN ('exact', 'confirmed')`, t.PostID).Scan(&n)
	if err == nil && n == 0 {
		err = fault.New(fault.Refused, "only a perceptual match stands behind tip %s; a person must confirm it first", t.Number)
	}
	return err
}
