package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/paper"
	"raksha.example/raksha/internal/rules"
	"raksha.example/raksha/internal/store"
)

type documentView struct {
	show       show
	f          courier.Filed
	items      []courier.Item
	counts     []tally
	rule       *rules.Rule
	content    []field
	drafter    string
	authoriser string
	caseFile   *casework.Case
	answers    []courier.Filed
	answered   *courier.Filed // what this one answers
	supersedes *courier.Filed
	clock      clockView
	printed    bool // it can be had as PDF
}

// tally is how many items share an outcome. Its name is stable, for whoever reads the page with a program.
type tally struct {
	name, label, state string
	n                  int
}

// clockView is the clock of a document, in words.
type clockView struct {
	label, state, text string // label: what the due time means
	runs               bool
}

func (o *console) document(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := documentView{show: r.show}
	if v.f, err = courier.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.items, err = courier.Items(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	v.printed = o.Papers != nil && paper.Printed(v.f.Instrument)
	v.counts, v.clock, v.content = tallies(v.items), documentClock(v.f, r.show), fields(v.f.Body)
	if len(v.f.Rule) > 0 {
		var rule rules.Rule
		if json.Unmarshal(v.f.Rule, &rule) == nil && rule.ID != "" {
			v.rule = &rule
		}
	}
	if err := o.relate(r, &v); err != nil {
		return "", nil, err
	}
	return title(instrument(v.f.Instrument)) + " " + v.f.Number, documentPage(v), nil
}

// relate reads what stands around a document: people, case, answers.
func (o *console) relate(r *request, v *documentView) (err error) {
	if v.drafter, err = o.personName(r, v.f.DraftedBy); err != nil {
		return err
	}
	if v.authoriser, err = o.personName(r, v.f.AuthorisedBy); err != nil {
		return err
	}
	if v.f.CaseID != 0 && o.runs(directory.Unit) {
		c, err := casework.ByID(r.ctx, r.q, v.f.CaseID)
		if err != nil {
			return err
		}
		v.caseFile = &c
	}
	if v.answers, err = courier.List(r.ctx, r.q, courier.Filter{InReplyTo: v.f.JTI}); err != nil {
		return err
	}
	if v.answers, err = o.seen(r, v.answers); err != nil {
		return err
	}
	if v.f.SupersedesID != 0 {
		f, err := courier.ByID(r.ctx, r.q, v.f.SupersedesID)
		if err != nil {
			return err
		}
		v.supersedes = &f
	}
	if v.f.InReplyTo == "" {
		return nil
	}
	direction, issuer := courier.In, v.f.Audience // we answer what the addressee sent us
	if v.f.Direction == courier.In {
		direction, issuer = courier.Out, v.f.Audience
	}
	f, err := courier.ByJTI(r.ctx, r.q, direction, issuer, v.f.InReplyTo)
	switch {
	case err == nil:
		v.answered = &f
	case fault.Of(err) != fault.NotFound:
		return err
	}
	return nil
}

func (o *console) personName(r *request, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	p, err := o.People.ByID(r.ctx, r.q, id)
	if fault.Of(err) == fault.NotFound && err != nil {
		return fmt.Sprintf("person %d", id), nil
	}
	return personLabel(p), err
}

// tallies counts the items by outcome, the whole first.
func tallies(items []courier.Item) []tally {
	if len(items) == 0 {
		return nil
	}
	out := []tally{{name: "items", label: "in all", n: len(items)}}
	add := func(name, label, state string) {
		for i := range out {
			if out[i].name == name {
				out[i].n++
				return
			}
		}
		out = append(out, tally{name, label, state, 1})
	}
	blocked := func(it courier.Item) bool { // one word, one meaning: what statistics counts as blocked
		return it.State == "account_suspended" || it.State == "removed" || it.State == "already_removed"
	}
	for _, it := range items {
		switch {
		case blocked(it):
			add("blocked", "blocked", it.State)
		default:
			add(it.State, itemState(it.State), it.State)
		}
	}
	for _, it := range items {
		switch {
		case it.Verified == "gone" && blocked(it):
			add("verified_gone", "blocked, looked for again and gone", "gone")
		case it.Verified == "still_there":
			add("still_there", "looked for again and STILL THERE", "still_there")
		}
	}
	return out
}

// documentClock says how the document stands with its time.
func documentClock(f courier.Filed, s show) clockView {
	c := clockView{label: "Due", runs: f.DueAt != 0}
	due := store.Time(f.DueAt)
	switch {
	case !c.runs && f.State == "draft":
		c.text = "The clock starts when the addressee receives the document."
	case !c.runs:
		c.text = "No clock runs for this document."
	case f.Instrument == courier.PreservationRequest:
		c.label, c.text = "To be kept until", "The data must be kept for "+span(between(f.ReceivedAt, f.DueAt))+" from receipt."
	case f.AnsweredAt != 0 && f.AnsweredAt <= f.DueAt:
		c.state, c.text = "complied", "Answered in time, "+span(between(f.AnsweredAt, f.DueAt))+" before it was due."
	case f.AnsweredAt != 0:
		c.state, c.text = "late", "Answered late, by "+span(between(f.DueAt, f.AnsweredAt))+"."
	case !open(f):
		c.text = ""
	case s.now.After(due):
		c.state, c.text = "overdue", "OVERDUE by "+span(s.now.Sub(due))+"."
	default:
		c.state, c.text = "pending", "Waits for an answer; "+span(due.Sub(s.now))+" are left."
	}
	return c
}

// documentTone is the look of a document's state.
func documentTone(f courier.Filed) string {
	if !open(f) && (f.State == "acknowledged" || f.State == "received" || f.State == "accepted") {
		return "complied"
	}
	return f.State
}

// field is one line of a document's content: a label with a text, or with lines of its own.
type field struct {
	label string
	text  string
	at    int64 // an instant, microseconds UTC
	rows  []field
}

const (
	fieldDepth = 6
	fieldRows  = 60   // members of a list that are shown
	fieldText  = 4000 // characters of a text that are shown
)

// fields lays a document's JSON content out for people, in the order in which it was written. Content comes from others:
// depth, number and length are limited.
func fields(body []byte) []field {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	f, err := decodeField(d, "", 0)
	if err != nil {
		return nil
	}
	return f.rows
}

func decodeField(d *json.Decoder, label string, depth int) (field, error) {
	f := field{label: label}
	token, err := d.Token()
	if err != nil {
		return f, err
	}
	delim, nested := token.(json.Delim)
	if !nested {
		return scalar(f, token), nil
	}
	left := 0
	for n := 1; d.More(); n++ {
		name := fmt.Sprint(n)
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				return f, err
			}
			name, _ = key.(string)
		}
		row, err := decodeField(d, name, depth+1)
		if err != nil {
			return f, err
		}
		if n > fieldRows {
			left++
			continue
		}
		if row.text != "" || len(row.rows) > 0 {
			f.rows = append(f.rows, row)
		}
	}
	if _, err := d.Token(); err != nil {
		return f, err
	}
	if left > 0 {
		f.rows = append(f.rows, field{text: fmt.Sprintf("and %d more; the whole stands in the signed document", left)})
	}
	if depth >= fieldDepth {
		return field{label: label, text: "more is inside; the whole stands in the signed document"}, nil
	}
	return f, nil
}

