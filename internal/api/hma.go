package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// The API of the field's open match service (Hasher-Matcher-Actioner, "Open Media Match"), at its own paths, so that its clients need
// no change: /h hashes, /m matches, /c curates. A list is called a bank there, an entry a signal, and the entries of one picture or
// film a content. Where that service's documentation and code differ, this follows the code. What is added: every call has a
// caller with scopes, and changes tell who made them.

// caller is who calls the match service.
type caller struct {
	person identity.Person
	all    bool // from an opened loopback network: everything of the match service, and nothing else
}

func (c caller) may(p identity.Permission) bool { return c.all || c.person.May(p) }

// hmaError is an error as the field's service tells it.
type hmaError struct {
	status  int
	message string
	fields  []fieldError // with them, the answer is their list: what its validation of parameters gives
}

type fieldError struct {
	Type  string   `json:"type"`
	Loc   []string `json:"loc"`
	Msg   string   `json:"msg"`
	Input any      `json:"input"`
}

func (e *hmaError) Error() string { return e.message }

func bad(format string, args ...any) error {
	return &hmaError{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...)}
}

func missing(loc ...string) error {
	return &hmaError{status: http.StatusUnprocessableEntity, fields: []fieldError{{"missing", loc, "Field required", map[string]any{}}}}
}

// hmaAnswer is what a handler gives: a status and a value for JSON.
type hmaAnswer struct {
	status int
	body   any
}

func ok(body any) (hmaAnswer, error) { return hmaAnswer{http.StatusOK, body}, nil }

type hmaHandler func(ctx context.Context, r *http.Request, who caller) (hmaAnswer, error)

// registerMatchService serves the compatible API.
func (a *api) registerMatchService(mux *routes) {
	text := func(path, answer string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, answer)
		})
	}
	// The index is ready before the node listens, and never stale.
	text("/status", "I-AM-ALIVE")
	text("/status/live", "I-AM-ALIVE")
	var routes []string
	handle := func(pattern string, need identity.Permission, fn hmaHandler) {
		_, path, _ := strings.Cut(pattern, " ")
		routes = append(routes, path)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serveMatch(w, r, need, fn) })
	}
	a.hashRoutes(handle)
	a.matchRoutes(handle)
	a.curateRoutes(handle)
	a.exchangeRoutes(handle)
	handle("GET /site-map", identity.LookUp, func(context.Context, *http.Request, caller) (hmaAnswer, error) { return ok(siteMap(routes)) })
	handle("GET /openapi/openapi.json", identity.LookUp, func(context.Context, *http.Request, caller) (hmaAnswer, error) { return ok(matchDescription(routes)) })
	for _, prefix := range []string{"/h/", "/m/", "/c/"} { // what is none of its paths is told in its own way
		mux.HandleFunc(prefix, func(w http.ResponseWriter, r *http.Request) {
			writeMatch(w, hmaAnswer{http.StatusNotFound, map[string]string{"message": "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again."}})
		})
	}
}

func (a *api) serveMatch(w http.ResponseWriter, r *http.Request, need identity.Permission, fn hmaHandler) {
	who, err := a.matchCaller(r)
	if err == nil && !who.may(need) {
		err = fault.New(fault.Forbidden, "this needs the permission %s", need)
	}
	var answer hmaAnswer
	if err == nil {
		ctx := record.WithActor(r.Context(), "loopback")
		if !who.all {
			ctx = identity.WithPerson(r.Context(), who.person)
		}
		answer, err = fn(ctx, r, who)
	}
	if err != nil {
		answer = a.matchFailure(r.Context(), err)
		if answer.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="match service"`)
		}
	}
	writeMatch(w, answer)
}

func writeMatch(w http.ResponseWriter, answer hmaAnswer) {
	if answer.status == http.StatusNoContent {
		w.WriteHeader(answer.status)
		return
	}
	b, err := json.Marshal(answer.body)
	if err != nil {
		answer.status, b = http.StatusInternalServerError, []byte(`{"message":"the answer could not be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)+1))
	w.WriteHeader(answer.status)
	w.Write(append(b, '\n'))
}

// matchFailure puts an error into the shape and under the status that the field's service gives it.
func (a *api) matchFailure(ctx context.Context, err error) hmaAnswer {
	var h *hmaError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &h) && h.fields != nil:
		return hmaAnswer{h.status, h.fields}
	case errors.As(err, &h):
		return hmaAnswer{h.status, map[string]string{"message": h.message}}
	case errors.As(err, &large):
		return hmaAnswer{http.StatusRequestEntityTooLarge, map[string]string{"message": fmt.Sprintf("Content too large: at most %d bytes are taken", large.Limit)}}
	}
	status := fault.HTTPStatus(err)
	switch kind := fault.Of(err); kind {
	case fault.Invalid, fault.NotSupported:
		status = http.StatusBadRequest
	case fault.Internal:
		a.Logger.ErrorContext(ctx, "match service", "error", err)
	case fault.Conflict:
		status = http.StatusForbidden // "Bank already exists" comes with this status
	}
	return hmaAnswer{status, map[string]string{"message": fault.Message(err)}}
}

