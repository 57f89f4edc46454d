package console

import (
	"context"
	"net/http"
	"strings"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// externalCookie binds what the identity provider sends back to the browser that asked. It is Lax: the way back is a link
// from another site.
const externalCookie = "raksha_external"

func (o *console) externalSignIn(w http.ResponseWriter, r *http.Request) {
	if o.Provider == nil {
		o.fail(w, r, identity.Person{}, fault.New(fault.NotFound, "this node has no identity provider; sign in with a passkey or a password"))
		return
	}
	to, state, err := o.People.BeginExternal(r.Context(), o.Provider, local(r.URL.Query().Get("next")))
	if err != nil {
		o.fail(w, r, identity.Person{}, err)
		return
	}
	o.setExternal(w, state, 600)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (o *console) externalBack(w http.ResponseWriter, r *http.Request) {
	if o.Provider == nil {
		o.fail(w, r, identity.Person{}, fault.New(fault.NotFound, "there is no such page"))
		return
	}
	o.setExternal(w, "", -1)
	cookie, err := r.Cookie(externalCookie)
	if err != nil {
		cookie = &http.Cookie{}
	}
	asked := r.URL.Query()
	if asked.Get("error") != "" {
		o.showSignIn(w, r, http.StatusUnauthorized, signInForm{next: "/", problem: "the identity provider did not let you in"})
		return
	}
	token, next, _, err := o.People.FinishExternal(r.Context(), o.Provider, cookie.Value, asked.Get("state"), asked.Get("code"), device(r))
	if err != nil {
		if fault.Of(err) == fault.Unsigned {
			o.showSignIn(w, r, http.StatusUnauthorized, signInForm{next: "/", problem: fault.Message(err)})
			return
		}
		o.fail(w, r, identity.Person{}, err)
		return
	}
	o.setCookie(w, token, 0)
	// Not a redirect: the browser would still count it as a way from another site, and would not send the strict cookie.
	o.write(w, r, http.StatusOK, onwardPage(local(next)))
}

func (o *console) setExternal(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: externalCookie, Value: value, Path: "/sign-in/external", MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(o.Self.Profile().URL, "https:")})
}

type invitationForm struct{ code, problem string }

func (o *console) invitationPage(w http.ResponseWriter, r *http.Request) {
	o.showInvitation(w, r, http.StatusOK, invitationForm{})
}

func (o *console) showInvitation(w http.ResponseWriter, r *http.Request, status int, f invitationForm) {
	o.write(w, r, status, layout(o.shell(r, "Your invitation", identity.Person{}), invitationPage(f)))
}

// acceptInvitation lets an invited person choose a password. The code stands in the form and not in the address, which
// browsers keep.
func (o *console) acceptInvitation(w http.ResponseWriter, r *http.Request) {
	if !o.form(w, r, formLimit) {
		return
	}
	f := invitationForm{code: r.PostForm.Get("code")}
	if r.PostForm.Get("password") != r.PostForm.Get("again") {
		f.problem = "the password was not written the same twice"
		o.showInvitation(w, r, http.StatusUnprocessableEntity, f)
		return
	}
	err := o.DB.Write(r.Context(), func(ctx context.Context, tx *store.Tx) error {
		p, err := o.People.Accept(ctx, tx, f.code, r.PostForm.Get("password"))
		if err != nil || !p.Officer() {
			return err
		}
		return o.Book.Publish(ctx, tx)
	})
	if k := fault.Of(err); err != nil && (k == fault.Unsigned || k == fault.Invalid) {
		f.problem = fault.Message(err)
		o.showInvitation(w, r, fault.HTTPStatus(err), f)
		return
	}
	if err != nil {
		o.fail(w, r, identity.Person{}, err)
		return
	}
	http.Redirect(w, r, "/sign-in?next=/account", http.StatusSeeOther)
}
