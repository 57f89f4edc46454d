package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/lists/foreign"
	"raksha.example/raksha/internal/lists/ncmec"
)

const (
	maxRange  = 400_000 // entries of a range: a larger one is asked for in parts
	maxPages  = 20_000  // of one range
	maxEmpty  = 100     // pages without entries, one after another
	maxSplits = 500     // of one fetch, because of answers that cannot be read
	maxSetBy  = 25      // ranges that one fetch sets aside: beyond, the server is at fault
	againIn   = 6 * time.Hour
	againMost = 8 // ranges that one fetch asks for again
)

// span is a range of time that is not drained yet: (From, To], in seconds. Entries come in no order of time, so a range counts as known
// only after its last page, and a path of a next page belongs to its range alone.
type span struct {
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Next  string `json:"next,omitempty"`
	Pages int    `json:"pages,omitempty"`
	Aside int64  `json:"aside,omitempty"` // the number of what was set aside and is asked for again
}

// ncmecPoint is the checkpoint: what is still to be drained, in order, and up to when everything is planned.
type ncmecPoint struct {
	UpTo  int64  `json:"up_to"`
	Spans []span `json:"spans,omitempty"`
}

func (p ncmecPoint) reached() time.Time {
	at := p.UpTo
	for _, s := range p.Spans {
		if s.Aside == 0 {
			at = min(at, s.From)
		}
	}
	if at <= 0 {
		return time.Time{}
	}
	return time.Unix(at, 0)
}

func (p ncmecPoint) text() string { b, _ := json.Marshal(p); return string(b) }

type ncmecSource struct {
	x      *Exchanges
	e      Exchange
	client *ncmec.Client

	seen          map[string]bool // paths of the range under way
	empty         int             // pages without entries, one after another
	splits, aside int
	restarted     bool // the range under way was begun anew because its next page was refused
}

// caller asks an exchange's server within this node's limits.
func (x *Exchanges) caller(e Exchange) foreign.Caller {
	return foreign.Caller{Base: e.Address, HTTP: x.Client, MaxPage: x.Limits.Page, Timeout: x.Limits.Timeout, Pause: x.Limits.Pause}
}

func (x *Exchanges) ncmecClient(e Exchange, s Secret) *ncmec.Client {
	return ncmec.NewClient(x.caller(e), s["user"], s["password"])
}

func (s *ncmecSource) pull(ctx context.Context, from step, commit func(page) error) error {
	p := ncmecPoint{UpTo: s.e.Settings.Since}
	if from.checkpoint != "" {
		if err := json.Unmarshal([]byte(from.checkpoint), &p); err != nil {
			return fmt.Errorf("checkpoint of exchange %d: %w", s.e.ID, err)
		}
	}
	s.fresh()
	asked := false
	for {
		if len(p.Spans) == 0 && !asked {
			asked = true
			if err := s.plan(ctx, &p); err != nil {
				return err
			}
		}
		if len(p.Spans) == 0 {
			return commit(page{checkpoint: p.text(), reached: p.reached(), done: true})
		}
		done, err := s.one(ctx, &p, asked, commit)
		if err != nil || done {
			return err
		}
	}
}

// plan adds the range since the last one, and ranges that were set aside some time ago.
func (s *ncmecSource) plan(ctx context.Context, p *ncmecPoint) error {
	now := s.x.Clock.Now()
	if to := now.Add(-s.x.Limits.Lag).Unix(); to > p.UpTo {
		p.Spans = append(p.Spans, span{From: p.UpTo, To: to})
		p.UpTo = to
	}
	again, err := due(ctx, s.x.DB.Reader(), s.e.ID, now.Add(-againIn), againMost)
	for _, a := range again {
		var v span
		if json.Unmarshal([]byte(a.span), &v) == nil {
			p.Spans = append(p.Spans, span{From: v.From, To: v.To, Aside: a.ID})
		}
	}
	return err
}

func (s *ncmecSource) fresh() { s.seen, s.empty, s.restarted = map[string]bool{}, 0, false }

// one asks for one page of the first range and commits it. done: it was the last for now, and the commit says so.
func (s *ncmecSource) one(ctx context.Context, p *ncmecPoint, asked bool, commit func(page) error) (done bool, err error) {
	now := &p.Spans[0]
	body, got, err := s.fetch(ctx, *now)
	switch {
	case err != nil && now.Next != "" && !s.restarted && fault.Of(err) == fault.Invalid && fault.Code(err) != ncmec.Corrupt:
		s.fresh() // a path that the server no longer knows: the range from its beginning
		s.restarted = true
		now.Next, now.Pages = "", 0
		return false, nil
	case err != nil:
		return s.trouble(ctx, p, asked, body, got, err, commit)
	case now.Next == "" && ncmec.Left(got.Next) > maxRange && now.To-now.From > 1:
		return false, s.split(p, commit)
	}
	out := page{items: s.items(got.Entries), aside: got.Aside}
	if got.Next != "" {
		now.Next, now.Pages = got.Next, now.Pages+1
	} else {
		if now.Aside > 0 {
			out.taken = []int64{now.Aside}
		}
		p.Spans = p.Spans[1:]
		s.fresh()
	}
	out.checkpoint, out.reached, out.done = p.text(), p.reached(), asked && len(p.Spans) == 0
	return out.done, commit(out)
}

