package api

import (
	"context"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type tipFilter struct {
	Credentials
	State      string `query:"state"`
	Source     string `query:"source"`
	CaseID     int64  `query:"case_id"`
	ReferralID int64  `query:"referral_id"`
	OnwardID   int64  `query:"onward_id"`
	AccountID  int64  `query:"account_id"`
	AfterID    int64  `query:"after_id"`
	Limit      int    `query:"limit"`
}

type tipView struct {
	Tip      intake.Tip       `json:"tip"`
	Outcomes []triage.Outcome `json:"outcomes"`
	Chain    []triage.Holding `json:"chain"` // who held it when
}

type tipDecisions struct {
	TipIDs []int64 `json:"tip_ids"`
	State  string  `json:"state"`
	Reason string  `json:"reason,omitempty"`
}

type matchDecision struct {
	State  string `json:"state"`
	Reason string `json:"reason"`
}

type picture struct {
	PNG []byte `json:"png"` // base64
}

func (a *api) registerTips() {
	q := a.DB.Reader()
	a.registerComplaints()
	a.registerForms()
	read(a, "/tips", "Tips", func(ctx context.Context, in *tipFilter) ([]intake.Tip, error) {
		return intake.List(ctx, q, intake.Filter{State: in.State, Source: in.Source, CaseID: in.CaseID, ReferralID: in.ReferralID, OnwardID: in.OnwardID,
			AccountID: in.AccountID, AfterID: in.AfterID, Limit: in.Limit})
	})
	read(a, "/tips/{id}", "One tip with what came of it", func(ctx context.Context, in *byID) (v tipView, err error) {
		if v.Tip, err = intake.ByID(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Outcomes, err = triage.Outcomes(ctx, q, in.ID); err != nil {
			return v, err
		}
		v.Chain, err = triage.Chain(ctx, q, in.ID)
		return v, err
	})
	write(a, "/tips/decisions", "Decide tips", nil, func(ctx context.Context, tx *store.Tx, in *with[tipDecisions], _ nothing) (nothing, error) {
		for _, id := range in.Body.TipIDs {
			if err := a.Triage.Decide(ctx, tx, id, in.Body.State, in.Body.Reason); err != nil {
				return nothing{}, err
			}
		}
		return nothing{}, nil
	})
	type stateFilter struct {
		Credentials
		State string `query:"state"`
	}
	read(a, "/matches", "Matches of pictures and videos", func(ctx context.Context, in *stateFilter) ([]lists.Match, error) {
		return lists.Matches(ctx, q, in.State)
	})
	write(a, "/matches/{id}/decision", "Confirm or reject a perceptual match", nil, func(ctx context.Context, tx *store.Tx, in *withID[matchDecision], _ nothing) (nothing, error) {
		return nothing{}, a.Lists.Decide(ctx, tx, in.ID, acting(ctx), in.Body.State, in.Body.Reason)
	})
	type purpose struct {
		Purpose string `json:"purpose"`
	}
	write(a, "/matches/{id}/openings", "Ask to look at one picture", nil, func(ctx context.Context, tx *store.Tx, in *withID[purpose], _ nothing) (triage.Opening, error) {
		return a.Triage.RequestOpening(ctx, tx, in.ID, acting(ctx), in.Body.Purpose)
	})
	write(a, "/openings/{id}/approval", "The second person's consent to an opening", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (triage.Opening, error) {
		return a.Triage.ApproveOpening(ctx, tx, in.ID, acting(ctx))
	})
	a.look()
	a.registerReferrals()
}
