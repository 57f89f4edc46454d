package triage_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// line is a chain of nodes, each of which refers to the next. What they send is carried by the test: lost, doubled, late, in any order.
type line struct {
	t        *testing.T
	nodes    []*apptest.Node
	officers []identity.Person
	keys     []courier.Key
}

func newLine(t *testing.T, fresh func() string, agencies ...string) *line {
	l := &line{t: t}
	for _, agency := range agencies {
		n := apptest.NewUnreached(t, fresh(), agency)
		officer, key := n.Officer("ira", "DIG")
		l.nodes, l.officers, l.keys = append(l.nodes, n), append(l.officers, officer), append(l.keys, key)
	}
	for i, n := range l.nodes {
		for j, other := range l.nodes {
			if i != j {
				n.Know(other, courier.Referral, courier.ReferralAnswer, courier.OutcomeReport)
			}
		}
	}
	return l
}

// refer sends a tip from one node to another, signed.
func (l *line) refer(from, to int, tipID int64, again bool) error {
	n := l.nodes[from]
	return n.Try(func(ctx context.Context, tx *store.Tx) error {
		f, err := n.Triage.ReferAs(ctx, tx, triage.Reference{TipIDs: []int64{tipID}, Audience: l.nodes[to].Agency, Channel: "line", Reason: "there", Again: again}, 77)
		if err != nil {
			return err
		}
		_, err = n.Orders.Authorise(ctx, tx, f.ID, l.officers[from], &l.keys[from])
		return err
	})
}

// tip reads a node's newest tip of the chain.
func (l *line) tip(at int, origin string) (t intake.Tip, ok bool) {
	n := l.nodes[at]
	id := n.Int("SELECT COALESCE(MAX(id), 0) FROM tip WHERE origin = $1 OR origin = '' AND $2 || number = $1", origin, n.Agency+" ")
	if id == 0 {
		return t, false
	}
	return current(l.t, n, id), true
}

// posted is a document of a node, and where it goes.
type posted struct {
	from, to int
	f        courier.Filed
}

// post gives all that was ever signed since a document of each node.
func (l *line) post(since []int64) (out []posted) {
	for i, n := range l.nodes {
		all, err := courier.List(l.t.Context(), n.DB.Reader(), courier.Filter{Direction: courier.Out})
		if err != nil {
			l.t.Fatal(err)
		}
		for _, f := range all {
			if f.ID > since[i] && f.JWS != "" {
				out = append(out, posted{i, slices.IndexFunc(l.nodes, func(n *apptest.Node) bool { return n.Agency == f.Audience }), f})
			}
		}
	}
	return out
}

// carry brings a copy of a document to its addressee, and its answer back, unless that is lost.
func (l *line) carry(p posted, answerLost bool) {
	answer, _, err := l.nodes[p.to].Office.Receive(l.t.Context(), []byte(p.f.JWS))
	if err != nil {
		l.t.Fatalf("%s to %s: %v", p.f.Number, p.f.Audience, err)
	}
	if answerLost {
		return
	}
	if err := l.nodes[p.from].Office.Settle(l.t.Context(), p.f.ID, answer); err != nil {
		l.t.Fatalf("the answer to %s: %v", p.f.Number, err)
	}
}

func (l *line) waiting(since []int64) (out []posted) {
	for _, p := range l.post(since) {
		if p.f.State == "authorised" || p.f.State == "served" {
			out = append(out, p)
		}
	}
	return out
}

// holders names the agencies that hold themselves responsible for the tip.
func (l *line) holders(origin string) (out []string) {
	for _, n := range l.nodes {
		if k := n.Int("SELECT COUNT(*) FROM tip WHERE (origin = $1 OR origin = '' AND $2 || number = $1) AND responsible = $3", origin, n.Agency+" ", n.Agency); k > 0 {
			out = append(out, fmt.Sprintf("%s x%d", n.Agency, k))
		}
	}
	return out
}

