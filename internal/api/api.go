// Package api is the HTTP surface of a node: its own API under /api/v1, the courier's door for other nodes, and the
// CyberTipline-compatible filing API under /ispws.
package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/enforcement"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/scan"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

// Config is what the API serves from.
type Config struct {
	DB          *store.DB
	Log         *record.Log
	Clock       clock.Clock
	Simulated   bool // the clock is a file
	Version     string
	Self        *directory.Self
	People      *identity.People
	Book        *directory.Book
	Office      *courier.Office
	Register    *platforms.Register
	Lists       *lists.Lists
	Exchanges   *exchange.Exchanges
	Media       *media.Pool
	OpenMatch   []netip.Prefix // loopback networks that use the match service without signing in
	Tips        *intake.Tips
	Scanner     *scan.Scanner
	Triage      *triage.Desk
	Cases       *casework.Cases
	Orders      *orders.Orders
	Enforcement *enforcement.Desk // nil without a platform desk
	Links       *attribution.Links
	Law         *rules.Jurisdiction
	Client      *http.Client
	SetupCode   SetupCode
	Logger      *slog.Logger
}

// SetupCode is the one-time code that makes the first person.
type SetupCode interface {
	Check(code string) error
	Pending() bool
	Used() error
}

type api struct {
	Config
	huma huma.API
}

const bodyLimit = 64 << 20 // bytes of one request: a complaint file or a list

// New makes the handler.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Raksha", c.Version)
	config.DocsPath = ""     // its page would load foreign scripts
	config.CreateHooks = nil // no $schema links in answers
	config.SchemasPath = ""
	a := &api{Config: c}
	a.huma = humago.New(mux, config)
	a.registerNode()
	a.registerTips()
	a.registerCases()
	a.registerDocuments()
	mux.HandleFunc("GET /courier/v1/directory", a.ownEntry)
	mux.HandleFunc("POST /courier/v1/documents", a.deliver)
	a.registerFilings(mux)
	a.registerMatchService(mux)
	a.registerExchanges(mux)
	a.registerHashSharing(mux)
	return limitBody(mux)
}

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := int64(bodyLimit)
		if isImport(r) {
			limit = exchange.MaxFile // it is read as a stream
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next.ServeHTTP(w, r)
	})
}

// problem is an error as RFC 9457 tells it, with a machine code.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return "application/problem+json" }

// fail turns an error into a problem; what it does not know it logs and does not show.
func (a *api) fail(ctx context.Context, err error) error {
	status := fault.HTTPStatus(err)
	if status >= http.StatusInternalServerError && fault.Of(err) == fault.Internal {
		a.Logger.ErrorContext(ctx, "request failed", "error", err)
	}
	return &problem{Title: http.StatusText(status), Status: status, Detail: fault.Message(err), Code: fault.Code(err)}
}

