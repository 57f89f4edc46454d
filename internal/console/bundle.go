package console

import (
	"context"
	"fmt"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/store"
)

type bundleView struct {
	show    show
	b       intake.Bundle
	shared  []intake.Shared
	sources []intake.From
	changes []intake.BundleChange
	rows    []intake.Tip
	decides bool
	people  map[int64]string
	first   string
	next    string
	said    string
}

var bundleDone = map[string]string{"merged": "The two bundles are one.", "undone": "The change was taken back.", "decided": "The decision was taken for every tip that waited and on which it could be taken."}

func bundleAddress(id int64) string { return fmt.Sprintf("/bundles/%d", id) }

func (o *console) bundle(r *request) (string, templ.Component, error) {
	id, err := r.id()
	if err != nil {
		return "", nil, err
	}
	v := bundleView{show: r.show, decides: r.person.May(identity.DecideTips), said: bundleDone[r.URL.Query().Get("done")]}
	if v.b, err = intake.BundleByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.shared, err = intake.SharedBy(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.sources, err = intake.SourcesOf(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.changes, err = intake.Changes(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.people, err = o.names(r); err != nil {
		return "", nil, err
	}
	after := r.number("after", 0)
	if v.rows, err = intake.Members(r.ctx, r.q, id, after, perPage+1); err != nil {
		return "", nil, err
	}
	if len(v.rows) > perPage {
		v.rows = v.rows[:perPage]
		v.next = bundleAddress(id) + "?after=" + decimal(v.rows[perPage-1].ID)
	}
	if after > 0 {
		v.first = bundleAddress(id)
	}
	return fmt.Sprintf("Bundle %d", id), bundlePage(v), nil
}

// names gives the name of every person by id.
func (o *console) names(r *request) (map[int64]string, error) {
	all, err := o.People.All(r.ctx, r.q)
	out := map[int64]string{}
	for _, p := range all {
		out[p.ID] = p.Name
	}
	return out, err
}

// who names a person, or what acted instead of one.
func who(people map[int64]string, id int64, otherwise string) string {
	if name := people[id]; name != "" {
		return name
	}
	return otherwise
}

// written runs a form's change and gives the page to show next.
func (o *console) written(r *request, next string, fn func(ctx context.Context, tx *store.Tx) error) (string, error) {
	return next, o.DB.Write(r.ctx, fn)
}

func (o *console) mergeBundle(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	var other int64
	if _, err := fmt.Sscan(r.PostForm.Get("other"), &other); err != nil {
		return "", fault.New(fault.Invalid, "give the number of the other bundle")
	}
	kept := id
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err := o.Tips.Merge(ctx, tx, id, other, r.person.ID, r.PostForm.Get("reason"))
		kept = c.ToID
		return err
	})
	return bundleAddress(kept) + "?done=merged", err
}

func (o *console) decideBundle(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return o.written(r, bundleAddress(id)+"?done=decided", func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Triage.DecideBundle(ctx, tx, id, r.PostForm.Get("state"), r.PostForm.Get("reason"))
		return err
	})
}

func (o *console) undoBundle(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	next := "/tips"
	err = o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err := o.Tips.Undo(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
		if to := max(c.ToID, 0); to != 0 {
			next = bundleAddress(to) + "?done=undone"
		} else if c.FromID != 0 {
			next = bundleAddress(c.FromID) + "?done=undone"
		}
		return err
	})
	return next, err
}

func (o *console) takeOut(r *request) (string, error) {
	id, err := r.id()
	if err != nil {
		return "", err
	}
	return o.written(r, tipAddress(id), func(ctx context.Context, tx *store.Tx) error {
		_, err := o.Tips.TakeOut(ctx, tx, id, r.person.ID, r.PostForm.Get("reason"))
		return err
	})
}

var sharedWords = map[string]string{"locator": "Address", "account": "Account", "file": "File, SHA-256"}

// rebundled says what a change of bundles did, seen from one bundle.
func rebundled(c intake.BundleChange, here int64) string {
	n := count(len(c.Tips), "tip")
	to := func(id int64) string {
		if id == 0 {
			return "no bundle"
		}
		return fmt.Sprintf("bundle %d", id)
	}
	verb := map[string]string{intake.TakenOut: "taken out", intake.Split: "split off", intake.Merged: "merged", intake.PutIn: "put in", intake.Undone: "an earlier change was taken back"}[c.Act]
	if c.FromID == here {
		return fmt.Sprintf("%s went to %s (%s)", n, to(c.ToID), verb)
	}
	return fmt.Sprintf("%s came from %s (%s)", n, to(c.FromID), verb)
}

func sourceOf(f intake.From) string {
	if f.Reporter == "" {
		return source(f.Source)
	}
	return source(f.Source) + ", " + defang(f.Reporter)
}