// TestOneHolds is invariant 9 over a chain of three nodes, whatever the post does: at no time do two agencies hold themselves
// responsible, nobody does only while a document is in the post, and in the end exactly one does and all before it know which.
func TestOneHolds(t *testing.T) {
	n := 0
	fresh := func() string { n++; return "sqlite:" + fmt.Sprintf("%s/%d.db", t.TempDir(), n) }
	l := newLine(t, fresh, "clearinghouse", "bureau", "unit")
	rapid.Check(t, func(r *rapid.T) {
		since := make([]int64, len(l.nodes))
		for i, n := range l.nodes {
			since[i] = n.Int("SELECT COALESCE(MAX(id), 0) FROM document")
		}
		var first intake.Tip
		l.nodes[0].Write(func(ctx context.Context, tx *store.Tx) (err error) {
			first, err = l.nodes[0].Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromReport, Class: intake.ClassEnticement, OccurredAt: store.Micros(apptest.Start)})
			return err
		})
		origin := "clearinghouse " + first.Number
		check := func() {
			if h := l.holders(origin); len(h) > 1 || len(h) == 1 && !strings.HasSuffix(h[0], " x1") {
				r.Fatalf("responsible: %v", h)
			} else if len(h) == 0 && len(l.waiting(since)) == 0 {
				r.Fatalf("nobody is responsible and nothing is in the post")
			}
		}
		for range rapid.IntRange(4, 14).Draw(r, "steps") {
			at := rapid.IntRange(0, len(l.nodes)-1).Draw(r, "node")
			act := rapid.SampledFrom([]string{"refer", "refer", "answer", "carry", "carry", "carry", "shut"}).Draw(r, "act")
			tip, there := l.tip(at, origin)
			switch {
			case act == "carry":
				if all := l.post(since); len(all) > 0 {
					l.carry(rapid.SampledFrom(all).Draw(r, "document"), rapid.Bool().Draw(r, "answer lost"))
				}
			case act == "shut": // the addressee takes nothing from its neighbour for one delivery
				if all := l.post(since); len(all) > 0 {
					p := rapid.SampledFrom(all).Draw(r, "refused")
					l.nodes[p.to].Know(l.nodes[p.from])
					l.carry(p, rapid.Bool().Draw(r, "refusal lost"))
					l.nodes[p.to].Know(l.nodes[p.from], courier.Referral, courier.ReferralAnswer, courier.OutcomeReport)
				}
			case !there:
			case act == "refer":
				to := (at + 1 + rapid.IntRange(0, len(l.nodes)-2).Draw(r, "to")) % len(l.nodes)
				if err := l.refer(at, to, tip.ID, true); err != nil && fault.Of(err) != fault.Conflict {
					r.Fatal(err)
				}
			case tip.ReferralID != 0:
				v := triage.Verdict{TipID: tip.ID, Accept: rapid.Bool().Draw(r, "accept"), Reason: "wrong_jurisdiction"}
				err := l.nodes[at].Try(func(ctx context.Context, tx *store.Tx) error {
					_, err := l.nodes[at].Triage.Answer(ctx, tx, tip.ReferralID, []triage.Verdict{v})
					return err
				})
				if err != nil && fault.Of(err) != fault.Conflict {
					r.Fatal(err)
				}
			}
			check()
		}
		for range 100 { // the post works again: answers bring further news on their way
			waiting := l.waiting(since)
			if len(waiting) == 0 {
				break
			}
			l.carry(rapid.SampledFrom(waiting).Draw(r, "last"), false)
			check()
		}
		h := l.holders(origin)
		if len(h) != 1 {
			r.Fatalf("in the end %v are responsible", h)
		}
		holder := strings.TrimSuffix(h[0], " x1")
		for agency := "clearinghouse"; agency != holder; { // down the chain, each names the one who holds it
			at := slices.IndexFunc(l.nodes, func(n *apptest.Node) bool { return n.Agency == agency })
			tip, ok := l.tip(at, origin)
			if !ok || tip.Responsible != holder || tip.OnwardID == 0 {
				r.Fatalf("%s holds the tip; %s says %s (%s)", holder, agency, tip.Responsible, tip.State)
			}
			f, err := courier.ByID(t.Context(), l.nodes[at].DB.Reader(), tip.OnwardID)
			if err != nil {
				r.Fatal(err)
			}
			agency = f.Audience
		}
	})
}

