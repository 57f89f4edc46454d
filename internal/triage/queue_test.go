package triage_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// worker adds a person who decides tips, in whose name a context acts.
func worker(n *apptest.Node, name string, roles ...identity.Role) (context.Context, identity.Person) {
	var p identity.Person
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		if len(roles) == 0 {
			roles = []identity.Role{identity.Intake}
		}
		p, err = n.People.Add(ctx, tx, identity.New{Username: name, Name: "Name of " + name, Password: "a long test password", Roles: roles})
		return err
	})
	return identity.WithPerson(context.Background(), p), p
}

func enter(n *apptest.Node, t intake.Tip) intake.Tip {
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		if t.Source == "" {
			t.Source = intake.FromForm
		}
		t, err = n.Tips.Enter(ctx, tx, t)
		return err
	})
	return t
}

// unlimited takes the limits of exposure away, for tests of other things.
func unlimited(n *apptest.Node) {
	n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.SetNodeLimits(ctx, tx, triage.Limits{}) })
}

func tipNow(t *testing.T, n *apptest.Node, id int64) intake.Tip { t.Helper(); return current(t, n, id) }

func TestQueues(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		unlimited(n)
		add := func(q triage.Queue) triage.Queue {
			n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
				q, err = n.Triage.AddQueue(ctx, tx, q)
				return err
			})
			return q
		}
		early := enter(n, intake.Tip{Class: intake.ClassEnticement, Language: "hi-IN"})
		hindi := add(triage.Queue{Name: "Hindi", Place: 20, Filter: triage.QueueFilter{Languages: []string{"hi"}}, Team: "north"})
		adult := add(triage.Queue{Name: "Adults", Place: 10, Filter: triage.QueueFilter{Classes: []string{intake.ClassAdult}, Sources: []string{intake.FromForm, intake.FromReport}}})
		bureau := add(triage.Queue{Name: "From elsewhere", Place: 30, Desk: "bureau"})
		host := add(triage.Queue{Name: "Chirp", Place: 40, Filter: triage.QueueFilter{Platforms: []string{"chirp.example"}}})
		label := add(triage.Queue{Name: "Kites", Place: 50, Filter: triage.QueueFilter{Labels: []string{"kite"}}})
		account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": "basket", "url": "u", "state": "unseen", "first_seen_at": n.Clock.Now()})
		for _, c := range []struct {
			tip  intake.Tip
			want int64
		}{
			{intake.Tip{Class: intake.ClassEnticement, Language: "hi"}, hindi.ID},
			{intake.Tip{Class: intake.ClassEnticement, Language: "hil"}, triage.Rest},
			{intake.Tip{Class: intake.ClassAdult, Language: "hi"}, adult.ID},
			{intake.Tip{Class: intake.ClassAdult, Source: intake.FromComplaint}, triage.Rest},
			{intake.Tip{Class: intake.ClassMedia, Source: intake.FromReferral}, bureau.ID},
			{intake.Tip{Class: intake.ClassMedia, AccountID: account}, host.ID},
			{intake.Tip{Class: intake.ClassMedia, Label: "kite"}, label.ID},
			{intake.Tip{Class: intake.ClassMedia}, triage.Rest},
		} {
			if got := enter(n, c.tip); got.QueueID != c.want {
				t.Errorf("%+v waits in %d, want %d", c.tip, got.QueueID, c.want)
			}
		}
		if q := tipNow(t, n, early.ID).QueueID; q != triage.Rest {
			t.Errorf("before sorting, the early tip is in %d", q)
		}
		if moved, err := n.Triage.Sort(t.Context()); err != nil || moved != 1 || tipNow(t, n, early.ID).QueueID != hindi.ID {
			t.Errorf("sorted: %d moved, %v", moved, err)
		}
		ctx, p := worker(n, "asha")
		n.Write(func(c context.Context, tx *store.Tx) error {
			return n.Triage.Relabel(identity.WithPerson(c, p), tx, p, early.ID, "kite")
		})
		if q := tipNow(t, n, early.ID); q.QueueID != hindi.ID || q.Label != "kite" {
			t.Errorf("labelled: %+v", q)
		}
		if _, err := n.Triage.Next(ctx, p, hindi.ID); fault.Code(err) != "nothing_waits" {
			t.Errorf("not of the team: %v", err)
		}
		if _, err := n.Triage.Take(ctx, p, early.ID); fault.Of(err) != fault.Forbidden {
			t.Errorf("taken by one who is not of the team: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.SetTeam(ctx, tx, "north", p.ID, true) })
		if c, err := n.Triage.Next(ctx, p, hindi.ID); err != nil || c.TipID != early.ID {
			t.Errorf("of the team: %+v %v", c, err)
		}
		hindi.Team = ""
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.ChangeQueue(ctx, tx, hindi, true) })
		if _, err := n.Triage.Sort(t.Context()); err != nil {
			t.Fatal(err)
		}
		if q := tipNow(t, n, early.ID).QueueID; q != label.ID {
			t.Errorf("its queue closed, the tip is in %d, want %d", q, label.ID)
		}
		for name, q := range map[string]triage.Queue{"no name": {}, "taken": {Name: "Kites"}, "class": {Name: "x", Filter: triage.QueueFilter{Classes: []string{"kite"}}}, "desk": {Name: "y", Desk: "bureau,unit"}} {
			if err := n.Try(func(ctx context.Context, tx *store.Tx) error { _, err := n.Triage.AddQueue(ctx, tx, q); return err }); err == nil {
				t.Errorf("%s was taken", name)
			}
		}
	})
}

