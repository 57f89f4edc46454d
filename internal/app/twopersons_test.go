package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// officer adds a person who may draft, authorise and decide matches, and signs them in twice.
func officer(t *testing.T, n *apptest.Node, name string) (sessions [2]string) {
	t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := n.People.Add(ctx, tx, identity.New{Username: name, Name: name, Password: password, Rank: "DIG", AuthorisationRef: "ORD/1",
			Roles: []identity.Role{identity.Investigator, identity.Authoriser, identity.Reviewer}})
		return err
	})
	for i := range sessions {
		token, _, err := n.People.SignIn(t.Context(), name, password, "", identity.Device{})
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = token
	}
	return sessions
}

// answers counts what came back of calls that are made at the same time.
func (d *door) answers(path, body string, tokens ...string) map[string]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[string]int{}
	for i, token := range tokens {
		all.Go(func() {
			status, answer, _ := d.call(http.MethodPost, path, body, bearer(token))
			var p struct {
				Code string `json:"code"`
			}
			json.Unmarshal([]byte(answer), &p)
			mu.Lock()
			defer mu.Unlock()
			out[fmt.Sprintf("%d %s", status, p.Code)]++
			_ = i
		})
	}
	all.Wait()
	return out
}

func times(n int, tokens ...string) (out []string) {
	for range n {
		out = append(out, tokens...)
	}
	return out
}

func TestTwoPersons(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := &door{t: t, n: n, client: http.DefaultClient}
		drafter, signer := officer(t, n, "drafter"), officer(t, n, "signer")
		draft := func() string {
			t.Helper()
			status, answer, _ := d.call(http.MethodPost, "/api/v1/notices", `{"audience":"platform","subject":"kite","text":"river"}`, bearer(drafter[0]))
			var f struct {
				ID int64 `json:"id"`
			}
			if err := json.Unmarshal([]byte(answer), &f); err != nil || status != http.StatusOK {
				t.Fatalf("draft: %d %s", status, answer)
			}
			return fmt.Sprintf("/api/v1/documents/%d/authorisation", f.ID)
		}
		sign := `{"password":"` + password + `"}`
		path := draft()
		if got := d.answers(path, sign, times(4, drafter[0], drafter[1])...); got["403 drafter_authorises"] != 8 {
			t.Errorf("the drafter in two sessions: %v", got)
		}
		// Everybody at once: the drafter never, the other officer once.
		if got := d.answers(path, sign, times(4, drafter[0], drafter[1], signer[0], signer[1])...); got["200 "] != 1 || got["403 drafter_authorises"] < 1 || got["200 "]+got["403 drafter_authorises"]+got["409 conflict"] != 16 {
			t.Errorf("drafter and signer at once: %v", got)
		}
		if by := n.Int("SELECT COUNT(*) FROM document WHERE authorised_by IS NOT NULL AND authorised_by = drafted_by"); by != 0 {
			t.Errorf("%d documents are authorised by their drafter", by)
		}
		if entries := n.Int("SELECT COUNT(*) FROM record_entry WHERE kind = 'document.authorised'"); entries != 1 {
			t.Errorf("authorised %d times", entries)
		}
		// The node's clock jumps: who drafted stays who drafted.
		path = draft()
		for _, jump := range []time.Duration{48 * time.Hour, -72 * time.Hour} {
			n.Clock.Pass(jump)
			if got := d.answers(path, sign, drafter[0], drafter[1]); got["403 drafter_authorises"] != 2 {
				t.Errorf("after %s: %v", jump, got)
			}
		}
		n.Clock.Pass(24 * time.Hour)

		// An opening: the same person in another session is no second person.
		account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": "basket", "url": "https://chirp.example/@basket", "state": "unseen", "first_seen_at": n.Clock.Now()})
		post := n.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "u", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now()})
		media := n.Insert("media", record.Fields{"post_id": post})
		list := n.Insert("hash_list", record.Fields{"name": "list", "holder": "unit", "own": 1, "created_at": n.Clock.Now()})
		match := n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "pdq", "value": strings.Repeat("a", 64), "state": "unconfirmed", "found_at": n.Clock.Now()})
		status, answer, _ := d.call(http.MethodPost, fmt.Sprintf("/api/v1/matches/%d/openings", match), `{"purpose":"to decide a match"}`, bearer(drafter[0]))
		var o struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal([]byte(answer), &o); err != nil || status != http.StatusOK {
			t.Fatalf("opening: %d %s", status, answer)
		}
		opening := fmt.Sprintf("/api/v1/openings/%d", o.ID)
		if got := d.answers(opening+"/approval", "{}", times(8, drafter[0], drafter[1])...); got["403 refused"] != 16 {
			t.Errorf("the asker consents: %v", got)
		}
		if got := d.answers(opening+"/look", "{}", signer[0], drafter[0]); got["403 forbidden"] != 1 || got["403 refused"] != 1 {
			t.Errorf("looking without consent: %v", got)
		}
		if got := d.answers(opening+"/approval", "{}", times(4, drafter[1], signer[0], signer[1])...); got["200 "] != 8 || got["403 refused"] != 4 {
			t.Errorf("consent: %v", got)
		}
		if by := n.Int("SELECT COUNT(*) FROM opening WHERE approved_by = requested_by"); by != 0 {
			t.Error("somebody consented to their own opening")
		}
		if got := d.answers(opening+"/look", "{}", signer[0], signer[1]); got["403 forbidden"] != 2 {
			t.Errorf("the second person looks: %v", got)
		}
		// An old proof opens nothing.
		if err := n.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE session SET proved_at = proved_at - 3600000000")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got := d.answers(opening+"/look", "{}", drafter[0]); got["403 step_up"] != 1 {
			t.Errorf("looking with an old proof: %v", got)
		}
	})
}

