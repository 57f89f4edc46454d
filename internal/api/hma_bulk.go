package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// What the field's service has not: many changes in one call, and a listing. Each call is one change: all of it or nothing.

// maxBulk is the most entries of one call.
const maxBulk = 50_000

// readBulk reads a JSON body of any size that the API takes.
func readBulk(r *http.Request, into any) error {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return bad("the body is not the JSON object that is asked for")
	}
	return nil
}

// addSignals adds entries, each a content of its own: {"entries":[{"kind":"pdq","value":"...","label":"..."}]} gives {"ids":[...],"sequence":n}.
func (a *api) addSignals(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	var body struct {
		Entries []lists.Entry `json:"entries"`
	}
	if err := readBulk(r, &body); err != nil {
		return hmaAnswer{}, err
	}
	if len(body.Entries) == 0 || len(body.Entries) > maxBulk {
		return hmaAnswer{}, bad("one call adds 1 to %d entries", maxBulk)
	}
	groups := make([][]lists.Entry, len(body.Entries))
	for i, e := range body.Entries {
		if kind := kindOf(e.Kind); kind != "" {
			e.Kind = kind
		}
		groups[i] = []lists.Entry{e}
	}
	var ids []int64
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.ownBank(ctx, tx, r)
		if err == nil {
			ids, err = a.Lists.AddContents(ctx, tx, v.ID, groups)
		}
		return err
	})
	return hmaAnswer{http.StatusOK, map[string]any{"ids": ids, "sequence": a.Lists.Sequence()}}, err
}

// removeContents removes contents: {"ids":[...]} gives {"deleted":n,"sequence":n}.
func (a *api) removeContents(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	var body struct {
		IDs []int64 `json:"ids"`
	}
	if err := readBulk(r, &body); err != nil {
		return hmaAnswer{}, err
	}
	if len(body.IDs) > maxBulk {
		return hmaAnswer{}, bad("one call removes at most %d contents", maxBulk)
	}
	n := 0
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.ownBank(ctx, tx, r)
		if err == nil {
			n, err = a.Lists.Remove(ctx, tx, v.ID, body.IDs...)
		}
		return err
	})
	return hmaAnswer{http.StatusOK, map[string]any{"deleted": n, "sequence": a.Lists.Sequence()}}, err
}

// listContents gives a page of entries with numbers above after: {"entries":[...],"next":n}, without next on the last page.
func (a *api) listContents(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	v, err := a.bank(ctx, a.DB.Reader(), r)
	if err != nil {
		return hmaAnswer{}, err
	}
	query := r.URL.Query()
	after, _ := strconv.ParseInt(query.Get("after"), 10, 64)
	limit, _ := strconv.Atoi(query.Get("limit"))
	if limit <= 0 || limit > lists.MaxPage {
		limit = 1000
	}
	items, err := lists.Entries(ctx, a.DB.Reader(), v.ID, after, limit)
	if err != nil {
		return hmaAnswer{}, err
	}
	out := map[string]any{"entries": items}
	if len(items) == limit {
		out["next"] = items[len(items)-1].ID
	}
	return ok(out)
}
