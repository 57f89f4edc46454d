package console

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

const (
	storyRows   = 60   // acts on one page
	storyWindow = 12   // rows back that an entry may join as one more of the same
	storyRead   = 4000 // entries read for one page at most
	waitLimit   = 1000 // how far waiting things are counted
)

// told is one row of the story: one act, or several of a kind by one actor about the same time.
type told struct {
	kind, table, actor string
	n                  int
	ids                []int64 // of the first few objects
	recorded, occurred int64
	before, after      string // the words around the objects
	objects            []link
}

type storyView struct {
	show    show
	days    []storyDay
	older   int64 // the leaf below which the next page begins; 0: the beginning is reached
	waiting []waiting
}

type storyDay struct {
	name string
	rows []told
}

// waiting is one line of what waits for somebody here.
type waiting struct {
	n     int
	more  bool // there are more than were counted
	label string
	href  string // "": there is no page for it
}

func (o *console) home(r *request) (string, templ.Component, error) {
	rows, older, err := story(r.ctx, r.q, r.number("before", -1))
	if err != nil {
		return "", nil, err
	}
	v := storyView{show: r.show, older: older}
	actors, err := o.actors(r)
	if err != nil {
		return "", nil, err
	}
	for i := range rows {
		if err := o.tell(r, &rows[i], actors); err != nil {
			return "", nil, err
		}
		if day := r.show.day(rows[i].recorded); len(v.days) == 0 || v.days[len(v.days)-1].name != day {
			v.days = append(v.days, storyDay{name: day})
		}
		d := &v.days[len(v.days)-1]
		d.rows = append(d.rows, rows[i])
	}
	if v.waiting, err = o.waits(r); err != nil {
		return "", nil, err
	}
	return "Story", homePage(v), nil
}

// story reads the record backwards and gathers what is alike.
func story(ctx context.Context, q store.Queryer, before int64) (rows []told, older int64, err error) {
	const step = 500
	for read := 0; read < storyRead; read += step {
		entries, err := record.Tail(ctx, q, before, step)
		if err != nil {
			return nil, 0, err
		}
		for _, e := range entries {
			if a, known := acts[e.Kind]; known && a == (act{}) {
				before = e.Leaf
				continue
			}
			i := joins(rows, e)
			if i < 0 {
				if len(rows) == storyRows {
					return rows, before, nil
				}
				rows = append(rows, told{kind: e.Kind, table: e.Table, actor: e.Actor, recorded: e.RecordedAt, occurred: e.OccurredAt})
				i = len(rows) - 1
			}
			before = e.Leaf
			row := &rows[i]
			row.n++
			id := e.ID
			if e.Table == "outcome" { // the act is told of the tip; an entry that does not name it has no link
				id, _ = e.Set["tip_id"].(int64)
			}
			if len(row.ids) < 3 {
				row.ids = append(row.ids, id)
			}
		}
		if len(entries) < step {
			return rows, 0, nil
		}
	}
	return rows, before, nil
}

// joins finds the row that an entry is one more of, or -1.
func joins(rows []told, e record.Line) int {
	if e.Table == "document" && e.Kind != "document.drafted" { // each is an act of its own
		return -1
	}
	for i := len(rows) - 1; i >= max(0, len(rows)-storyWindow); i-- {
		near := time.Duration(rows[i].recorded-e.RecordedAt) * time.Microsecond
		if rows[i].kind == e.Kind && rows[i].table == e.Table && rows[i].actor == e.Actor && near < time.Hour {
			return i
		}
	}
	return -1
}

