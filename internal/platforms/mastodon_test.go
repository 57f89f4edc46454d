package platforms_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/platforms"
)

func TestPublicView(t *testing.T) {
	s := serve(t, 95)
	m, ctx := s.connect(""), t.Context()

	a, err := m.Lookup(ctx, " @Kite_River ")
	if err != nil {
		t.Fatal(err)
	}
	want := platforms.Account{Host: "chirp.example", ID: "9001", Handle: "kite_river", URL: "https://chirp.example/@Kite_River",
		DisplayName: "Kite", Bio: "Only\nkites\nAlso: https://chirp.example/join/abc", CreatedAt: instant("2021-03-04T05:06:07Z")}
	if a != want {
		t.Errorf("account %+v", a)
	}
	if b, err := m.Account(ctx, "9001"); err != nil || b != want {
		t.Errorf("by id: %+v, %v", b, err)
	}
	if got := a.Locator().String(); got != "https://chirp.example/@kite_river" {
		t.Error("locator", got)
	}

	p, err := m.Post(ctx, "1")
	if err != nil {
		t.Fatal(err)
	}
	wantPost := platforms.Post{Host: "chirp.example", ID: "1", URL: "https://chirp.example/@Kite_River/1", AccountID: "9001", Handle: "kite_river",
		CreatedAt: instant("2022-09-01T10:00:00.123Z"), Text: "kites\nbasket 1\nred\nblue", Language: "hi", Media: []platforms.Media{
			{ID: "71", Kind: platforms.Image, URL: s.URL + "/media/71.png"}, {ID: "72", Kind: platforms.Video, URL: "/media/72.mp4"},
			{ID: "74", Kind: platforms.Video, URL: "https://river.example/74.mp4"}}}
	if !reflect.DeepEqual(p, wantPost) {
		t.Errorf("post %+v", p)
	}
	if got := p.Locator().String(); got != "https://chirp.example/@kite_river/1" {
		t.Error("locator", got)
	}
	for i, name := range []string{"71.png", "72.mp4"} {
		if b, err := m.MediaBytes(ctx, p.Media[i], 100); err != nil || string(b) != "pattern /media/"+name {
			t.Errorf("media %s: %q, %v", name, b, err)
		}
	}
	if _, err := m.MediaBytes(ctx, p.Media[0], 5); !errors.Is(err, fault.TooLarge) {
		t.Error("media over the limit:", err)
	}
}

