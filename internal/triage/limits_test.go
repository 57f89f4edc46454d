package triage_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// The server keeps people from more than is good for them: breaks, hours and days; a child in danger is an exception that only the person
// can make, and it is on record.
func TestLimits(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) { // it is 14:30 in the jurisdiction
		ctx, p := worker(n, "asha")
		next := func() (triage.Claim, error) { return n.Triage.Next(ctx, p, -1) }
		exposure := func() triage.Exposure {
			e, err := n.Triage.Exposure(ctx, n.DB.Reader(), p.ID)
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		open := func(id int64) error { _, err := n.Triage.Open(ctx, p, id); return err }
		set := func(l triage.Limits) {
			n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.SetNodeLimits(ctx, tx, l) })
		}
		set(triage.Limits{DayMinutes: 100, StretchMinutes: 30, BreakMinutes: 10, Starts: 7 * 60, Ends: 18 * 60})
		media := enter(n, intake.Tip{Class: intake.ClassMedia})
		c, err := next()
		if err != nil || c.TipID != media.ID {
			t.Fatalf("next: %+v %v", c, err)
		}
		for range 3 {
			n.Clock.Pass(10 * time.Minute)
			if e := exposure(); e.Reached == "" {
				if err := open(media.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		err = open(media.ID)
		if fault.Code(err) != "exposure_break" || !strings.Contains(fault.Message(err), "goes on at 15:10") {
			t.Fatalf("after half an hour: %v", err)
		}
		if e := exposure(); e.Minutes != 30 || e.Items != 1 || e.Reached != triage.ByBreak {
			t.Errorf("exposure: %+v", e)
		}
		if _, err := next(); fault.Code(err) != "exposure_break" {
			t.Errorf("next in a break: %v", err)
		}
		second := enter(n, intake.Tip{Class: intake.ClassMedia})
		if _, err := n.Triage.Take(ctx, p, second.ID); fault.Code(err) != "exposure_break" {
			t.Errorf("taken in a break: %v", err)
		}
		consent := func(id int64) error {
			return n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return n.Triage.Consent(ctx, tx, p, id) })
		}
		if err := consent(second.ID); fault.Code(err) != "no_danger" {
			t.Errorf("consent without danger: %v", err)
		}
		danger := enter(n, intake.Tip{Class: intake.ClassMedia, DangerAt: 1})
		if got, err := n.Triage.InDanger(ctx, n.DB.Reader(), p); err != nil || got.ID != danger.ID {
			t.Errorf("in danger: %+v %v", got, err)
		}
		if _, err := n.Triage.Take(ctx, p, danger.ID); fault.Code(err) != "exposure_break" {
			t.Errorf("a tip in danger without consent: %v", err)
		}
		if err := consent(danger.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Triage.Take(ctx, p, danger.ID); err != nil {
			t.Errorf("with consent: %v", err)
		}
		if err := open(danger.ID); err != nil {
			t.Errorf("opened with consent: %v", err)
		}
		if err := open(media.ID); fault.Code(err) != "exposure_break" {
			t.Errorf("the consent let in to another tip: %v", err)
		}
		if got := n.Int("SELECT COUNT(*) FROM record_entry WHERE kind = 'exposure.consented' AND object = 'exposure_consent'"); got != 1 {
			t.Errorf("%d entries tell of the consent", got)
		}
		n.Clock.Pass(45 * time.Minute) // the break is over; the claim of the first has run out
		if err := n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.SetOwnLimits(ctx, tx, p.ID, triage.Limits{DayMinutes: 30})
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := next(); fault.Code(err) != "exposure_day" || !strings.Contains(fault.Message(err), "07:00 on 26 Sep") {
			t.Errorf("beyond one's own limit: %v", err)
		}
		n.Clock.Pass(16 * time.Hour) // 07:45 of the next day
		if _, err := next(); err != nil {
			t.Errorf("the next day: %v", err)
		}
		n.Clock.Pass(12 * time.Hour)
		if _, err := next(); fault.Code(err) != "exposure_hours" {
			t.Errorf("in the evening: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.AddQueue(ctx, tx, triage.Queue{Name: "Text", Filter: triage.QueueFilter{Classes: []string{intake.ClassEnticement}}})
			return err
		})
		text := enter(n, intake.Tip{Class: intake.ClassEnticement})
		if c, err := next(); err != nil || c.TipID != text.ID {
			t.Errorf("text in the evening: %+v %v", c, err)
		}
		if got := n.Int("SELECT COUNT(*) FROM record_entry WHERE object IN ('exposure', 'exposure_own', 'exposure_reached')"); got != 0 {
			t.Errorf("%d entries tell what a person was exposed to", got)
		}
		if r, err := n.Triage.ReachedToday(ctx, n.DB.Reader()); err != nil || len(r) != 1 || r[0] != (triage.Reached{Kind: triage.ByHours}) {
			t.Errorf("reached: %+v %v", r, err)
		}
	})
}