// tell puts a row into words.
func (o *console) tell(r *request, t *told, actors map[string]string) error {
	a, known := acts[t.kind]
	if !known {
		phrase := title(strings.NewReplacer(".", ": ", "_", " ").Replace(t.kind))
		a = act{phrase, phrase + ", {n} times"}
	}
	phrase := a.one
	if t.n > 1 {
		phrase = strings.Replace(a.many, "{n}", fmt.Sprint(t.n), 1)
	}
	if name, ok := actors[t.actor]; ok {
		t.actor = name
	}
	table := t.table
	if table == "outcome" { // ids are those of the tips
		table = "tip"
	}
	for _, id := range t.ids {
		l, err := o.object(r, table, id)
		if err != nil {
			return err
		}
		if l.label != "" {
			t.objects = append(t.objects, l)
		}
	}
	t.before, t.after, _ = strings.Cut(phrase, "{it}")
	if t.n == 1 && strings.Contains(phrase, "{it}") && len(t.objects) == 0 {
		word := objectWord(t.table)
		if t.before == "" {
			word = title(word)
		}
		t.before += word
	}
	if t.n == 1 && !strings.Contains(phrase, "{it}") {
		t.objects = nil
	}
	return nil
}

func objectWord(table string) string {
	switch table {
	case "", "document":
		return "a document"
	case "judgement":
		return "a cluster"
	case "case_file":
		return "a case"
	case "media_match":
		return "a match"
	case "hash_list":
		return "a hash list"
	}
	return "a " + strings.ReplaceAll(table, "_", " ")
}

// object names an object and links to its page; an empty label when it has none.
func (o *console) object(r *request, table string, id int64) (link, error) {
	if id == 0 {
		return link{}, nil
	}
	sight, err := r.sight(o)
	if err != nil {
		return link{}, err
	}
	switch table {
	case "document":
		f, err := courier.ByID(r.ctx, r.q, id)
		if err == nil && !sight.Sees(identity.OfDocument, f.ID, f.CaseID) {
			return link{label: title(instrument(f.Instrument)) + " of a case"}, nil
		}
		return link{href: fmt.Sprintf("/documents/%d", id), label: title(instrument(f.Instrument)) + " " + f.Number}, err
	case "tip":
		if !r.person.May(identity.ReadTips) {
			return link{label: fmt.Sprintf("Tip %d", id)}, nil
		}
		t, err := intake.ByID(r.ctx, r.q, id)
		return link{href: fmt.Sprintf("/tips/%d", id), label: "Tip " + t.Number}, err
	case "case_file":
		if !sight.Sees(identity.OfCase, id, id) {
			return link{label: fmt.Sprintf("Case %d", id)}, nil
		}
		c, err := casework.ByID(r.ctx, r.q, id)
		return link{href: fmt.Sprintf("/cases/%d", id), label: caseName(c)}, err
	case "complaint":
		if !r.person.May(identity.ReadTips) {
			return link{label: fmt.Sprintf("Complaint %d", id)}, nil
		}
		c, err := intake.ComplaintByID(r.ctx, r.q, id)
		return link{href: "/complaints", label: "Complaint " + defang(c.Reference)}, err
	case "media_match":
		return link{href: fmt.Sprintf("/matches#match-%d", id), label: fmt.Sprintf("Match %d", id)}, nil
	case "cluster":
		return link{label: fmt.Sprintf("Cluster %d", id)}, nil
	case "operation":
		operations, err := casework.Operations(r.ctx, r.q)
		return named(operations, err, func(op casework.Operation) (int64, link) {
			return op.ID, link{href: "/operations", label: "Operation " + op.Name}
		}, id)
	case "hash_list":
		all, err := lists.All(r.ctx, r.q)
		return named(all, err, func(l lists.List) (int64, link) {
			return l.ID, link{href: listAddress(l.ID), label: "Hash list " + l.Name}
		}, id)
	case "peer":
		peers, err := o.Book.Peers(r.ctx, r.q)
		return named(peers, err, func(p directory.Peer) (int64, link) { return p.ID, link{href: "/directory", label: p.Name} }, id)
	case "person":
		p, err := o.People.ByID(r.ctx, r.q, id)
		return link{href: "/directory", label: p.Name}, err
	}
	return link{}, nil
}

