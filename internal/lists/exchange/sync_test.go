package exchange

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// wants compares an exchange's list with what should be on it, each entry once.
func (b *bench) wants(e Exchange, want map[string]bool) {
	b.Helper()
	got := b.md5s(e.ListID)
	for v, n := range got {
		if !want[v] || n != 1 {
			b.Errorf("%s is on the list %d times", v, n)
		}
	}
	for v := range want {
		if got[v] == 0 {
			b.Errorf("%s is lost", v)
		}
	}
}

func wanted(posts []post) map[string]bool {
	out := map[string]bool{}
	for _, p := range posts {
		if p.md5 != "" && !p.gone {
			out[p.md5] = true
		}
	}
	return out
}

func TestFollowsTheOtherParty(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(1050)
		u.posts[5].raw = `<video><member id="42"/><timestamp>2026-02-28T08:00:00Z</timestamp><id>e5</id><fingerprints><md5>no hash</md5></fingerprints></video>`
		u.posts[6].raw = `<video><member id="none"/><id>e6</id></video>`
		want := wanted(u.posts)
		delete(want, md5Of(5))
		delete(want, md5Of(6))
		e := b.exchange(u.make(), credentials)
		s := b.sync(e)
		b.wants(e, want)
		if s.Items != 1048 || s.Added != 1048 || s.Open != 2 || s.ReachedAt != store.Micros(start.Add(-5*time.Second)) {
			b.Errorf("%+v", s)
		}
		for _, a := range b.asides(e) {
			if a.Reason == "" || a.Sample == "" || a.Again {
				b.Errorf("set aside: %+v", a)
			}
		}
		list, err := lists.ByID(b.ctx, b.db.Reader(), e.ListID)
		if err != nil || list.Own || list.Holder != "kite.example" || list.Scheme != "NCMEC" {
			b.Errorf("%+v, %v", list, err)
		}
		if hits := b.lists.Find(lists.Query{Exact: []lists.Hash{{Kind: lists.MD5, Value: md5Of(0)}}}); len(hits) != 1 || hits[0].Label != "A1" {
			b.Errorf("%+v", hits)
		}

		// Nothing new: one question, no change.
		asked := len(u.asked)
		b.clock.forward(time.Minute)
		if s := b.sync(e); s.Items != 1048 || len(u.asked) != asked+1 {
			b.Errorf("%d questions, %+v", len(u.asked)-asked, s)
		}

		// One goes, one changes, one comes, one comes and goes, and what was switched off here stays off though it changes there.
		hit := b.lists.Find(lists.Query{Exact: []lists.Hash{{Kind: lists.MD5, Value: md5Of(3)}}})[0]
		b.write(func(tx *store.Tx) error { return b.lists.Disable(b.ctx, tx, e.ListID, hit.Content, time.Time{}) })
		now := b.clock.Now().Unix()
		u.set(func() {
			u.posts = append(u.posts,
				post{member: 42, id: "e1", at: now, gone: true},
				post{member: 42, id: "e2", at: now, md5: md5Of(9002), class: "B1"},
				post{member: 42, id: "e3", at: now, md5: md5Of(9003), class: "A1"},
				post{member: 43, id: "e1", at: now, md5: md5Of(9004), class: "A1"},
				post{member: 42, id: "x", at: now, md5: md5Of(9005)},
				post{member: 42, id: "x", at: now + 1, gone: true})
		})
		for _, n := range []int{1, 2, 3} {
			delete(want, md5Of(n))
		}
		want[md5Of(9002)], want[md5Of(9003)], want[md5Of(9004)] = true, true, true
		b.clock.forward(time.Minute)
		s = b.sync(e)
		b.wants(e, want)
		if s.Replaced != 2 || s.Removed != 1 || s.Items != int64(len(want)) {
			b.Errorf("%+v, want %d", s, len(want))
		}
		if b.matches(md5Of(1)) != 0 || b.matches(md5Of(9002)) != 1 || b.matches(md5Of(9003)) != 0 {
			b.Error("what matches does not follow")
		}
		b.verify()
	})
}

// TestHostileServer poisons one entry in every way and wants everything else, a report, and the poisoned entry once it is sound again.
func TestHostileServer(t *testing.T) {
	const poison = "e77"
	endless := strings.Repeat("<x>kite</x>", 1000)
	for name, bad := range map[string]func(w http.ResponseWriter, r *http.Request, part []post) bool{
		"cut": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			text := answer(part, "")
			io.WriteString(w, text[:strings.Index(text, "<id>"+poison)])
			return true
		},
		"noise": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			io.WriteString(w, strings.Replace(answer(part, ""), "<id>"+poison, "<id>\x00\xff<<"+poison, 1))
			return true
		},
		"loop": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			q := r.URL.Query()
			io.WriteString(w, answer(part, fmt.Sprintf("<paging><next>/v2/entries?from=%s&amp;to=%s&amp;start=1&amp;size=100&amp;max=1000</next></paging>", q.Get("from"), q.Get("to"))))
			return true
		},
		"elsewhere": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			io.WriteString(w, answer(part, "<paging><next>http://10.0.0.1/v2/entries?start=1</next></paging>"))
			return true
		},
		"endless": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			io.WriteString(w, "<queryResult>")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, endless); err != nil {
					break
				}
			}
			return true
		},
		"error": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			w.WriteHeader(http.StatusInternalServerError)
			return true
		},
		"broken off": func(w http.ResponseWriter, r *http.Request, part []post) bool {
			w.Header().Set("Content-Length", "100000")
			io.WriteString(w, "<queryResult>")
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(b *bench) {
				u := newUpstream(b)
				u.posts = many(450)
				poisoned := false
				u.bad = func(w http.ResponseWriter, r *http.Request, part []post) bool {
					poisoned = poisoned || has(part, poison)
					return has(part, poison) && bad(w, r, part)
				}
				m := u.make()
				m.Settings.Since = start.Unix() - 200_000
				e := b.exchange(m, credentials)
				s := b.sync(e)
				got, want := b.md5s(e.ListID), wanted(u.posts)
				delete(got, md5Of(77)) // it may be there: what stood before a break is taken
				delete(want, md5Of(77))
				if len(got) != len(want) || !poisoned {
					b.Errorf("%d entries, want %d", len(got), len(want))
				}
				for v, n := range got {
					if !want[v] || n != 1 {
						b.Errorf("%s is there %d times", v, n)
					}
				}
				open := b.asides(e)
				if len(open) != 1 || !open[0].Again || open[0].State != "open" || !strings.Contains(open[0].Place, "2026-") || s.Open != 1 {
					b.Fatalf("set aside: %+v", open)
				}
				// Sound again: after a while it is asked for again, and comes.
				u.set(func() { u.bad = nil })
				b.clock.forward(time.Hour)
				b.sync(e)
				if open := b.asides(e); open[0].State != "open" {
					b.Error("it was asked for again at once")
				}
				b.clock.forward(7 * time.Hour)
				s = b.sync(e)
				if s.Open != 0 || b.matches(md5Of(77)) != 1 {
					b.Errorf("it did not come: %+v", s)
				}
				b.wants(e, wanted(u.posts))
				b.verify()
			})
		})
	}
}

