package intake_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

func file(n *apptest.Node, f intake.Form) (r intake.FormReceipt, err error) {
	err = n.Try(func(ctx context.Context, tx *store.Tx) error {
		r, err = n.Tips.File(ctx, tx, f, rand.Reader)
		return err
	})
	return r, err
}

func TestForm(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		ctx, q := t.Context(), n.DB.Reader()
		r, err := file(n, intake.Form{Addresses: []string{" twitter.com/Kite_River ", "https://x.com/kite_river", "", "instagram: kite.river", "by the river"},
			What: "मैंने यह कल देखा", Happened: "कल शाम", Class: intake.ClassEnticement, Danger: true, Contact: "+91 98000 00002", Language: "hi"})
		if err != nil || r.Held || len(r.Number) != 11 || len(r.Secret) != 19 {
			t.Fatalf("%+v, %v", r, err)
		}
		tips, err := intake.List(ctx, q, intake.Filter{Source: intake.FromForm})
		if err != nil || len(tips) != 3 {
			t.Fatalf("%d tips, %v", len(tips), err)
		}
		for i, at := range []string{"https://x.com/kite_river", "https://instagram.com/kite.river", ""} {
			tip := tips[i]
			if tip.Locator != at || tip.Class != intake.ClassEnticement || tip.DangerAt != store.Micros(n.Clock.Now()) || tip.Language != "hi" || tip.ExternalRef != r.Number ||
				!strings.Contains(tip.Summary, "मैंने यह कल देखा") || !strings.Contains(tip.Summary, "कल शाम") || strings.Contains(tip.Summary+tip.Reporter+tip.Hints, "98000") {
				t.Errorf("tip %d: %+v", i, tip)
			}
		}
		if !strings.Contains(tips[2].Summary, "by the river") {
			t.Errorf("an address that could not be read is lost: %q", tips[2].Summary)
		}
		if kept := n.Int("SELECT COUNT(*) FROM form_report WHERE secret_hash LIKE $1", "%"+r.Secret+"%"); kept != 0 {
			t.Error("the secret itself is kept")
		}

		s, err := n.Tips.FormState(ctx, q, strings.ToLower(" "+r.Number), strings.ReplaceAll(strings.ToLower(r.Secret), "-", " "))
		if err != nil || s.State != "entered" || strings.Join(s.Tips, " ") != "received received received" {
			t.Errorf("state %+v, %v", s, err)
		}
		var said []string
		for _, try := range [][2]string{{r.Number, "0000-0000-0000-0000"}, {"R-0000-0000", r.Secret}, {"", ""}, {r.Number, ""}, {strings.Repeat("R", 5000), r.Secret}, {r.Number, strings.Repeat("0", 5000)}} {
			s, err := n.Tips.FormState(ctx, q, try[0], try[1])
			if fault.Of(err) != fault.NotFound || s.State != "" || len(s.Tips) != 0 {
				t.Errorf("%.20q: %+v, %v", try, s, err)
				continue
			}
			said = append(said, err.Error())
		}
		for _, one := range said {
			if one != said[0] {
				t.Errorf("the answers differ: %q and %q", one, said[0])
			}
		}

		if r, err = file(n, intake.Form{What: "words alone", Class: intake.ClassOther, Language: "en"}); err != nil {
			t.Fatal(err)
		}
		if tips, err = intake.List(ctx, q, intake.Filter{Source: intake.FromForm, AfterID: tips[2].ID}); err != nil || len(tips) != 1 || tips[0].Language != "en" || tips[0].DangerAt != 0 {
			t.Errorf("%+v, %v", tips, err)
		}
	})
}

func TestHeldForm(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		ctx, q := t.Context(), n.DB.Reader()
		var person identity.Person
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			person, err = n.People.Add(ctx, tx, identity.New{Username: "asha", Name: "Asha Rao", Password: "a long test password", Roles: []identity.Role{identity.Intake}})
			return err
		})
		held := intake.Form{Addresses: []string{"t.me/kite_river"}, Class: intake.ClassMedia, HeldFor: intake.HeldNoProof, Language: "en"}
		one, err := file(n, held)
		if err != nil || !one.Held {
			t.Fatalf("%+v, %v", one, err)
		}
		held.Danger = true
		two, err := file(n, held)
		if err != nil {
			t.Fatal(err)
		}
		if tips := n.Int("SELECT COUNT(*) FROM tip"); tips != 0 {
			t.Errorf("%d tips of held forms", tips)
		}
		waiting, err := intake.Forms(ctx, q, "held", 10)
		if err != nil || len(waiting) != 2 || waiting[0].Number != two.Number {
			t.Fatalf("a child in danger does not stand first: %+v, %v", waiting, err)
		}
		act := func(fn func(ctx context.Context, tx *store.Tx) error) error { return n.Try(fn) }
		if err := act(func(ctx context.Context, tx *store.Tx) error { return n.Tips.Discard(ctx, tx, one.ID, person.ID, " ") }); fault.Of(err) != fault.Invalid {
			t.Errorf("discarded without a reason: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Tips.Release(ctx, tx, two.ID, person.ID) })
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Tips.Discard(ctx, tx, one.ID, person.ID, "a test of the form")
		})
		if err := act(func(ctx context.Context, tx *store.Tx) error { return n.Tips.Release(ctx, tx, one.ID, person.ID) }); fault.Of(err) != fault.Conflict {
			t.Errorf("a discarded form was released: %v", err)
		}
		tips, err := intake.List(ctx, q, intake.Filter{Source: intake.FromForm})
		if err != nil || len(tips) != 1 || tips[0].DangerAt == 0 || tips[0].Locator != "https://t.me/kite_river" {
			t.Errorf("%+v, %v", tips, err)
		}
		if s, err := n.Tips.FormState(ctx, q, one.Number, one.Secret); err != nil || s.State != "discarded" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestFormRefuses(t *testing.T) {
	many := make([]string, 21)
	for i := range many {
		many[i] = "kite" + strings.Repeat("x", i)
	}
	for code, f := range map[string]intake.Form{
		"form_empty":     {Class: intake.ClassMedia, Addresses: []string{" ", ""}, Contact: "kite"},
		"form_class":     {Class: "kite", What: "kite"},
		"form_addresses": {Class: intake.ClassMedia, Addresses: many},
		"form_long":      {Class: intake.ClassMedia, What: strings.Repeat("क", 5001)},
		"form_text":      {Class: intake.ClassMedia, What: "\xff\xfe"},
	} {
		if err := f.Check(); fault.Code(err) != code {
			t.Errorf("%s: %v (%s)", code, err, fault.Code(err))
		}
	}
	whole := intake.Form{Class: intake.ClassMedia, What: strings.Repeat("क", 5000)}
	if err := whole.Check(); err != nil {
		t.Error(err)
	}
}
