package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/lists/stopncii"
	"raksha.example/raksha/internal/store"
)

// exchangeEvery is how often the field's service fetches.
const exchangeEvery = 240 * time.Second

// field describes one parameter of a kind of exchange, as the field's service tells it to forms.
type field struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"` // string, number, boolean, enum, set_of_number
	Required bool     `json:"required"`
	Default  any      `json:"default"`
	Help     string   `json:"help"`
	Choices  []string `json:"choices"`
}

func exchangeFields(kind string) []field {
	holder := field{Name: "holder", Type: "string", Help: "who answers for the list; by default the server's name"}
	switch kind {
	case exchange.NCMEC:
		return []field{
			{Name: "environment", Type: "enum", Help: "which of NCMEC's databases to connect to", Choices: exchange.Environments()},
			{Name: "address", Type: "string", Help: "the address of another server of the same protocol, instead of an environment"},
			{Name: "only_esp_ids", Type: "set_of_number", Default: []int64{}, Help: "take only entries of these members"},
			holder,
		}
	case exchange.StopNCII:
		return []field{{Name: "address", Type: "string", Default: stopncii.Base, Help: "where the service answers"}, holder}
	}
	return []field{
		{Name: "address", Type: "string", Required: true, Help: "where the file lies"},
		{Name: "format", Type: "enum", Default: exchange.Lines, Help: "how the file is written", Choices: exchange.Formats},
		holder,
	}
}

func (a *api) exchangeRoutes(handle func(string, identity.Permission, hmaHandler)) {
	handle("GET /c/exchanges", identity.ReadLists, func(ctx context.Context, _ *http.Request, _ caller) (hmaAnswer, error) {
		all, err := exchange.All(ctx, a.DB.Reader())
		out := []string{}
		for _, e := range all {
			out = append(out, e.Name)
		}
		return hmaAnswer{http.StatusOK, out}, err
	})
	handle("POST /c/exchanges", identity.ManageLists, a.createExchange)
	handle("GET /c/exchanges/apis", identity.ReadLists, func(context.Context, *http.Request, caller) (hmaAnswer, error) { return ok(exchange.Kinds) })
	handle("GET /c/exchanges/api/{api}", identity.ReadLists, a.exchangeAPI)
	handle("POST /c/exchanges/api/{api}", identity.ManageLists, a.setExchangeAPI)
	handle("GET /c/exchanges/api/{api}/schema", identity.ReadLists, func(_ context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		kind := r.PathValue("api")
		if !slices.Contains(exchange.Kinds, kind) {
			return hmaAnswer{}, fault.New(fault.NotFound, "no such Exchange API '%s'", kind)
		}
		out := map[string]any{"config_schema": map[string]any{"fields": exchangeFields(kind)}, "credentials_schema": nil}
		if names := exchange.SecretFields[kind]; len(names) > 0 {
			fields := []field{}
			for _, name := range names {
				fields = append(fields, field{Name: name, Type: "string", Required: true})
			}
			out["credentials_schema"] = map[string]any{"fields": fields}
		}
		return ok(out)
	})
	handle("GET /c/exchange/{name}", identity.ReadLists, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		e, err := a.exchangeNamed(ctx, a.DB.Reader(), r)
		return hmaAnswer{http.StatusOK, exchangeConfig(e)}, err
	})
	handle("PUT /c/exchange/{name}", identity.ManageLists, a.updateExchange)
	handle("DELETE /c/exchange/{name}", identity.ManageLists, a.removeExchange)
	handle("GET /c/exchange/{name}/status", identity.ReadLists, a.exchangeStatus)
}

func (a *api) exchangeNamed(ctx context.Context, q store.Queryer, r *http.Request) (exchange.Exchange, error) {
	e, err := exchange.ByName(ctx, q, r.PathValue("name"))
	if fault.Of(err) == fault.NotFound {
		err = fault.New(fault.NotFound, "exchange '%s' not found", r.PathValue("name"))
	}
	return e, err
}

// exchangeConfig tells an exchange with the fields of its kind beside its own.
func exchangeConfig(e exchange.Exchange) map[string]any {
	out := map[string]any{"name": e.Name, "api": e.Kind, "enabled": e.Enabled, "address": e.Address}
	switch e.Kind {
	case exchange.NCMEC:
		out["environment"], out["only_esp_ids"] = e.Settings.Environment, append([]int64{}, e.Settings.Only...)
	case exchange.File:
		out["format"] = e.Settings.Format
	}
	return out
}

var exchangeName = regexp.MustCompile(`^[A-Z0-9_]+$`)

func (a *api) createExchange(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	m := exchange.Make{Every: exchangeEvery}
	var isText bool
	if m.Name, isText = asText(body["bank"]); !isText {
		return hmaAnswer{}, bad("Field `bank` is required")
	}
	if !exchangeName.MatchString(m.Name) {
		return hmaAnswer{}, bad("Field `bank` must match /^[A-Z0-9_]+$/")
	}
	if m.Kind, isText = asText(body["api"]); !isText {
		return hmaAnswer{}, bad("Field `api` is required")
	}
	if !slices.Contains(exchange.Kinds, m.Kind) {
		return hmaAnswer{}, bad("No such exchange type '%s'", m.Kind)
	}
	if err := readExchangeFields(&m, body["api_json"]); err != nil {
		return hmaAnswer{}, err
	}
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := a.Exchanges.Create(ctx, tx, m)
		return err
	})
	return hmaAnswer{http.StatusCreated, map[string]string{"message": "Created successfully"}}, err
}