// The way of a tip in order: returned by one unit, accepted by another, and what came of it known at every station.
func TestChain(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		l := newLine(t, fresh, "clearinghouse", "bureau", "unit.a", "unit.b")
		since := make([]int64, len(l.nodes))
		var tips []intake.Tip
		l.nodes[0].Write(func(ctx context.Context, tx *store.Tx) error {
			for range 2 {
				tip, err := l.nodes[0].Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromForm, Class: intake.ClassContact, DangerAt: store.Micros(apptest.Start), OccurredAt: store.Micros(apptest.Start)})
				if err != nil {
					return err
				}
				tips = append(tips, tip)
			}
			return nil
		})
		settle := func() {
			for range 50 {
				waiting := l.waiting(since)
				if len(waiting) == 0 {
					return
				}
				l.carry(waiting[0], false)
			}
			t.Fatal("the post does not end")
		}
		origin := "clearinghouse " + tips[0].Number
		answer := func(at int, v triage.Verdict) error {
			tip, _ := l.tip(at, origin)
			v.TipID = tip.ID
			return l.nodes[at].Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := l.nodes[at].Triage.Answer(ctx, tx, tip.ReferralID, []triage.Verdict{v})
				return err
			})
		}
		refer := func(from, to int, again bool) error {
			tip, _ := l.tip(from, origin)
			return l.refer(from, to, tip.ID, again)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			settle()
		}
		must(refer(0, 1, false))
		if tip, _ := l.tip(1, origin); tip.DangerAt == 0 {
			t.Error("the danger did not travel")
		}
		must(refer(1, 2, false))
		if tip, _ := l.tip(0, origin); tip.Responsible != "unit.a" {
			t.Errorf("the clearinghouse says %s holds it", tip.Responsible)
		}
		if err := answer(2, triage.Verdict{Reason: "kite"}); fault.Of(err) != fault.Invalid {
			t.Errorf("returned for no reason: %v", err)
		}
		must(answer(2, triage.Verdict{Reason: "wrong_jurisdiction", Note: "the river is in the next district"}))
		if tip, _ := l.tip(1, origin); tip.Responsible != "bureau" || tip.State != "received" || tip.OnwardID != 0 {
			t.Errorf("returned, the tip is %+v", tip)
		}
		if tip, _ := l.tip(2, origin); tip.Responsible != "bureau" || tip.State != "returned" {
			t.Errorf("at who returned it, the tip is %+v", tip)
		}
		if err := answer(2, triage.Verdict{Accept: true}); fault.Of(err) != fault.Conflict {
			t.Errorf("accepted after it was returned: %v", err)
		}
		if err := refer(1, 2, false); fault.Code(err) != "returned_before" {
			t.Errorf("to the same agency again: %v", err)
		}
		must(refer(1, 3, false))
		must(refer(3, 0, false)) // a loop is refused, and the tip is the unit's again
		if tip, _ := l.tip(3, origin); tip.Responsible != "unit.b" || tip.State != "received" {
			t.Errorf("after a loop the tip is %+v", tip)
		}
		must(answer(3, triage.Verdict{Accept: true}))
		tip, _ := l.tip(3, origin)
		for _, e := range []struct {
			triage.Entered
			want fault.Kind
		}{
			{triage.Entered{Kind: "fir_registered", FIR: "PS-7/12/2022"}, ""}, {triage.Entered{Kind: "arrest", Persons: 2}, ""},
			{triage.Entered{Kind: "arrest"}, fault.Invalid}, {triage.Entered{Kind: "fir_registered", FIR: "of Dev Menon"}, fault.Invalid}, {triage.Entered{Kind: "kite"}, fault.Invalid},
		} {
			e.HappenedAt = store.Micros(apptest.Start)
			err := l.nodes[3].Try(func(ctx context.Context, tx *store.Tx) error {
				return l.nodes[3].Triage.EnterOutcome(ctx, tx, tip.ID, e.Entered)
			})
			if (err == nil) != (e.want == "") || err != nil && fault.Of(err) != e.want {
				t.Errorf("%+v: %v, want %q", e, err, e.want)
			}
		}
		settle()
		for at := range 2 {
			tip, _ := l.tip(at, origin)
			got, err := triage.Outcomes(t.Context(), l.nodes[at].DB.Reader(), tip.ID)
			if err != nil || len(got) != 2 || got[0].Detail != "FIR PS-7/12/2022" || got[1].Detail != "2 persons" || got[1].Source != "unit.b" {
				t.Errorf("outcomes at %s: %+v %v", l.nodes[at].Agency, got, err)
			}
		}
		chain, err := triage.Chain(t.Context(), l.nodes[0].DB.Reader(), tips[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		var way []string
		for _, h := range chain {
			way = append(way, h.How+" "+h.Agency)
		}
		if want := "sent bureau, received bureau, held unit.a, held bureau, held unit.b, accepted"; !strings.HasPrefix(strings.Join(way, ", "), strings.TrimSuffix(want, ", accepted")) {
			t.Errorf("the way is %v", way)
		}
		if err := l.refer(0, 1, tips[1].ID, false); err != nil {
			t.Fatal(err)
		}
		l.nodes[1].Know(l.nodes[0]) // refused, and the late copy after the refusal too
		p := l.waiting(since)
		l.carry(p[0], false)
		l.nodes[1].Know(l.nodes[0], courier.Referral)
		l.carry(p[0], true)
		if h := l.holders("clearinghouse " + tips[1].Number); len(h) != 1 || h[0] != "clearinghouse x1" {
			t.Errorf("after a refusal and a late copy %v are responsible", h)
		}
	})
}