// Credentials are the headers every operation reads.
type Credentials struct {
	Authorization  string `header:"Authorization" hidden:"true"`
	Cookie         string `cookie:"raksha_session" hidden:"true"`
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"A repeated call with the same key gets the first call's answer and changes nothing"`
}

func (c Credentials) get() Credentials { return c }

type authorised interface{ get() Credentials }

type output[T any] struct{ Body T }

// read registers an operation that changes nothing. Any of roles may call it; none means everybody who is signed in.
func read[I authorised, O any](a *api, path, summary string, fn func(ctx context.Context, in *I) (O, error)) {
	huma.Register(a.huma, huma.Operation{OperationID: opID("get", path), Method: http.MethodGet, Path: "/api/v1" + path, Summary: summary},
		func(ctx context.Context, in *I) (*output[O], error) {
			ctx, err := a.signedIn(ctx, (*in).get())
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			out, err := fn(ctx, in)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &output[O]{out}, nil
		})
}

// write registers an operation that changes something, in one transaction with its idempotency key. prepare does what is
// slow, outside the transaction; it may be nil and its result goes to fn.
func write[I authorised, P, O any](a *api, path, summary string, roles []identity.Role, prepare func(ctx context.Context, in *I) (P, error),
	fn func(ctx context.Context, tx *store.Tx, in *I, p P) (O, error)) {
	huma.Register(a.huma, huma.Operation{OperationID: opID("post", path), Method: http.MethodPost, Path: "/api/v1" + path, Summary: summary, MaxBodyBytes: bodyLimit, DefaultStatus: http.StatusOK},
		func(ctx context.Context, in *I) (*output[O], error) {
			ctx, err := a.signedIn(ctx, (*in).get())
			if err == nil {
				if p, _ := identity.Acting(ctx); !p.Has(roles...) {
					err = fault.New(fault.Forbidden, "this needs one of the roles %v", roles)
				}
			}
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			out, err := once(ctx, a, path, in, prepare, fn)
			if err != nil {
				return nil, a.fail(ctx, err)
			}
			return &output[O]{out}, nil
		})
}

// once runs a change, or gives the stored answer of its idempotency key.
func once[I authorised, P, O any](ctx context.Context, a *api, path string, in *I, prepare func(context.Context, *I) (P, error), fn func(context.Context, *store.Tx, *I, P) (O, error)) (out O, err error) {
	key := (*in).get().IdempotencyKey
	person, _ := identity.Acting(ctx)
	if key != "" {
		if done, err := a.replied(ctx, a.DB.Reader(), key, person.ID, path, &out); done || err != nil {
			return out, err
		}
	}
	var p P
	if prepare != nil {
		if p, err = prepare(ctx, in); err != nil {
			return out, err
		}
	}
	err = a.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return a.keyed(ctx, tx, key, person.ID, path, &out, func() (err error) {
			out, err = fn(ctx, tx, in, p)
			return err
		})
	})
	return out, err
}

// keyed runs a change and stores its answer under its idempotency key, or reads back the answer of the change that was
// made under it before.
func (a *api) keyed(ctx context.Context, tx *store.Tx, key string, person int64, path string, out any, change func() error) error {
	if key == "" {
		return change()
	}
	if done, err := a.replied(ctx, tx, key, person, path, out); done || err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return a.People.Reply(ctx, tx, key, person, path, string(b))
}

func (a *api) replied(ctx context.Context, q store.Queryer, key string, person int64, path string, out any) (bool, error) {
	response, err := a.People.Replied(ctx, q, key, person, path)
	if err != nil || response == "" {
		return false, err
	}
	return true, json.Unmarshal([]byte(response), out)
}

// signedIn finds the person behind the bearer token or the session cookie.
func (a *api) signedIn(ctx context.Context, c Credentials) (context.Context, error) {
	token, ok := strings.CutPrefix(c.Authorization, "Bearer ")
	if !ok {
		token = c.Cookie
	}
	if token == "" {
		return ctx, fault.New(fault.Unsigned, "sign in first")
	}
	p, err := a.People.BySession(ctx, token)
	if err != nil {
		return ctx, err
	}
	return identity.WithPerson(ctx, p), nil
}

func acting(ctx context.Context) int64 {
	p, _ := identity.Acting(ctx)
	return p.ID
}

func opID(method, path string) string {
	return method + strings.NewReplacer("/", "-", "{", "", "}", "").Replace(path)
}

// byID is an operation on one object.
type byID struct {
	Credentials
	ID int64 `path:"id"`
}

type empty struct{ Credentials }

type with[T any] struct {
	Credentials
	Body T
}

type withID[T any] struct {
	Credentials
	ID   int64 `path:"id"`
	Body T
}

type nothing struct{}

type newID struct {
	ID int64 `json:"id"`
}

// deliver is the door for other nodes: a document in, a signed answer out.
func (a *api) deliver(w http.ResponseWriter, r *http.Request) {
	b, err := readAll(r)
	if err != nil {
		http.Error(w, "the document is too large or was cut short", http.StatusRequestEntityTooLarge)
		return
	}
	answer, refused, err := a.Office.Receive(r.Context(), b)
	if err != nil {
		a.Logger.ErrorContext(r.Context(), "delivery failed", "error", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "try again: "+fault.Message(err), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/jose+json")
	if refused {
		w.WriteHeader(http.StatusForbidden)
	}
	w.Write(answer)
}

func (a *api) ownEntry(w http.ResponseWriter, r *http.Request) {
	b, err := a.Book.Own(r.Context())
	if err != nil {
		http.Error(w, fault.Message(err), fault.HTTPStatus(err))
		return
	}
	w.Header().Set("Content-Type", "application/jose+json")
	w.Write(b)
}
