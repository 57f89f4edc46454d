package triage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Claim is one person's hold on a tip: nobody else may decide it while the claim lasts. A claim that has expired holds nothing; no job
// is needed for that, and it is ended on record when somebody else takes the tip. Times are microseconds UTC.
type Claim struct {
	ID        int64  `json:"id"`
	TipID     int64  `json:"tip_id"`
	PersonID  int64  `json:"person_id"`
	QueueID   int64  `json:"queue_id"`
	GivenBy   int64  `json:"given_by,omitempty"` // who handed the tip over
	TakenAt   int64  `json:"taken_at"`
	ExpiresAt int64  `json:"expires_at"`
	EndedAt   int64  `json:"ended_at,omitempty"`
	Ending    string `json:"ending,omitempty"`
	Note      string `json:"note,omitempty"`
}

const (
	noteLimit    = 1000            // bytes of a note or reason of the work with tips
	handedOver   = 8 * time.Hour   // how long a claim that was handed over waits for its person
	activityStep = 1 * time.Minute // activity within this time of the last is not written
)

const claimColumns = "SELECT id, tip_id, person_id, COALESCE(queue_id, 0), COALESCE(given_by, 0), taken_at, expires_at, ended_at, ending, note FROM claim "

func scanClaim(scan func(...any) error) (c Claim, err error) {
	return c, scan(&c.ID, &c.TipID, &c.PersonID, &c.QueueID, &c.GivenBy, &c.TakenAt, &c.ExpiresAt, &c.EndedAt, &c.Ending, &c.Note)
}

func scanClaims(rows *sql.Rows) (Claim, error) { return scanClaim(rows.Scan) }