// The pages of a queue, one after the other, are its whole order: danger, priority, age.
func TestQueueOrder(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		r := rand.New(rand.NewPCG(7, 7))
		var want []intake.Tip
		for range 60 {
			tip := intake.Tip{Class: intake.ClassOther, Priority: int64(r.IntN(4)) * 100}
			if r.IntN(3) == 0 {
				tip.DangerAt = 1
			}
			want = append(want, enter(n, tip))
			if r.IntN(2) == 0 {
				n.Clock.Pass(time.Second)
			}
		}
		slices.SortStableFunc(want, func(a, b intake.Tip) int {
			switch {
			case (a.DangerAt > 0) != (b.DangerAt > 0):
				return int(min(b.DangerAt, 1) - min(a.DangerAt, 1))
			case a.Priority != b.Priority:
				return int(b.Priority - a.Priority)
			}
			return int(a.ID - b.ID)
		})
		for _, size := range []int{1, 7, 60, 100} {
			var got []int64
			var after *intake.Place
			for {
				page, err := n.Triage.QueuePage(t.Context(), n.DB.Reader(), triage.Rest, after, size)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				for _, tip := range page {
					got = append(got, tip.ID)
				}
				p, err := intake.ParsePlace(intake.PlaceOf(page[len(page)-1]).String())
				if err != nil {
					t.Fatal(err)
				}
				after = &p
			}
			for i := range want {
				if len(got) != len(want) || got[i] != want[i].ID {
					t.Fatalf("pages of %d: %v", size, got)
				}
			}
		}
		s, err := n.Triage.QueueStates(t.Context(), n.DB.Reader(), identity.Person{})
		if err != nil || len(s) != 1 || s[0].Waiting != 60 || s[0].Oldest != want[0].ReceivedAt && s[0].Oldest == 0 || s[0].Mine {
			t.Errorf("state: %+v %v", s, err)
		}
	})
}

