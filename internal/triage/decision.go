package triage

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// Parts that a person takes in deciding a tip.
const (
	Sole   = "sole"   // decided alone
	First  = "first"  // waits for another person
	Second = "second" // confirmed, or gave an opinion
	Lead   = "lead"   // decided where two disagreed
)

// Why a first decision waits for another person.
const (
	ForConfirmation = "confirmation" // the queue asks for two people; the second sees what the first proposes
	ForOpinion      = "opinion"      // the first asked; the second sees nothing before they have said what they think
)

// Decision is what one person said of a tip. Times are microseconds UTC.
type Decision struct {
	ID           int64             `json:"id"`
	TipID        int64             `json:"tip_id"`
	PersonID     int64             `json:"person_id"`
	Part         string            `json:"part"`
	State        string            `json:"state"` // what the person says the tip is
	Class        string            `json:"class"` // the tip's, then
	Reason       string            `json:"reason,omitempty"`
	Answers      map[string]string `json:"answers,omitempty"`       // to the questions of the class
	FromMetadata bool              `json:"from_metadata,omitempty"` // its file was known: nothing was opened
	Asks         string            `json:"asks,omitempty"`
	AskedOf      int64             `json:"asked_of,omitempty"` // 0: whoever works the queue
	GivenAt      int64             `json:"given_at"`
	ClosedAt     int64             `json:"closed_at,omitempty"` // when the tip was decided
	Ending       string            `json:"ending,omitempty"`    // stood, overruled
}

const decisionColumns = "SELECT id, tip_id, person_id, part, state, class, reason, answers, from_metadata = 1, asks, COALESCE(asked_of_id, 0), given_at, closed_at, ending FROM tip_decision "

func scanDecision(rows *sql.Rows) (d Decision, err error) {
	var answers string
	if err := rows.Scan(&d.ID, &d.TipID, &d.PersonID, &d.Part, &d.State, &d.Class, &d.Reason, &answers, &d.FromMetadata, &d.Asks, &d.AskedOf, &d.GivenAt, &d.ClosedAt, &d.Ending); err != nil {
		return d, err
	}
	if answers != "" {
		err = json.Unmarshal([]byte(answers), &d.Answers)
	}
	return d, err
}

// openDecisions gives what was said of a tip that is not decided yet.
func openDecisions(ctx context.Context, q store.Queryer, tipID int64) ([]Decision, error) {
	return store.Collect(ctx, q, scanDecision, decisionColumns+"WHERE tip_id = $1 AND closed_at = 0 ORDER BY id", tipID)
}

// DecisionsOf gives everything that people said of a tip, for those who may see it: see Work.
func DecisionsOf(ctx context.Context, q store.Queryer, tipID int64) ([]Decision, error) {
	return store.Collect(ctx, q, scanDecision, decisionColumns+"WHERE tip_id = $1 ORDER BY id", tipID)
}

// Said is what a person decides at the work with a tip.
type Said struct {
	State   string            `json:"state"`
	Reason  string            `json:"reason,omitempty"`
	Answers map[string]string `json:"answers,omitempty"`
}

// Decided says what became of a decision.
type Decided struct {
	State string `json:"state,omitempty"` // what the tip is now; empty: it is not decided yet
	Waits string `json:"waits,omitempty"` // for whom: "second", "lead"
}

// Say takes what the holder of the claim says of a tip. It decides the tip, unless another person must speak first: where the queue
// asks for two people, or the holder asks another for an opinion (ask). of names whom; 0 is whoever works the queue. The second
// person's decision is compared with the first's; where they differ, whoever manages queues decides.
func (d *Desk) Say(ctx context.Context, tx *store.Tx, p identity.Person, tipID int64, s Said, ask bool, of identity.Person) (Decided, error) {
	t, c, err := d.held(ctx, tx, p, tipID)
	if err != nil {
		return Decided{}, err
	}
	if err := d.checkSaid(ctx, tx, t, s); err != nil {
		return Decided{}, err
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return Decided{}, err
	}
	open, err := openDecisions(ctx, tx, tipID)
	if err != nil {
		return Decided{}, err
	}
	for _, o := range open {
		if o.PersonID == p.ID {
			return Decided{}, fault.Coded(fault.Refused, "spoken", "you have said what tip %s is; now it is for another person", t.Number)
		}
	}
	switch {
	case len(open) == 0 && ask:
		if of.ID == p.ID {
			return Decided{}, fault.New(fault.Invalid, "a second opinion is another person's")
		}
		if of.ID != 0 {
			if err := d.mayWork(ctx, tx, of, queue); err != nil {
				return Decided{}, err
			}
		}
		return d.propose(ctx, tx, c, t, s, ForOpinion, of.ID)
	case ask:
		return Decided{}, fault.New(fault.Conflict, "tip %s waits for your own opinion; say what you think", t.Number)
	case len(open) == 0 && queue.TwoPerson:
		return d.propose(ctx, tx, c, t, s, ForConfirmation, 0)
	case len(open) == 0:
		return d.conclude(ctx, tx, c, t, s, Sole, nil)
	case len(open) == 1 && open[0].State == s.State:
		return d.conclude(ctx, tx, c, t, s, Second, open)
	case len(open) == 1:
		return d.disagree(ctx, tx, c, t, s, open[0])
	case !p.May(identity.ManageQueues):
		return Decided{}, fault.Coded(fault.Refused, "disagreement", "two people disagree on tip %s; a supervisor decides", t.Number)
	default:
		return d.conclude(ctx, tx, c, t, s, Lead, open)
	}
}

