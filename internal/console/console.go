// Package console is the node's pages for people: server-rendered, without scripts, and nothing from outside. Each page
// stands in one templ file beside its handler.
//
// The pages read; what changes the node is done through the API. They never show media, and addresses of accounts and
// posts stand in them defanged, as text.
package console

import (
	"bytes"
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
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
	Clock     clock.Clock
	Law       *rules.Jurisdiction // its time zone is the one in which times are shown
	Simulated bool                // the clock is a demonstration's; every page says so
}

type console struct {
	Config
	signIns chan struct{} // one place for each password that is stretched at the same time: that costs memory
}

const parallelSignIns = 4

// New makes the handler of all pages, to be mounted at "/".
func New(c Config) http.Handler {
	o := &console{c, make(chan struct{}, parallelSignIns)}
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(files))))
	mux.HandleFunc("GET /sign-in", o.signInPage)
	mux.HandleFunc("POST /sign-in", o.signIn)
	mux.HandleFunc("POST /sign-out", o.signOut)
	for path, page := range map[string]page{
		"/{$}":                 o.home,
		"/tips":                o.tips,
		"/tips/{id}":           o.tip,
		"/complaints":          o.complaints,
		"/lists":               o.lists,
		"/matches":             o.matches,
		"/cases":               o.cases,
		"/cases/{id}":          o.caseFile,
		"/documents":           o.documents,
		"/documents/{id}":      o.document,
		"/operations":          o.operations,
		"/cases/{id}/clusters": o.clusters,
		"/statistics":          o.statistics,
		"/record":              o.record,
		"/directory":           o.directory,
		"/": func(*request) (string, templ.Component, error) {
			return "", nil, fault.New(fault.NotFound, "there is no such page")
		},
	} {
		mux.Handle("GET "+path, o.signedIn(page))
	}
	mux.Handle("/", o.signedIn(func(*request) (string, templ.Component, error) {
		return "", nil, fault.New(fault.NotSupported, "pages are read, not written to")
	}))
	return headers(o.sameOrigin(mux))
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

// signedIn shows a page to a person with a session; anybody else is sent to sign in and learns nothing.
func (o *console) signedIn(p page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		person, err := o.session(r)
		if err != nil {
			if fault.Of(err) != fault.Unsigned {
				o.fail(w, r, identity.Person{}, err)
			} else if r.Method == http.MethodGet || r.Method == http.MethodHead {
				http.Redirect(w, r, signInPath(r.URL), http.StatusSeeOther)
			} else {
				o.fail(w, r, identity.Person{}, err)
			}
			return
		}
		ctx := identity.WithPerson(r.Context(), person)
		title, content, err := p(&request{Request: r, ctx: ctx, q: o.DB.Reader(), person: person, show: o.show()})
		if err != nil {
			o.fail(w, r, person, err)
			return
		}
		o.write(w, r, http.StatusOK, layout(o.shell(r, title, person), content))
	})
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

// headers keeps everything foreign out of the pages: no script, no frame, nothing loaded from elsewhere.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin") // not no-referrer: browsers then send "Origin: null" with our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
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
