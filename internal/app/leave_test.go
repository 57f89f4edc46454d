package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// post calls the API, and fails the test where the status or the code of a refusal is another than wanted.
func (d *door) post(token, path, body string, status int, code string, out any) {
	d.t.Helper()
	got, answer, _ := d.call(http.MethodPost, "/api/v1"+path, body, bearer(token))
	var p struct {
		Code string `json:"code"`
	}
	json.Unmarshal([]byte(answer), &p)
	if got != status || p.Code != code && status != http.StatusOK {
		d.t.Fatalf("POST %s: %d %s, want %d %s", path, got, answer, status, code)
	}
	if out != nil && status == http.StatusOK {
		if err := json.Unmarshal([]byte(answer), out); err != nil {
			d.t.Fatalf("POST %s: %v in %s", path, err, answer)
		}
	}
}

func (d *door) id(username string) int64 {
	d.t.Helper()
	p, err := d.n.People.ByUsername(d.t.Context(), d.n.DB.Reader(), username)
	if err != nil {
		d.t.Fatal(err)
	}
	return p.ID
}

// match enters a perceptual match that waits for a decision.
func (d *door) match() int64 {
	n := d.n
	account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": "river", "url": "https://chirp.example/@river", "state": "unseen", "first_seen_at": n.Clock.Now()})
	post := n.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "u", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now()})
	media := n.Insert("media", record.Fields{"post_id": post})
	list := n.Insert("hash_list", record.Fields{"name": "list", "holder": "unit", "own": 1, "created_at": n.Clock.Now()})
	return n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "pdq", "value": strings.Repeat("a", 64), "state": "unconfirmed", "found_at": n.Clock.Now()})
}

// Whoever leaves hands over what waits for them: drafts, openings and cases; a draft's new drafter signs no more than the old
// one, and consent that was given to one person is not another's.
func TestLeaving(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		leaver, heir, second := officer(t, n, "leaver")[0], officer(t, n, "heir")[0], officer(t, n, "second")[0]
		lead := d.tokens["lead"]
		notice := func(token string) (id int64) {
			var f struct {
				ID int64 `json:"id"`
			}
			d.post(token, "/notices", `{"audience":"platform","subject":"kite","text":"river"}`, http.StatusOK, "", &f)
			return f.ID
		}
		sign := `{"password":"` + password + `"}`
		authorisation := func(id int64) string { return fmt.Sprintf("/documents/%d/authorisation", id) }
		signed, open := notice(leaver), notice(leaver)
		d.post(second, authorisation(signed), sign, http.StatusOK, "", nil)
		var o struct {
			ID int64 `json:"id"`
		}
		d.post(leaver, fmt.Sprintf("/matches/%d/openings", d.match()), `{"purpose":"to decide a match"}`, http.StatusOK, "", &o)
		opening := fmt.Sprintf("/openings/%d", o.ID)
		d.post(second, opening+"/approval", `{}`, http.StatusOK, "", nil)
		c := n.Insert("case_file", record.Fields{"title": "Basket", "class": "media", "state": "open", "offence_at": n.Clock.Now(), "opened_at": n.Clock.Now()})
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			p, err := n.People.ByUsername(ctx, tx, "leaver")
			if err != nil {
				return err
			}
			return n.People.Found(ctx, tx, c, p)
		})

		disabling := fmt.Sprintf("/people/%d/disabling", d.id("leaver"))
		for _, c := range []struct {
			what  string
			roles []identity.Role
			says  string
		}{
			{"reviewers", []identity.Role{identity.Reviewer}, "draft"}, // may take the opening and the case
			{"drafters", []identity.Role{identity.Intake}, "opening"},  // may take the draft and the case
		} {
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.People.Add(ctx, tx, identity.New{Username: c.what, Name: c.what, Password: password, Roles: c.roles})
				return err
			})
			status, answer, _ := d.call(http.MethodPost, "/api/v1"+disabling, `{"successor":"`+c.what+`","reason":"moved"}`, bearer(lead))
			if status != http.StatusConflict || !strings.Contains(answer, c.says) {
				t.Errorf("to %s: %d %s", c.what, status, answer)
			}
		}
		if left := n.Int("SELECT COUNT(*) FROM person WHERE username = 'leaver' AND disabled_at > 0") + n.Int("SELECT COUNT(*) FROM record_entry WHERE kind LIKE '%.handed_over'"); left != 0 {
			t.Error("a refused disabling did something")
		}

		var left identity.Left
		d.post(lead, disabling, `{"successor":"heir","reason":"moved"}`, http.StatusOK, "", &left)
		if left.Handed["draft"] != 1 || left.Handed["opening"] != 1 || left.Handed["case"] != 1 || left.Sessions != 2 {
			t.Errorf("handed over: %+v", left)
		}
		if status, _, _ := d.call(http.MethodGet, "/api/v1/session", "", bearer(leaver)); status != http.StatusUnauthorized {
			t.Errorf("the leaver is still signed in: %d", status)
		}
		// The draft is the heir's, who cannot sign it; what was signed stays the leaver's.
		if by := n.Int("SELECT drafted_by FROM document WHERE id = $1", signed); by != d.id("leaver") {
			t.Errorf("the signed document is drafted by %d", by)
		}
		d.post(heir, authorisation(open), sign, http.StatusForbidden, "drafter_authorises", nil)
		d.post(second, authorisation(open), sign, http.StatusOK, "", nil)
		// The opening is the heir's, and needs consent again.
		d.post(heir, opening+"/look", `{}`, http.StatusForbidden, "refused", nil)
		d.post(heir, opening+"/approval", `{}`, http.StatusForbidden, "refused", nil)
		d.post(second, opening+"/look", `{}`, http.StatusForbidden, "forbidden", nil)
		d.post(second, opening+"/approval", `{}`, http.StatusOK, "", nil)
		if n.Int("SELECT COUNT(*) FROM opening WHERE requested_by = $1 AND approved_by = $2", d.id("heir"), d.id("second")) != 1 {
			t.Error("the opening is not the heir's with the second person's consent")
		}

		// Whoever must go at once goes without a successor; the draft stays, and any other officer may sign it.
		last := notice(heir)
		d.post(lead, fmt.Sprintf("/people/%d/disabling", d.id("heir")), `{"reason":"suspended"}`, http.StatusConflict, "conflict", nil) // leads the case alone
		d.post(second, authorisation(notice(d.tokens["lead"])), sign, http.StatusOK, "", nil)
		d.post(lead, fmt.Sprintf("/people/%d/disabling", d.id("heir")), `{"successor":"second","reason":"suspended"}`, http.StatusOK, "", &left)
		if left.Handed["draft"] != 1 || left.Handed["opening"] != 1 {
			t.Errorf("handed over: %+v", left)
		}
		if n.Int("SELECT COUNT(*) FROM opening WHERE requested_by = approved_by") != 0 {
			t.Error("the second person agreed to their own opening")
		}
		d.post(second, authorisation(last), sign, http.StatusForbidden, "drafter_authorises", nil)
		third := officer(t, n, "third")[0]
		gone := notice(third)
		d.post(lead, fmt.Sprintf("/people/%d/disabling", d.id("third")), `{"reason":"suspended"}`, http.StatusOK, "", &left)
		if left.Handed["draft"] != 0 {
			t.Errorf("handed over to nobody: %+v", left)
		}
		d.post(second, authorisation(gone), sign, http.StatusOK, "", nil)
	})
}
