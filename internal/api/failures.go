package api

import (
	"context"

	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/jobs"
)

// registerFailures shows the node's own steps that fail: deliveries, acts at a platform, syncs. Nothing fails in silence.
func (a *api) registerFailures() {
	read(a, "/jobs/failures", "The node's own steps that keep failing or were given up, newest first; what they were about and why they failed is for whoever manages the node",
		func(ctx context.Context, _ *empty) ([]jobs.Failure, error) {
			failed, err := a.Jobs.Failed(ctx)
			if p, _ := identity.Acting(ctx); err != nil || p.May(identity.ManageNode) {
				return failed, err
			}
			for i := range failed { // they may name what belongs to a case that the caller does not see
				failed[i].Args, failed[i].Error = "", ""
			}
			return failed, nil
		})
}
