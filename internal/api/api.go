// Package api is the HTTP surface of a node: its own API under /api/v1, the courier's door for other nodes, and the
// CyberTipline-compatible filing API under /ispws.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"reflect"
	"slices"
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
	filings "raksha.example/raksha/internal/filing"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/paper"
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
	Jobs        *jobs.Queue
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
	Callbacks   *lists.Callbacks
	OpenMatch   []netip.Prefix // loopback networks that use the match service without signing in
	Tips        *intake.Tips
	Scanner     *scan.Scanner
	Triage      *triage.Desk
	Filings     *filings.Filings
	Cases       *casework.Cases
	Orders      *orders.Orders
	Enforcement *enforcement.Desk // nil without a platform desk
	Links       *attribution.Links
	Papers      *paper.Printer
	Law         *rules.Jurisdiction
	Laws        *rules.Book // every jurisdiction, Law among them
	Client      *http.Client
	SetupCode   SetupCode
	Issuer      string // of the agency's identity provider; empty: there is none
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
	huma   huma.API
	routes *routes
	large  chan struct{} // places for large uploads that are read at once
}

// Handler is the API. Routes tells what it answers to.
type Handler struct {
	http.Handler
	routes *routes
}

// Routes gives the pattern of every route, as net/http writes them ("GET /api/v1/node"), in the order of registration.
func (h *Handler) Routes() []string { return slices.Clone(h.routes.patterns) }

// routes is a mux that remembers what was registered, so that a test can hold every route to the rules.
type routes struct {
	*http.ServeMux
	patterns []string
}

// HandleFunc registers a route.
func (r *routes) HandleFunc(pattern string, fn func(http.ResponseWriter, *http.Request)) {
	r.patterns = append(r.patterns, pattern)
	r.ServeMux.HandleFunc(pattern, fn)
}

// Handle registers a route.
func (r *routes) Handle(pattern string, h http.Handler) { r.HandleFunc(pattern, h.ServeHTTP) }

const (
	bodyLimit    = 64 << 20 // bytes of the largest request: a complaint file, a list, an upload
	commandLimit = 1 << 20  // bytes of any other
)

// New makes the handler.
func New(c Config) *Handler {
	mux := &routes{ServeMux: http.NewServeMux()}
	config := huma.DefaultConfig("Raksha", c.Version)
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.DocsPath = ""     // its page would load foreign scripts
	config.CreateHooks = nil // no $schema links in answers
	config.SchemasPath = ""
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{withoutValues}
	a := &api{Config: c, routes: mux, large: make(chan struct{}, largeFiles)}
	a.huma = humago.New(mux, config)
	a.registerNode()
	a.registerIdentity()
	a.registerTips()
	a.registerBundles()
	a.registerQueues()
	a.registerReports()
	a.registerCases()
	a.registerDocuments()
	a.registerPapers()
	a.registerRecord(mux)
	a.registerFailures()
	a.registerRules()
	mux.HandleFunc("GET /courier/v1/directory", a.ownEntry)
	mux.HandleFunc("POST /courier/v1/documents", a.deliver)
	a.registerFilings(mux)
	a.registerDestinations()
	a.registerProcess()
	a.registerMatchService(mux)
	a.registerExchanges(mux)
	a.registerHashSharing(mux)
	return &Handler{shut(http.NewCrossOriginProtection().Handler(limitBody(mux))), mux}
}

// shut keeps browsers from making anything of an answer but data: no page, no frame, no cache.
func shut(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit := int64(bodyLimit)
		if isImport(r) {
			limit = exchange.MaxFile // it is read as a stream
		}
		if r.URL.Path == "/ispws/upload" {
			limit = intake.FileLimit + commandLimit // the file, and the form around it
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

// withoutValues takes the values that were refused out of the answers to malformed requests: they may be the text of a tip,
// and an answer ends in other people's logs.
func withoutValues(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	detail := m.Detail
	for _, e := range m.Errors {
		if e.Location != "" {
			detail += "; " + e.Location + ": "
		} else {
			detail += "; "
		}
		detail += e.Message
	}
	code := string(fault.Invalid)
	if m.Status == http.StatusRequestEntityTooLarge {
		code = string(fault.TooLarge)
	}
	return &problem{Title: http.StatusText(m.Status), Status: m.Status, Detail: detail, Code: code}, nil
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

// schemaName names a type in the API's description. Types of other packages carry the package's name, for two may share their own:
// filing.Filing is FilingFiling, intake.Filing IntakeFiling.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if room := path.Base(t.PkgPath()); t.PkgPath() != "" && room != "api" {
		return strings.ToUpper(room[:1]) + room[1:] + name
	}
	return name
}