// scalar fills in a single value. Numbers whose name ends in "_at" are instants, as everywhere in documents between nodes.
func scalar(f field, token json.Token) field {
	switch x := token.(type) {
	case string:
		if f.text = defang(x); strings.HasPrefix(x, "-----BEGIN AGE ENCRYPTED FILE") {
			f.text = fmt.Sprintf("encrypted for the agency that asked (%d characters)", len(x))
			return f
		}
		if r := []rune(x); len(r) > fieldText {
			f.text = defang(string(r[:fieldText])) + fmt.Sprintf("… (%d characters in all)", len(r))
		}
	case json.Number:
		f.text = x.String()
		if n, err := x.Int64(); err == nil && n > 0 && strings.HasSuffix(f.label, "_at") {
			f.at = n
		}
	case bool:
		f.text = map[bool]string{true: "yes", false: "no"}[x]
	}
	return f
}

// name gives a field's label as people read it.
func (f field) name() string {
	if f.label == "" {
		return ""
	}
	if slices.Contains([]string{"sha256", "md5", "pdq", "vpdq"}, f.label) {
		return hashKind(f.label)
	}
	return title(strings.ReplaceAll(f.label, "_", " "))
}

// flat says whether a list holds single texts only.
func (f field) flat() bool {
	return !slices.ContainsFunc(f.rows, func(r field) bool { return len(r.rows) > 0 || strings.Trim(r.label, "0123456789") != "" })
}