// TestServerDown fails, says so, keeps where it stood, and goes on when the server is back.
func TestServerDown(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(450)
		e := b.exchange(u.make(), credentials)
		pages := 0
		u.bad = func(w http.ResponseWriter, r *http.Request, part []post) bool {
			if pages++; pages == 3 {
				u.set(func() {
					u.down = func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
				})
				w.WriteHeader(http.StatusInternalServerError)
				return true
			}
			return false
		}
		s, err := b.x.Sync(b.ctx, e.ID, 0)
		if fault.Of(err) != fault.Unavailable || s.LastOK || s.Failure == "" || s.Items != 200 || s.Open != 0 {
			b.Fatalf("%+v, %v", s, err)
		}
		for what, down := range map[string]http.HandlerFunc{
			"status 503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			"not sent there": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://10.0.0.1/v2/entries", http.StatusFound)
			},
			"refuses the credentials": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) },
		} {
			u.set(func() { u.down = down })
			if s, err := b.x.Sync(b.ctx, e.ID, 0); err == nil || !strings.Contains(s.Failure, what) || s.Items != 200 {
				b.Errorf("%s: %+v, %v", what, s, err)
			}
		}
		u.set(func() { u.down, u.bad, u.asked = nil, nil, nil })
		s = b.sync(e)
		if s.Items != 450 || !strings.Contains(u.asked[0], "start=201") {
			b.Errorf("it went on at %s: %+v", u.asked[0], s)
		}
		b.wants(e, wanted(u.posts))
		b.verify()
	})
}

func TestSlowServer(t *testing.T) {
	each(t, func(b *bench) {
		b.x.Limits.Timeout = 500 * time.Millisecond
		u := newUpstream(b)
		for i := range 8 {
			u.posts = append(u.posts, post{member: 1, id: fmt.Sprint("e", i), md5: md5Of(i), at: start.Unix() - 20 + int64(i)})
		}
		u.bad = func(w http.ResponseWriter, r *http.Request, part []post) bool {
			if has(part, "e3") {
				<-r.Context().Done()
			}
			return has(part, "e3")
		}
		m := u.make()
		m.Settings.Since = start.Unix() - 21
		e := b.exchange(m, credentials)
		if s := b.sync(e); s.Items != 7 || s.Open != 1 || b.matches(md5Of(3)) != 0 {
			b.Errorf("%+v", s)
		}
	})
}

// TestTooMuchAtOnce asks for smaller ranges when the first page says that a range is too large.
func TestTooMuchAtOnce(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(450)
		large := 0
		u.bad = func(w http.ResponseWriter, r *http.Request, part []post) bool {
			q := r.URL.Query()
			from, _ := time.Parse(time.RFC3339, q.Get("from"))
			to, _ := time.Parse(time.RFC3339, q.Get("to"))
			if to.Sub(from) <= 30*time.Hour || len(part) == 0 {
				return false
			}
			large++
			io.WriteString(w, answer(part, fmt.Sprintf("<paging><next>/v2/entries?from=%s&amp;to=%s&amp;start=1001&amp;size=1000&amp;max=900000</next></paging>", q.Get("from"), q.Get("to"))))
			return true
		}
		e := b.exchange(u.make(), credentials)
		if s := b.sync(e); large == 0 || s.Items != 450 || s.Open != 0 {
			b.Errorf("%d large, %+v", large, s)
		}
		b.wants(e, wanted(u.posts))
	})
}

func TestManyInOneSecond(t *testing.T) {
	each(t, func(b *bench) {
		u := newUpstream(b)
		u.posts = many(350)
		for i := range u.posts {
			u.posts[i].at = start.Unix() - 60
		}
		e := b.exchange(u.make(), credentials)
		if s := b.sync(e); s.Items != 350 {
			b.Errorf("%+v", s)
		}
		// Only some members.
		m := u.make()
		m.Name, m.Holder, m.Settings.Only = "ONLY", "other.example", []int64{43}
		u.posts[0].member = 43
		if s := b.sync(b.exchange(m, credentials)); s.Items != 1 {
			b.Errorf("%+v", s)
		}
	})
}
