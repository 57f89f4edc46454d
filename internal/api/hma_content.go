package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// remarks are what may be said of a content when it is added.
type remarks struct {
	metadata *lists.Metadata
	note     string
}

func readRemarks(metadata json.RawMessage, note string) (m remarks, err error) {
	if utf8.RuneCountInString(note) > lists.MaxNote {
		return m, bad("note must be at most %d characters", lists.MaxNote)
	}
	m.note = note
	if len(metadata) == 0 || string(metadata) == "null" {
		return m, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(metadata, &fields); err != nil {
		return m, bad("metadata should be a json object")
	}
	m.metadata = new(lists.Metadata)
	var unexpected []string
	for key, raw := range fields {
		isText := true
		switch key {
		case "content_id":
			m.metadata.ContentID, isText = asText(raw)
		case "content_uri":
			m.metadata.ContentURI, isText = asText(raw)
		case "json":
			var object map[string]any
			if err := json.Unmarshal(raw, &object); err != nil {
				return m, bad("metadata.json should be a json object")
			}
			m.metadata.JSON = raw
		case "collab": // dropped unread, there as here
		default:
			unexpected = append(unexpected, key)
		}
		if !isText && string(raw) != "null" {
			return m, bad("metadata.%s should be a text", key)
		}
	}
	if len(unexpected) > 0 {
		sort.Strings(unexpected)
		return m, bad("metadata contains unexpected keys: %s", strings.Join(unexpected, ", "))
	}
	return m, nil
}

func (a *api) addContent(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	if _, err := a.ownBank(ctx, a.DB.Reader(), r); err != nil {
		return hmaAnswer{}, err
	}
	v := r.URL.Query()
	var hashes map[string]string
	var said remarks
	switch kind := r.Header.Get("Content-Type"); {
	case v.Get("url") != "":
		var metadata json.RawMessage
		note := ""
		if strings.Contains(kind, "json") {
			body, err := jsonBody(r)
			if err != nil {
				return hmaAnswer{}, err
			}
			metadata = body["metadata"]
			note, _ = asText(body["note"])
		}
		var err error
		if said, err = readRemarks(metadata, note); err != nil {
			return hmaAnswer{}, err
		}
		if hashes, err = a.hashURL(ctx, v); err != nil {
			return hmaAnswer{}, err
		}
	case strings.HasPrefix(kind, "multipart/"):
		f, err := a.uploaded(r)
		if err != nil {
			return hmaAnswer{}, err
		}
		if said, err = readRemarks(json.RawMessage(f.form["metadata"]), f.form["note"]); err != nil {
			return hmaAnswer{}, err
		}
		if hashes, err = a.hashFile(ctx, f, v); err != nil {
			return hmaAnswer{}, err
		}
	default:
		return hmaAnswer{}, bad("Neither `url` nor multipart file upload was received")
	}
	return a.bankSignals(ctx, r, hashes, said)
}

func (a *api) addSignal(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	if _, err := a.ownBank(ctx, a.DB.Reader(), r); err != nil {
		return hmaAnswer{}, err
	}
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	note, _ := asText(body["note"])
	said, err := readRemarks(nil, note)
	if err != nil {
		return hmaAnswer{}, err
	}
	hashes := map[string]string{}
	for name, raw := range body {
		if name == "note" {
			continue
		}
		value, isText := asText(raw)
		if !isText {
			return hmaAnswer{}, bad("Invalid %s signal: not a text", name)
		}
		hashes[name] = value
	}
	return a.bankSignals(ctx, r, hashes, said)
}

// bankSignals adds the signals of one picture or film.
func (a *api) bankSignals(ctx context.Context, r *http.Request, hashes map[string]string, said remarks) (hmaAnswer, error) {
	var group []lists.Entry
	stored := map[string]string{}
	for name := range hashes {
		if kindOf(name) == "" {
			return hmaAnswer{}, bad("No such signal type %s", name)
		}
	}
	for _, s := range signals { // in this order, so that the first is always the same
		value, has := hashes[s.name]
		if !has {
			continue
		}
		value, err := checkSignal(s.name, value)
		if err != nil || value == "" {
			return hmaAnswer{}, bad("Invalid %s signal: %v", s.name, errOr(err, "it is empty; a picture that says too little has none"))
		}
		stored[s.name] = value
		group = append(group, lists.Entry{Kind: s.kind, Value: value})
	}
	if len(group) == 0 {
		return hmaAnswer{}, bad("No signals given")
	}
	var id int64
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.ownBank(ctx, tx, r)
		if err != nil {
			return err
		}
		ids, err := a.Lists.AddContents(ctx, tx, v.ID, [][]lists.Entry{group})
		if err != nil {
			return err
		}
		id = ids[0]
		if said.note != "" {
			if err := a.Lists.Note(ctx, tx, v.ID, id, said.note); err != nil {
				return err
			}
		}
		if said.metadata != nil {
			return a.Lists.Describe(ctx, tx, v.ID, id, *said.metadata)
		}
		return nil
	})
	return hmaAnswer{http.StatusOK, map[string]any{"id": id, "signals": stored}}, err
}