// Fifty people ask for the next tip at once: nobody gets what another got.
func TestNobodyGetsTheSame(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		unlimited(n)
		const people, tips = 50, 40
		for range tips {
			enter(n, intake.Tip{Class: intake.ClassEnticement})
		}
		var who []identity.Person
		n.Write(func(ctx context.Context, tx *store.Tx) error { // without passwords: hashing fifty is slow, and nobody signs in
			for i := range people {
				p, err := n.People.Add(ctx, tx, identity.New{Username: fmt.Sprintf("w%d", i), Name: "W", Roles: []identity.Role{identity.Intake}})
				if err != nil {
					return err
				}
				who = append(who, p)
			}
			return nil
		})
		var wg sync.WaitGroup
		var mu sync.Mutex
		got, none := map[int64]int64{}, 0
		for _, p := range who {
			wg.Go(func() {
				c, err := n.Triage.Next(identity.WithPerson(context.Background(), p), p, -1)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case fault.Code(err) == "nothing_waits":
					none++
				case err != nil:
					t.Error(err)
				case got[c.TipID] != 0:
					t.Errorf("tip %d went to %d and %d", c.TipID, got[c.TipID], p.ID)
				default:
					got[c.TipID] = p.ID
				}
			})
		}
		wg.Wait()
		if len(got) != tips || none != people-tips {
			t.Errorf("%d tips were taken, %d people got none", len(got), none)
		}
	})
}

// Tips of adult sexual violence are not referred to an agency that is a clearinghouse for children.
func TestNotToAClearinghouse(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		sender, other := apptest.New(t, fresh(), "unit"), apptest.New(t, fresh(), "centre")
		sender.Know(other, courier.OutcomeReport)
		desks := func(list string) {
			sender.Write(func(ctx context.Context, tx *store.Tx) error {
				return sender.Log.Update(ctx, tx, "peer", "peer", time.Time{}, sender.Int("SELECT id FROM peer WHERE agency = 'centre'"), record.Fields{"desks": list})
			})
		}
		refer := func(class, to string) error {
			tip := enter(sender, intake.Tip{Class: class})
			return sender.Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := sender.Triage.Refer(ctx, tx, []int64{tip.ID}, to, "MLAT", "there", 1)
				return err
			})
		}
		desks("clearinghouse platform")
		if err := refer(intake.ClassAdult, "centre"); fault.Code(err) != "wrong_desk" {
			t.Errorf("to a clearinghouse: %v", err)
		}
		if err := refer(intake.ClassAdult, "river"); err == nil || fault.Of(err) == fault.Internal {
			t.Errorf("to nobody knows whom: %v", err)
		}
		if err := refer(intake.ClassMedia, "centre"); err != nil {
			t.Errorf("another class: %v", err)
		}
		desks("clearinghouse unit")
		if err := refer(intake.ClassAdult, "centre"); err != nil {
			t.Errorf("to a clearinghouse that is a unit too: %v", err)
		}
	})
}

func TestClasses(t *testing.T) {
	names := triage.ClassNames()
	for _, want := range []string{intake.ClassMedia, intake.ClassEnticement, intake.ClassContact, intake.ClassAdult, intake.ClassOther} {
		c := triage.ClassOf(want)
		if !slices.Contains(names, want) || c.Name != want || c.Title == "" || len(c.LookAt) == 0 || len(c.Tasks) == 0 || len(c.Questions) == 0 || c.Routing == "" {
			t.Errorf("%s has no whole template: %+v", want, c)
		}
		if !slices.Equal(c.Decisions, []string{"actionable", "informational", "insufficient"}) {
			t.Errorf("%s allows %v", want, c.Decisions)
		}
		ids := map[string]bool{}
		for _, q := range c.Questions {
			if q.ID == "" || q.Ask == "" || ids[q.ID] || len(q.Choices) > 0 && q.Choices[0] != "" {
				t.Errorf("%s asks %+v", want, q)
			}
			ids[q.ID] = true
		}
	}
	if len(names) != 5 || !triage.Exposes(intake.ClassMedia) || triage.Exposes(intake.ClassEnticement) || !slices.Equal(triage.ClassOf(intake.ClassAdult).RefusedDesks, []string{"clearinghouse"}) {
		t.Errorf("classes: %v", names)
	}
}
