// Package console is the node's pages for people: server-rendered, and nothing from outside. Each page stands in one templ
// file beside its handler. Only the pages that speak with a passkey run a script, the node's own.
//
// The pages read; what changes the node is done through the API. What they change is how the person who reads is signed
// in, and hash lists. They never show media, and addresses of accounts and posts stand in them defanged, as text.
package console

import (
	"bytes"
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/jobs"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

//go:embed static
var static embed.FS

// Config is what the console reads from.
type Config struct {
	DB        *store.DB
	People    *identity.People
	Self      *directory.Self
	Book      *directory.Book
	Log       *record.Log
	Jobs      *jobs.Queue // nil: the home page tells of no failures
	Clock     clock.Clock
	Law       *rules.Jurisdiction // its time zone is the one in which times are shown
	Simulated bool                // the clock is a demonstration's; every page says so
	Provider  *identity.OIDC      // nil: nobody signs in with another account
	Lists     *lists.Lists
	Exchanges *exchange.Exchanges
	Triage    *triage.Desk
	Media     *media.Pool // hashes a file that is tried
}

type console struct {
	Config
	routes []string
}

// Handler is the console. Routes tells what it answers to.
type Handler struct {
	http.Handler
	routes []string
}

// Routes gives the pattern of every page and form, as net/http writes them.
func (h *Handler) Routes() []string { return slices.Clone(h.routes) }

// New makes the handler of all pages, to be mounted at "/".
func New(c Config) *Handler {
	o := &console{Config: c}
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	handle := func(pattern string, h http.Handler) {
		o.routes = append(o.routes, pattern)
		mux.Handle(pattern, h)
	}
	handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(files))))
	for pattern, fn := range map[string]http.HandlerFunc{
		"GET /sign-in":                    o.signInPage,
		"POST /sign-in":                   o.signIn,
		"POST /sign-in/passkey/challenge": o.passkeyChallenge,
		"POST /sign-in/passkey":           o.passkeySignIn,
		"GET /sign-in/external":           o.externalSignIn,
		"GET /sign-in/external/back":      o.externalBack,
		"GET /invitation":                 o.invitationPage,
		"POST /invitation":                o.acceptInvitation,
		"POST /sign-out":                  o.signOut,
	} {
		handle(pattern, fn)
	}
	for path, d := range o.doors() {
		handle("GET "+path, o.signedIn(d))
	}
	for path, f := range o.forms() {
		handle("POST "+path, o.submitted(f))
	}
	handle("/", o.signedIn(door{page: func(*request) (string, templ.Component, error) {
		return "", nil, fault.New(fault.NotSupported, "pages are read, not written to")
	}}))
	return &Handler{headers(o.sameOrigin(mux)), o.routes}
}

// page reads what one page shows: its title and its content.
type page func(*request) (title string, content templ.Component, err error)

// request is one request of a signed-in person.
type request struct {
	*http.Request
	ctx    context.Context
	q      store.Queryer
	person identity.Person
	show   show
	seen   *identity.Sight // what of lists the person may see; nil until a page asks
}

// id gives the number in the path.
func (r *request) id() (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.New(fault.NotFound, "there is no such page")
	}
	return id, nil
}

// number gives a whole number of the query, otherwise the default.
func (r *request) number(name string, otherwise int64) int64 {
	n, err := strconv.ParseInt(r.URL.Query().Get(name), 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

// fail shows an error as a page.
func (o *console) fail(w http.ResponseWriter, r *http.Request, person identity.Person, err error) {
	if fault.Of(err) == fault.Internal {
		slog.ErrorContext(r.Context(), "a page failed", "path", r.URL.Path, "error", err)
	}
	status := fault.HTTPStatus(err)
	o.write(w, r, status, layout(o.shell(r, errorTitle(status), person), errorPage(status, fault.Message(err))))
}

// write renders the whole page before the first byte leaves, so that a page is whole or an error.
func (o *console) write(w http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		slog.ErrorContext(r.Context(), "a page failed to render", "path", r.URL.Path, "error", err)
		http.Error(w, "This page cannot be shown; the log of this node has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	b.WriteTo(w)
}

// sameOrigin refuses forms that another site sends.
func (o *console) sameOrigin(next http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.fail(w, r, identity.Person{}, fault.New(fault.Forbidden, "this form was sent from another site; open the console itself and try again"))
	}))
	return p.Handler(next)
}

const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// scripted lets a page run the node's own script, which asks the node itself and nobody else.
func scripted(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy+"; script-src 'self'; connect-src 'self'")
}

// headers keeps everything foreign out of the pages: no script, no frame, nothing loaded from elsewhere.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin") // not no-referrer: browsers then send "Origin: null" with our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), publickey-credentials-get=(self), publickey-credentials-create=(self)")
		next.ServeHTTP(w, r)
	})
}

func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		next.ServeHTTP(w, r)
	})
}

func (o *console) show() show {
	s := show{now: o.Clock.Now(), zone: time.UTC}
	if o.Law != nil {
		s.zone = o.Law.Location()
	}
	return s
}
