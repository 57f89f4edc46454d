package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

type listView struct {
	show        show
	list        lists.List
	manage      bool
	entries     []lists.ListedEntry
	first, next string
	said        string
	draft       entriesDraft // what was written and could not be taken
	problem     string
}

// entriesDraft is what the form for new entries holds.
type entriesDraft struct{ kind, label, lines string }

const (
	entriesShown = 100
	linesLimit   = 1 << 20 // bytes of hashes in one form; a file of more is imported
)

var listDone = map[string]string{"changed": "The list is changed; the next look-up goes by it.", "removed": "The content is removed; it matches no more.",
	"added": "The hashes are on the list; the next look-up finds them."}

func (o *console) list(r *request) (string, templ.Component, error) {
	v, err := o.listView(r)
	return v.list.Name, listPage(v), err
}

func (o *console) listView(r *request) (v listView, err error) {
	id, err := r.id()
	if err != nil {
		return v, err
	}
	v = listView{show: r.show, manage: r.person.May(identity.ManageLists), said: listDone[r.URL.Query().Get("done")]}
	if v.list, err = lists.ByID(r.ctx, r.q, id); err != nil || !v.manage || v.list.RemovedAt > 0 {
		return v, err
	}
	after := r.number("after", 0)
	if v.entries, err = lists.Entries(r.ctx, r.q, id, after, entriesShown+1); err != nil {
		return v, err
	}
	if len(v.entries) > entriesShown {
		v.entries = v.entries[:entriesShown]
		v.next = listAddress(id) + "?after=" + decimal(v.entries[entriesShown-1].ID) + "#entries"
	}
	if after > 0 {
		v.first = listAddress(id) + "#entries"
	}
	o.Lists.Mark(v.entries)
	return v, nil
}

func (o *console) changeList(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	threshold, err := strconv.Atoi(strings.TrimSpace(r.PostForm.Get("threshold")))
	if err != nil {
		return "", fault.New(fault.Invalid, "the threshold is a number of bits, 0 to %d", lists.Threshold)
	}
	share, err := strconv.ParseFloat(strings.TrimSpace(r.PostForm.Get("share")), 64)
	if err != nil {
		return "", fault.New(fault.Invalid, "the part of look-ups is 0 to 100 per cent")
	}
	share /= 100
	return listAddress(id) + "?done=changed", o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Lists.UpdateList(ctx, tx, id, lists.Update{Threshold: &threshold, Share: &share})
		return err
	})
}

// own refuses a list whose entries are not this agency's to change.
func (o *console) own(r *request, q store.Queryer, id int64) error {
	v, err := lists.ByID(r.ctx, q, id)
	switch {
	case err != nil:
		return err
	case v.RemovedAt > 0:
		return fault.New(fault.NotFound, "this list is removed")
	case !v.Own:
		return fault.New(fault.Refused, "the list %s is held by %s; only its holder adds and removes", v.Name, v.Holder)
	}
	return nil
}

func (o *console) addEntries(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	d := entriesDraft{r.PostForm.Get("kind"), r.PostForm.Get("label"), r.PostForm.Get("lines")}
	contents, err := d.contents()
	if err == nil {
		err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
			if err := o.own(r, tx, id); err != nil {
				return err
			}
			_, err := o.Lists.AddContents(ctx, tx, id, contents)
			return err
		})
	}
	if fault.Of(err) != fault.Invalid || err == nil {
		return listAddress(id) + "?done=added", err
	}
	v, viewErr := o.listView(r)
	if viewErr != nil {
		return "", viewErr
	}
	v.draft, v.problem = d, fault.Message(err)
	return "", shown{v.list.Name, listPage(v), http.StatusUnprocessableEntity}
}

// contents reads the lines: each a content of its own, with its label or that of all.
func (d entriesDraft) contents() ([][]lists.Entry, error) {
	var out [][]lists.Entry
	for i, line := range strings.Split(d.lines, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		value, label, _ := strings.Cut(strings.ReplaceAll(line, "\t", ","), ",")
		e := lists.Entry{Kind: d.kind, Value: value, Label: label}
		if strings.TrimSpace(label) == "" {
			e.Label = d.label
		}
		if e.Kind == "" {
			e.Kind = lists.KindByLength(value)
		}
		if err := e.Check(); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %s; nothing was added", i+1, fault.Message(err))
		}
		out = append(out, []lists.Entry{e})
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "write at least one hash")
	}
	return out, nil
}

// entryValue writes a hash for a table; a film's is many lines.
func entryValue(kind, value string) string {
	if kind == lists.VPDQ {
		return count(strings.Count(strings.TrimSpace(value), "\n")+1, "frame")
	}
	return clip(value, 128)
}

func (v listView) stateOf(e lists.ListedEntry) string {
	switch {
	case e.Disabled && e.DisabledUntil != 0:
		return "off until " + v.show.at(e.DisabledUntil)
	case e.Disabled:
		return "off"
	}
	return "matches"
}

func offKey(off bool) string {
	if off {
		return "off"
	}
	return "matches"
}
