package api

import (
	"context"
	"encoding/json"
	"net/http"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// bank is a list as the field's service tells it.
type bank struct {
	Name  string  `json:"name"`
	Ratio float64 `json:"matching_enabled_ratio"`
}

func bankOf(v lists.List) bank { return bank{v.Bank, v.Share} }

func (a *api) curateRoutes(handle func(string, identity.Permission, hmaHandler)) {
	handle("GET /c/banks", identity.ReadLists, a.banks)
	handle("POST /c/banks", identity.ManageLists, a.createBank)
	handle("GET /c/bank/{name}", identity.ReadLists, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		v, err := a.bank(ctx, a.DB.Reader(), r)
		return hmaAnswer{http.StatusOK, bankOf(v)}, err
	})
	handle("PUT /c/bank/{name}", identity.ManageLists, a.updateBank)
	handle("DELETE /c/bank/{name}", identity.ManageLists, a.removeBank)
	handle("POST /c/bank/{name}/content", identity.ManageLists, a.addContent)
	handle("POST /c/bank/{name}/signal", identity.ManageLists, a.addSignal)
	handle("POST /c/bank/{name}/signals", identity.ManageLists, a.addSignals)
	handle("POST /c/bank/{name}/remove", identity.ManageLists, a.removeContents)
	handle("GET /c/bank/{name}/contents", identity.ManageLists, a.listContents)
	handle("GET /c/bank/{name}/content/{id}", identity.ManageLists, a.showContent)
	handle("PUT /c/bank/{name}/content/{id}", identity.ManageLists, a.updateContent)
	handle("DELETE /c/bank/{name}/content/{id}", identity.ManageLists, a.removeContent)
	handle("GET /c/signal_type", identity.ReadLists, func(context.Context, *http.Request, caller) (hmaAnswer, error) {
		out := []map[string]any{}
		for _, s := range signals {
			out = append(out, map[string]any{"name": s.name, "enabled_ratio": a.Lists.KindShare(s.kind)})
		}
		return ok(out)
	})
	handle("PUT /c/signal_type/{name}", identity.ManageLists, a.updateSignalType)
	handle("GET /c/signal_type/index", identity.ReadLists, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		return a.indexStatus(ctx, r, func(n int, newest int64) any {
			if n == 0 {
				newest = -1
			}
			return map[string]any{"db_size": n, "index_size": n, "index_out_of_date": false, "newest_db_item": newest, "index_built_to": newest}
		})
	})
	handle("GET /c/content_type", identity.ReadLists, func(context.Context, *http.Request, caller) (hmaAnswer, error) {
		return ok([]map[string]any{{"name": photo, "enabled": true}, {"name": video, "enabled": true}})
	})
}

// bank finds the list of a path.
func (a *api) bank(ctx context.Context, q store.Queryer, r *http.Request) (lists.List, error) {
	v, err := lists.ByBank(ctx, q, r.PathValue("name"))
	if fault.Of(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "bank '%s' not found", r.PathValue("name"))
	}
	return v, err
}

// ownBank finds the list of a path whose entries are this agency's to change.
func (a *api) ownBank(ctx context.Context, q store.Queryer, r *http.Request) (lists.List, error) {
	v, err := a.bank(ctx, q, r)
	if err == nil && !v.Own {
		err = fault.New(fault.Refused, "the bank '%s' is held by %s; only its holder adds and removes", v.Bank, v.Holder)
	}
	return v, err
}

func (a *api) banks(ctx context.Context, _ *http.Request, _ caller) (hmaAnswer, error) {
	all, err := lists.All(ctx, a.DB.Reader())
	if err != nil {
		return hmaAnswer{}, err
	}
	out := []bank{}
	for _, v := range all {
		if v.Bank != "" {
			out = append(out, bankOf(v))
		}
	}
	return ok(out)
}

func ratio(raw json.RawMessage) (float64, error) {
	n, valid := asNumber(raw)
	if !valid || !(n >= 0 && n <= 1) {
		return 0, bad("enabled_ratio must be a number from 0.0 to 1.0")
	}
	return n, nil
}

func (a *api) createBank(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	name, isText := asText(body["name"])
	if !isText {
		return hmaAnswer{}, missing("name")
	}
	share := 1.0 // so that "enabled" has no say, there as here
	if raw, has := body["enabled_ratio"]; has {
		if share, err = ratio(raw); err != nil {
			return hmaAnswer{}, err
		}
	}
	if name == "" {
		return hmaAnswer{}, bad("invalid bank name: it is empty")
	}
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := a.Lists.CreateList(ctx, tx, lists.New{Name: name, Bank: name, Share: &share})
		return err
	})
	return hmaAnswer{http.StatusCreated, bank{name, share}}, err
}

func (a *api) updateBank(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	var u lists.Update
	if raw, has := body["name"]; has {
		name, isText := asText(raw)
		if !isText {
			return hmaAnswer{}, bad("name must be a text")
		}
		u.Bank = &name
	}
	if raw, has := body["enabled"]; has {
		on, valid := asBool(raw)
		if !valid {
			return hmaAnswer{}, bad("enabled must be true or false")
		}
		share := 0.0
		if on {
			share = 1
		}
		u.Share = &share
	}
	if raw, has := body["enabled_ratio"]; has {
		share, err := ratio(raw)
		if err != nil {
			return hmaAnswer{}, err
		}
		u.Share = &share
	}
	var changed lists.List
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.bank(ctx, tx, r)
		if err != nil {
			return err
		}
		if v.Own && v.Name == v.Bank {
			u.Name = u.Bank
		}
		changed, err = a.Lists.UpdateList(ctx, tx, v.ID, u)
		return err
	})
	return hmaAnswer{http.StatusOK, bankOf(changed)}, err
}

func (a *api) removeBank(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.bank(ctx, tx, r)
		if fault.Of(err) == fault.NotFound {
			return nil // so does the field's service
		}
		if err != nil {
			return err
		}
		return a.Lists.RemoveList(ctx, tx, v.ID)
	})
	return hmaAnswer{http.StatusOK, map[string]string{"message": "Done"}}, err
}

func (a *api) updateSignalType(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	raw, has := body["enabled_ratio"]
	if !has {
		return hmaAnswer{}, missing("enabled_ratio")
	}
	share, err := ratio(raw)
	if err != nil {
		return hmaAnswer{}, err
	}
	kind := kindOf(r.PathValue("name"))
	if kind == "" {
		return hmaAnswer{}, bad("No such signal type '%s'", r.PathValue("name"))
	}
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Lists.SetKindShare(ctx, tx, kind, share) })
	return hmaAnswer{status: http.StatusNoContent}, err
}
