package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"

	"raksha.example/raksha/internal/story"
)

const (
	defaultPage = 20
	maxPage     = 40
)

// base gives the address that the request came to: media are fetched from there.
func base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// public answers with an account if it can be seen: 404 when there is none, 410 when it is suspended.
func (v view) public(w http.ResponseWriter, a story.Account, found bool) bool {
	switch {
	case !found:
		notFound(w)
		return false
	case v.suspended[a.ID]:
		refuse(w, http.StatusGone, "Gone")
		return false
	}
	return true
}

func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	handle, host, _ := strings.Cut(strings.TrimPrefix(r.URL.Query().Get("acct"), "@"), "@")
	a, ok := v.carrier(handle)
	if host != "" && !strings.EqualFold(host, story.Host) {
		ok = false
	}
	if v.public(w, a, ok) {
		answer(w, v.account(a))
	}
}

func (s *Server) account(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	a, ok := v.exists(r.PathValue("id"))
	if v.public(w, a, ok) {
		answer(w, v.account(a))
	}
}

func (s *Server) statuses(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	a, ok := v.exists(r.PathValue("id"))
	if v.public(w, a, ok) {
		v.page(w, r, v.authored[a.ID])
	}
}

func (s *Server) timeline(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	v.page(w, r, v.all)
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	v := s.view()
	i, ok := v.posts[r.PathValue("id")]
	if !ok || !v.shown(i) {
		notFound(w)
		return
	}
	answer(w, v.status(i, base(r)))
}

// page answers with the part of posts (indices in order of id) that the query asks for, newest first. As in Mastodon, max_id and
// since_id give the newest that fit, min_id gives those that follow it at once; the Link header leads on in both directions.
func (v view) page(w http.ResponseWriter, r *http.Request, posts []int) {
	q := r.URL.Query()
	limit := defaultPage
	if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
		limit = min(n, maxPage)
	}
	lo, hi := 0, len(posts) // posts[lo:hi] fit
	after := func(id string) int {
		n := number(id)
		return sort.Search(len(posts), func(i int) bool { return v.ids[posts[i]] > n })
	}
	if id := q.Get("max_id"); number(id) > 0 {
		n := number(id)
		hi = sort.Search(len(posts), func(i int) bool { return v.ids[posts[i]] >= n })
	}
	if id := q.Get("since_id"); id != "" {
		lo = after(id)
	}
	upward := q.Get("min_id") != ""
	if upward {
		lo = max(lo, after(q.Get("min_id")))
	}
	wanted := func(i int) bool {
		return v.shown(i) && (!isTrue(q.Get("only_media")) || len(v.world.Posts[i].Media) > 0)
	}
	var chosen []int
	for lo < hi && len(chosen) < limit {
		i := posts[lo]
		if upward {
			lo++
		} else {
			hi--
			i = posts[hi]
		}
		if wanted(i) {
			chosen = append(chosen, i)
		}
	}
	if upward {
		slices.Reverse(chosen)
	}
	out := make([]statusEntity, 0, len(chosen))
	for _, i := range chosen {
		out = append(out, v.status(i, base(r)))
	}
	if len(out) > 0 {
		w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next", <%s>; rel="prev"`,
			along(r, "max_id", out[len(out)-1].ID), along(r, "min_id", out[0].ID)))
	}
	answer(w, out)
}

func isTrue(s string) bool { return s == "true" || s == "1" }

// along gives the address of the neighbouring page.
func along(r *http.Request, key, id string) string {
	q := url.Values{}
	for k, values := range r.URL.Query() {
		if k != "max_id" && k != "min_id" && k != "since_id" {
			q[k] = values
		}
	}
	q.Set(key, id)
	return base(r) + r.URL.Path + "?" + q.Encode()
}

// mediaFile serves one file of a post that can be seen.
func (s *Server) mediaFile(w http.ResponseWriter, r *http.Request) {
	v, id := s.view(), r.PathValue("id")
	i, ok := v.media[id]
	if !ok || !v.shown(i) {
		notFound(w)
		return
	}
	kind, b, err := s.media.get(id, s.cfg.World.Media)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "the file cannot be made: "+err.Error())
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(b)
}
