package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
	"raksha.example/raksha/internal/story"
)

// TestConnector reads the world through the connector that the nodes use.
func TestConnector(t *testing.T) {
	w := smallStory(t)
	s := open(t, w, w.File.Start)
	m, ctx := s.connector(token), t.Context()
	id := w.Truth().Offending[0]
	want := w.Accounts[slices.IndexFunc(w.Accounts, func(a story.Account) bool { return a.ID == id })]

	a, err := m.Lookup(ctx, strings.ToUpper(want.Handle))
	if err != nil || a.ID != id || a.Bio != want.Bio || a.URL != "https://chirp.example/@"+want.Handle {
		t.Errorf("lookup: %+v %v", a, err)
	}
	byID := map[string]story.Post{}
	for _, p := range w.Posts {
		if p.AccountID == id {
			byID[p.ID] = p
		}
	}
	n := 0
	err = m.Posts(ctx, id, func(p platforms.Post) error {
		n++
		if q := byID[p.ID]; p.Text != q.Text || !p.CreatedAt.Equal(q.CreatedAt) || len(p.Media) != len(q.Media) {
			t.Errorf("post %+v, want %+v", p, q)
		}
		for i, media := range p.Media {
			b, err := m.MediaBytes(ctx, media, 20<<20)
			kind, bytes, _ := w.Media(byID[p.ID].Media[i])
			if err != nil || string(b) != string(bytes) || (media.Kind == platforms.Video) != (kind == "image/gif") {
				t.Errorf("media %+v: %d bytes, %v", media, len(b), err)
			}
		}
		return nil
	})
	if err != nil || n != len(byID) {
		t.Errorf("%d posts of %d: %v", n, len(byID), err)
	}
	n = 0
	if err := m.Backlog(ctx, "", func(platforms.Post) error { n++; return nil }); err != nil || n == 0 {
		t.Errorf("backlog: %d %v", n, err)
	}
	h, err := m.Holder(ctx, id)
	if err != nil || h.Email != want.Email || h.Phone != want.Phone || len(h.Logins) != len(want.Logins) {
		t.Errorf("holder: %+v %v", h, err)
	}
	last := want.Logins[len(want.Logins)-1]
	if l := h.Logins[0]; l.IP != last.IP || l.Port != last.Port || !l.At.Equal(last.At) || l.Event != last.Event {
		t.Errorf("last login %+v, want %+v", l, last)
	}

	for range 2 {
		if err := m.Suspend(ctx, id, "order 1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.Account(ctx, id); !errors.Is(err, fault.NotFound) {
		t.Errorf("a suspended account: %v", err)
	}
	if _, err := m.Lookup(ctx, want.Handle); !errors.Is(err, fault.NotFound) {
		t.Errorf("a suspended handle: %v", err)
	}
	for p := range byID {
		if _, err := m.Post(ctx, p); !errors.Is(err, fault.NotFound) {
			t.Errorf("a post of a suspended account: %v", err)
		}
	}
	if a, err := m.AdminAccount(ctx, id); err != nil || !a.Suspended {
		t.Errorf("the administrator's view of a suspended account: %+v %v", a, err)
	}
	if err := m.Restore(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Account(ctx, id); err != nil {
		t.Errorf("a restored account: %v", err)
	}
	var posts []string
	for p := range byID {
		posts = append(posts, p)
	}
	if _, err := s.connector("a-member").File(ctx, platforms.Report{AccountID: id, PostIDs: posts, Comment: "see letter"}); err != nil {
		t.Errorf("report: %v", err)
	}
	var done []string
	for _, act := range s.Acts() {
		done = append(done, fmt.Sprintf("%s %s %v", act.Act, act.AccountID, act.Changed))
	}
	if want := []string{"suspend " + id + " true", "suspend " + id + " false", "unsuspend " + id + " true"}; !slices.Equal(done, want) {
		t.Errorf("acts %v", done)
	}
}

// TestStream moves the clock and receives what it passes, and nothing that was there before.
func TestStream(t *testing.T) {
	w := smallStory(t)
	i := len(w.Posts) / 3
	s := open(t, w, w.Posts[i].CreatedAt)
	got, failed := make(chan platforms.Post), make(chan error, 1)
	go func() {
		failed <- s.connector("").Stream(t.Context(), func(p platforms.Post) error { got <- p; return nil })
	}()
	shown := func(p story.Post) bool { v := s.view(); return v.shown(v.posts[p.ID]) }
	next := func() platforms.Post {
		select {
		case p := <-got:
			return p
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(30 * time.Second):
			t.Fatal("nothing came")
		}
		return platforms.Post{}
	}
	// The stream starts where the clock stands when it opens: move until something arrives, then expect each post in turn.
	last := -1
	for j := i + 1; j < len(w.Posts)-1 && last < 0; j++ {
		s.advance(w.Posts[j].CreatedAt)
		select {
		case p := <-got:
			last = s.index.posts[p.ID]
		case <-time.After(300 * time.Millisecond):
		}
	}
	if last <= i {
		t.Fatalf("the first post of the stream is number %d, the clock stood at %d", last, i)
	}
	s.advance(w.Posts[len(w.Posts)-1].CreatedAt)
	for _, p := range w.Posts[last+1:] {
		if !shown(p) {
			continue
		}
		if q := next(); q.ID != p.ID || q.Text != p.Text {
			t.Fatalf("got post %s, want %s", q.ID, p.ID)
		}
	}
	s.Server.Close()
	if err := <-failed; !errors.Is(err, fault.Unavailable) {
		t.Errorf("after the server closed: %v", err)
	}
}
