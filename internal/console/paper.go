package console

import (
	"context"
	"net/http"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/paper"
)

// papers registers what people get on paper, and the page on which anybody asks whether a paper is genuine.
func (o *console) papers(handle func(string, http.Handler)) {
	handle("GET /documents/{id}/pdf", http.HandlerFunc(o.pdf))
	c := &paperCheck{console: o, limit: paper.NewLimit(time.Now)}
	handle("GET /verify", http.HandlerFunc(c.page))
	handle("POST /verify", http.HandlerFunc(c.answer))
}

// pdf gives a document as a file. It is read as its page is: the same people, a purpose, an entry in the list of reads.
func (o *console) pdf(w http.ResponseWriter, r *http.Request) {
	person, err := o.session(r)
	if err != nil {
		if fault.Of(err) == fault.Unsigned {
			http.Redirect(w, r, signInPath(r.URL), http.StatusSeeOther)
			return
		}
		o.fail(w, r, identity.Person{}, err)
		return
	}
	q := &request{Request: r, ctx: identity.WithPerson(r.Context(), person), q: o.DB.Reader(), person: person, show: o.show()}
	ask, err := o.pass(q, door{need: identity.ReadDocuments, kind: identity.OfDocument, reads: "document"})
	if err == nil && ask != "" {
		http.Redirect(w, r, ask, http.StatusSeeOther)
		return
	}
	var file paper.File
	if err == nil {
		file, err = o.print(q)
	}
	if err != nil {
		o.fail(w, r, person, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `attachment; filename="`+file.Name+`"`)
	h.Set("Cache-Control", "no-store")
	w.Write(file.PDF)
}

func (o *console) print(r *request) (paper.File, error) {
	id, err := r.id()
	if err != nil {
		return paper.File{}, err
	}
	if o.Papers == nil {
		return paper.File{}, fault.New(fault.NotSupported, "this node prints no papers")
	}
	return o.Papers.Print(r.ctx, id, r.URL.Query().Get("language"))
}

// paperCheck answers whether a paper is genuine, to anybody, while the node's settings say so.
type paperCheck struct {
	*console
	limit *paper.Limit
}

// answerGrid is how late an answer leaves: at the next whole one of these since the question came, so that the time tells
// nothing of what was found.
const answerGrid = 150 * time.Millisecond

type verifyForm struct {
	hindi        bool
	number, code string
	standing     paper.Standing // empty: nothing was asked yet
	busy         bool
}

// on says whether the page is served; if not it is answered as a page that does not exist.
func (c *paperCheck) on(w http.ResponseWriter, r *http.Request) bool {
	if c.Papers != nil {
		on, err := c.Papers.Public(r.Context())
		if on && err == nil {
			return true
		}
		if err != nil {
			c.fail(w, r, identity.Person{}, err)
			return false
		}
	}
	c.fail(w, r, identity.Person{}, fault.New(fault.NotFound, "there is no such page"))
	return false
}

func (c *paperCheck) page(w http.ResponseWriter, r *http.Request) {
	if c.on(w, r) {
		c.show(w, r, http.StatusOK, verifyForm{hindi: r.URL.Query().Get("language") == paper.Hindi})
	}
}

func (c *paperCheck) show(w http.ResponseWriter, r *http.Request, status int, f verifyForm) {
	w.Header().Set("Content-Security-Policy", policy+"; script-src 'self'")
	w.Header().Set("Referrer-Policy", "same-origin")
	c.write(w, r, status, verifyPage(f))
}

func (c *paperCheck) answer(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	if !c.on(w, r) || !c.form(w, r, formLimit) {
		return
	}
	f := verifyForm{hindi: r.PostForm.Get("language") == paper.Hindi, number: strings.TrimSpace(r.PostForm.Get("number")), code: strings.TrimSpace(r.PostForm.Get("code"))}
	if !c.limit.Allow(device(r).Address) {
		f.busy = true
		w.Header().Set("Retry-After", "60")
		c.show(w, r, http.StatusTooManyRequests, f)
		return
	}
	var err error
	if f.standing, err = c.Papers.Check(r.Context(), f.number, f.code); err != nil {
		c.fail(w, r, identity.Person{}, err)
		return
	}
	late(r.Context(), began)
	c.show(w, r, http.StatusOK, f)
}

// late waits until a whole number of answerGrid has passed.
func late(ctx context.Context, began time.Time) {
	t := time.NewTimer(answerGrid - time.Since(began)%answerGrid)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