// matchCaller finds who calls: a bearer token of a service or a session, or somebody on an opened loopback network.
func (a *api) matchCaller(r *http.Request) (caller, error) {
	token, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if c, err := r.Cookie("raksha_session"); !isBearer && err == nil {
		token = c.Value
	}
	if r.Header.Get("Authorization") == "" && token == "" && a.opened(r) {
		return caller{all: true}, nil
	}
	if token == "" || len(token) > 200 {
		return caller{}, fault.New(fault.Unsigned, "sign in with a bearer token; without one, the match service answers only on loopback, and only if its operator opened that")
	}
	p, err := a.People.Bearer(r.Context(), token)
	if err != nil {
		return caller{}, err
	}
	return caller{person: p}, nil
}

// opened says whether a request comes from a network that the operator opened. One that a proxy says it passed on does not, and
// neither does one for another host's name: a page in a browser here can be made to ask under any name (DNS rebinding). A proxy
// on this machine that hides itself cannot be told from a client: nothing may be opened beside one.
func (a *api) opened(r *http.Request) bool {
	if len(a.OpenMatch) == 0 {
		return false
	}
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	asked := r.Host
	if host, _, err := net.SplitHostPort(asked); err == nil {
		asked = host
	}
	if name, err := netip.ParseAddr(strings.Trim(asked, "[]")); !strings.EqualFold(asked, "localhost") && (err != nil || !name.Unmap().IsLoopback()) {
		return false
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !from.Addr().Unmap().IsLoopback() {
		return false
	}
	for _, p := range a.OpenMatch {
		if p.Contains(from.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// ParseOpenMatch reads the networks that may use the match service without signing in: loopback ones only.
func ParseOpenMatch(text string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			return nil, fault.New(fault.Invalid, "%q is no network; write one such as 127.0.0.0/8", word)
		}
		loopback := netip.MustParsePrefix("127.0.0.0/8")
		if p.Addr().Is6() {
			loopback = netip.MustParsePrefix("::1/128")
		}
		if p.Bits() < loopback.Bits() || !loopback.Contains(p.Addr()) {
			return nil, fault.New(fault.Invalid, "%s is not a part of %s: only loopback can be opened, since answers help those who would evade the lists", p, loopback)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// OneSlash lets paths of the compatible API through whose slashes are doubled, as clients build them whose base address ends in
// one: without a redirect, which would turn a POST into a GET.
func OneSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "//") && r.URL.RawPath == "" {
			path := r.URL.Path
			for strings.Contains(path, "//") {
				path = strings.ReplaceAll(path, "//", "/")
			}
			if strings.HasPrefix(path, "/h/") || strings.HasPrefix(path, "/m/") || strings.HasPrefix(path, "/c/") || path == "/status" {
				again := r.Clone(r.Context())
				again.URL.Path = path
				r = again
			}
		}
		next.ServeHTTP(w, r)
	})
}

// jsonBody reads a JSON object. What is none is told as the field's service does.
func jsonBody(r *http.Request) (map[string]json.RawMessage, error) {
	kind := r.Header.Get("Content-Type")
	if !strings.Contains(kind, "json") {
		return nil, &hmaError{status: http.StatusUnsupportedMediaType, message: "Did not attempt to load JSON data because the request Content-Type was not 'application/json'."}
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, bad("the body is not a JSON object")
	}
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	return out, nil
}

// Numbers and booleans may come as text: clients of the field send "1" and "true".

func asText(raw json.RawMessage) (string, bool) {
	var s string
	return s, json.Unmarshal(raw, &s) == nil
}

func asNumber(raw json.RawMessage) (float64, bool) {
	var n float64
	if json.Unmarshal(raw, &n) == nil {
		return n, true
	}
	s, ok := asText(raw)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil
}

func asBool(raw json.RawMessage) (bool, bool) {
	var b bool
	if json.Unmarshal(raw, &b) == nil {
		return b, true
	}
	if s, ok := asText(raw); ok {
		return textBool(s)
	}
	n, ok := asNumber(raw)
	return n == 1, ok && (n == 0 || n == 1)
}

func textBool(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "yes", "on", "t", "y":
		return true, true
	case "false", "0", "no", "off", "f", "n":
		return false, true
	}
	return false, false
}

// change runs one change of the match service in the write path.
func (a *api) change(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error) error {
	return a.DB.Write(ctx, fn)
}
