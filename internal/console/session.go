package console

import (
	"net/http"
	"net/url"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
)

// cookieName is the cookie that carries the session token, the same that the API takes as a bearer token.
const cookieName = "raksha_session"

const formLimit = 16 << 10 // bytes of a sign-in form

func (o *console) session(r *http.Request) (identity.Person, error) {
	c, err := r.Cookie(cookieName)
	if err != nil || c.Value == "" {
		return identity.Person{}, fault.New(fault.Unsigned, "sign in first")
	}
	return o.People.BySession(r.Context(), c.Value)
}

// signInPath remembers where somebody wanted to go.
func signInPath(to *url.URL) string {
	if to.Path == "/" {
		return "/sign-in"
	}
	return "/sign-in?next=" + url.QueryEscape(to.RequestURI())
}

// local gives a path of this console, whatever somebody put into a link.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

type signInForm struct {
	next, username, problem string
	ready                   bool // the node is set up
}

func (o *console) signInPage(w http.ResponseWriter, r *http.Request) {
	if _, err := o.session(r); err == nil {
		http.Redirect(w, r, local(r.URL.Query().Get("next")), http.StatusSeeOther)
		return
	}
	o.showSignIn(w, r, http.StatusOK, signInForm{next: local(r.URL.Query().Get("next"))})
}

func (o *console) showSignIn(w http.ResponseWriter, r *http.Request, status int, f signInForm) {
	f.ready = o.Self.Profile().Agency != ""
	o.write(w, r, status, layout(o.shell(r, "Sign in", identity.Person{}), signInPage(f)))
}

func (o *console) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		o.fail(w, r, identity.Person{}, fault.New(fault.Invalid, "the form could not be read; go back and try again"))
		return
	}
	select {
	case o.signIns <- struct{}{}:
		defer func() { <-o.signIns }()
	case <-r.Context().Done():
		return
	}
	username := r.PostForm.Get("username")
	token, _, err := o.People.SignIn(r.Context(), username, r.PostForm.Get("password"))
	if k := fault.Of(err); err != nil && (k == fault.Unsigned || k == fault.Forbidden) {
		o.showSignIn(w, r, fault.HTTPStatus(err), signInForm{next: local(r.PostForm.Get("next")), username: username, problem: fault.Message(err)})
		return
	}
	if err != nil {
		o.fail(w, r, identity.Person{}, err)
		return
	}
	o.setCookie(w, token, 0)
	http.Redirect(w, r, local(r.PostForm.Get("next")), http.StatusSeeOther)
}

func (o *console) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookieName); err == nil {
		if err := o.People.SignOut(r.Context(), c.Value); err != nil {
			o.fail(w, r, identity.Person{}, err)
			return
		}
	}
	o.setCookie(w, "", -1)
	http.Redirect(w, r, "/sign-in", http.StatusSeeOther)
}

// setCookie gives the token to the browser for as long as it is open; the session itself ends on the server.
func (o *console) setCookie(w http.ResponseWriter, token string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: token, Path: "/", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: strings.HasPrefix(o.Self.Profile().URL, "https:")})
}