// A look at a picture counts, and is refused beyond a limit; a tip with a known file is decided from metadata: no opening is offered, and
// it does not count.
func TestLooksAreLimited(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		n := scanned(t, fresh())
		ctx, p := worker(n, "asha", identity.Intake, identity.Reviewer)
		_, second := worker(n, "bina", identity.Reviewer)
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.SetNodeLimits(ctx, tx, triage.Limits{DayItems: 1, Starts: 1, Ends: 24 * 60})
		})
		open, err := lists.Matches(t.Context(), n.DB.Reader(), lists.Unconfirmed)
		if err != nil || len(open) < 2 {
			t.Fatalf("%d matches to decide: %v", len(open), err)
		}
		look := func(match int64) error {
			var o triage.Opening
			n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
				if o, err = n.Triage.RequestOpening(ctx, tx, match, p.ID, "to decide"); err != nil {
					return err
				}
				_, err = n.Triage.ApproveOpening(ctx, tx, o.ID, second.ID)
				return err
			})
			_, err := n.Triage.Look(ctx, o.ID, p.ID)
			return err
		}
		if err := look(open[0].ID); err != nil {
			t.Fatal(err)
		}
		if e, err := n.Triage.Exposure(ctx, n.DB.Reader(), p.ID); err != nil || e.Items != 1 || e.Minutes != 1 {
			t.Errorf("after a look: %+v %v", e, err)
		}
		if err := look(open[1].ID); fault.Code(err) != "exposure_items" {
			t.Errorf("a second look: %v", err)
		}
		unlimited(n)
		known := n.Int(`SELECT MIN(t.id) FROM tip t JOIN media m ON m.post_id = t.post_id JOIN media_match x ON x.media_id = m.id WHERE x.state = 'exact'`)
		if _, err := n.Triage.Take(ctx, p, known); err != nil {
			t.Fatal(err)
		}
		if w, err := n.Triage.Open(ctx, p, known); err != nil || !w.KnownFile || len(w.Openings) != 0 || w.Exposure.Items != 1 {
			t.Errorf("a known file: %+v %v", w, err)
		}
		alike := n.Int(`SELECT MIN(t.id) FROM tip t JOIN media m ON m.post_id = t.post_id JOIN media_match x ON x.media_id = m.id WHERE x.state = 'unconfirmed'
			AND NOT EXISTS (SELECT 1 FROM media o JOIN media_match y ON y.media_id = o.id WHERE o.post_id = t.post_id AND y.state = 'exact')`)
		if _, err := n.Triage.Take(ctx, p, alike); err != nil {
			t.Fatal(err)
		}
		if w, err := n.Triage.Open(ctx, p, alike); err != nil || w.KnownFile || len(w.Openings) == 0 || w.Exposure.Items != 2 {
			t.Errorf("a likeness: %+v %v", w, err)
		}
		err = n.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.Say(ctx, tx, p, known, triage.Said{State: "actionable"}, false, identity.Person{})
			return err
		})
		said, _ := triage.DecisionsOf(ctx, n.DB.Reader(), known)
		if err != nil || len(said) != 1 || !said[0].FromMetadata {
			t.Errorf("decided from metadata: %+v %v", said, err)
		}
	})
}
