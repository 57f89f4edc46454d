package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/exchange"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// The NCMEC hash sharing protocol, version 2, served from the lists that this node itself holds and offers, so that existing clients
// take lists from it. /hashsharing/v2/... tells of all offered lists, /hashsharing/BANK/v2/... of one: either, without /v2, is what a
// client takes for its base address.

const (
	sharePage   = 1000             // entries of a page
	shareSettle = 10 * time.Second // how long a question waits whose range ends in the future by a little
	shareRecent = 10 * time.Minute // a range that ends within it waits for what is being written
	ownMember   = 1                // this node's number among members; those who ask come after it
)

// shareCaller is a member who takes lists.
type shareCaller struct {
	id   int64
	name string
}

// exchangeMember finds who takes lists, by HTTP Basic.
func (a *api) exchangeMember(r *http.Request) (shareCaller, error) {
	username, password, _ := r.BasicAuth()
	p, err := a.People.Basic(r.Context(), username, password)
	if err == nil && !p.May(identity.ExchangeLists) {
		err = fault.New(fault.Unsigned, "this takes a service credential")
	}
	if err != nil {
		return shareCaller{}, err
	}
	return shareCaller{ownMember - p.ID, p.Username}, nil // a service's number is negative
}

func (a *api) registerHashSharing(mux *routes) {
	handle := func(method, path string, fn func(w io.Writer, r *http.Request, who shareCaller) error) {
		for _, prefix := range []string{"/hashsharing", "/hashsharing/{bank}"} {
			mux.HandleFunc(method+" "+prefix+path, func(w http.ResponseWriter, r *http.Request) { a.serveSharing(w, r, fn) })
		}
	}
	handle("GET", "/v2/status", func(w io.Writer, r *http.Request, who shareCaller) error {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return ncmec.WriteStatus(w, host, who.name, ncmec.Member{ID: who.id, Name: who.name})
	})
	handle("GET", "/v2/members", func(w io.Writer, r *http.Request, _ shareCaller) error {
		return ncmec.WriteMembers(w, []ncmec.Member{a.ownMember()})
	})
	handle("GET", "/v2/entries", a.shareEntries)
	handle("GET", "/v2/feedback/{type}/reasons", func(w io.Writer, r *http.Request, _ shareCaller) error {
		kind := r.PathValue("type")
		if _, known := exchange.KindOfVote(kind); !known && ncmec.Types[kind] == "" {
			return fault.New(fault.NotFound, "there is no type %.40q", kind)
		}
		reasons := append([]ncmec.Reason{}, exchange.VoteReasons...)
		for i := range reasons {
			reasons[i].Type = kind
		}
		return ncmec.WriteReasons(w, reasons)
	})
	handle("PUT", "/v2/entries/{member}/{entry}/{type}/feedback", a.shareFeedback)
}

func (a *api) ownMember() ncmec.Member {
	return ncmec.Member{ID: ownMember, Name: a.Self.Profile().Agency}
}

