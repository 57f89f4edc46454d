package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// rule says who may call an operation. The zero rule is for whoever is signed in as a person.
type rule struct {
	need  identity.Permission // "": every person may
	kind  identity.Kind       // the {id} in the path is one of these; its case decides too
	query bool                // the query's case_id, if there is one, decides too
	body  bool                // the body's case_id, if there is one, decides too
	as    identity.Relation   // what the person must at least be to the case
	fresh bool                // the person must just have proved who they are
	reads string              // the call reads this restricted material: it needs a purpose and is logged
	big   bool                // the body may be a whole file
}

type grantedKey struct{}

// granted is what the guard found, for the check inside the transaction.
type granted struct {
	rule rule
	ask  identity.Ask
}

// guard stands before an operation and before its body is read. A route without a row in the table opens to nobody.
func (a *api) guard(r rule, known bool) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		ctx, err := a.admit(hc, r, known)
		if err != nil {
			a.refuse(hc, err)
			return
		}
		next(huma.WithContext(hc, ctx))
	}
}

func (a *api) admit(hc huma.Context, r rule, known bool) (context.Context, error) {
	ctx := hc.Context()
	if !known {
		return ctx, fault.Coded(fault.Forbidden, "no_rule", "nobody may call this: it has no row in the table of access")
	}
	person, err := a.signedIn(hc)
	if err != nil {
		return ctx, err
	}
	ctx = identity.WithPerson(ctx, person)
	if person.Service() && r.need == "" {
		return ctx, fault.New(fault.Forbidden, "this is for people, not for services")
	}
	g := granted{rule: r, ask: identity.Ask{Need: r.need, Kind: r.kind, As: r.as}}
	if r.kind != "" {
		if g.ask.ID, err = strconv.ParseInt(hc.Param("id"), 10, 64); err != nil {
			return ctx, fault.New(fault.Invalid, "%q is no number of a %s", hc.Param("id"), r.kind)
		}
	}
	if text := hc.Query("case_id"); r.query && text != "" && text != "0" {
		if g.ask.ID, err = strconv.ParseInt(text, 10, 64); err != nil {
			return ctx, fault.New(fault.Invalid, "case_id is no number")
		}
		g.ask.Kind = identity.OfCase
	}
	caseID, err := a.People.Check(ctx, a.DB.Reader(), person, g.ask)
	if err != nil {
		return ctx, err
	}
	if r.fresh {
		if err := a.People.NeedFresh(person); err != nil {
			return ctx, err
		}
	}
	if r.reads != "" {
		purpose, err := identity.ParsePurpose(hc.Header("Purpose"))
		if err != nil {
			return ctx, err
		}
		id := g.ask.ID
		if text := hc.Param("id"); id == 0 && text != "" {
			if id, err = strconv.ParseInt(text, 10, 64); err != nil {
				return ctx, fault.New(fault.Invalid, "%q is no number", text)
			}
		}
		if err := a.People.Saw(ctx, person, identity.Read{Object: r.reads, ObjectID: id, CaseID: caseID, Purpose: purpose}); err != nil {
			return ctx, err
		}
	}
	return context.WithValue(ctx, grantedKey{}, g), nil
}

// again repeats the checks inside the transaction of a change.
func (a *api) again(ctx context.Context, tx *store.Tx, in any) error {
	g, ok := ctx.Value(grantedKey{}).(granted)
	person, signed := identity.Acting(ctx)
	if !ok || !signed {
		return fault.New(fault.Forbidden, "nobody was let in to do this")
	}
	now, err := a.People.Standing(ctx, tx, person)
	if err != nil {
		return err
	}
	if _, err := a.People.Check(ctx, tx, now, g.ask); err != nil {
		return err
	}
	return a.bodyCase(identity.WithPerson(ctx, now), tx, in)
}

// inCase is a body that names a case.
type inCase interface{ inCase() int64 }

// bodyCase checks the case that a body names.
func (a *api) bodyCase(ctx context.Context, q store.Queryer, in any) error {
	g, _ := ctx.Value(grantedKey{}).(granted)
	if !g.rule.body {
		return nil
	}
	named, ok := in.(inCase)
	if !ok {
		return fault.New(fault.Forbidden, "nobody may call this: the table of access says that its body names a case, and it names none")
	}
	if named.inCase() == 0 {
		return nil
	}
	person, _ := identity.Acting(ctx)
	_, err := a.People.Check(ctx, q, person, identity.Ask{Need: g.rule.need, Kind: identity.OfCase, ID: named.inCase(), As: g.rule.as})
	return err
}

// inCase gives the case that the body names, 0 if it can name none.
func (w with[T]) inCase() int64 {
	if named, ok := any(w.Body).(inCase); ok {
		return named.inCase()
	}
	return 0
}

// signedIn finds who stands behind the bearer token or the session cookie.
func (a *api) signedIn(hc huma.Context) (identity.Person, error) {
	token, ok := strings.CutPrefix(hc.Header("Authorization"), "Bearer ")
	if !ok {
		if cookie, err := huma.ReadCookie(hc, "raksha_session"); err == nil {
			token = cookie.Value
		}
	}
	if token == "" || len(token) > 200 {
		return identity.Person{}, fault.New(fault.Unsigned, "sign in first")
	}
	return a.People.Bearer(hc.Context(), token)
}

// refuse answers before the operation is reached.
func (a *api) refuse(hc huma.Context, err error) {
	p := a.fail(hc.Context(), err).(*problem)
	hc.SetHeader("Content-Type", "application/problem+json")
	if p.Status == http.StatusUnauthorized {
		hc.SetHeader("WWW-Authenticate", "Bearer")
	}
	hc.SetStatus(p.Status)
	json.NewEncoder(hc.BodyWriter()).Encode(p)
}
