package api

import (
	"context"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type processBody struct {
	Kind     string `json:"kind" doc:"warrant, consent or exigency"`
	Number   string `json:"number,omitempty"`
	IssuedBy string `json:"issued_by" doc:"The court, the person who consents, or the officer who declares exigency"`
	Reason   string `json:"reason,omitempty" doc:"Of an exigency"`
	IssuedOn string `json:"issued_on" doc:"The day, such as 2026-03-01"`
}

type gateView struct {
	Viewed  string           `json:"viewed" doc:"By the provider that reported the file: yes, no, unknown; empty: no provider did"`
	Closed  string           `json:"closed,omitempty" doc:"Why it may not be opened"`
	Basis   string           `json:"basis,omitempty" doc:"On what it may be opened"`
	Process []triage.Process `json:"process"`
}

// registerProcess serves the gate before files that their provider has not looked at.
func (a *api) registerProcess() {
	q := a.DB.Reader()
	read(a, "/media/{id}/process", "Whether a file may be opened, and the legal process recorded against it", func(ctx context.Context, in *byID) (v gateView, err error) {
		g, err := a.Triage.GateOf(ctx, q, in.ID)
		if err != nil {
			return v, err
		}
		v = gateView{Viewed: g.Viewed, Closed: g.Needs, Basis: g.Basis}
		v.Process, err = triage.Processes(ctx, q, in.ID)
		return v, err
	})
	write(a, "/media/{id}/process", "Record a warrant, a consent or an exigency against a file", nil, func(ctx context.Context, tx *store.Tx, in *withID[processBody], _ nothing) (triage.Process, error) {
		b := in.Body
		at, err := time.ParseInLocation(time.DateOnly, b.IssuedOn, a.Law.Location())
		if err != nil {
			return triage.Process{}, fault.New(fault.Invalid, "write the day as 2026-03-01")
		}
		return a.Triage.RecordProcess(ctx, tx, triage.Process{MediaID: in.ID, Kind: b.Kind, Number: b.Number, IssuedBy: b.IssuedBy, Reason: b.Reason, IssuedAt: store.Micros(at)}, acting(ctx))
	})
}
