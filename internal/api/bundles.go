package api

import (
	"context"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type bundleView struct {
	Bundle  intake.Bundle         `json:"bundle"`
	Shared  []intake.Shared       `json:"shared"`
	Sources []intake.From         `json:"sources"`
	Changes []intake.BundleChange `json:"changes"`
	Tips    []intake.Tip          `json:"tips"` // in the order of their numbers, after after_id
}

type bundleFilter struct {
	Credentials
	ID      int64 `path:"id"`
	AfterID int64 `query:"after_id"`
	Limit   int   `query:"limit" default:"100" minimum:"1" maximum:"1000"`
}

type reasonBody struct {
	Reason string `json:"reason"`
}

type tipsBody struct {
	TipIDs []int64 `json:"tip_ids"`
	Reason string  `json:"reason"`
}

type otherBody struct {
	OtherID int64  `json:"other_id"`
	Reason  string `json:"reason"`
}

type bundleVerdict struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

type overruleBody struct {
	Priority int64  `json:"priority"`
	Reason   string `json:"reason"`
}

type fulfilmentBody struct {
	At        int64  `json:"at,omitempty"` // microseconds UTC; 0: now
	Reference string `json:"reference"`
}

type dangerView struct {
	Marks  []triage.Mark  `json:"marks"`
	Alerts []triage.Alert `json:"alerts"`
	Clocks []triage.Clock `json:"clocks"`
	Tasks  []triage.Task  `json:"tasks"`
}

type callBody struct {
	Username string `json:"username"`
	Email    string `json:"email,omitempty"`
}

func (a *api) registerBundles() {
	q := a.DB.Reader()
	read(a, "/bundles/{id}", "A bundle: its tips, where they are from and what they share", func(ctx context.Context, in *bundleFilter) (v bundleView, err error) {
		if v.Bundle, err = intake.BundleByID(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Shared, err = intake.SharedBy(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Sources, err = intake.SourcesOf(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Changes, err = intake.Changes(ctx, q, in.ID); err != nil {
			return v, err
		}
		v.Tips, err = intake.Members(ctx, q, in.ID, in.AfterID, in.Limit)
		return v, err
	})
	write(a, "/bundles/{id}/decisions", "Decide every tip of a bundle that waits", nil, func(ctx context.Context, tx *store.Tx, in *withID[bundleVerdict], _ nothing) (triage.BundleDecision, error) {
		return a.Triage.DecideBundle(ctx, tx, in.ID, in.Body.State, in.Body.Reason)
	})
	write(a, "/bundles/{id}/split", "Make some tips of a bundle a bundle of their own", nil, func(ctx context.Context, tx *store.Tx, in *withID[tipsBody], _ nothing) (intake.BundleChange, error) {
		return a.Tips.Split(ctx, tx, in.ID, in.Body.TipIDs, acting(ctx), in.Body.Reason)
	})
	write(a, "/bundles/{id}/merge", "Bring two bundles together", nil, func(ctx context.Context, tx *store.Tx, in *withID[otherBody], _ nothing) (intake.BundleChange, error) {
		return a.Tips.Merge(ctx, tx, in.ID, in.Body.OtherID, acting(ctx), in.Body.Reason)
	})
	write(a, "/bundles/{id}/tips", "Put a tip that is alone into a bundle", nil, func(ctx context.Context, tx *store.Tx, in *withID[otherBody], _ nothing) (intake.BundleChange, error) {
		return a.Tips.PutIn(ctx, tx, in.ID, in.Body.OtherID, acting(ctx), in.Body.Reason)
	})
	write(a, "/tips/{id}/unbundling", "Take a tip out of its bundle", nil, func(ctx context.Context, tx *store.Tx, in *withID[reasonBody], _ nothing) (intake.BundleChange, error) {
		return a.Tips.TakeOut(ctx, tx, in.ID, acting(ctx), in.Body.Reason)
	})
	write(a, "/bundle-changes/{id}/undoing", "Take a change of bundles back", nil, func(ctx context.Context, tx *store.Tx, in *withID[reasonBody], _ nothing) (intake.BundleChange, error) {
		return a.Tips.Undo(ctx, tx, in.ID, acting(ctx), in.Body.Reason)
	})
	a.registerPriority()
	a.registerDanger()
}

func (a *api) registerPriority() {
	q := a.DB.Reader()
	read(a, "/tips/{id}/priority", "A tip's priority and how it came about", func(ctx context.Context, in *byID) (triage.Priority, error) { return triage.PriorityOf(ctx, q, in.ID) })
	read(a, "/tips/{id}/priority/replay", "Compute a tip's priority again from what is kept", func(ctx context.Context, in *byID) (triage.Explanation, error) { return a.Triage.Replay(ctx, q, in.ID) })
	write(a, "/tips/{id}/priority", "Overrule a tip's priority", nil, func(ctx context.Context, tx *store.Tx, in *withID[overruleBody], _ nothing) (triage.Priority, error) {
		if err := a.Triage.SetPriority(ctx, tx, in.ID, in.Body.Priority, acting(ctx), in.Body.Reason); err != nil {
			return triage.Priority{}, err
		}
		return triage.PriorityOf(ctx, tx, in.ID)
	})
	write(a, "/tips/{id}/priority/lifting", "Let a tip's computed priority count again", nil, func(ctx context.Context, tx *store.Tx, in *withID[reasonBody], _ nothing) (triage.Priority, error) {
		if err := a.Triage.LiftPriority(ctx, tx, in.ID, acting(ctx), in.Body.Reason); err != nil {
			return triage.Priority{}, err
		}
		return triage.PriorityOf(ctx, tx, in.ID)
	})
	type rulesBody struct {
		YAML string `json:"yaml"`
	}
	type rulesView struct {
		Version triage.RulesVersion `json:"version"`
		Shadow  triage.ShadowReport `json:"shadow"` // beside the live version, on the tips that wait
	}
	read(a, "/priority-rules", "Every version of the priority rules", func(ctx context.Context, _ *empty) ([]triage.RulesVersion, error) { return triage.AllRules(ctx, q) })
	read(a, "/priority-rules/{id}", "One version with its text and tests", func(ctx context.Context, in *byID) (v rulesView, err error) {
		if v.Version, err = triage.RulesByID(ctx, q, in.ID); err != nil {
			return v, err
		}
		v.Shadow, err = triage.ShadowOf(ctx, q, in.ID)
		return v, err
	})
	write(a, "/priority-rules", "Enter a draft of priority rules", nil, func(ctx context.Context, tx *store.Tx, in *with[rulesBody], _ nothing) (triage.RulesVersion, error) {
		return a.Triage.DraftRules(ctx, tx, []byte(in.Body.YAML), acting(ctx))
	})
	write(a, "/priority-rules/{id}/shadow", "Compute a draft beside the live version", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		if err := a.Triage.ShadowRules(ctx, tx, in.ID); err != nil {
			return nothing{}, err
		}
		return nothing{}, a.Triage.RecomputeSoon(ctx, tx)
	})
	write(a, "/priority-rules/{id}/backtest", "Test a version on past decisions", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (triage.Backtest, error) {
		return a.Triage.TestRules(ctx, tx, in.ID)
	})
	write(a, "/priority-rules/{id}/live", "Make the version in the shadow live", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		if err := a.Triage.GoLive(ctx, tx, in.ID, acting(ctx)); err != nil {
			return nothing{}, err
		}
		return nothing{}, a.Triage.RecomputeSoon(ctx, tx)
	})
}

func (a *api) registerDanger() {
	q := a.DB.Reader()
	read(a, "/tips/{id}/danger", "What is on record of a child in danger: marks, alerts, clocks, tasks", func(ctx context.Context, in *byID) (v dangerView, err error) {
		if v.Marks, err = triage.Marks(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Alerts, err = triage.AlertsOf(ctx, q, in.ID); err != nil {
			return v, err
		}
		if v.Clocks, err = triage.Clocks(ctx, q, in.ID); err != nil {
			return v, err
		}
		v.Tasks, err = triage.Tasks(ctx, q, in.ID)
		return v, err
	})
	write(a, "/tips/{id}/danger", "Say that a child is in danger", nil, func(ctx context.Context, tx *store.Tx, in *withID[reasonBody], _ nothing) (triage.Mark, error) {
		return a.Triage.MarkDanger(ctx, tx, in.ID, acting(ctx), in.Body.Reason)
	})
	write(a, "/tips/{id}/danger/lifting", "Lift the mark of a child in danger", nil, func(ctx context.Context, tx *store.Tx, in *withID[reasonBody], _ nothing) (nothing, error) {
		return nothing{}, a.Triage.LiftDanger(ctx, tx, in.ID, acting(ctx), in.Body.Reason)
	})
	type stateFilter struct {
		Credentials
		State string `query:"state"`
	}
	read(a, "/alerts", "Alerts, newest first", func(ctx context.Context, in *stateFilter) ([]triage.Alert, error) {
		return triage.Alerts(ctx, q, in.State)
	})
	write(a, "/alerts/{id}/acknowledgement", "Take an alert up", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (triage.Alert, error) {
		return a.Triage.Acknowledge(ctx, tx, in.ID, acting(ctx))
	})
	read(a, "/protection-clocks", "Duties to children in danger that wait to be done", func(ctx context.Context, _ *empty) ([]triage.Clock, error) { return triage.OpenClocks(ctx, q) })
	write(a, "/protection-clocks/{id}/fulfilment", "Say that a duty was done", nil, func(ctx context.Context, tx *store.Tx, in *withID[fulfilmentBody], _ nothing) (triage.Clock, error) {
		return a.Triage.Fulfil(ctx, tx, in.ID, acting(ctx), in.Body.At, in.Body.Reference)
	})
	type noteBody struct {
		Note string `json:"note"`
	}
	write(a, "/triage-tasks/{id}/completion", "Close a task", nil, func(ctx context.Context, tx *store.Tx, in *withID[noteBody], _ nothing) (nothing, error) {
		return nothing{}, a.Triage.FinishTask(ctx, tx, in.ID, acting(ctx), in.Body.Note)
	})
	read(a, "/on-call", "Who is on call, in the order in which they are paged", func(ctx context.Context, _ *empty) ([]triage.OnCall, error) { return triage.Roster(ctx, q) })
	type rosterBody struct {
		People []callBody `json:"people"` // the first one first
	}
	write(a, "/on-call", "Say who is on call", nil, func(ctx context.Context, tx *store.Tx, in *with[rosterBody], _ nothing) ([]triage.OnCall, error) {
		list := []triage.OnCall{}
		for _, b := range in.Body.People {
			p, err := a.People.ByUsername(ctx, tx, b.Username)
			if err != nil {
				return nil, err
			}
			if !p.May(identity.ReadTips) {
				return nil, fault.New(fault.Invalid, "%s has no role that reads tips, and could not take an alert up", b.Username)
			}
			list = append(list, triage.OnCall{PersonID: p.ID, Email: b.Email})
		}
		if err := a.Triage.SetRoster(ctx, tx, list); err != nil {
			return nil, err
		}
		return triage.Roster(ctx, tx)
	})
}
