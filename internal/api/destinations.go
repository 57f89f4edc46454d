package api

import (
	"context"

	filings "raksha.example/raksha/internal/filing"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/store"
)

type destinationBody struct {
	Name     string            `json:"name" doc:"Small letters, digits and hyphens"`
	Address  string            `json:"address" doc:"Such as https://exttest.cybertip.org/ispws"`
	Test     bool              `json:"test,omitempty" doc:"What is filed there counts for nothing"`
	Media    bool              `json:"media,omitempty" doc:"It may be sent the files themselves that this node keeps; otherwise hashes only"`
	Repeats  bool              `json:"repeats,omitempty" doc:"It knows Idempotency-Key, as nodes of this program do"`
	Reporter cybertip.Reporter `json:"reporter"`
	User     string            `json:"user,omitempty"`
	Password string            `json:"password,omitempty"`
}

type destinationSecret struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

type filingBody struct {
	TipID       int64  `json:"tip_id"`
	Destination string `json:"destination"`
}

type filingFilter struct {
	Credentials
	State  string `query:"state"`
	TipID  int64  `query:"tip_id"`
	Before int64  `query:"before"`
	Limit  int    `query:"limit" default:"100" minimum:"1" maximum:"500"`
}

// registerDestinations serves what this node files with others; what others file with it is served by registerFilings.
func (a *api) registerDestinations() {
	q := a.DB.Reader()
	read(a, "/destinations", "With whom this node files reports", func(ctx context.Context, _ *empty) ([]filings.Destination, error) {
		return filings.Destinations(ctx, q)
	})
	write(a, "/destinations", "Add a receiver of CyberTipline reports", nil, func(ctx context.Context, tx *store.Tx, in *with[destinationBody], _ nothing) (filings.Destination, error) {
		b := in.Body
		return a.Filings.Add(ctx, tx, filings.Destination{Name: b.Name, Address: b.Address, Test: b.Test, Media: b.Media, Repeats: b.Repeats, Reporter: b.Reporter}, b.User, b.Password)
	})
	write(a, "/destinations/{id}/credentials", "Set a receiver's credentials", nil, func(ctx context.Context, tx *store.Tx, in *withID[destinationSecret], _ nothing) (nothing, error) {
		return nothing{}, a.Filings.SetSecret(ctx, tx, in.ID, in.Body.User, in.Body.Password)
	})
	write(a, "/destinations/{id}/remove", "End a receiver and destroy its credentials", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (nothing, error) {
		return nothing{}, a.Filings.Remove(ctx, tx, in.ID)
	})
	read(a, "/filings", "Reports that this node files, newest first", func(ctx context.Context, in *filingFilter) ([]filings.Filing, error) {
		return filings.List(ctx, q, filings.Filter{State: in.State, TipID: in.TipID, Before: in.Before, Limit: in.Limit})
	})
	write(a, "/filings", "File a tip with a receiver; it is sent until it is taken or refused", nil, func(ctx context.Context, tx *store.Tx, in *with[filingBody], _ nothing) (filings.Filing, error) {
		return a.Filings.Prepare(ctx, tx, in.Body.TipID, in.Body.Destination, acting(ctx))
	})
	read(a, "/filings/{id}", "How a filing stands", func(ctx context.Context, in *byID) (filings.Filing, error) { return filings.ByID(ctx, q, in.ID) })
	write(a, "/filings/{id}/retraction", "Take a filing back that is not finished", nil, func(ctx context.Context, tx *store.Tx, in *byID, _ nothing) (filings.Filing, error) {
		return a.Filings.Retract(ctx, tx, in.ID)
	})
}
