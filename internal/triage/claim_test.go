package triage_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// crew are two people who decide tips, a third, and a supervisor.
type crew struct {
	n      *apptest.Node
	people []identity.Person
}

func newCrew(n *apptest.Node) crew {
	c := crew{n: n}
	unlimited(n)
	for i, roles := range [][]identity.Role{{identity.Intake}, {identity.Intake}, {identity.Intake}, {identity.Supervisor}} {
		_, p := worker(n, fmt.Sprintf("person%d", i), roles...)
		c.people = append(c.people, p)
	}
	return c
}

func (c crew) as(who int, fn func(ctx context.Context, tx *store.Tx, p identity.Person) error) error {
	return c.n.DB.Write(identity.WithPerson(context.Background(), c.people[who]), func(ctx context.Context, tx *store.Tx) error { return fn(ctx, tx, c.people[who]) })
}

func (c crew) take(who int, tip int64) error {
	_, err := c.n.Triage.Take(identity.WithPerson(context.Background(), c.people[who]), c.people[who], tip)
	return err
}

func (c crew) say(who int, tip int64, state string, ask bool) (d triage.Decided, err error) {
	err = c.as(who, func(ctx context.Context, tx *store.Tx, p identity.Person) (err error) {
		d, err = c.n.Triage.Say(ctx, tx, p, tip, triage.Said{State: state, Reason: "seen by " + p.Username}, ask, identity.Person{})
		return err
	})
	return d, err
}

func (c crew) bulk(who int, tip int64, state string) error {
	return c.as(who, func(ctx context.Context, tx *store.Tx, _ identity.Person) error {
		return c.n.Triage.Decide(ctx, tx, tip, state, "a reason")
	})
}

func (c crew) back(who int, tip int64) error {
	return c.as(who, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
		return c.n.Triage.HandBack(ctx, tx, p, tip, "a note of "+p.Username)
	})
}

func (c crew) over(who, to int, tip int64) error {
	return c.as(who, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
		_, err := c.n.Triage.GiveTo(ctx, tx, p, c.people[to], tip, "a note")
		return err
	})
}

func wants(t *testing.T, what string, err error, code string) {
	t.Helper()
	if (code == "") != (err == nil) || err != nil && fault.Code(err) != code {
		t.Errorf("%s: %v, want %q", what, err, code)
	}
}

func TestClaims(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		c := newCrew(n)
		a := enter(n, intake.Tip{Class: intake.ClassEnticement})
		wants(t, "decided without a claim at the work", errOf(c.say(0, a.ID, "actionable", false)), "not_claimed")
		wants(t, "taken", c.take(0, a.ID), "")
		wants(t, "taken by another", c.take(1, a.ID), "claimed")
		wants(t, "decided in bulk by another", c.bulk(1, a.ID, "actionable"), "claimed")
		if _, err := n.Triage.Open(t.Context(), c.people[1], a.ID); fault.Code(err) != "claimed" {
			t.Errorf("opened by another: %v", err)
		}
		n.Clock.Pass(20 * time.Minute)
		if w, err := n.Triage.Open(t.Context(), c.people[0], a.ID); err != nil || store.Time(w.Claim.ExpiresAt).Sub(n.Clock.Now()) != 30*time.Minute {
			t.Errorf("activity extends the claim: %+v %v", w.Claim, err)
		}
		n.Clock.Pass(20 * time.Minute)
		wants(t, "still held", c.take(1, a.ID), "claimed")
		n.Clock.Pass(11 * time.Minute)
		wants(t, "expired", errOf(c.say(0, a.ID, "actionable", false)), "claim_expired")
		wants(t, "taken after it expired", c.take(1, a.ID), "")
		wants(t, "no note", c.as(1, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
			return n.Triage.HandBack(ctx, tx, p, a.ID, " ")
		}), "invalid")
		wants(t, "handed back", c.back(1, a.ID), "")
		wants(t, "taken again", c.take(0, a.ID), "")
		w, err := n.Triage.Open(t.Context(), c.people[0], a.ID)
		if err != nil || !slices.Equal(w.Notes, []string{"a note of person1"}) || w.Class.Name != intake.ClassEnticement {
			t.Errorf("opened: %+v %v", w, err)
		}
		wants(t, "handed over", c.over(0, 2, a.ID), "")
		wants(t, "decided by who handed it over", errOf(c.say(0, a.ID, "actionable", false)), "claimed")
		wants(t, "the class changed", c.as(2, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
			return n.Triage.Reclassify(ctx, tx, p, a.ID, intake.ClassAdult, "an adult")
		}), "")
		wants(t, "a needed answer is missing", errOf(c.say(2, a.ID, "actionable", false)), "invalid")
		wants(t, "an answer that is no choice", c.as(2, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
			_, err := n.Triage.Say(ctx, tx, p, a.ID, triage.Said{State: "actionable", Answers: map[string]string{"adults": "kite"}}, false, identity.Person{})
			return err
		}), "invalid")
		wants(t, "decided", c.as(2, func(ctx context.Context, tx *store.Tx, p identity.Person) error {
			_, err := n.Triage.Say(ctx, tx, p, a.ID, triage.Said{State: "actionable", Answers: map[string]string{"adults": "yes"}}, false, identity.Person{})
			return err
		}), "")
		said, err := triage.DecisionsOf(t.Context(), n.DB.Reader(), a.ID)
		if err != nil || len(said) != 1 || said[0].Answers["adults"] != "yes" || said[0].Class != intake.ClassAdult || said[0].Ending != "stood" {
			t.Errorf("said: %+v %v", said, err)
		}
		endings := ""
		claims, err := triage.ClaimsOf(t.Context(), n.DB.Reader(), a.ID)
		for _, one := range claims {
			endings += one.Ending + " "
		}
		if err != nil || endings != "expired handed_back handed_over decided " {
			t.Errorf("claims ended %q, %v", endings, err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.AddOutcome(ctx, tx, triage.Outcome{TipID: a.ID, Kind: "child_safeguarded", HappenedAt: store.Micros(n.Clock.Now())}, 0)
		})
		b := enter(n, intake.Tip{Class: intake.ClassOther})
		wants(t, "decided in bulk", c.bulk(2, b.ID, "insufficient"), "")
		became, err := triage.BecameOf(t.Context(), n.DB.Reader(), c.people[2].ID, 10)
		if err != nil || len(became) != 2 || became[0].TipID != a.ID || len(became[0].Outcomes) != 1 || became[1].TipState != "insufficient" {
			t.Errorf("became: %+v %v", became, err)
		}
	})
}

