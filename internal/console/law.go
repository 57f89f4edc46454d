package console

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

type lawView struct {
	show  show // in the zone of the jurisdiction that is shown
	sheet rules.Sheet
	at    string   // as asked; empty: now
	codes []string // of every jurisdiction
	marks []tally
	zone  bool // the jurisdiction is not the node's own, so that the foot of the page names another zone
}

func (o *console) lawPage(r *request) (string, templ.Component, error) {
	law := o.Law
	if law == nil {
		return "", nil, fault.New(fault.NotFound, "this node holds no rules")
	}
	asked := r.URL.Query()
	v := lawView{show: r.show, at: strings.TrimSpace(asked.Get("at")), codes: []string{law.Code}}
	if o.Laws != nil {
		v.codes = o.Laws.Codes()
		if code := asked.Get("jurisdiction"); code != "" {
			var err error
			if law, err = o.Laws.Jurisdiction(code); err != nil {
				return "", nil, err
			}
		}
	}
	v.show.zone, v.zone = law.Location(), law.Code != o.Law.Code
	at, err := v.show.asOf(v.at)
	if err != nil {
		return "", nil, err
	}
	if at.IsZero() {
		at = r.show.now
	}
	v.sheet = law.Sheet(at)
	v.marks = certainties(v.sheet)
	return "Law", lawSheet(v), nil
}

// certainties counts how far the lines in force can be relied on.
func certainties(s rules.Sheet) []tally {
	out := []tally{{"text_seen", "where the text was seen", "done", 0}, {"secondary", "from a secondary source", "plain", 0}, {"unseen", "not checked: have counsel check", "pending", 0}}
	count := func(mark string) {
		switch mark {
		case rules.TextSeen:
			out[0].n++
		case rules.SecondarySeen:
			out[1].n++
		case rules.Unseen:
			out[2].n++
		}
	}
	for _, r := range s.Rules {
		if r.Rule != nil {
			count(r.Rule.Certainty)
		}
	}
	for _, c := range s.Clocks {
		count(c.Certainty)
	}
	for _, p := range s.Procedure {
		count(p.Section.Certainty)
	}
	return out
}

// markState is the look of a certainty mark: what was not checked stands out, though it is no failure.
func markState(mark string) string {
	switch mark {
	case rules.TextSeen:
		return "matches"
	case rules.Unseen:
		return "pending"
	}
	return "secondary"
}

// markWords is a certainty mark in few words.
func markWords(mark string) string {
	switch mark {
	case rules.TextSeen:
		return "text seen"
	case rules.SecondarySeen:
		return "secondary source"
	case rules.Unseen:
		return "not checked: have counsel check"
	}
	return mark
}

// period says when a version is, was or will be in force.
func (s show) period(from, to time.Time) string {
	if to.IsZero() {
		return "from " + s.boundary(from)
	}
	return "from " + s.boundary(from) + " until before " + s.boundary(to)
}

// boundary writes an instant at which the law changes: a day, if it is the beginning of one.
func (s show) boundary(t time.Time) string {
	if t = t.In(s.zone); t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0 {
		return t.Format(dayForm)
	}
	return t.Format(momentForm)
}

// standingOf says how a version stands at the instant that is asked for.
func standingOf(r rules.Rule, at time.Time) string {
	switch {
	case r.InForce(at):
		return "in force"
	case r.ValidFrom.After(at):
		return "later"
	}
	return "earlier"
}

func standingTone(standing string) string {
	if standing == "in force" {
		return "matches"
	}
	return "secondary"
}

// lawOf is the address of the law on the day on which a document was drafted here or signed elsewhere.
func lawOf(f courier.Filed) templ.SafeURL {
	at := f.CreatedAt
	if f.Direction == courier.In && f.AuthorisedAt != 0 {
		at = f.AuthorisedAt
	}
	return templ.SafeURL("/law?" + url.Values{"at": {store.Time(at).UTC().Format(time.RFC3339)}}.Encode() + "#" + f.Instrument)
}
