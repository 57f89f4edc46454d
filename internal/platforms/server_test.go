package platforms_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fetch"
	"raksha.example/raksha/internal/platforms"
)

const token = "basket-token"

type object = map[string]any

// server is a small Mastodon: one account, its posts 1 to n, and what administrators see of it, in the JSON that
// Mastodon documents. It gives the public name chirp.example in its addresses.
type server struct {
	*httptest.Server
	posts  int
	stream string // what the streaming endpoint sends before it hangs

	mu        sync.Mutex // guards what follows
	suspended bool
	forms     []url.Values // of accepted POST requests
	auth      []string     // Authorization headers of calls that are public
}

func serve(t *testing.T, posts int) *server {
	t.Helper()
	s := &server{posts: posts}
	s.Server = httptest.NewServer(s.routes())
	t.Cleanup(s.Close)
	return s
}

func (s *server) connect(adminToken string) *platforms.Mastodon {
	return platforms.NewMastodon("chirp.example", s.URL+"/", adminToken, fetch.New(fetch.Options{AllowLoopback: true}))
}

func (s *server) account() object {
	return object{"id": "9001", "username": "Kite_River", "acct": "Kite_River", "display_name": "Kite", "note": "<p>Only <br>kites</p>",
		"url": "https://chirp.example/@Kite_River", "created_at": "2021-03-04T05:06:07.000Z",
		"fields": []object{{"name": "Also", "value": `<a href="https://chirp.example/join/abc"><span class="invisible">https://</span>chirp.example/join/abc</a>`}}}
}

func (s *server) status(id int) object {
	o := object{"id": strconv.Itoa(id), "uri": "x", "url": fmt.Sprintf("https://chirp.example/@Kite_River/%d", id), "visibility": "public",
		"created_at": "2022-09-01T10:00:00.123Z", "language": "hi", "spoiler_text": "", "content": fmt.Sprintf("<p>basket %d</p>", id),
		"reblog": nil, "poll": nil, "account": s.account(), "media_attachments": []object{}}
	switch {
	case id%10 == 3:
		o["reblog"] = object{"id": "1"}
	case id%10 == 4:
		o["visibility"] = "private"
	case id == 1:
		o["media_attachments"] = []object{
			{"id": "71", "type": "image", "url": s.URL + "/media/71.png"}, {"id": "72", "type": "gifv", "url": "/media/72.mp4"},
			{"id": "73", "type": "audio", "url": s.URL + "/media/73.ogg"}, {"id": "74", "type": "video", "url": nil, "remote_url": "https://river.example/74.mp4"}}
		o["poll"] = object{"options": []object{{"title": "red"}, {"title": "blue"}}}
		o["spoiler_text"] = "kites"
	}
	return o
}

// own counts the posts of the account that are its own and public.
func (s *server) own() int {
	n := 0
	for id := 1; id <= s.posts; id++ {
		if id%10 != 3 && id%10 != 4 {
			n++
		}
	}
	return n
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	public := func(pattern string, h http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			gone := s.suspended
			s.auth = append(s.auth, r.Header.Get("Authorization"))
			s.mu.Unlock()
			if gone {
				answer(w, http.StatusGone, object{"error": "Gone"})
				return
			}
			h(w, r)
		})
	}
	admin := func(pattern string, h http.HandlerFunc) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+token {
				answer(w, http.StatusForbidden, object{"error": "This action is not allowed"})
				return
			}
			if r.ParseForm(); r.Method == http.MethodPost {
				s.mu.Lock()
				s.forms = append(s.forms, r.PostForm)
				s.mu.Unlock()
			}
			h(w, r)
		})
	}
	public("GET /api/v1/accounts/lookup", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("acct") != "kite_river" {
			answer(w, http.StatusNotFound, object{"error": "Record not found"})
			return
		}
		answer(w, http.StatusOK, s.account())
	})
	public("GET /api/v1/accounts/9001", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, s.account()) })
	public("GET /api/v1/accounts/9002", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, object{"id": "9002", "acct": "shell", "suspended": true, "created_at": "2021-03-04T00:00:00.000Z"})
	})
	public("GET /api/v1/statuses/{id}", func(w http.ResponseWriter, r *http.Request) {
		switch r.PathValue("id") {
		case "1":
			answer(w, http.StatusOK, s.status(1))
		case "500":
			answer(w, http.StatusInternalServerError, object{"error": "oops"})
		case "429":
			answer(w, http.StatusTooManyRequests, object{"error": "Too many requests"})
		case "422":
			answer(w, http.StatusUnprocessableEntity, object{"error": "Validation failed: kite"})
		case "401":
			answer(w, http.StatusUnauthorized, object{"error": "The access token is invalid"})
		case "html":
			io.WriteString(w, "<html>not what you think</html>")
		default:
			answer(w, http.StatusNotFound, object{"error": "Record not found"})
		}
	})
	public("GET /api/v1/accounts/9001/statuses", func(w http.ResponseWriter, r *http.Request) {
		top := s.posts
		if max, err := strconv.Atoi(r.FormValue("max_id")); err == nil {
			top = max - 1
		}
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		page := []object{}
		id := top
		for ; id > 0 && len(page) < limit; id-- {
			page = append(page, s.status(id))
		}
		if id > 0 { // the address in the header is the public one, which nobody can reach here
			w.Header().Set("Link", fmt.Sprintf(`<https://chirp.example/api/v1/accounts/9001/statuses?limit=40&max_id=%d>; rel="next", <https://chirp.example/x?min_id=%d>; rel="prev"`, id+1, top))
		} else if top > 0 {
			w.Header().Set("Link", fmt.Sprintf(`<https://chirp.example/x?min_id=%d>; rel="prev"`, top))
		}
		answer(w, http.StatusOK, page)
	})
	public("GET /api/v1/timelines/public", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.FormValue("min_id"))
		limit, _ := strconv.Atoi(r.FormValue("limit"))
		page := []object{}
		for id := min(after+limit, s.posts); id > after; id-- {
			page = append(page, s.status(id))
		}
		answer(w, http.StatusOK, page)
	})
	public("GET /api/v1/streaming/public", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, s.stream)
		w.(http.Flusher).Flush()
		if s.stream != "" {
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("GET /media/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		io.WriteString(w, "pattern "+r.URL.Path)
	})
	admin("GET /api/v1/admin/accounts/9001", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		answer(w, http.StatusOK, object{"id": "9001", "username": "Kite_River", "email": "kite@river.example", "phone": "+919800000001",
			"created_at": "2021-03-04T05:06:07.000Z", "suspended": s.suspended, "ip": nil, "account": s.account(), "ips": []object{
				{"ip": "49.36.1.2", "used_at": "2022-08-31T20:00:00.000Z"},
				{"ip": "49.36.1.3", "used_at": "2021-03-04T05:06:07.000Z", "port": 50123, "event": "registration"}}})
	})
	set := func(suspended bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.suspended = suspended
			answer(w, http.StatusOK, object{})
		}
	}
	admin("POST /api/v1/admin/accounts/9001/action", set(true))
	admin("POST /api/v1/admin/accounts/9001/unsuspend", set(false))
	admin("POST /api/v1/reports", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, object{"id": "48914"}) })
	return mux
}

// instant reads a time of the tests.
func instant(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}
