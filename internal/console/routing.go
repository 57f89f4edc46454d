package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

type routingView struct {
	show     show
	routes   []triage.Route
	places   []triage.PlaceTable
	manage   bool
	draft    triage.Route
	problem  string
	hints    string
	answered *triage.Routed
}

func (o *console) routing(r *request) (string, templ.Component, error) {
	v, err := o.routingView(r)
	return "Routing", routingPage(v), err
}

func (o *console) routingView(r *request) (v routingView, err error) {
	v = routingView{show: r.show, manage: r.person.May(identity.ManageNode), places: o.Triage.Places()}
	v.routes, err = o.Triage.Routes(r.ctx, r.q)
	return v, err
}

func (o *console) tryRoutes(r *request) (string, error) {
	v, err := o.routingView(r)
	if err != nil {
		return "", err
	}
	v.hints = clip(r.PostForm.Get("hints"), 20_000)
	answer, err := o.Triage.TryRoutes(r.ctx, r.q, strings.ReplaceAll(v.hints, "\r", ""))
	if err != nil {
		return "", err
	}
	v.answered = &answer
	return "", shown{"Routing", routingPage(v), http.StatusOK}
}

func (o *console) addRoute(r *request) (string, error) {
	f := r.PostForm
	step, err := strconv.ParseInt(strings.TrimSpace(f.Get("step")), 10, 64)
	route := triage.Route{Kind: f.Get("kind"), Pattern: f.Get("pattern"), Agency: f.Get("agency"), Step: step}
	if err != nil {
		err = fault.New(fault.Invalid, "the step of a route is a number from 0 to 999")
	}
	for name, at := range map[string]*time.Time{"from": &route.ValidFrom, "to": &route.ValidTo} {
		if s := f.Get(name); s != "" && err == nil {
			if *at, err = time.ParseInLocation(time.DateOnly, s, r.show.zone); err != nil {
				err = fault.New(fault.Invalid, "a day is written such as 2026-01-31")
			}
		}
	}
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.AddRoute(ctx, tx, route) })
	}
	if err == nil || fault.Of(err) != fault.Invalid {
		return "/routing", err
	}
	v, viewErr := o.routingView(r)
	if viewErr != nil {
		return "", viewErr
	}
	v.draft, v.problem = route, fault.Message(err)
	return "", shown{"Routing", routingPage(v), http.StatusUnprocessableEntity}
}

func (o *console) removeRoute(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return "/routing", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return o.Triage.RemoveRoute(ctx, tx, id) })
}

var routeWords = map[string]string{"ip": "network address in", "asn": "network", "phone": "phone number from", "pin": "PIN code from", "address": "address with", "region": "region",
	"platform": "platform", "country": "country", "any": "everything else"}

// validity says when a route is asked.
func (s show) validity(r triage.Route) string {
	from, to := "", ""
	if !r.ValidFrom.IsZero() {
		from = "from " + s.dayOf(r.ValidFrom)
	}
	if !r.ValidTo.IsZero() {
		to = "to " + s.dayOf(r.ValidTo)
	}
	if from+to == "" {
		return "always"
	}
	text := strings.TrimSpace(from + " " + to)
	if !r.InForce(s.now) {
		text += " (not in force now)"
	}
	return text
}

// factWords lists what was read of hints.
func factWords(facts []triage.Fact) string {
	var out []string
	for _, f := range facts {
		out = append(out, words(routeWords, f.Kind)+" "+f.Value)
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, "; ")
}
