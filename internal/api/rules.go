package api

import (
	"context"

	"raksha.example/raksha/internal/rules"
)

// registerRules has the law as this node holds it: anybody who drafts, judges or answers may look it up.
func (a *api) registerRules() {
	type query struct {
		Credentials
		At           string `query:"at" maxLength:"40" doc:"An instant (RFC 3339), or a day, which counts to its end; without it now"`
		Jurisdiction string `query:"jurisdiction" maxLength:"16" doc:"A code such as in; without it this node's"`
	}
	read(a, "/rules", "The law in force at an instant: rules, clocks and sections, each with its source and how certain it is", func(_ context.Context, in *query) (rules.Sheet, error) {
		law, err := a.Law, error(nil)
		if in.Jurisdiction != "" {
			if law, err = a.Laws.Jurisdiction(in.Jurisdiction); err != nil {
				return rules.Sheet{}, err
			}
		}
		at, err := ParseAsOf(in.At, law.Location())
		if err != nil {
			return rules.Sheet{}, err
		}
		if at.IsZero() {
			at = a.Clock.Now()
		}
		return law.Sheet(at), nil
	})
}