func TestPagingInBothDirections(t *testing.T) {
	for _, posts := range []int{0, 1, 39, 40, 41, 80, 95} {
		s := serve(t, posts)
		m := s.connect(token)
		var down, up []string
		if err := m.Posts(t.Context(), "9001", func(p platforms.Post) error { down = append(down, p.ID); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := m.Backlog(t.Context(), "", func(p platforms.Post) error { up = append(up, p.ID); return nil }); err != nil {
			t.Fatal(err)
		}
		if len(down) != s.own() || len(up) != s.own() {
			t.Errorf("%d posts: %d own; %d downwards, %d upwards", posts, s.own(), len(down), len(up))
			continue
		}
		for i := range up {
			if up[i] != down[len(down)-1-i] {
				t.Fatalf("%d posts: orders differ at %d: %v and %v", posts, i, up, down)
			}
		}
	}
}

func TestBacklogResumesAndStops(t *testing.T) {
	s := serve(t, 95)
	m := s.connect("")
	stop := errors.New("enough")
	var last string
	err := m.Backlog(t.Context(), "50", func(p platforms.Post) error {
		last = p.ID
		if p.ID == "91" {
			return stop
		}
		return nil
	})
	if err != stop || last != "91" {
		t.Fatalf("stopped at %s with %v", last, err)
	}
	var rest []string
	if err := m.Backlog(t.Context(), last, func(p platforms.Post) error { rest = append(rest, p.ID); return nil }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(rest) != "[92 95]" {
		t.Error("rest", rest)
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	s := serve(t, 1)
	m := s.connect("")
	for id, want := range map[string]fault.Kind{"404": fault.NotFound, "401": fault.Forbidden, "422": fault.Invalid, "500": fault.Unavailable,
		"429": fault.Unavailable, "html": fault.Unavailable, "": fault.Invalid, "../x": fault.Invalid, "..": fault.Invalid} {
		if _, err := m.Post(t.Context(), id); fault.Of(err) != want {
			t.Errorf("post %q: %v, of kind %s, want %s", id, err, fault.Of(err), want)
		}
	}
	if _, err := m.Lookup(t.Context(), "nobody"); !errors.Is(err, fault.NotFound) {
		t.Error("unknown handle:", err)
	}
	if _, err := m.Account(t.Context(), "9002"); !errors.Is(err, fault.NotFound) || fault.Code(err) != "suspended" {
		t.Error("the shell of a suspended account:", err)
	}
	for name, err := range map[string]error{"without a token": m.Suspend(t.Context(), "9001", ""), "with a wrong token": s.connect("x").Suspend(t.Context(), "9001", "")} {
		if !errors.Is(err, fault.Forbidden) {
			t.Errorf("suspended %s: %v", name, err)
		}
	}
	s.Close()
	if _, err := m.Post(t.Context(), "1"); !errors.Is(err, fault.Unavailable) {
		t.Error("no server:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Post(ctx, "1"); !errors.Is(err, context.Canceled) {
		t.Error("cancelled:", err)
	}
}

func TestAdministration(t *testing.T) {
	s := serve(t, 3)
	m, ctx := s.connect(token), t.Context()
	if err := m.Suspend(ctx, "9001", "order 7/2022"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lookup(ctx, "kite_river"); !errors.Is(err, fault.NotFound) {
		t.Error("a suspended account is still shown:", err)
	}
	if a, err := m.AdminAccount(ctx, "9001"); err != nil || !a.Suspended || a.Handle != "kite_river" {
		t.Errorf("administrators see %+v, %v", a, err)
	}
	h, err := m.Holder(ctx, "9001")
	want := platforms.Holder{Email: "kite@river.example", Phone: "+919800000001", CreatedAt: instant("2021-03-04T05:06:07Z"), Logins: []platforms.Login{
		{At: instant("2022-08-31T20:00:00Z"), IP: "49.36.1.2", Event: platforms.SignIn},
		{At: instant("2021-03-04T05:06:07Z"), IP: "49.36.1.3", Port: 50123, Event: platforms.Registration}}}
	if err != nil || !reflect.DeepEqual(h, want) {
		t.Errorf("holder %+v, %v", h, err)
	}
	if err := m.Restore(ctx, "9001"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lookup(ctx, "kite_river"); err != nil {
		t.Error("a restored account is not shown:", err)
	}
	id, err := m.File(ctx, platforms.Report{AccountID: "9001", PostIDs: []string{"1", "2"}, Comment: "see order 7/2022"})
	if err != nil || id != "48914" {
		t.Errorf("report %q, %v", id, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.forms[0]; f.Get("type") != "suspend" || f.Get("text") != "order 7/2022" || f.Get("send_email_notification") != "false" {
		t.Error("suspension:", f)
	}
	if f := s.forms[2]; f.Get("category") != "legal" || fmt.Sprint(f["status_ids[]"]) != "[1 2]" || f.Get("comment") != "see order 7/2022" {
		t.Error("report:", f)
	}
	for _, header := range s.auth {
		if header != "" {
			t.Error("the token went out with a look at the public view")
		}
	}
}

func TestStream(t *testing.T) {
	s := serve(t, 9)
	event := func(name string, id int) string {
		return fmt.Sprintf("event: %s\ndata: {\"id\":\"%d\",\ndata: \"content\":\"<p>kite</p>\",\"visibility\":\"public\",\"created_at\":\"2022-09-01T10:00:00.000Z\"}\n\n", name, id)
	}
	s.stream = ":)\n\n" + event("update", 1) + ":thump\n" + "event: delete\ndata: 1\n\n" +
		strings.ReplaceAll(event("status.update", 2), "\n", "\r\n") + event("update", 3)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []string
	err := s.connect("").Stream(ctx, func(p platforms.Post) error {
		got = append(got, p.ID+p.Text)
		if len(got) == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || fmt.Sprint(got) != "[1kite 2kite 3kite]" {
		t.Errorf("got %v, %v", got, err)
	}
	for name, c := range map[string]struct {
		stream string
		want   fault.Kind
	}{
		"ends": {"", fault.Unavailable}, "long line": {"data: " + strings.Repeat("k", 2<<20), fault.TooLarge},
		"long event": {strings.Repeat("data: "+strings.Repeat("k", 500<<10)+"\n", 4), fault.TooLarge}, "no JSON": {"event: update\ndata: kite\n\n", fault.Unavailable},
	} {
		s.stream = c.stream
		if err := s.connect("").Stream(t.Context(), func(platforms.Post) error { return nil }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
