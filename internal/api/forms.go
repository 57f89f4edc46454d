package api

import (
	"context"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// registerForms is the desk's side of the public form; the form itself is a page.
func (a *api) registerForms() {
	type filter struct {
		Credentials
		State string `query:"state" enum:"held,entered,discarded"`
		Limit int    `query:"limit" default:"100" minimum:"1" maximum:"1000"`
	}
	read(a, "/forms", "What came through the public form: held ones wait for a person", func(ctx context.Context, in *filter) ([]intake.KeptForm, error) {
		return intake.Forms(ctx, a.DB.Reader(), in.State, in.Limit)
	})
	write(a, "/forms/{id}/release", "Make tips of a held form", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.Tips.Release(ctx, tx, in.ID, acting(ctx))
	})
	type discarding struct {
		Reason string `json:"reason" maxLength:"2000"`
	}
	write(a, "/forms/{id}/discarding", "End a held form without a tip", nil, func(ctx context.Context, tx *store.Tx, in *withID[discarding], _ nothing) (nothing, error) {
		return nothing{}, a.Tips.Discard(ctx, tx, in.ID, acting(ctx), in.Body.Reason)
	})
}
