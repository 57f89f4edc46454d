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
	if len(c.Value) > 200 {
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
	passkeys                bool // the node can have passkeys
	code                    bool // the code of an authenticator app is asked for
	external                string
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
	if f.passkeys = o.People.PasskeysPossible(); f.passkeys {
		scripted(w)
	}
	if o.Provider != nil {
		f.external = o.Provider.Issuer
	}
	o.write(w, r, status, layout(o.shell(r, "Sign in", identity.Person{}), signInPage(f)))
}

// device says where a request comes from.
func device(r *http.Request) identity.Device {
	d := identity.DeviceOf(r.Context())
	d.Agent = r.UserAgent()
	return d
}

func (o *console) signIn(w http.ResponseWriter, r *http.Request) {
	if !o.form(w, r, formLimit) {
		return
	}
	username, next := r.PostForm.Get("username"), local(r.PostForm.Get("next"))
	token, _, err := o.People.SignIn(r.Context(), username, r.PostForm.Get("password"), r.PostForm.Get("code"), device(r))
	if k := fault.Of(err); err != nil && (k == fault.Unsigned || k == fault.Forbidden) {
		f := signInForm{next: next, username: username, problem: fault.Message(err), code: r.PostForm.Get("code") != "" || fault.Code(err) == "code_needed"}
		o.showSignIn(w, r, fault.HTTPStatus(err), f)
		return
	}
	if err != nil {
		o.fail(w, r, identity.Person{}, err)
		return
	}
	o.setCookie(w, token, 0)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// form reads a small form, or says that it could not.
func (o *console) form(w http.ResponseWriter, r *http.Request, limit int64) bool {
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseForm(); err != nil {
		o.fail(w, r, identity.Person{}, fault.New(fault.Invalid, "the form could not be read; go back and try again"))
		return false
	}
	return true
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
