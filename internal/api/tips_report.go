package api

import (
	"context"

	"raksha.example/raksha/internal/intake"
)

// registerReports gives what providers filed. What tells who a child is stands sealed in the one and alone in the other, whose read is
// logged for itself.
func (a *api) registerReports() {
	q := a.DB.Reader()
	read(a, "/tips/{id}/report", "The report that a tip came by, every element of it; the parts about children sealed", func(ctx context.Context, in *byID) (intake.Filing, error) {
		f, err := intake.OfTip(ctx, q, in.ID)
		if err == nil && f.Report != nil {
			f.Report = f.Report.Seal()
		}
		return f, err
	})
	read(a, "/tips/{id}/victim", "The sealed parts of the report that a tip came by", func(ctx context.Context, in *byID) (intake.Filing, error) {
		f, err := intake.OfTip(ctx, q, in.ID)
		if err == nil && f.Report != nil {
			f.Report = f.Report.SealedOnly()
		}
		f.Files = nil
		return f, err
	})
}