// claimOf gives the claim on a tip that has not ended, whether it has expired or not; nil: there is none.
func claimOf(ctx context.Context, q store.Queryer, tipID int64) (*Claim, error) {
	c, err := scanClaim(q.QueryRowContext(ctx, claimColumns+"WHERE tip_id = $1 AND ended_at = 0", tipID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &c, err
}

func (d *Desk) expired(c Claim) bool { return c.ExpiresAt <= d.clock.Now().UnixMicro() }

// Claims gives what a person holds, the oldest first.
func (d *Desk) Claims(ctx context.Context, q store.Queryer, person int64) ([]Claim, error) {
	return store.Collect(ctx, q, scanClaims, claimColumns+"WHERE person_id = $1 AND ended_at = 0 AND expires_at > $2 ORDER BY id", person, d.clock.Now().UnixMicro())
}

// ClaimsOf gives every claim that there was on a tip.
func ClaimsOf(ctx context.Context, q store.Queryer, tipID int64) ([]Claim, error) {
	return store.Collect(ctx, q, scanClaims, claimColumns+"WHERE tip_id = $1 ORDER BY id", tipID)
}

// held gives a tip that waits and that the person holds.
func (d *Desk) held(ctx context.Context, q store.Queryer, p identity.Person, tipID int64) (intake.Tip, Claim, error) {
	t, err := intake.ByID(ctx, q, tipID)
	if err != nil {
		return t, Claim{}, err
	}
	if t.State != "received" {
		return t, Claim{}, fault.New(fault.Conflict, "tip %s is %s; it was decided before", t.Number, t.State)
	}
	c, err := claimOf(ctx, q, tipID)
	switch {
	case err != nil:
		return t, Claim{}, err
	case c == nil || c.PersonID != p.ID && d.expired(*c):
		return t, Claim{}, fault.Coded(fault.Conflict, "not_claimed", "you do not hold tip %s; take it first", t.Number)
	case c.PersonID != p.ID:
		return t, Claim{}, fault.Coded(fault.Conflict, "claimed", "somebody else works on tip %s", t.Number)
	case d.expired(*c):
		return t, Claim{}, fault.Coded(fault.Conflict, "claim_expired", "your claim of tip %s has run out; take it again", t.Number)
	}
	return t, *c, nil
}

// freeFor refuses what would change a tip that somebody else holds.
func (d *Desk) freeFor(ctx context.Context, q store.Queryer, t intake.Tip) error {
	c, err := claimOf(ctx, q, t.ID)
	if err != nil || c == nil || d.expired(*c) || t.State != "received" {
		return err
	}
	if p, _ := identity.Acting(ctx); p.ID != c.PersonID {
		return fault.Coded(fault.Conflict, "claimed", "somebody else works on tip %s until %s; ask them, or wait", t.Number, d.local(c.ExpiresAt))
	}
	return nil
}

// free is the condition that a tip may be taken by a person: nobody holds it, and the person has not spoken on it yet; one that two
// people disagree on is for whoever manages queues, and one that a certain person was asked about is for them or for the former.
func (d *Desk) free(p identity.Person) func(intake.Argument) string {
	return func(arg intake.Argument) string {
		me := arg(p.ID)
		lead := p.May(identity.ManageQueues)
		text := "NOT EXISTS (SELECT 1 FROM claim c WHERE c.tip_id = tip.id AND c.ended_at = 0 AND c.expires_at > " + arg(d.clock.Now().UnixMicro()) + ")" +
			" AND NOT EXISTS (SELECT 1 FROM tip_decision o WHERE o.tip_id = tip.id AND o.closed_at = 0 AND (o.person_id = " + me
		if !lead {
			text += " OR o.asked_of_id <> " + me
		}
		text += "))"
		if !lead {
			text += " AND (SELECT COUNT(*) FROM tip_decision o WHERE o.tip_id = tip.id AND o.closed_at = 0) < 2"
		}
		return text
	}
}

// Next gives a person the tip to work on: one that they hold already, or else the first that nobody holds in the queues that they
// work; danger goes first through all of them. queue narrows it to one, unless it is negative. Errors: fault.NotFound with the
// code "nothing_waits"; fault.Refused with one of the codes "exposure_..." when a limit of exposure is reached.
func (d *Desk) Next(ctx context.Context, p identity.Person, queue int64) (c Claim, err error) {
	verdict, err := d.limited(ctx, p, 0)
	if err != nil || verdict != nil && fault.Code(verdict) != "exposure_"+ByHours { // a break is no time for other work either
		return c, errors.Join(err, verdict)
	}
	err = d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		c = Claim{}
		held, err := d.Claims(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		for _, one := range held {
			t, err := intake.ByID(ctx, tx, one.TipID)
			if err != nil {
				return err
			}
			if t.State == "received" && (verdict == nil || !Exposes(t.Class)) {
				c = one
				return nil
			}
		}
		queues, err := d.workable(ctx, tx, p)
		if err != nil {
			return err
		}
		t, found, err := d.first(ctx, tx, p, queues, queue, verdict != nil)
		if err != nil {
			return err
		}
		if !found && verdict != nil {
			return verdict
		}
		if !found {
			return fault.Coded(fault.NotFound, "nothing_waits", "nothing waits for you here")
		}
		c, err = d.claim(ctx, tx, p, t, 0)
		return err
	})
	return c, err
}

// first finds the first free tip of the queues: of all with danger, then of each in its order. quiet leaves out the queues that may
// hold tips which count as exposure.
func (d *Desk) first(ctx context.Context, q store.Queryer, p identity.Person, queues []Queue, only int64, quiet bool) (intake.Tip, bool, error) {
	var best *intake.Tip
	for _, queue := range queues {
		if only >= 0 && queue.ID != only || quiet && queue.exposes() {
			continue
		}
		tips, err := intake.Waiting(ctx, q, queue.ID, nil, 1, d.free(p))
		if err != nil {
			return intake.Tip{}, false, err
		}
		for _, t := range tips {
			if best == nil || best.DangerAt == 0 && t.DangerAt > 0 {
				best = &t
			}
		}
		if best != nil && best.DangerAt > 0 {
			break
		}
	}
	if best == nil {
		return intake.Tip{}, false, nil
	}
	return *best, true, nil
}

// Take gives a person one certain tip, if nobody holds it. Where a limit of exposure is reached it needs the person's own consent, and
// a child in danger: see Consent.
func (d *Desk) Take(ctx context.Context, p identity.Person, tipID int64) (c Claim, err error) {
	t, err := intake.ByID(ctx, d.db.Reader(), tipID)
	if err != nil {
		return c, err
	}
	if Exposes(t.Class) {
		if verdict, err := d.limited(ctx, p, tipID); err != nil || verdict != nil {
			return c, errors.Join(err, verdict)
		}
	}
	err = d.db.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		t, err := intake.ByID(ctx, tx, tipID)
		if err != nil {
			return err
		}
		queue, err := d.queueOf(ctx, t)
		if err != nil {
			return err
		}
		if err := d.mayWork(ctx, tx, p, queue); err != nil {
			return err
		}
		if now, err := claimOf(ctx, tx, tipID); err != nil {
			return err
		} else if now != nil && now.PersonID == p.ID && !d.expired(*now) {
			c = *now
			return d.active(ctx, tx, p, c)
		}
		if err := d.mayTake(ctx, tx, p, t); err != nil {
			return err
		}
		c, err = d.claim(ctx, tx, p, t, 0)
		return err
	})
	return c, err
}