func errOf(_ triage.Decided, err error) error { return err }

func TestSecondPerson(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		c := newCrew(n)
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.AddQueue(ctx, tx, triage.Queue{Name: "Two", Filter: triage.QueueFilter{Classes: []string{intake.ClassContact}}, TwoPerson: true})
			return err
		})
		opened := func(who int, tip int64) triage.Work {
			t.Helper()
			w, err := n.Triage.Open(t.Context(), c.people[who], tip)
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		two := enter(n, intake.Tip{Class: intake.ClassContact})
		wants(t, "decided in bulk", c.bulk(0, two.ID, "actionable"), "two_people")
		wants(t, "taken", c.take(0, two.ID), "")
		if d, err := c.say(0, two.ID, "actionable", false); err != nil || d.Waits != triage.Second || tipNow(t, n, two.ID).State != "received" {
			t.Fatalf("proposed: %+v %v", d, err)
		}
		wants(t, "taken again by the same", c.take(0, two.ID), "spoken")
		wants(t, "taken by the second", c.take(1, two.ID), "")
		if w := opened(1, two.ID); w.Asks != triage.ForConfirmation || len(w.Said) != 1 {
			t.Errorf("the second sees %+v", w.Said)
		}
		if d, err := c.say(1, two.ID, "actionable", false); err != nil || d.State != "actionable" || tipNow(t, n, two.ID).State != "actionable" {
			t.Errorf("confirmed: %+v %v", d, err)
		}

		doubt := enter(n, intake.Tip{Class: intake.ClassOther})
		wants(t, "taken", c.take(0, doubt.ID), "")
		if d, err := c.say(0, doubt.ID, "actionable", true); err != nil || d.Waits != triage.Second {
			t.Fatalf("asked: %+v %v", d, err)
		}
		wants(t, "taken by the second", c.take(1, doubt.ID), "")
		if w := opened(1, doubt.ID); w.Asks != triage.ForOpinion || len(w.Said) != 0 {
			t.Errorf("the second sees the first's decision: %+v", w.Said)
		}
		if said, err := n.Triage.SaidOf(t.Context(), n.DB.Reader(), c.people[1], doubt.ID); err != nil || len(said) != 0 {
			t.Errorf("the second reads the first's decision elsewhere: %+v %v", said, err)
		}
		wants(t, "asked in turn", errOf(c.say(1, doubt.ID, "insufficient", true)), "conflict")
		if d, err := c.say(1, doubt.ID, "insufficient", false); err != nil || d.Waits != triage.Lead || tipNow(t, n, doubt.ID).State != "received" {
			t.Errorf("disagreed: %+v %v", d, err)
		}
		wants(t, "taken by a third", c.take(2, doubt.ID), "disagreement")
		if _, err := n.Triage.Next(t.Context(), c.people[2], -1); fault.Code(err) != "nothing_waits" {
			t.Errorf("next of a third: %v", err)
		}
		got, err := n.Triage.Next(t.Context(), c.people[3], -1)
		if err != nil || got.TipID != doubt.ID {
			t.Fatalf("next of the supervisor: %+v %v", got, err)
		}
		if w := opened(3, doubt.ID); w.Asks != triage.Disagreement || len(w.Said) != 2 {
			t.Errorf("the supervisor sees %+v", w.Said)
		}
		if d, err := c.say(3, doubt.ID, "actionable", false); err != nil || d.State != "actionable" {
			t.Errorf("settled: %+v %v", d, err)
		}
		said, err := triage.DecisionsOf(t.Context(), n.DB.Reader(), doubt.ID)
		if err != nil || len(said) != 3 || said[0].Ending != "stood" || said[1].Ending != "overruled" || said[2].Part != triage.Lead {
			t.Errorf("said: %+v %v", said, err)
		}
	})
}