func caseName(c casework.Case) string {
	if c.FIR != "" {
		return "FIR " + c.FIR
	}
	return "Case " + fmt.Sprint(c.ID)
}

// actors gives the names of those who act on the record.
func (o *console) actors(r *request) (map[string]string, error) {
	out := map[string]string{"node": "this node", "scan": "the scan"}
	people, err := o.People.All(r.ctx, r.q)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		out["person:"+p.Username] = p.Name
	}
	peers, err := o.Book.Peers(r.ctx, r.q)
	if err != nil {
		return nil, err
	}
	for _, p := range peers {
		out["agency:"+p.Agency] = p.Name
	}
	return out, nil
}

// waits counts what waits for somebody on this node.
func (o *console) waits(r *request) ([]waiting, error) {
	var out []waiting
	if o.runs(directory.Clearinghouse, directory.Unit) {
		matches, err := lists.Matches(r.ctx, r.q, lists.Unconfirmed)
		if err != nil {
			return nil, err
		}
		out = append(out, waiting{n: len(matches), label: "matches wait for a person's decision", href: "/matches?state=unconfirmed"})
	}
	if o.runs(directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit) {
		tips, err := intake.List(r.ctx, r.q, intake.Filter{State: "received", Limit: waitLimit})
		if err != nil {
			return nil, err
		}
		out = append(out, waiting{n: len(tips), more: len(tips) == waitLimit, label: "tips wait for a decision", href: "/tips?state=received"})
	}
	if o.runs(directory.Hotline, directory.Clearinghouse, directory.Bureau, directory.Unit) {
		referred, err := o.referralWaits(r)
		if err != nil {
			return nil, err
		}
		out = append(out, referred...)
	}
	failing, err := o.failing(r)
	if err != nil {
		return nil, err
	}
	out = append(out, failing...)
	all, err := courier.List(r.ctx, r.q, courier.Filter{})
	if err != nil {
		return nil, err
	}
	for _, w := range []waiting{
		{label: "documents wait to be authorised", href: "/documents?state=draft"},
		{label: "received documents wait for our answer", href: "/documents?state=to_answer"},
		{label: "documents are overdue", href: "/documents?state=overdue"},
		{label: "documents were refused or not delivered", href: "/documents?state=failed"},
	} {
		_, filter, _ := strings.Cut(w.href, "state=")
		w.n = len(slices.DeleteFunc(slices.Clone(all), func(f courier.Filed) bool { return !inState(f, filter, r.show.now) }))
		out = append(out, w)
	}
	return out, nil
}

// failing tells of the node's own steps that fail, if there are any: how many of each kind.
func (o *console) failing(r *request) ([]waiting, error) {
	if o.Jobs == nil || !r.person.May(identity.ReadRecord) {
		return nil, nil
	}
	failed, err := o.Jobs.Failed(r.ctx)
	if err != nil || len(failed) == 0 {
		return nil, err
	}
	kinds := map[string]int{}
	for _, f := range failed {
		kinds[f.Kind]++
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(kinds)) {
		words = append(words, fmt.Sprintf("%s: %d", k, kinds[k]))
	}
	return []waiting{{n: len(failed), label: "steps of the node keep failing or were given up (" + strings.Join(words, ", ") + ")"}}, nil
}

// named finds one of a few objects that are read together.
func named[T any](all []T, err error, of func(T) (int64, link), id int64) (link, error) {
	for _, v := range all {
		if n, l := of(v); n == id {
			return l, err
		}
	}
	return link{}, err
}

// byline says who acted, and when it happened if it was entered later.
func byline(s show, t told) string {
	by := "– " + t.actor
	if t.n == 1 && between(t.occurred, t.recorded).Abs() > time.Minute {
		by += "; happened " + s.at(t.occurred)
	}
	return by
}

// list gives the words before the objects of a row of several acts.
func (t told) list() string {
	if len(t.objects) == 0 {
		return t.before
	}
	return t.before + ": "
}