// mayTake says in words why a tip is not free for a person.
func (d *Desk) mayTake(ctx context.Context, q store.Queryer, p identity.Person, t intake.Tip) error {
	if t.State != "received" {
		return fault.New(fault.Conflict, "tip %s is %s; it was decided before", t.Number, t.State)
	}
	c, err := claimOf(ctx, q, t.ID)
	if err != nil {
		return err
	}
	if c != nil && !d.expired(*c) && c.PersonID != p.ID {
		return fault.Coded(fault.Conflict, "claimed", "somebody else works on tip %s until %s; ask them, or wait", t.Number, d.local(c.ExpiresAt))
	}
	open, err := openDecisions(ctx, q, t.ID)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.PersonID == p.ID {
			return fault.Coded(fault.Refused, "spoken", "you have said what tip %s is; now it is for another person", t.Number)
		}
		if o.AskedOf != 0 && o.AskedOf != p.ID && !p.May(identity.ManageQueues) {
			return fault.Coded(fault.Refused, "another_asked", "another person was asked about tip %s", t.Number)
		}
	}
	if len(open) > 1 && !p.May(identity.ManageQueues) {
		return fault.Coded(fault.Refused, "disagreement", "two people disagree on tip %s; a supervisor decides", t.Number)
	}
	return nil
}

// claim ends the expired claim on a tip, if there is one, and makes a new one. for the person. by is who hands it over.
func (d *Desk) claim(ctx context.Context, tx *store.Tx, p identity.Person, t intake.Tip, by int64) (Claim, error) {
	old, err := claimOf(ctx, tx, t.ID)
	if err != nil {
		return Claim{}, err
	}
	if old != nil {
		if !d.expired(*old) {
			return Claim{}, fault.Coded(fault.Conflict, "claimed", "somebody else works on tip %s", t.Number)
		}
		if err := d.endClaim(ctx, tx, *old, "expired", ""); err != nil {
			return Claim{}, err
		}
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return Claim{}, err
	}
	now, lasts := d.clock.Now(), queue.claimTime()
	if by != 0 {
		lasts = max(lasts, handedOver)
	}
	id, err := d.log.Insert(ctx, tx, "claim", "claim.taken", time.Time{}, record.Fields{"tip_id": t.ID, "person_id": p.ID, "queue_id": queue.ID, "given_by": by, "taken_at": now, "expires_at": now.Add(lasts)})
	if err != nil {
		return Claim{}, err
	}
	c, err := scanClaim(tx.QueryRowContext(ctx, claimColumns+"WHERE id = $1", id).Scan)
	if err != nil || by != 0 { // who was handed a tip has not opened it yet
		return c, err
	}
	return c, d.expose(ctx, tx, p.ID, t)
}

// endClaim ends a claim, and with it the exposure that it was.
func (d *Desk) endClaim(ctx context.Context, tx *store.Tx, c Claim, ending, note string) error {
	if ending != "expired" { // an expired one ended its exposure with the last activity
		if err := d.endExposure(ctx, tx, c.PersonID); err != nil {
			return err
		}
	}
	return d.log.Update(ctx, tx, "claim", "claim."+ending, time.Time{}, c.ID, record.Fields{"ended_at": d.clock.Now(), "ending": ending, "note": note})
}

