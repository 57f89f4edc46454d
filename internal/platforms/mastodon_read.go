package platforms

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tomnomnom/linkheader"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/fetch"
)

// Lookup finds an account by its handle (GET /api/v1/accounts/lookup). An account that is gone or that the platform
// shows as suspended is a fault.NotFound.
func (m *Mastodon) Lookup(ctx context.Context, handle string) (Account, error) {
	handle = CanonicalHandle(handle)
	if handle == "" {
		return Account{}, fault.New(fault.Invalid, "no handle given")
	}
	return m.shown(ctx, "/api/v1/accounts/lookup", url.Values{"acct": {handle}})
}

// Account reads an account by its id (GET /api/v1/accounts/:id), as Lookup does.
func (m *Mastodon) Account(ctx context.Context, id string) (Account, error) {
	seg, err := segment(id)
	if err != nil {
		return Account{}, err
	}
	return m.shown(ctx, "/api/v1/accounts/"+seg, nil)
}

func (m *Mastodon) shown(ctx context.Context, path string, query url.Values) (Account, error) {
	var a accountJSON
	if _, err := m.call(ctx, request{method: http.MethodGet, path: path, query: query}, &a); err != nil {
		return Account{}, err
	}
	if a.ID == "" {
		return Account{}, m.unreadable(ctx, fault.New(fault.Invalid, "account without an id"))
	}
	if a.Suspended { // a Mastodon server keeps an empty shell of an account for some weeks after its suspension
		return Account{}, fault.Coded(fault.NotFound, "suspended", "%s shows this account as suspended", m.host)
	}
	return a.account(m.host), nil
}

// Posts calls fn for every public post of an account, newest first; boosts of other people's posts are left out.
func (m *Mastodon) Posts(ctx context.Context, accountID string, fn func(Post) error) error {
	seg, err := segment(accountID)
	if err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(pageSize)}, "exclude_reblogs": {"true"}}
	for {
		var page []statusJSON
		header, err := m.call(ctx, request{method: http.MethodGet, path: "/api/v1/accounts/" + seg + "/statuses", query: query}, &page)
		if err != nil {
			return err
		}
		for _, s := range page {
			if s.own() {
				if err := fn(s.post(m.host)); err != nil {
					return err
				}
			}
		}
		if len(page) == 0 {
			return nil
		}
		next := olderThan(header, page)
		if last := query.Get("max_id"); next == "" {
			return nil
		} else if last != "" && compareIDs(next, last) >= 0 {
			return fault.New(fault.Unavailable, "%s gives the same page of posts again and again", m.host)
		}
		query.Set("max_id", next)
	}
}

// olderThan gives the max_id of the next page. Only that number is taken from the Link header, never its address,
// which may name another host. A server without the header is asked on from the last post, as long as pages are full.
func olderThan(header http.Header, page []statusJSON) string {
	links := linkheader.ParseMultiple(header.Values("Link"))
	for _, link := range links.FilterByRel("next") {
		if u, err := url.Parse(link.URL); err == nil {
			return u.Query().Get("max_id")
		}
	}
	if len(links) == 0 && len(page) >= pageSize {
		return page[len(page)-1].ID
	}
	return ""
}

// Post reads one post (GET /api/v1/statuses/:id).
func (m *Mastodon) Post(ctx context.Context, id string) (Post, error) {
	seg, err := segment(id)
	if err != nil {
		return Post{}, err
	}
	var s statusJSON
	if _, err := m.call(ctx, request{method: http.MethodGet, path: "/api/v1/statuses/" + seg}, &s); err != nil {
		return Post{}, err
	}
	if s.ID == "" {
		return Post{}, m.unreadable(ctx, fault.New(fault.Invalid, "status without an id"))
	}
	return s.post(m.host), nil
}

// MediaBytes fetches a picture or a video of at most limit bytes; a larger one is a fault.TooLarge. The token is not sent.
func (m *Mastodon) MediaBytes(ctx context.Context, media Media, limit int64) ([]byte, error) {
	at, err := url.Parse(media.URL)
	if err != nil || media.URL == "" {
		return nil, fault.New(fault.Invalid, "the media of %s has no readable address", m.host)
	}
	if base, err := url.Parse(m.base); err == nil {
		at = base.ResolveReference(at)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the media of %s has no readable address", m.host)
	}
	req.Header.Set("User-Agent", userAgent)
	resp, err := m.do(ctx, m.client, req)
	if err != nil {
		return nil, err
	}
	b, err := fetch.ReadAll(resp, limit)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return b, err
}

// Backlog calls fn for every public post newer than afterID, oldest first, until there is no more (GET
// /api/v1/timelines/public). An empty afterID means from the first post that the platform keeps.
func (m *Mastodon) Backlog(ctx context.Context, afterID string, fn func(Post) error) error {
	if afterID == "" {
		afterID = "0"
	}
	for {
		var page []statusJSON
		query := url.Values{"min_id": {afterID}, "limit": {strconv.Itoa(pageSize)}}
		if _, err := m.call(ctx, request{method: http.MethodGet, path: "/api/v1/timelines/public", query: query, signed: m.token != ""}, &page); err != nil {
			return err
		}
		// A page holds the posts next after min_id but shows its newest first.
		slices.SortFunc(page, func(a, b statusJSON) int { return compareIDs(a.ID, b.ID) })
		before := afterID
		for _, s := range page {
			if compareIDs(s.ID, before) <= 0 {
				continue
			}
			if s.own() {
				if err := fn(s.post(m.host)); err != nil {
					return err
				}
			}
			afterID = s.ID
		}
		if afterID == before {
			return nil
		}
	}
}

// compareIDs orders ids as Mastodon counts them: numbers that are written as text.
func compareIDs(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