// lines is a log that several write to.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(b) }

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// TestLogsTellNothing sends secrets and texts to where they are refused or fail, and looks for them in what the node logs.
func TestLogsTellNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		written := &lines{}
		*n.Logger = *slog.New(slog.NewTextHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d := newDoor(t, n)
		secret := "kite-secret-of-the-test-0001"
		for _, c := range []struct{ path, body string }{
			{"/api/v1/session", `{"username":"` + secret + `","password":"` + secret + `"}`},
			{"/api/v1/session", `{"username":7,"password":"` + secret + `"}`},
			{"/api/v1/complaints", `{"reference":"` + secret + `","complainant":"x","csv":"` + secret + `"}`},
			{"/api/v1/complaints", `{"reference":["` + secret + `"]}`},
			{"/api/v1/tips/decisions", `{"tip_ids":[1],"state":"` + secret + `","reason":"` + secret + `"}`},
			{"/api/v1/session/passkey", `{"ceremony":"` + secret + `","response":{"id":"` + secret + `"}}`},
			{"/ispws/submit", "<report>" + secret + "</report>"},
			{"/sign-in", "username=" + secret + "&password=" + secret},
		} {
			for _, with := range []func(*http.Request){nil, bearer(d.tokens["lead"]), basic("feed", d.feed), bearer(secret), cookie(secret)} {
				_, answer, _ := d.call(http.MethodPost, c.path, c.body, with)
				if strings.HasPrefix(c.path, "/api/") && strings.Contains(answer, secret) && !strings.Contains(c.path, "decisions") && !strings.Contains(c.path, "complaints") {
					t.Errorf("%s gives back what was refused: %s", c.path, answer)
				}
			}
		}
		// Something fails inside while a text is on its way.
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "ALTER TABLE complaint RENAME TO away")
			return err
		})
		status, _, _ := d.call(http.MethodPost, "/api/v1/complaints", `{"reference":"`+secret+`","complainant":"`+secret+`","csv":"link\nhttps://chirp.example/@`+secret+`"}`, bearer(d.tokens["lead"]))
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ExecContext(ctx, "ALTER TABLE away RENAME TO complaint")
			return err
		})
		if status != http.StatusInternalServerError || !strings.Contains(written.String(), "request failed") {
			t.Errorf("the failure inside: status %d, logged %q", status, written)
		}
		for _, s := range []string{secret, password, d.feed, d.tokens["lead"], marker} {
			if strings.Contains(written.String(), s) {
				t.Errorf("the log holds %q", s)
			}
		}
	})
}
