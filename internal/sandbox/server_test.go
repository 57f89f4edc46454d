package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/story"
)

const token = "the-administrator-of-the-test"

// site is a server under test with a clock that the test moves.
type site struct {
	t     *testing.T
	world *story.World
	clock string
	*Server
	http *httptest.Server
}

func smallStory(t *testing.T) *story.World {
	t.Helper()
	f, err := story.Load("../story/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w, err := story.Generate(f, story.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t *testing.T, w *story.World, now time.Time) *site {
	t.Helper()
	s := &site{t: t, world: w, clock: filepath.Join(t.TempDir(), "clock")}
	s.advance(now)
	c, err := clock.OpenFile(s.clock)
	if err != nil {
		t.Fatal(err)
	}
	if s.Server, err = New(Config{World: w, Clock: c, Dir: t.TempDir(), AdminToken: token, UserToken: "a-member"}); err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.Server)
	t.Cleanup(func() { s.Server.Close(); s.http.Close() })
	return s
}

func (s *site) advance(to time.Time) {
	s.t.Helper()
	if err := clock.Advance(s.clock, to); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) connector(token string) *platforms.Mastodon {
	return platforms.NewMastodon(story.Host, s.http.URL, token, s.http.Client())
}

// get reads an answer into v and gives the status.
func (s *site) get(path string, v any) *http.Response {
	s.t.Helper()
	resp, err := s.http.Client().Get(s.http.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && v != nil && resp.StatusCode == 200 {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// monthEnd is when the operation's month is over.
func monthEnd(w *story.World) time.Time {
	_, until := w.File.Operation.Period.Span(w.File.Start.Location())
	return until
}

// TestTime asks for the same things in the operation's month and at the start: what exists changes.
func TestTime(t *testing.T) {
	w := smallStory(t)
	truth := w.Truth()
	reuse, gone := truth.Reused[0], truth.Gone[0]
	s := open(t, w, monthEnd(w))
	account := func(path string) (id string, status int) {
		var a struct{ ID string }
		resp := s.get(path, &a)
		return a.ID, resp.StatusCode
	}
	upper := "/api/v1/accounts/lookup?acct=" + strings.ToUpper(reuse.Handle) + "@chirp.example"
	if id, status := account(upper); id != reuse.OldID || status != 200 {
		t.Errorf("in the month the handle is %s (%d)", id, status)
	}
	if _, status := account("/api/v1/accounts/" + gone); status != 200 {
		t.Errorf("in the month a later gone account: %d", status)
	}
	if _, status := account("/api/v1/accounts/" + truth.Offending[0]); status != 404 {
		t.Errorf("in the month an account of the complaint: %d", status)
	}
	s.advance(w.File.Start)
	if id, status := account(upper); id != reuse.NewID || status != 200 {
		t.Errorf("at the start the handle is %s (%d)", id, status)
	}
	for _, p := range w.Posts {
		want := 200
		a := w.Accounts[slices.IndexFunc(w.Accounts, func(a story.Account) bool { return a.ID == p.AccountID })]
		if !a.GoneAt.IsZero() {
			want = 404
		}
		if resp := s.get("/api/v1/statuses/"+p.ID, nil); resp.StatusCode != want {
			t.Errorf("post of %s: %d, want %d", a.Handle, resp.StatusCode, want)
		}
		if len(p.Media) > 0 && want == 404 {
			if resp := s.get("/media/"+p.Media[0], nil); resp.StatusCode != 404 {
				t.Errorf("media of a gone account: %d", resp.StatusCode)
			}
		}
	}
	for _, path := range []string{"/api/v1/accounts/" + gone, "/api/v1/accounts/" + gone + "/statuses", "/api/v1/accounts/" + reuse.OldID,
		"/api/v1/accounts/0", "/api/v1/accounts/lookup?acct=nobody", "/api/v1/accounts/lookup?acct=" + reuse.Handle + "@elsewhere.example",
		"/api/v1/statuses/x", "/media/" + w.Reports[0].ID, "/nowhere"} {
		var e struct{ Error string }
		resp, err := s.http.Client().Get(s.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		json.NewDecoder(resp.Body).Decode(&e)
		resp.Body.Close()
		if resp.StatusCode != 404 || e.Error == "" {
			t.Errorf("%s: %d %q", path, resp.StatusCode, e.Error)
		}
	}
}

// TestPaging walks the public timeline down and up and finds each post once.
func TestPaging(t *testing.T) {
	w := smallStory(t)
	s := open(t, w, monthEnd(w))
	var want []string
	for _, p := range w.Posts {
		if !p.CreatedAt.After(monthEnd(w)) {
			want = append(want, p.ID)
		}
	}
	type page []struct{ ID string }
	walk := func(key, start string, limit, size int) (ids []string) {
		at := start
		for range 100 {
			var p page
			q := url.Values{"limit": {fmt.Sprint(limit)}}
			if at != "" {
				q.Set(key, at)
			}
			resp := s.get("/api/v1/timelines/public?"+q.Encode(), &p)
			if len(p) == 0 {
				return ids
			}
			if len(p) > size {
				t.Fatalf("limit %d gave %d", limit, len(p))
			}
			for i := range p {
				if i > 0 && p[i].ID >= p[i-1].ID {
					t.Error("a page is not newest first")
				}
			}
			first, last := p[0].ID, p[len(p)-1].ID
			links := resp.Header.Get("Link")
			if !strings.Contains(links, "max_id="+last+`>; rel="next"`) || !strings.Contains(links, "min_id="+first+`>; rel="prev"`) {
				t.Errorf("Link: %s", links)
			}
			at = last
			if key == "min_id" {
				slices.Reverse(p)
				at = first
			}
			for _, x := range p {
				ids = append(ids, x.ID)
			}
		}
		t.Error("the walk has no end")
		return nil
	}
	if got := walk("min_id", "0", 40, 40); !slices.Equal(got, want) {
		t.Errorf("upward %d posts, want %d", len(got), len(want))
	}
	down := walk("max_id", "", 100, 40)
	slices.Reverse(down)
	if !slices.Equal(down, want) {
		t.Errorf("downward %d posts, want %d", len(down), len(want))
	}
	if got := walk("max_id", want[5], 7, 7); len(got) != 5 {
		t.Errorf("%d below the sixth", len(got))
	}
}

// TestRefusals asks for what must not be done, and finds that nothing was.
func TestRefusals(t *testing.T) {
	w := smallStory(t)
	s := open(t, w, w.File.Start)
	live, gone := w.Truth().Offending[0], w.Truth().Gone[0]
	for _, c := range []struct {
		method, path, token, body string
		status                    int
	}{
		{"GET", "/api/v1/admin/accounts/" + live, "", "", 401},
		{"GET", "/api/v1/admin/accounts/" + live, "wrong", "", 401},
		{"GET", "/api/v1/admin/accounts/" + live, "a-member", "", 403},
		{"GET", "/api/v1/admin/accounts/" + gone, token, "", 404},
		{"GET", "/sandbox/acts", "", "", 401},
		{"POST", "/api/v1/admin/accounts/" + live + "/action", "", "type=suspend", 401},
		{"POST", "/api/v1/admin/accounts/" + live + "/action", "a-member", "type=suspend", 403},
		{"POST", "/api/v1/admin/accounts/" + live + "/action", token, "type=banish", 422},
		{"POST", "/api/v1/admin/accounts/" + live + "/action", token, "type=silence", 422},
		{"POST", "/api/v1/admin/accounts/" + live + "/action", token, "", 422},
		{"POST", "/api/v1/admin/accounts/" + gone + "/action", token, "type=suspend", 404},
		{"POST", "/api/v1/admin/accounts/77/action", token, "type=suspend", 404},
		{"POST", "/api/v1/admin/accounts/77/unsuspend", token, "", 404},
		{"POST", "/api/v1/reports", "", "account_id=" + live, 401},
		{"POST", "/api/v1/reports", "a-member", "account_id=" + gone, 404},
		{"POST", "/api/v1/reports", "a-member", "account_id=" + live + "&category=mood", 422},
		{"POST", "/api/v1/reports", "a-member", "account_id=" + live + "&status_ids[]=12", 404},
		{"POST", "/api/v1/reports", "a-member", "account_id=" + live + "&comment=" + strings.Repeat("k", 1001), 422},
	} {
		r, err := http.NewRequest(c.method, s.http.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := s.http.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var e struct{ Error string }
		json.NewDecoder(resp.Body).Decode(&e)
		resp.Body.Close()
		if resp.StatusCode != c.status || e.Error == "" {
			t.Errorf("%s %s %s as %q: %d %q, want %d", c.method, c.path, c.body, c.token, resp.StatusCode, e.Error, c.status)
		}
	}
	if n := len(s.entries(true)); len(s.Acts()) != 0 || n != 0 {
		t.Errorf("acts %v, %d reports", s.Acts(), n)
	}
}

func TestNoTokenOpensNothing(t *testing.T) {
	w := smallStory(t)
	s, err := New(Config{World: w, Clock: clock.Fixed(w.File.Start), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, header := range []string{"", "Bearer ", "Bearer"} {
		r := httptest.NewRequest("GET", "/sandbox/acts", nil)
		r.Header.Set("Authorization", header)
		rec := httptest.NewRecorder()
		if s.ServeHTTP(rec, r); rec.Code != 401 {
			t.Errorf("%q: %d", header, rec.Code)
		}
	}
}

func TestParagraph(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"a < b & \"c\"":  "<p>a &lt; b &amp; &#34;c&#34;</p>",
		"one\ntwo":       "<p>one<br />two</p>",
		"kite@okpay → x": "<p>kite@okpay → x</p>",
		"at https://chirp.example/join/ab?c=1&d=2.": `<p>at <a href="https://chirp.example/join/ab?c=1&amp;d=2" target="_blank" rel="nofollow noopener noreferrer">` +
			`<span class="invisible">https://</span><span class="">chirp.example/join/ab?c=1&amp;d=2</span><span class="invisible"></span></a>.</p>`,
	} {
		if got := paragraph(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
		if plain := platforms.Text(paragraph(in)); plain != in {
			t.Errorf("%q is read back as %q", in, plain)
		}
	}
}
