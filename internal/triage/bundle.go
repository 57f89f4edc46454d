package triage

import (
	"context"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

// maxDecided bounds one decision on a bundle: it is one write.
const maxDecided = 10_000

// BundleDecision says what a decision on a whole bundle did.
type BundleDecision struct {
	Decided int64    `json:"decided"`
	Before  int64    `json:"before"`            // decided before, and left as they are
	Refused []string `json:"refused,omitempty"` // numbers of tips behind which only a likeness stands
}

// DecideBundle takes one decision for every tip of a bundle that waits for one. A tip on which the decision cannot be taken stays, and
// is named.
func (d *Desk) DecideBundle(ctx context.Context, tx *store.Tx, bundleID int64, state, reason string) (BundleDecision, error) {
	var out BundleDecision
	b, err := intake.BundleByID(ctx, tx, bundleID)
	if err != nil {
		return out, err
	}
	if b.Tips > maxDecided {
		return out, fault.New(fault.TooLarge, "the bundle has %d tips; %d at most are decided at once: split it", b.Tips, maxDecided)
	}
	tips, err := intake.Members(ctx, tx, bundleID, 0, maxDecided)
	if err != nil {
		return out, err
	}
	for _, t := range tips {
		if t.State != "received" {
			out.Before++
			continue
		}
		switch err := d.Decide(ctx, tx, t.ID, state, reason); {
		case fault.Of(err) == fault.Refused && err != nil:
			out.Refused = append(out.Refused, t.Number)
		case err != nil:
			return out, err
		default:
			out.Decided++
		}
	}
	return out, nil
}