// Whatever people do with tips, in whatever order: a tip has at most one claim, no decision is lost, and where two must decide, two did.
func TestClaimsInAnyOrder(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		c := newCrew(n)
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.AddQueue(ctx, tx, triage.Queue{Name: "Two", Filter: triage.QueueFilter{Classes: []string{intake.ClassContact}}, TwoPerson: true})
			return err
		})
		rapid.Check(t, func(r *rapid.T) {
			var tips []int64
			for _, class := range []string{intake.ClassContact, intake.ClassEnticement} {
				tips = append(tips, enter(n, intake.Tip{Class: class}).ID)
			}
			said := map[int64][]string{} // what was taken, "person state", by tip
			asked := map[int64]bool{}
			for range rapid.IntRange(1, 16).Draw(r, "steps") {
				who, tip := rapid.IntRange(0, 3).Draw(r, "who"), rapid.SampledFrom(tips).Draw(r, "tip")
				state := rapid.SampledFrom([]string{"actionable", "informational"}).Draw(r, "state")
				ask := false
				switch rapid.SampledFrom([]string{"take", "take", "say", "say", "ask", "bulk", "back", "over", "expire"}).Draw(r, "act") {
				case "take":
					c.take(who, tip)
				case "ask":
					ask = true
					fallthrough
				case "say":
					if _, err := c.say(who, tip, state, ask); err == nil {
						said[tip] = append(said[tip], fmt.Sprint(c.people[who].ID, " ", state))
						asked[tip] = asked[tip] || ask
					}
				case "bulk":
					if tipNow(t, n, tip).State == "received" && c.bulk(who, tip, state) == nil {
						said[tip] = append(said[tip], fmt.Sprint(c.people[who].ID, " ", state))
					}
				case "back":
					c.back(who, tip)
				case "over":
					c.over(who, rapid.IntRange(0, 3).Draw(r, "to"), tip)
				case "expire":
					n.Clock.Pass(31 * time.Minute)
				}
				c.hold(r, tip, said[tip], asked[tip])
			}
		})
	})
}

// hold checks one tip.
func (c crew) hold(r *rapid.T, tip int64, said []string, asked bool) {
	now := c.n.Clock.Now().UnixMicro()
	if held := c.n.Int("SELECT COUNT(*) FROM claim WHERE tip_id = $1 AND ended_at = 0 AND expires_at > $2", tip, now); held > 1 {
		r.Fatalf("tip %d is held by %d people", tip, held)
	}
	t, err := intake.ByID(context.Background(), c.n.DB.Reader(), tip)
	if err != nil {
		r.Fatal(err)
	}
	all, err := triage.DecisionsOf(context.Background(), c.n.DB.Reader(), tip)
	if err != nil {
		r.Fatal(err)
	}
	var kept []string
	agree := map[int64]bool{}
	lead, open := false, 0
	for _, d := range all {
		kept = append(kept, fmt.Sprint(d.PersonID, " ", d.State))
		lead = lead || d.Part == triage.Lead
		if d.State == t.State {
			agree[d.PersonID] = true
		}
		if d.ClosedAt == 0 {
			open++
		}
	}
	if !slices.Equal(kept, said) {
		r.Fatalf("tip %d: people said %v, kept is %v", tip, said, kept)
	}
	decided := t.State != "received"
	if decided && (open > 0 || len(agree) == 0) || !decided && open != len(all) {
		r.Fatalf("tip %d is %s; %d of %d decisions are open", tip, t.State, open, len(all))
	}
	if decided && (asked || t.Class == intake.ClassContact) && !lead && len(agree) < 2 {
		r.Fatalf("tip %d was to be decided by two, and is by %v", tip, agree)
	}
	people := map[int64]bool{}
	for _, d := range all {
		if people[d.PersonID] {
			r.Fatalf("tip %d: person %d spoke twice", tip, d.PersonID)
		}
		people[d.PersonID] = true
	}
}
