package api

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/pdq"
)

// The signal and content types of the field's service that are on by default there.
const (
	signalPDQ = "pdq"
	signalMD5 = "video_md5"
	photo     = "photo"
	video     = "video"
)

// signals are the signal types, and the kinds of entry they are here.
var signals = []struct{ name, kind, content string }{{signalPDQ, lists.PDQ, photo}, {signalMD5, lists.MD5, video}}

func kindOf(signal string) string {
	for _, s := range signals {
		if s.name == signal {
			return s.kind
		}
	}
	return ""
}

func signalOf(kind string) string {
	for _, s := range signals {
		if s.kind == kind {
			return s.name
		}
	}
	return kind
}

// signalType refuses a signal type that is unknown or switched off.
func (a *api) signalType(name string) error {
	kind := kindOf(name)
	if kind == "" {
		return bad("No such SignalType '%s'", name)
	}
	if a.Lists.KindShare(kind) <= 0 {
		return bad("SignalType '%s' is not enabled", name)
	}
	return nil
}

// checkSignal gives a signal in its stored form. The empty PDQ is what a picture of low quality has, and matches nothing.
func checkSignal(name, value string) (string, error) {
	value = strings.ToLower(strings.TrimSpace(value))
	switch name {
	case signalPDQ:
		if value == "" {
			return "", nil
		}
		if _, err := pdq.Parse(value); err != nil {
			return "", errors.New("PDQ hash must be 64 hexadecimal digits")
		}
	case signalMD5:
		if b, err := hex.DecodeString(value); err != nil || len(b) != md5.Size {
			return "", errors.New("invalid regex match for video_md5: 32 hexadecimal digits")
		}
	}
	return value, nil
}

// match is one hit as the field's service tells it: the distance is text.
type match struct {
	ContentID int64  `json:"bank_content_id"`
	Distance  string `json:"distance"`
}

func (a *api) matchRoutes(handle func(string, identity.Permission, hmaHandler)) {
	handle("GET /m/raw_lookup", identity.ProbeLists, a.rawLookup)
	handle("GET /m/lookup", identity.LookUp, a.lookup)
	handle("POST /m/lookup", identity.LookUp, a.lookupFile)
	handle("GET /m/index/status", identity.LookUp, func(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
		return a.indexStatus(ctx, r, func(n int, newest int64) any {
			if n == 0 {
				return map[string]any{"present": false, "built_to": -1, "size": 0}
			}
			return map[string]any{"present": true, "built_to": newest, "size": n}
		})
	})
	handle("POST /m/compare", identity.LookUp, a.compare)
}

// find asks the index for one signal.
func (a *api) find(name, value string, q lists.Query) ([]lists.Hit, error) {
	if err := a.signalType(name); err != nil {
		return nil, err
	}
	value, err := checkSignal(name, value)
	if err != nil {
		return nil, bad("invalid signal: %v", err)
	}
	switch {
	case value == "":
		return nil, nil
	case name == signalPDQ:
		h, _ := pdq.Parse(value)
		q.PDQ = []pdq.Hash{h}
	default:
		q.Exact = []lists.Hash{{Kind: kindOf(name), Value: value}}
	}
	return a.Lists.Find(q), nil
}

// only reads the parameter banks: the lists to be asked, nil for all.
func (a *api) only(v url.Values) map[int64]bool {
	if v.Get("banks") == "" {
		return nil
	}
	return a.Lists.ListsOfBanks(strings.Split(v.Get("banks"), ","))
}

func (a *api) rawLookup(_ context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	v := r.URL.Query()
	for _, name := range []string{"signal", "signal_type"} {
		if !v.Has(name) {
			return hmaAnswer{}, missing(name)
		}
	}
	detailed := false
	if v.Has("include_distance") {
		var valid bool
		if detailed, valid = textBool(v.Get("include_distance")); !valid {
			return hmaAnswer{}, &hmaError{status: http.StatusUnprocessableEntity, fields: []fieldError{{"bool_parsing", []string{"include_distance"},
				"Input should be a valid boolean, unable to interpret input", v.Get("include_distance")}}}
		}
	}
	hits, err := a.find(v.Get("signal_type"), v.Get("signal"), lists.Query{Raw: true, Lists: a.only(v)})
	if err != nil {
		return hmaAnswer{}, err
	}
	matches := make([]any, len(hits))
	for i, h := range hits {
		if detailed {
			matches[i] = match{h.Content, distance(h)}
		} else {
			matches[i] = h.Content
		}
	}
	return ok(map[string]any{"matches": matches})
}

// distance is 0 bits for the same file.
func distance(h lists.Hit) string { return strconv.Itoa(h.Distance) }

// byBank groups hits as the field's service does. A caller who may not see details learns the banks alone.
func (a *api) byBank(hits []lists.Hit, who caller) map[string][]match {
	out := map[string][]match{}
	for _, h := range hits {
		v, there := a.Lists.List(h.ListID)
		if !there || v.Bank == "" {
			continue
		}
		if who.may(identity.ProbeLists) {
			out[v.Bank] = append(out[v.Bank], match{h.Content, distance(h)})
		} else if out[v.Bank] == nil {
			out[v.Bank] = []match{}
		}
	}
	return out
}

