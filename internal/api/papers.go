package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper"
	"raksha.example/raksha/internal/store"
)

// pdf is a file that a browser saves.
type pdf struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *api) registerPapers() {
	type paperOf struct {
		Credentials
		ID       int64  `path:"id"`
		Language string `query:"language" enum:"en,hi" doc:"Language of the paper's own words; without it the one that the drafter chose"`
	}
	o := a.operation(http.MethodGet, "/documents/{id}/pdf", "A document as PDF, for people")
	o.Responses = map[string]*huma.Response{"200": {Description: "The document", Content: map[string]*huma.MediaType{"application/pdf": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}}
	huma.Register(a.huma, o, func(ctx context.Context, in *paperOf) (*pdf, error) {
		if a.Papers == nil {
			return nil, a.fail(ctx, fault.New(fault.NotSupported, "this node prints no papers"))
		}
		p, err := a.Papers.Print(ctx, in.ID, in.Language)
		if err != nil {
			return nil, a.fail(ctx, err)
		}
		return &pdf{"application/pdf", `attachment; filename="` + p.Name + `"`, p.PDF}, nil
	})
	read(a, "/paper", "How this node's papers look, and whether anybody may ask if one is genuine", func(ctx context.Context, _ *empty) (paper.Stationery, error) {
		return a.Papers.Settings(ctx, a.DB.Reader())
	})
	write(a, "/paper", "Set how this node's papers look, and whether anybody may ask if one is genuine", nil,
		func(ctx context.Context, tx *store.Tx, in *with[paper.Stationery], _ nothing) (paper.Stationery, error) {
			if err := a.Papers.Set(ctx, tx, in.Body); err != nil {
				return paper.Stationery{}, err
			}
			return a.Papers.Settings(ctx, tx)
		})
}