// fetch asks for a page and reads it. With an error, got holds what could be read all the same.
func (s *ncmecSource) fetch(ctx context.Context, v span) (body []byte, got ncmec.Page, err error) {
	from, to := time.Unix(v.From, 0).UTC(), time.Unix(v.To, 0).UTC()
	for attempt := 1; ; attempt++ {
		if v.Next == "" {
			body, err = s.client.Entries(ctx, from, to)
		} else {
			body, err = s.client.Next(ctx, v.Next)
		}
		if err != nil {
			return body, got, err
		}
		if got, err = ncmec.ReadPage(body); err == nil {
			break
		}
		if attempt == 2 || fault.Code(err) != ncmec.Corrupt { // the way may have damaged it once
			return body, got, err
		}
	}
	if got.Next == "" {
		return body, got, nil
	}
	if err := ncmec.CheckNext(got.Next, from, to); err != nil {
		return body, got, err
	}
	if len(got.Entries)+len(got.Aside) == 0 {
		s.empty++
	} else {
		s.empty = 0
	}
	if s.seen[got.Next] || got.Next == v.Next || v.Pages >= maxPages || s.empty > maxEmpty {
		return body, got, fault.Coded(fault.Invalid, ncmec.Corrupt, "the pages of a range do not end: page %d leads on to %.100q", v.Pages+1, got.Next)
	}
	s.seen[got.Next] = true
	return body, got, nil
}

// trouble decides what becomes of a range that cannot be read: if the server is there at all, a smaller part is asked for; when it cannot
// become smaller, what could be read is taken and the rest set aside.
func (s *ncmecSource) trouble(ctx context.Context, p *ncmecPoint, asked bool, body []byte, got ncmec.Page, cause error, commit func(page) error) (bool, error) {
	switch fault.Code(cause) {
	case ncmec.Corrupt, string(fault.TooLarge):
	case foreign.Broken, foreign.Failing:
		if _, _, err := s.client.Status(ctx); err != nil {
			return false, cause // it is down, or ill as a whole: later
		}
	default:
		return false, cause
	}
	now := p.Spans[0]
	if now.To-now.From > 1 {
		if s.splits++; s.splits > maxSplits {
			return false, fault.Wrap(cause, fault.Unavailable, "%d smaller ranges did not help: %s", maxSplits, fault.Message(cause))
		}
		return false, s.split(p, commit)
	}
	if s.aside++; s.aside > maxSetBy {
		return false, fault.Wrap(cause, fault.Unavailable, "too many of the server's answers cannot be read: %s", fault.Message(cause))
	}
	out := page{items: s.items(got.Entries), aside: got.Aside}
	if now.Aside > 0 {
		out.tried = []int64{now.Aside}
	} else {
		again, _ := json.Marshal(span{From: now.From, To: now.To})
		place := fmt.Sprintf("entries after %s up to %s, from page %d on", clockText(now.From), clockText(now.To), now.Pages+1)
		out.aside = append(out.aside, foreign.Aside{Place: place, Reason: fault.Message(cause), Bytes: body, Span: string(again)})
	}
	p.Spans = p.Spans[1:]
	s.fresh()
	out.checkpoint, out.reached, out.done = p.text(), p.reached(), asked && len(p.Spans) == 0
	return out.done, commit(out)
}

func clockText(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(ncmec.TimeForm) }

// split halves the range under way; its pages are asked for anew. That is kept: on a slow server it took long to find out.
func (s *ncmecSource) split(p *ncmecPoint, commit func(page) error) error {
	now := p.Spans[0]
	middle := now.From + (now.To-now.From)/2
	p.Spans = slices.Concat([]span{{From: now.From, To: middle, Aside: now.Aside}, {From: middle, To: now.To, Aside: now.Aside}}, p.Spans[1:])
	s.fresh()
	return commit(page{checkpoint: p.text(), reached: p.reached()})
}

// printKinds are the hashes that are taken, by the protocol's names. sha256 is what nodes of this program say to each other.
var printKinds = map[string]string{"md5": lists.MD5, "sha1": lists.SHA1, "sha256": lists.SHA256, "pdq": lists.PDQ, "pdna": lists.PhotoDNA, "tmk-pdqf": lists.TMK}

func (s *ncmecSource) items(entries []ncmec.Entry) []foreign.Item {
	var out []foreign.Item
	for _, e := range entries {
		if len(s.e.Settings.Only) > 0 && !slices.Contains(s.e.Settings.Only, e.Member.ID) {
			continue
		}
		item := foreign.Item{Key: e.Key(), Stamp: e.Stamp, Gone: e.Deleted}
		if !e.Deleted {
			for _, f := range e.Prints {
				if kind := printKinds[f.Type]; kind != "" && f.Value != "" {
					item.Entries = append(item.Entries, lists.Entry{Kind: kind, Value: f.Value, Label: e.Class})
				}
			}
			item.Gone = len(item.Entries) == 0 // nothing of it can be carried here (any more)
		}
		out = append(out, item)
	}
	return out
}

// memberOf takes a key apart.
func memberOf(key string) (member int64, entry string, err error) {
	first, entry, ok := strings.Cut(key, "-")
	if member, err = strconv.ParseInt(first, 10, 64); err != nil || !ok {
		return 0, "", fault.New(fault.Invalid, "%.80q names no entry of a member", key)
	}
	return member, entry, nil
}