// contentOf finds the content of a path. A number that is none is as unknown as one that is not there.
func (a *api) contentOf(ctx context.Context, q store.Queryer, r *http.Request) (lists.List, lists.Content, error) {
	v, err := a.bank(ctx, q, r)
	if err != nil {
		return v, lists.Content{}, err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return v, lists.Content{}, fault.New(fault.NotFound, "content '%s' not found", r.PathValue("id"))
	}
	c, err := lists.ContentByID(ctx, q, v.ID, id)
	return v, c, err
}

// disableUntil tells since when or until when a content matches as the field's service does: 1 is enabled, 0 disabled for ever.
func disableUntil(c lists.Content) int64 {
	switch {
	case !c.Disabled:
		return 1
	case c.DisabledUntil == 0:
		return 0
	}
	return store.Time(c.DisabledUntil).Unix()
}

func signalsOf(c lists.Content) map[string]string {
	out := map[string]string{}
	for _, e := range c.Entries {
		out[signalOf(e.Kind)] = e.Value
	}
	return out
}

func (a *api) showContent(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	v, c, err := a.contentOf(ctx, a.DB.Reader(), r)
	if err != nil {
		return hmaAnswer{}, err
	}
	out := map[string]any{"id": c.ID, "disable_until_ts": disableUntil(c), "bank": bankOf(v)}
	query := r.URL.Query()
	if with, _ := textBool(query.Get("include_signals")); with {
		out["signals"] = signalsOf(c)
	}
	with, valid := textBool(query.Get("include_metadata"))
	if (with || !valid) && c.Metadata != nil {
		out["metadata"] = c.Metadata
	}
	if c.Note != "" {
		out["note"] = c.Note
	}
	return ok(out)
}

// farthest is how long from now a content may be disabled, by the field's service.
const farthest = 5 * 365 * 24 * time.Hour

func (a *api) updateContent(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	if _, _, err := a.contentOf(ctx, a.DB.Reader(), r); err != nil {
		return hmaAnswer{}, err
	}
	body, err := jsonBody(r)
	if err != nil {
		return hmaAnswer{}, err
	}
	until, able := int64(0), false
	if raw, has := body["disable_until_ts"]; has && string(raw) != "null" {
		n, valid := asNumber(raw)
		if !valid || n != float64(int64(n)) || n < 0 {
			return hmaAnswer{}, bad("disable_until_ts must be a non-negative integer")
		}
		if time.Unix(int64(n), 0).After(a.Clock.Now().Add(farthest)) {
			return hmaAnswer{}, bad("disable_until_ts must be less than 5 years in the future")
		}
		until, able = int64(n), true
	}
	note, noted := "", false
	if raw, has := body["note"]; has && string(raw) != "null" {
		if note, noted = asText(raw); !noted || utf8.RuneCountInString(note) > lists.MaxNote {
			return hmaAnswer{}, bad("note must be a text of at most %d characters", lists.MaxNote)
		}
	}
	var out map[string]any
	err = a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, c, err := a.contentOf(ctx, tx, r)
		if err != nil {
			return err
		}
		switch {
		case able && until == 1:
			err = a.Lists.Enable(ctx, tx, v.ID, c.ID)
		case able && until == 0:
			err = a.Lists.Disable(ctx, tx, v.ID, c.ID, time.Time{})
		case able:
			err = a.Lists.Disable(ctx, tx, v.ID, c.ID, time.Unix(until, 0))
		}
		if err == nil && noted {
			err = a.Lists.Note(ctx, tx, v.ID, c.ID, note)
		}
		if err != nil {
			return err
		}
		if c, err = lists.ContentByID(ctx, tx, v.ID, c.ID); err != nil {
			return err
		}
		out = map[string]any{"id": c.ID, "disable_until_ts": disableUntil(c), "collab_metadata": map[string]any{}, "original_media_uri": nil, "bank": bankOf(v),
			"user_metadata": c.Metadata, "note": nil}
		if c.Note != "" {
			out["note"] = c.Note
		}
		return nil
	})
	return hmaAnswer{http.StatusOK, out}, err
}

func (a *api) removeContent(ctx context.Context, r *http.Request, _ caller) (hmaAnswer, error) {
	n := 0
	err := a.change(ctx, func(ctx context.Context, tx *store.Tx) error {
		v, err := a.ownBank(ctx, tx, r)
		if err != nil {
			return err
		}
		id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil {
			return nil
		}
		n, err = a.Lists.Remove(ctx, tx, v.ID, id)
		return err
	})
	return hmaAnswer{http.StatusOK, map[string]int{"deleted": n}}, err
}
