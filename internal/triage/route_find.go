package triage

import (
	"context"
	"slices"
	"strings"

	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// Routed says where a tip belongs and by which hints.
type Routed struct {
	TipID  int64  `json:"tip_id,omitempty"`
	Agency string `json:"agency"` // "" when no route fits, or when routes lead to several: then a person decides
	Reason string `json:"reason"`
	// Candidates are the agencies that the deciding step leads to, each with its reasons: more than one is a conflict.
	Candidates []Candidate `json:"candidates,omitempty"`
	Facts      []Fact      `json:"facts,omitempty"`   // what was looked at
	Skipped    []Candidate `json:"skipped,omitempty"` // fitting, but they returned the tip before
}

// Candidate is an agency with why.
type Candidate struct {
	Agency  string   `json:"agency"`
	Reasons []string `json:"reasons"`
}

// Conflict says that hints lead to different agencies.
func (r Routed) Conflict() bool { return len(r.Candidates) > 1 }

// RouteTips finds the agency for each tip that this node is responsible for and that is not decided.
func (d *Desk) RouteTips(ctx context.Context, q store.Queryer) ([]Routed, error) {
	tips, err := intake.List(ctx, q, intake.Filter{})
	if err != nil {
		return nil, err
	}
	routes, err := d.Routes(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []Routed{}
	for _, t := range tips {
		if t.Responsible != d.agency() || t.State != "received" && t.State != "actionable" {
			continue
		}
		r, err := d.routeTip(ctx, q, routes, t)
		if err != nil {
			return nil, err
		}
		r.Facts = nil // the tip's own page shows them
		out = append(out, r)
	}
	return out, nil
}

// RouteTip finds where one tip belongs.
func (d *Desk) RouteTip(ctx context.Context, q store.Queryer, t intake.Tip) (Routed, error) {
	routes, err := d.Routes(ctx, q)
	if err != nil {
		return Routed{}, err
	}
	return d.routeTip(ctx, q, routes, t)
}

func (d *Desk) routeTip(ctx context.Context, q store.Queryer, routes []Route, t intake.Tip) (Routed, error) {
	hints, err := hintsOf(ctx, q, t)
	if err != nil {
		return Routed{}, err
	}
	host, err := platformOf(ctx, q, t)
	if err != nil {
		return Routed{}, err
	}
	back, err := returnedBy(ctx, q, t.ID)
	if err != nil {
		return Routed{}, err
	}
	r := d.find(routes, d.placeFacts(hints+"\nplatform:"+host), back)
	r.TipID = t.ID
	return r, nil
}

// TryRoutes says where a tip with these hints, one "kind:value" a line, would go.
func (d *Desk) TryRoutes(ctx context.Context, q store.Queryer, hints string) (Routed, error) {
	routes, err := d.Routes(ctx, q)
	if err != nil {
		return Routed{}, err
	}
	return d.find(routes, d.placeFacts(hints), nil), nil
}

// find asks the routes step by step. Agencies that returned the tip are passed over: only a person sends it there again.
func (d *Desk) find(routes []Route, facts []Fact, back map[string]string) Routed {
	out := Routed{Facts: facts}
	now := d.clock.Now()
	var rest *Route
	step := int64(-1) // in which a route fitted first
	for i, r := range routes {
		if !r.InForce(now) {
			continue
		}
		if step >= 0 && r.Step > step {
			break
		}
		if r.Kind == "any" {
			if _, was := back[r.Agency]; !was && rest == nil {
				rest = &routes[i]
			}
			continue
		}
		for _, f := range facts {
			if !r.fits(f) {
				continue
			}
			if why, was := back[r.Agency]; was {
				out.Skipped = candidate(out.Skipped, r.Agency, "returned it before: "+strings.ReplaceAll(why, "_", " "))
				break
			}
			out.Candidates, step = candidate(out.Candidates, r.Agency, r.reason(f)), r.Step
		}
	}
	if len(out.Candidates) == 0 && rest != nil {
		out.Candidates = candidate(nil, rest.Agency, rest.reason(Fact{}))
	}
	if len(out.Candidates) == 1 {
		out.Agency, out.Reason = out.Candidates[0].Agency, strings.Join(out.Candidates[0].Reasons, "; ")
	}
	return out
}

// candidate adds a reason to an agency's.
func candidate(all []Candidate, agency, reason string) []Candidate {
	i := slices.IndexFunc(all, func(c Candidate) bool { return c.Agency == agency })
	if i < 0 {
		return append(all, Candidate{agency, []string{reason}})
	}
	if !slices.Contains(all[i].Reasons, reason) {
		all[i].Reasons = append(all[i].Reasons, reason)
	}
	return all
}