// serveSharing answers in XML. An error is told in a line of text under its status: clients look at the status alone.
func (a *api) serveSharing(w http.ResponseWriter, r *http.Request, fn func(io.Writer, *http.Request, shareCaller) error) {
	who, err := a.exchangeMember(r)
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="hash sharing"`)
		http.Error(w, "sign in with a service credential", http.StatusUnauthorized)
		return
	}
	if bank := r.PathValue("bank"); bank != "" {
		all, err := exchange.Offered(r.Context(), a.DB.Reader())
		known := false
		for _, o := range all {
			known = known || o.Bank == bank
		}
		if err == nil && !known {
			http.Error(w, "no such list is offered here", http.StatusNotFound)
			return
		}
	}
	var out bytes.Buffer
	if err := fn(&out, r.WithContext(record.WithActor(r.Context(), "member:"+who.name)), who); err != nil {
		status := fault.HTTPStatus(err)
		var large *http.MaxBytesError
		switch {
		case errors.As(err, &large):
			status = http.StatusRequestEntityTooLarge
		case fault.Of(err) == fault.Invalid:
			status = http.StatusBadRequest
		case fault.Of(err) == fault.Internal:
			a.Logger.ErrorContext(r.Context(), "hash sharing", "error", err)
		}
		http.Error(w, fault.Message(err), status)
		return
	}
	w.Header().Set("Content-Type", "application/xml;charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.Write(out.Bytes())
}

// shareRange is what a client asks for.
type shareRange struct {
	from, to         time.Time
	start, size, max int64
	after            exchange.Cursor
}

func readShareRange(r *http.Request) (v shareRange, err error) {
	q := r.URL.Query()
	for name, at := range map[string]*time.Time{"from": &v.from, "to": &v.to} {
		if *at, err = time.Parse(ncmec.TimeForm, q.Get(name)); err != nil || at.Year() > 9000 {
			return v, fault.New(fault.Invalid, "%s must be a time such as 2026-01-31T12:00:00Z", name)
		}
	}
	if v.to.Before(v.from) {
		return v, fault.New(fault.Invalid, "the range ends before it begins")
	}
	v.start, v.size = 1, sharePage
	for name, n := range map[string]*int64{"start": &v.start, "size": &v.size, "max": &v.max} {
		if text := q.Get(name); text != "" {
			if *n, err = strconv.ParseInt(text, 10, 64); err != nil || *n < 0 || *n > 1<<50 {
				return v, fault.New(fault.Invalid, "%s must be a number", name)
			}
		}
	}
	v.size = min(max(v.size, 1), sharePage)
	v.after, err = exchange.ParseCursor(q.Get("after"))
	if err == nil && v.start > 1 && q.Get("after") == "" {
		err = fault.New(fault.Invalid, "follow the path of the next page as it is given; its parameters cannot be made up")
	}
	return v, err
}

// shareEntries gives a page of what changed. Within a range nothing is left out and nothing comes twice, whatever is written meanwhile.
func (a *api) shareEntries(w io.Writer, r *http.Request, _ shareCaller) error {
	ctx := r.Context()
	v, err := readShareRange(r)
	if err != nil {
		return err
	}
	if err := a.settled(ctx, v.to); err != nil {
		return err
	}
	bank := r.PathValue("bank")
	posted, next, more, err := a.Exchanges.Feed(ctx, a.DB.Reader(), bank, v.from, v.to, v.after, int(v.size))
	if err != nil {
		return err
	}
	page := ncmec.Page{}
	for _, p := range posted {
		if e, carried := a.shareEntry(p); carried {
			page.Entries = append(page.Entries, e)
		}
	}
	if more {
		if v.max == 0 {
			if v.max, err = a.Exchanges.Estimate(ctx, a.DB.Reader(), bank, v.from, v.to); err != nil {
				return err
			}
		}
		start := v.start + int64(len(posted))
		page.Next = fmt.Sprintf("/v2/entries?from=%s&to=%s&start=%d&size=%d&max=%d&after=%s", v.from.Format(ncmec.TimeForm), v.to.Format(ncmec.TimeForm), start, v.size,
			max(v.max, start), next)
	}
	return ncmec.WritePage(w, page)
}

// shareNames are the elements of hashes. sha256 is an addition of ours, which other clients pass over; vPDQ and TMK have no place in a page.
var shareNames = map[string]string{lists.MD5: "md5", lists.SHA1: "sha1", lists.SHA256: "sha256", lists.PhotoDNA: "pdna", lists.PDQ: "pdq"}

// shareEntry puts a content into the protocol's form; carried is false if it has no hash that can be told.
func (a *api) shareEntry(p exchange.Posted) (e ncmec.Entry, carried bool) {
	at := p.At.Truncate(time.Second)
	if at.Before(p.At) { // within (from, to] only the end of its second is right for every part of it
		at = at.Add(time.Second)
	}
	e = ncmec.Entry{Member: a.ownMember(), ID: strconv.FormatInt(p.Content, 10), Film: p.Film(), Deleted: p.Gone, Stamp: at}
	for _, h := range p.Entries {
		if name := shareNames[h.Kind]; name != "" {
			e.Prints = append(e.Prints, ncmec.Print{Type: name, Value: h.Value})
		}
		if e.Class == "" {
			e.Class = h.Label
		}
	}
	return e, p.Gone || len(e.Prints) > 0
}

// settled waits until nothing can be written any more whose time is within a range that ends at to.
func (a *api) settled(ctx context.Context, to time.Time) error {
	deadline := time.Now().Add(shareSettle)
	for !a.Clock.Now().After(to) {
		if to.Sub(a.Clock.Now()) > shareSettle || time.Now().After(deadline) {
			return fault.New(fault.Invalid, "the range ends in the future: it is %s here", a.Clock.Now().UTC().Format(ncmec.TimeForm))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if a.Clock.Now().Sub(to) > shareRecent {
		return nil
	}
	// Writes come one after another: when this one has come through, so has every one that began before.
	return a.DB.Write(ctx, func(context.Context, *store.Tx) error { return nil })
}

func (a *api) shareFeedback(w io.Writer, r *http.Request, who shareCaller) error {
	notFound := fault.New(fault.NotFound, "there is no such entry")
	content, err := strconv.ParseInt(r.PathValue("entry"), 10, 64)
	if err != nil || r.PathValue("member") != strconv.Itoa(ownMember) {
		return notFound
	}
	kind, known := exchange.KindOfVote(r.PathValue("type"))
	if !known {
		return fault.New(fault.NotFound, "entries have no hash of the type %.40q here", r.PathValue("type"))
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return err
	}
	f, err := ncmec.ReadFeedback(b)
	if err != nil {
		return err
	}
	err = a.DB.Write(r.Context(), func(ctx context.Context, tx *store.Tx) error {
		return a.Exchanges.CastVote(ctx, tx, r.PathValue("bank"), who.name, content, kind, f)
	})
	if err != nil {
		return err
	}
	return ncmec.WriteSubmitted(w)
}