func (a *api) lookup(ctx context.Context, r *http.Request, who caller) (hmaAnswer, error) {
	v := r.URL.Query()
	q := lists.Query{Lists: a.only(v), Seed: seedOf(v)}
	if v.Get("url") == "" {
		if v.Get("signal") == "" || v.Get("signal_type") == "" {
			return hmaAnswer{}, bad("Either url or both signal and signal_type are required")
		}
		hits, err := a.find(v.Get("signal_type"), v.Get("signal"), q)
		if err != nil {
			return hmaAnswer{}, err
		}
		return ok(a.byBank(hits, who))
	}
	if !who.may(identity.LookUp) {
		return hmaAnswer{}, fault.New(fault.Forbidden, "Hashing is disabled, missing role")
	}
	hashes, err := a.hashURL(ctx, v)
	if err != nil {
		return hmaAnswer{}, err
	}
	out, err := a.findAll(hashes, q, who)
	if err != nil {
		return hmaAnswer{}, err
	}
	if v.Has("signal_type") {
		if one := out[v.Get("signal_type")]; one != nil {
			return ok(one)
		}
		return ok(map[string]any{})
	}
	return ok(out)
}

// seedOf gives the caller's seed. Without one, each look-up throws its own coin.
func seedOf(v url.Values) string {
	if v.Has("seed") {
		return v.Get("seed")
	}
	return lists.FreshSeed()
}

func (a *api) findAll(hashes map[string]string, q lists.Query, who caller) (map[string]map[string][]match, error) {
	out := map[string]map[string][]match{}
	for name, value := range hashes {
		hits, err := a.find(name, value, q)
		if err != nil {
			return nil, err
		}
		out[name] = a.byBank(hits, who)
	}
	return out, nil
}

func (a *api) lookupFile(ctx context.Context, r *http.Request, who caller) (hmaAnswer, error) {
	if !who.may(identity.LookUp) {
		return hmaAnswer{}, fault.New(fault.Forbidden, "Hashing is disabled, missing role")
	}
	f, err := a.uploaded(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	hashes, err := a.hashes(ctx, f, r.URL.Query(), a.lookedUp)
	if err != nil {
		return hmaAnswer{}, err
	}
	v := r.URL.Query()
	out, err := a.findAll(hashes, lists.Query{Lists: a.only(v), Seed: seedOf(v), Whole: v.Get("bypass_coinflip") == "true"}, who)
	if err != nil {
		return hmaAnswer{}, err
	}
	return ok(out)
}

// indexStatus tells of each signal type, or of the one asked for. Its times are seconds.
func (a *api) indexStatus(ctx context.Context, r *http.Request, tell func(n int, newest int64) any) (hmaAnswer, error) {
	only := r.URL.Query().Get("signal_type")
	if only != "" && kindOf(only) == "" {
		return hmaAnswer{}, bad("No such signal type '%s'", only)
	}
	newest, err := a.Lists.Newest(ctx)
	if err != nil {
		return hmaAnswer{}, err
	}
	kinds := a.Lists.Kinds()
	out := map[string]any{}
	for _, s := range signals {
		if only == "" || only == s.name {
			out[s.name] = tell(kinds[s.kind].Entries, newest.Unix())
		}
	}
	return ok(out)
}

func (a *api) compare(_ context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return hmaAnswer{}, err
	}
	var asked map[string]json.RawMessage
	if err := json.Unmarshal(b, &asked); err != nil || asked == nil {
		return hmaAnswer{}, bad("Request input was not a dict")
	}
	out := map[string]any{}
	for name, raw := range asked {
		var pair []json.RawMessage
		if err := json.Unmarshal(raw, &pair); err != nil {
			return hmaAnswer{}, bad("Comparison hashes for %s was not a list", name)
		}
		if len(pair) != 2 {
			return hmaAnswer{}, bad("Comparison hash list length must be exactly 2")
		}
		if err := a.signalType(name); err != nil {
			return hmaAnswer{}, err
		}
		var values [2]string
		for i := range pair {
			s, isText := asText(pair[i])
			if !isText {
				return hmaAnswer{}, bad("Invalid %s hash: not a text", name)
			}
			if values[i], err = checkSignal(name, s); err != nil || values[i] == "" {
				return hmaAnswer{}, bad("Invalid %s hash: %v", name, errOr(err, "it is empty"))
			}
		}
		if name == signalPDQ {
			left, _ := pdq.Parse(values[0])
			right, _ := pdq.Parse(values[1])
			n := left.Distance(right)
			out[name] = []any{n <= lists.Threshold, map[string]int{"distance": n}}
		} else {
			out[name] = []any{values[0] == values[1], map[string]int{}}
		}
	}
	return ok(out)
}

func errOr(err error, text string) any {
	if err != nil {
		return err
	}
	return text
}