// A draft binds nobody, an offer past its day is shown on both sides, and adult material stays away from a clearinghouse.
func TestOffers(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		l := newLine(t, fresh, "bureau", "unit")
		n, tips := l.nodes[0], make([]intake.Tip, 2)
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			for i, class := range []string{intake.ClassContact, intake.ClassAdult} {
				if tips[i], err = n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromForm, Class: class, OccurredAt: store.Micros(apptest.Start)}); err != nil {
					return err
				}
			}
			return nil
		})
		draft := func(tip int64, ref triage.Reference) (f courier.Filed, err error) {
			ref.TipIDs, ref.Channel, ref.Reason = []int64{tip}, "line", "there"
			err = n.Try(func(ctx context.Context, tx *store.Tx) error { f, err = n.Triage.ReferAs(ctx, tx, ref, 77); return err })
			return f, err
		}
		f, err := draft(tips[0].ID, triage.Reference{Audience: "unit"})
		if tip := current(t, n, tips[0].ID); err != nil || tip.Responsible != "bureau" || tip.State != "referred" {
			t.Fatalf("drafted: %+v %v", tip, err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.Withdraw(ctx, tx, f.ID) })
		if tip := current(t, n, tips[0].ID); tip.State != "received" || tip.OnwardID != 0 {
			t.Errorf("withdrawn: %+v", tip)
		}
		if _, err := draft(tips[0].ID, triage.Reference{Audience: "unit", ReplyBy: apptest.Start}); fault.Of(err) != fault.Invalid {
			t.Errorf("to be answered by a day that is gone: %v", err)
		}
		if f, err = draft(tips[0].ID, triage.Reference{Audience: "unit", ReplyBy: apptest.Start.AddDate(0, 0, 3)}); err != nil {
			t.Fatal(err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Orders.Authorise(ctx, tx, f.ID, l.officers[0], &l.keys[0])
			return err
		})
		l.carry(l.waiting(make([]int64, 2))[0], false)
		for _, days := range []int{0, 4} {
			for i, direction := range []string{courier.Out, courier.In} {
				if days > 0 {
					l.nodes[i].Clock.Pass(96 * time.Hour)
				}
				offers, err := l.nodes[i].Triage.Offers(t.Context(), l.nodes[i].DB.Reader(), direction)
				if err != nil || len(offers) == 0 || offers[0].Waiting != 1 || offers[0].Overdue != (days > 0) {
					t.Errorf("after %d days at %s: %+v %v", days, l.nodes[i].Agency, offers, err)
				}
			}
		}
		for desks, want := range map[string]string{"clearinghouse": "wrong_desk", "clearinghouse bureau": "undone", "": "undone"} {
			err := n.Try(func(ctx context.Context, tx *store.Tx) error {
				if err := n.Log.Update(ctx, tx, "peer", "peer", time.Time{}, n.Int("SELECT id FROM peer WHERE agency = 'unit'"), record.Fields{"desks": desks}); err != nil {
					return err
				}
				if _, err := n.Triage.Refer(ctx, tx, []int64{tips[1].ID}, "unit", "line", "there", 77); err != nil {
					return err
				}
				return fault.Coded(fault.Conflict, "undone", "a kite")
			})
			if fault.Code(err) != want {
				t.Errorf("adult material to desks %q: %v", desks, err)
			}
		}
	})
}