func readExchangeFields(m *exchange.Make, raw json.RawMessage) error {
	fields := map[string]json.RawMessage{}
	if len(raw) > 0 && json.Unmarshal(raw, &fields) != nil {
		return bad("Field `api_json` must be object")
	}
	var unknown []string
	for name, raw := range fields {
		valid := true
		known := slices.ContainsFunc(exchangeFields(m.Kind), func(f field) bool { return f.Name == name })
		switch {
		case !known && name != "api" && name != "name" && name != "enabled": // which its own dumps have
			unknown = append(unknown, name)
		case name == "environment":
			m.Settings.Environment, valid = asText(raw)
			valid = valid && slices.Contains(exchange.Environments(), m.Settings.Environment)
		case name == "address":
			m.Address, valid = asText(raw)
		case name == "holder":
			m.Holder, valid = asText(raw)
		case name == "format":
			m.Settings.Format, valid = asText(raw)
		case name == "only_esp_ids":
			m.Settings.Only, valid = asNumbers(raw)
		}
		if !valid {
			return bad("the value of `%s` cannot be used", name)
		}
	}
	if len(unknown) > 0 {
		sort.Strings(unknown)
		return bad("`api_json` has unknown fields: %s", strings.Join(unknown, ", "))
	}
	return nil
}

func asNumbers(raw json.RawMessage) (out []int64, valid bool) {
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil, false
	}
	for _, v := range all {
		n, isNumber := asNumber(v)
		if !isNumber || n != float64(int64(n)) {
			return nil, false
		}
		out = append(out, int64(n))
	}
	return out, true
}

func (a *api) exchangeAPI(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	kind := r.PathValue("api")
	if !slices.Contains(exchange.Kinds, kind) {
		return hmaAnswer{}, bad("no such Exchange API '%s'", kind)
	}
	has, err := a.Exchanges.HasKindSecret(ctx, a.DB.Reader(), kind)
	return hmaAnswer{http.StatusOK, map[string]bool{"supports_authentification": len(exchange.SecretFields[kind]) > 0, "has_set_authentification": has}}, err
}

func (a *api) setExchangeAPI(ctx context.Context, r *http.Request, who caller) (hmaAnswer, error) {
	kind := r.PathValue("api")
	if !slices.Contains(exchange.Kinds, kind) {
		return hmaAnswer{}, bad("no such Exchange API '%s'", kind)
	}
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	if raw, has := body["credential_json"]; has && string(raw) != "null" {
		var s exchange.Secret
		if json.Unmarshal(raw, &s) != nil {
			return hmaAnswer{}, bad("`credential_json` must be an object of texts")
		}
		if err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error { return a.Exchanges.SetKindSecret(ctx, tx, kind, s) }); err != nil {
			return hmaAnswer{}, err
		}
	}
	return a.exchangeAPI(ctx, r, who)
}

func (a *api) updateExchange(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	var u exchange.Update
	if raw, has := body["enabled"]; has {
		on, valid := asBool(raw)
		if !valid {
			return hmaAnswer{}, bad("enabled must be true or false")
		}
		u.Enabled = &on
	}
	var e exchange.Exchange
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		if e, err = a.exchangeNamed(ctx, tx, r); err != nil {
			return err
		}
		e, err = a.Exchanges.Change(ctx, tx, e.ID, u)
		return err
	})
	return hmaAnswer{http.StatusOK, exchangeConfig(e)}, err
}

func (a *api) removeExchange(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		e, err := a.exchangeNamed(ctx, tx, r)
		if fault.Of(err) == fault.NotFound {
			return nil // so does the field's service
		}
		if err != nil {
			return err
		}
		return a.Exchanges.Remove(ctx, tx, e.ID)
	})
	return hmaAnswer{http.StatusOK, map[string]string{"message": "Exchange deleted"}}, err
}

// exchangeStatus tells times in seconds, and null for what has not been yet.
func (a *api) exchangeStatus(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	e, err := a.exchangeNamed(ctx, a.DB.Reader(), r)
	if err != nil {
		return hmaAnswer{}, err
	}
	s, err := a.Exchanges.StateOf(ctx, e.ID)
	if err != nil {
		return hmaAnswer{}, err
	}
	seconds := func(micros int64) any {
		if micros == 0 {
			return nil
		}
		return store.Time(micros).Unix()
	}
	var succeeded any
	if s.LastAt > 0 {
		succeeded = s.LastOK
	}
	return ok(map[string]any{"checkpoint_ts": seconds(s.ReachedAt), "running_fetch_start_ts": seconds(s.RunningAt), "last_fetch_complete_ts": seconds(s.LastAt),
		"last_fetch_succeeded": succeeded, "up_to_date": s.UpToDate, "fetched_items": s.Items})
}