// checkSaid holds what somebody says to the rules for decisions and to the template, also where it decides nothing yet.
func (d *Desk) checkSaid(ctx context.Context, q store.Queryer, t intake.Tip, s Said) error {
	if err := ClassOf(t.Class).check(s.State, s.Answers); err != nil {
		return err
	}
	if len(s.Reason) > noteLimit {
		return fault.New(fault.TooLarge, "a reason has at most %d characters", noteLimit)
	}
	return d.allowed(ctx, q, t, s.State, s.Reason)
}

func (d *Desk) propose(ctx context.Context, tx *store.Tx, c Claim, t intake.Tip, s Said, asks string, of int64) (Decided, error) {
	f, err := d.said(ctx, tx, c, t, s, First)
	if err != nil {
		return Decided{}, err
	}
	f["asks"], f["asked_of_id"] = asks, of
	if _, err := d.log.Insert(ctx, tx, "tip_decision", "tip.proposed", time.Time{}, f); err != nil {
		return Decided{}, err
	}
	return Decided{Waits: Second}, d.endClaim(ctx, tx, c, "proposed", "")
}

func (d *Desk) disagree(ctx context.Context, tx *store.Tx, c Claim, t intake.Tip, s Said, first Decision) (Decided, error) {
	f, err := d.said(ctx, tx, c, t, s, Second)
	if err != nil {
		return Decided{}, err
	}
	if _, err := d.log.Insert(ctx, tx, "tip_decision", "tip.disagreed", time.Time{}, f); err != nil {
		return Decided{}, err
	}
	if first.AskedOf != 0 { // they have spoken; now it is for a lead
		if err := d.log.Update(ctx, tx, "tip_decision", "tip.answered", time.Time{}, first.ID, record.Fields{"asked_of_id": 0}); err != nil {
			return Decided{}, err
		}
	}
	return Decided{Waits: Lead}, d.endClaim(ctx, tx, c, "proposed", "")
}

// conclude decides the tip by the rules of Decide and closes what was said before.
func (d *Desk) conclude(ctx context.Context, tx *store.Tx, c Claim, t intake.Tip, s Said, part string, open []Decision) (Decided, error) {
	f, err := d.said(ctx, tx, c, t, s, part)
	if err != nil {
		return Decided{}, err
	}
	now := d.clock.Now()
	f["closed_at"], f["ending"] = now, "stood"
	if _, err := d.log.Insert(ctx, tx, "tip_decision", "tip.decided", time.Time{}, f); err != nil {
		return Decided{}, err
	}
	for _, o := range open {
		ending := "stood"
		if o.State != s.State {
			ending = "overruled"
		}
		if err := d.log.Update(ctx, tx, "tip_decision", "tip.concluded", time.Time{}, o.ID, record.Fields{"closed_at": now, "ending": ending}); err != nil {
			return Decided{}, err
		}
	}
	if err := d.endClaim(ctx, tx, c, "decided", ""); err != nil {
		return Decided{}, err
	}
	return Decided{State: s.State}, d.decide(ctx, tx, t, s.State, s.Reason)
}

