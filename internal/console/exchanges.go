package console

import (
	"context"
	"fmt"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/store"
)

// fetchTime is how long a person waits for a fetch; what remains is fetched by the next.
const fetchTime = 20 * time.Second

type exchangesView struct {
	show show
	all  []exchange.Standing
}

func (o *console) exchanges(r *request) (string, templ.Component, error) {
	all, err := o.Exchanges.States(r.ctx)
	return "Exchanges", exchangesPage(exchangesView{r.show, all}), err
}

type exchangeView struct {
	show        show
	state       exchange.Standing
	list        lists.List
	manage      bool
	aside       []exchange.Aside
	first, next string
	said        string
}

var exchangeDone = map[string]string{"fetched": "Fetched; the state below is as of now.", "changed": "The exchange is changed."}

const asideShown = 50

func exchangeAddress(id int64) string { return "/lists/exchanges/" + decimal(id) }

func (o *console) exchange(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := exchangeView{show: r.show, manage: r.person.May(identity.ManageLists), said: exchangeDone[r.URL.Query().Get("done")]}
	if v.state, err = o.Exchanges.StateOf(r.ctx, id); err != nil {
		return "", nil, err
	}
	if v.list, err = lists.ByID(r.ctx, r.q, v.state.ListID); err != nil {
		return "", nil, err
	}
	if v.manage {
		before := r.number("before", 0)
		if v.aside, err = exchange.Asides(r.ctx, r.q, id, before, asideShown+1); err != nil {
			return "", nil, err
		}
		if len(v.aside) > asideShown {
			v.aside = v.aside[:asideShown]
			v.next = fmt.Sprintf("%s?before=%d#aside", exchangeAddress(id), v.aside[asideShown-1].ID)
		}
		if before > 0 {
			v.first = exchangeAddress(id) + "#aside"
		}
	}
	return v.state.Name, exchangePage(v), nil
}

func (o *console) fetchExchange(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	s, err := o.Exchanges.Sync(r.ctx, id, fetchTime)
	if err != nil && s.Failure != "" {
		return exchangeAddress(id), nil // of the other party; the page tells it
	}
	return exchangeAddress(id) + "?done=fetched", err
}

func (o *console) switchExchange(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	on := r.PostForm.Get("enabled") == "yes"
	if !on && r.PostForm.Get("enabled") != "no" {
		return "", fault.New(fault.Invalid, "an exchange is switched on or off")
	}
	return exchangeAddress(id) + "?done=changed", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Exchanges.Change(ctx, tx, id, exchange.Update{Enabled: &on})
		return err
	})
}

var exchangeKinds = map[string]string{exchange.NCMEC: "NCMEC hash sharing", exchange.StopNCII: "StopNCII", exchange.File: "file"}

// everyWords says how often an exchange is fetched.
func everyWords(s exchange.Standing) string {
	switch {
	case !s.Enabled:
		return "only when somebody asks; it is switched off"
	case s.Every == 0:
		return "only when somebody asks"
	case s.Every < 2*time.Minute:
		return "every " + count(s.Seconds, "second")
	}
	return "every " + span(s.Every)
}

func asideState(a exchange.Aside) string {
	switch {
	case a.State == "taken":
		return "taken later"
	case a.Again:
		return "asked for again"
	}
	return "not taken"
}

// asideTone gives the look: what was taken in the end is done.
func asideTone(a exchange.Aside) string {
	if a.State == "taken" {
		return "matches"
	}
	return a.State
}