// active extends a claim and the exposure that it is, if the last activity is a while ago.
func (d *Desk) active(ctx context.Context, tx *store.Tx, p identity.Person, c Claim) error {
	t, err := intake.ByID(ctx, tx, c.TipID)
	if err != nil {
		return err
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return err
	}
	if err := d.expose(ctx, tx, p.ID, t); err != nil {
		return err
	}
	until := d.clock.Now().Add(queue.claimTime())
	if until.Sub(store.Time(c.ExpiresAt)) < activityStep {
		return nil
	}
	return d.log.Update(ctx, tx, "claim", "claim.extended", time.Time{}, c.ID, record.Fields{"expires_at": until})
}

// HandBack gives a tip back to its queue, with a note for whoever takes it next.
func (d *Desk) HandBack(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64, note string) error {
	c, err := claimOf(ctx, tx, tipID)
	if err != nil {
		return err
	}
	if c == nil || c.PersonID != p.ID {
		return fault.Coded(fault.Conflict, "not_claimed", "you do not hold this tip")
	}
	if note = strings.TrimSpace(note); note == "" || len(note) > noteLimit {
		return fault.New(fault.Invalid, "write a note of at most %d characters for whoever takes the tip next", noteLimit)
	}
	return d.endClaim(ctx, tx, *c, "handed_back", note)
}

// GiveTo hands a tip to another person who works its queue.
func (d *Desk) GiveTo(ctx context.Context, tx *store.Tx, p, to identity.Person, tipID int64, note string) (Claim, error) {
	t, c, err := d.held(ctx, tx, p, tipID)
	if err != nil {
		return c, err
	}
	if to.ID == p.ID {
		return c, fault.New(fault.Invalid, "you hold tip %s already", t.Number)
	}
	if to.DisabledAt != 0 {
		return c, fault.New(fault.Conflict, "%s has left", to.Username)
	}
	if note = strings.TrimSpace(note); note == "" || len(note) > noteLimit {
		return c, fault.New(fault.Invalid, "write a note of at most %d characters for %s", noteLimit, to.Username)
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return c, err
	}
	if err := d.mayWork(ctx, tx, to, queue); err != nil {
		return c, err
	}
	if err := d.endClaim(ctx, tx, c, "handed_over", note); err != nil {
		return c, err
	}
	if err := d.mayTake(ctx, tx, to, t); err != nil {
		return c, err
	}
	return d.claim(ctx, tx, to, t, p.ID)
}

// HandOverClaims gives the claims of a leaving person to a successor who works those queues; the others go back to their queues.
func (d *Desk) HandOverClaims(ctx context.Context, tx *store.Tx, from, to identity.Person) (n int, err error) {
	held, err := d.Claims(ctx, tx, from.ID)
	if err != nil {
		return 0, err
	}
	for _, c := range held {
		if err := d.endClaim(ctx, tx, c, "left", ""); err != nil {
			return n, err
		}
		t, err := intake.ByID(ctx, tx, c.TipID)
		if err != nil {
			return n, err
		}
		queue, err := d.queueOf(ctx, t)
		if err != nil {
			return n, err
		}
		if to.ID == 0 || d.mayWork(ctx, tx, to, queue) != nil || d.mayTake(ctx, tx, to, t) != nil {
			continue
		}
		if _, err := d.claim(ctx, tx, to, t, from.ID); err != nil {
			return n, fmt.Errorf("claim of tip %s: %w", t.Number, err)
		}
		n++
	}
	return n, nil
}

// local writes an instant for people, in the jurisdiction's zone.
func (d *Desk) local(micros int64) string {
	return store.Time(micros).In(d.zone()).Format("15:04 on 2 Jan")
}

func (d *Desk) zone() *time.Location {
	if d.law == nil {
		return time.UTC
	}
	return d.law.Location()
}