// said gives the columns of what the holder of a claim says; the zero claim is of a person who decides without one.
func (d *Desk) said(ctx context.Context, q store.Queryer, c Claim, t intake.Tip, s Said, part string) (record.Fields, error) {
	answers := ""
	for id, a := range s.Answers {
		if strings.TrimSpace(a) == "" {
			delete(s.Answers, id)
		}
	}
	if len(s.Answers) > 0 {
		b, err := json.Marshal(s.Answers)
		if err != nil {
			return nil, err
		}
		answers = string(b)
	}
	known, err := d.knownFile(ctx, q, t)
	return record.Fields{"tip_id": t.ID, "claim_id": c.ID, "person_id": c.PersonID, "part": part, "state": s.State, "class": t.Class, "reason": s.Reason, "answers": answers,
		"from_metadata": known, "given_at": d.clock.Now()}, err
}

// unclaimed refuses a decision without a claim where somebody else holds one, where the queue asks for two people, and where
// somebody has spoken already. The acting person's own claim is ended by the decision.
func (d *Desk) unclaimed(ctx context.Context, tx *store.Tx, t intake.Tip, s Said) error {
	if t.State != "received" {
		return nil
	}
	p, _ := identity.Acting(ctx)
	if err := d.freeFor(ctx, tx, t); err != nil {
		return err
	}
	queue, err := d.queueOf(ctx, t)
	if err != nil {
		return err
	}
	open, err := openDecisions(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	if queue.TwoPerson || len(open) > 0 {
		return fault.Coded(fault.Refused, "two_people", "tip %s is decided by two people; take it and say what it is", t.Number)
	}
	c, err := claimOf(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	if c != nil {
		ending := "expired"
		if !d.expired(*c) {
			ending = "decided"
		}
		if err := d.endClaim(ctx, tx, *c, ending, ""); err != nil {
			return err
		}
	}
	if p.ID <= 0 { // the node itself, or a service
		return nil
	}
	own := Claim{PersonID: p.ID}
	if c != nil && c.PersonID == p.ID {
		own.ID = c.ID
	}
	f, err := d.said(ctx, tx, own, t, s, Sole)
	if err != nil {
		return err
	}
	f["closed_at"], f["ending"] = d.clock.Now(), "stood"
	_, err = d.log.Insert(ctx, tx, "tip_decision", "tip.decided", time.Time{}, f)
	return err
}

// knownFile says whether a file of the tip is exactly one that a list has: then the tip is decided from metadata, and nothing of it is
// opened.
func (d *Desk) knownFile(ctx context.Context, q store.Queryer, t intake.Tip) (bool, error) {
	var n int64
	where, id := mediaOf(t)
	err := q.QueryRowContext(ctx, "SELECT COUNT(*) FROM media m JOIN media_match x ON x.media_id = m.id WHERE x.state = 'exact' AND "+where, id).Scan(&n)
	return n > 0, err
}

// mediaOf gives the condition on media m that it is the tip's, and its argument $1.
func mediaOf(t intake.Tip) (where string, id int64) {
	if t.PostID != 0 {
		return "m.post_id = $1", t.PostID
	}
	return "m.id IN (SELECT f.media_id FROM report_file f JOIN report r ON r.id = f.report_id WHERE r.tip_id = $1)", t.ID
}

// Became is one decision of a person with what is known to have come of it.
type Became struct {
	Decision
	Number      string    `json:"number"` // of the tip
	TipState    string    `json:"tip_state"`
	Responsible string    `json:"responsible"`
	Outcomes    []Outcome `json:"outcomes"`
}

// BecameOf tells a person what became of what they decided: first what has an outcome, the newest first. Knowing that helps those who
// do this work (BMC Psychiatry 2023, s12888-023-05445-w).
func BecameOf(ctx context.Context, q store.Queryer, person int64, limit int) ([]Became, error) {
	out, err := store.Collect(ctx, q, func(rows *sql.Rows) (b Became, err error) {
		return b, rows.Scan(&b.ID, &b.TipID, &b.Part, &b.State, &b.Class, &b.GivenAt, &b.ClosedAt, &b.Ending, &b.Number, &b.TipState, &b.Responsible)
	}, `SELECT o.id, o.tip_id, o.part, o.state, o.class, o.given_at, o.closed_at, o.ending, t.number, t.state, t.responsible FROM tip_decision o JOIN tip t ON t.id = o.tip_id
		WHERE o.person_id = $1 AND o.closed_at > 0
		ORDER BY (SELECT COALESCE(MAX(x.id), 0) FROM outcome x WHERE x.tip_id = t.id) DESC, o.id DESC LIMIT $2`, person, limit)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].PersonID = person
		if out[i].Outcomes, err = Outcomes(ctx, q, out[i].TipID); err != nil {
			return nil, err
		}
	}
	return out, nil
}
