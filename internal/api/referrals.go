package api

import (
	"context"
	"time"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type referralBody struct {
	TipIDs      []int64 `json:"tip_ids"`
	Audience    string  `json:"audience"`
	Channel     string  `json:"channel"`
	Reason      string  `json:"reason"`
	ReplyByDays int     `json:"reply_by_days,omitempty" doc:"Days in which it must be accepted or returned; 0: no day is named"`
	Again       bool    `json:"again,omitempty" doc:"Send it to an agency that returned it before"`
}

type referralFilter struct {
	Credentials
	Direction string `query:"direction" doc:"in (default) or out"`
}

type referralVerdicts struct {
	Answers []triage.Verdict `json:"answers"`
}

type hintsBody struct {
	Hints string `json:"hints" maxLength:"20000" doc:"One kind:value a line: ip, phone, country, region, address, pin, platform"`
}

// registerReferrals: routing, and the life of a referral.
func (a *api) registerReferrals() {
	q := a.DB.Reader()
	read(a, "/routes", "Routes of tips", func(ctx context.Context, _ *empty) ([]triage.Route, error) {
		routes, err := a.Triage.Routes(ctx, q)
		if routes == nil {
			routes = []triage.Route{}
		}
		return routes, err
	})
	write(a, "/routes", "Add a route", nil, func(ctx context.Context, tx *store.Tx, in *with[triage.Route], _ nothing) (nothing, error) {
		return nothing{}, a.Triage.AddRoute(ctx, tx, in.Body)
	})
	write(a, "/routes/{id}/removal", "Remove a route", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.Triage.RemoveRoute(ctx, tx, in.ID)
	})
	read(a, "/routing", "Where undecided tips belong", func(ctx context.Context, _ *empty) ([]triage.Routed, error) { return a.Triage.RouteTips(ctx, q) })
	write(a, "/routing/try", "Where a tip with these hints would go", nil, func(ctx context.Context, tx *store.Tx, in *with[hintsBody], _ nothing) (triage.Routed, error) {
		return a.Triage.TryRoutes(ctx, tx, in.Body.Hints)
	})
	read(a, "/routing/places", "The tables of places that routing uses", func(ctx context.Context, _ *empty) ([]triage.PlaceTable, error) { return a.Triage.Places(), nil })
	read(a, "/referrals", "Referrals with how far they are answered", func(ctx context.Context, in *referralFilter) ([]triage.ReferralOffer, error) {
		switch in.Direction {
		case "", courier.In:
			return a.Triage.Offers(ctx, q, courier.In)
		case courier.Out:
			return a.Triage.Offers(ctx, q, courier.Out)
		}
		return nil, fault.New(fault.Invalid, "a direction is in or out")
	})
	write(a, "/referrals", "Draft a referral of tips", nil, func(ctx context.Context, tx *store.Tx, in *with[referralBody], _ nothing) (courier.Filed, error) {
		b := in.Body
		r := triage.Reference{TipIDs: b.TipIDs, Audience: b.Audience, Channel: b.Channel, Reason: b.Reason, Again: b.Again}
		if b.ReplyByDays < 0 || b.ReplyByDays > 365 {
			return courier.Filed{}, fault.New(fault.Invalid, "a referral is to be answered in 1 to 365 days")
		}
		if b.ReplyByDays > 0 {
			r.ReplyBy = a.Clock.Now().Add(time.Duration(b.ReplyByDays) * 24 * time.Hour)
		}
		return a.Triage.ReferAs(ctx, tx, r, acting(ctx))
	})
	write(a, "/referrals/{id}/withdrawal", "Withdraw a referral that nobody has signed", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.Triage.Withdraw(ctx, tx, in.ID)
	})
	write(a, "/documents/{id}/acceptance", "Accept the tips of a received referral", nil,
		func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
			return nothing{}, a.Triage.Accept(ctx, tx, in.ID)
		})
	write(a, "/documents/{id}/referral-answer", "Accept or return single tips of a received referral", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[referralVerdicts], _ nothing) ([]courier.Filed, error) {
			return a.Triage.Answer(ctx, tx, in.ID, in.Body.Answers)
		})
	write(a, "/tips/{id}/outcomes", "Enter what came of a tip; whoever referred it is told", nil,
		func(ctx context.Context, tx *store.Tx, in *withID[triage.Entered], _ nothing) (nothing, error) {
			return nothing{}, a.Triage.EnterOutcome(ctx, tx, in.ID, in.Body)
		})
	write(a, "/outcome-reports", "Report outcomes to whoever referred the tips", nil,
		func(ctx context.Context, tx *store.Tx, _ *empty, _ nothing) ([]courier.Filed, error) {
			out, err := a.Triage.Report(ctx, tx)
			if out == nil {
				out = []courier.Filed{}
			}
			return out, err
		})
}
