package console

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

type contentView struct {
	show    show
	list    lists.List
	content lists.Content
	removed bool // only its history is left
	off     bool // it is left out of look-ups now
	history []lists.Change
	actors  map[string]string
	said    string
}

var contentDone = map[string]string{"off": "It is switched off: look-ups pass it over from now on.", "on": "It is switched on: look-ups find it again.",
	"noted": "The note is kept."}

// offForm is how browsers write a time of day without its zone, which is the jurisdiction's.
const offForm = "2006-01-02T15:04"

func contentAddress(list, content int64) string {
	return fmt.Sprintf("/lists/%d/contents/%d", list, content)
}

// contentID gives the two numbers in the path.
func (r *request) contentID() (list, content int64, err error) {
	if list, err = r.id(); err != nil {
		return 0, 0, err
	}
	content, err = strconv.ParseInt(r.PathValue("content"), 10, 64)
	if err != nil || content <= 0 {
		return 0, 0, fault.New(fault.NotFound, "there is no such page")
	}
	return list, content, nil
}

func (o *console) content(r *request) (string, templ.Component, error) {
	id, content, err := r.contentID()
	if err != nil {
		return "", nil, err
	}
	v := contentView{show: r.show, said: contentDone[r.URL.Query().Get("done")]}
	if v.list, err = lists.ByID(r.ctx, r.q, id); err != nil {
		return "", nil, err
	}
	if v.history, err = lists.History(r.ctx, r.q, id, content); err != nil {
		return "", nil, err
	}
	v.content, err = lists.ContentByID(r.ctx, r.q, id, content)
	if v.removed = fault.Of(err) == fault.NotFound && err != nil; err != nil && !v.removed {
		return "", nil, err
	}
	v.off = v.content.Disabled && (v.content.DisabledUntil == 0 || v.content.DisabledUntil > store.Micros(r.show.now))
	if v.actors, err = o.actors(r); err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("Content %d of %s", content, v.list.Name), contentPage(v), nil
}

// stands says in words whether it matches.
func (v contentView) stands() string {
	switch {
	case v.removed:
		return "removed"
	case v.off && v.content.DisabledUntil != 0:
		return "off until " + v.show.at(v.content.DisabledUntil)
	case v.off:
		return "off"
	}
	return "matches"
}

func (v contentView) key() string {
	if v.removed {
		return "off"
	}
	return offKey(v.off)
}

var changeWords = map[string]string{"added": "put on the list", "removed": "removed", "disabled": "switched off", "enabled": "switched on", "noted": "noted", "described": "described"}

// became says in words what became of a content.
func (v contentView) became(c lists.Change) string {
	text := words(changeWords, c.Act)
	switch {
	case c.Act == "disabled" && c.Until != 0:
		text += " until " + v.show.at(c.Until)
	case c.Act == "noted" && c.Value != "":
		text += ": " + defang(c.Value)
	case c.Act == "noted":
		text = "note cleared"
	}
	return text
}

func (v contentView) by(c lists.Change) string {
	if name, ok := v.actors[c.Actor]; ok {
		return name
	}
	return c.Actor
}

func (o *console) disableContent(r *request) (string, error) {
	var until time.Time
	if text := strings.TrimSpace(r.PostForm.Get("until")); text != "" {
		var err error
		if until, err = time.ParseInLocation(offForm, text, r.show.zone); err != nil {
			return "", fault.New(fault.Invalid, "%q is no day and time; go back and choose one, or leave it empty", text)
		}
		if !until.After(r.show.now) {
			return "", fault.New(fault.Invalid, "%s is past; go back and choose a later time, or leave it empty", r.show.full(until))
		}
	}
	return o.changeContent(r, "?done=off", func(ctx context.Context, tx *store.Tx, list, content int64) error {
		return o.Lists.Disable(ctx, tx, list, content, until)
	})
}

func (o *console) enableContent(r *request) (string, error) {
	return o.changeContent(r, "?done=on", func(ctx context.Context, tx *store.Tx, list, content int64) error {
		return o.Lists.Enable(ctx, tx, list, content)
	})
}

func (o *console) noteContent(r *request) (string, error) {
	return o.changeContent(r, "?done=noted", func(ctx context.Context, tx *store.Tx, list, content int64) error {
		return o.Lists.Note(ctx, tx, list, content, strings.TrimSpace(r.PostForm.Get("note")))
	})
}

func (o *console) removeContent(r *request) (string, error) {
	id, _, err := r.contentID()
	if err != nil {
		return "", err
	}
	_, err = o.changeContent(r, "", func(ctx context.Context, tx *store.Tx, list, content int64) error {
		if err := o.own(r, tx, list); err != nil {
			return err
		}
		n, err := o.Lists.Remove(ctx, tx, list, content)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "content %d is not on this list, or no more", content)
		}
		return err
	})
	return listAddress(id) + "?done=removed", err
}

// changeContent runs a change and gives the content's page.
func (o *console) changeContent(r *request, done string, fn func(ctx context.Context, tx *store.Tx, list, content int64) error) (string, error) {
	list, content, err := r.contentID()
	if err != nil {
		return "", err
	}
	return contentAddress(list, content) + done, o.DB.Write(r.ctx, func(ctx context.Context, tx *store.Tx) error { return fn(ctx, tx, list, content) })
}
