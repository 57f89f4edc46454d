package triage_test

import (
	"context"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// refer enters a tip and sends it to another agency, signed by an officer.
func refer(from *apptest.Node, audience string, officer identity.Person, key courier.Key) (tip intake.Tip, f courier.Filed) {
	from.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		tip, err = from.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromReport, Class: intake.ClassEnticement, Hints: "phone:+919800000002", OccurredAt: store.Micros(apptest.Start)})
		if err != nil {
			return err
		}
		f, err = from.Triage.Refer(ctx, tx, []int64{tip.ID}, audience, "Interpol I-24/7", "Indian number", 77)
		return err
	})
	from.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := from.Orders.Authorise(ctx, tx, f.ID, officer, &key)
		return err
	})
	return tip, f
}

func current(t *testing.T, n *apptest.Node, id int64) intake.Tip {
	t.Helper()
	tip, err := intake.ByID(t.Context(), n.DB.Reader(), id)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// Exactly one agency is responsible for a tip: the addressee once it has the referral, the sender again when it is refused. What came of
// it travels back.
func TestReferral(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		sender, bureau := apptest.New(t, fresh(), "clearinghouse"), apptest.New(t, fresh(), "bureau")
		officer, key := sender.Officer("ira", "DIG")
		sender.Know(bureau, courier.OutcomeReport, courier.ReferralAnswer)
		bureau.Know(sender) // and takes no referral from it yet
		refused, f := refer(sender, "bureau", officer, key)
		sender.Delivered()
		if tip := current(t, sender, refused.ID); tip.State != "received" || tip.Responsible != "clearinghouse" || tip.OnwardID != 0 {
			t.Errorf("refused, the tip is %+v", tip)
		}
		if f, err := courier.ByID(t.Context(), sender.DB.Reader(), f.ID); err != nil || f.State != "refused" || f.RefusalCode == "" {
			t.Errorf("the referral is %s (%s), %v", f.State, f.RefusalCode, err)
		}
		bureau.Know(sender, courier.Referral)
		tip, f := refer(sender, "bureau", officer, key)
		sender.Delivered()
		if f, err := courier.ByID(t.Context(), sender.DB.Reader(), f.ID); err != nil || f.State != "acknowledged" {
			t.Fatalf("the referral is %s (%s: %s), %v", f.State, f.RefusalCode, f.Refusal, err)
		}
		there, err := intake.List(t.Context(), bureau.DB.Reader(), intake.Filter{Source: intake.FromReferral})
		if err != nil || len(there) != 1 || there[0].Responsible != "bureau" || there[0].ExternalRef != tip.Number || there[0].Hints != tip.Hints {
			t.Fatalf("at the bureau: %+v %v", there, err)
		}
		accept := func() error {
			return bureau.Try(func(ctx context.Context, tx *store.Tx) error {
				return bureau.Triage.Accept(ctx, tx, there[0].ReferralID)
			})
		}
		if err := accept(); err != nil {
			t.Fatal(err)
		}
		if err := accept(); fault.Of(err) != fault.Conflict {
			t.Errorf("accepted twice: %v", err)
		}
		for range 2 { // the second time there is nothing left to report
			bureau.Write(func(ctx context.Context, tx *store.Tx) error {
				if bureau.Int("SELECT COUNT(*) FROM outcome") == 0 {
					if err := bureau.Triage.AddOutcome(ctx, tx, triage.Outcome{TipID: there[0].ID, Kind: "arrest", HappenedAt: store.Micros(apptest.Start)}, 0); err != nil {
						return err
					}
				}
				_, err := bureau.Triage.Report(ctx, tx)
				return err
			})
			bureau.Delivered()
		}
		got, err := triage.Outcomes(t.Context(), sender.DB.Reader(), tip.ID)
		if err != nil || len(got) != 1 || got[0].Kind != "arrest" || got[0].Source != "bureau" {
			t.Errorf("outcomes at the sender: %+v %v", got, err)
		}
		if tip := current(t, sender, tip.ID); tip.State != "referred" || tip.Responsible != "bureau" || tip.Outcome != "arrest" {
			t.Errorf("in the end: %+v", tip)
		}
	})
}
