package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/lists/ncmec"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

// holder is a node that is set up, with its administrator signed in.
type holder struct {
	*testing.T
	*app.Node
	dir, dsn, token string
	closed          bool
}

const password = "a long basket of kites"

func newHolder(t *testing.T, dsn, agency, clockFile string) *holder {
	t.Helper()
	now, err := clock.OpenFile(clockFile)
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{T: t, dir: t.TempDir(), dsn: dsn}
	h.Node = matchNode(t, dsn, func(c *app.Config) { c.Dir, c.Clock = h.dir, now })
	h.call("POST", "/api/v1/setup", map[string]string{"code": h.SetupCode, "agency": agency, "name": agency, "url": h.URL, "jurisdiction": "in", "username": "head",
		"password": password, "person_name": "Head"}, nil)
	var session struct{ Token string }
	h.call("POST", "/api/v1/session", map[string]string{"username": "head", "password": password}, &session)
	h.token = session.Token
	return h
}

// try calls the API and gives the status and the body.
func (h *holder) try(method, path string, body any) (int, []byte) {
	h.Helper()
	var in io.Reader
	if text, is := body.(string); is {
		in = strings.NewReader(text)
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, h.URL+path, in)
	if err != nil {
		h.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.Fatal(err)
	}
	return resp.StatusCode, b
}

func (h *holder) call(method, path string, body, out any) {
	h.Helper()
	status, b := h.try(method, path, body)
	if status >= 300 {
		h.Fatalf("%s %s: %d %s", method, path, status, b)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			h.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
}

// service makes a credential for a service and gives its password.
func (h *holder) service(kind, name string) string {
	h.Helper()
	var made struct{ Password string }
	h.call("POST", "/api/v1/credentials", map[string]string{"kind": kind, "name": name}, &made)
	return made.Password
}

// banks gives the banks that a hash is on.
func (h *holder) banks(kind, value string) string {
	h.Helper()
	status, b := h.try("GET", "/m/lookup?signal="+value+"&signal_type="+kind, nil)
	if status != http.StatusOK {
		h.Fatalf("%d %s", status, b)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		h.Fatal(err)
	}
	var names []string
	for name := range out {
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// verify ends the node and proves its record.
func (h *holder) verify() {
	h.Helper()
	if err := h.Close(context.Background()); err != nil {
		h.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(h.dir, "record.pub"))
	if err != nil {
		h.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		h.Fatal(err)
	}
	db, err := store.Open(context.Background(), h.dsn)
	if err != nil {
		h.Fatal(err)
	}
	defer db.Close()
	r, err := record.Verify(context.Background(), db.Reader(), app.Tables(), verifier)
	if err != nil || !r.Verified {
		h.Errorf("the record does not verify: %v %v", err, r.Problems)
	}
}

// TestTwoNodesShareAList: B takes A's list, A deletes an entry and B stops matching it, B votes one down and A sees who and why.
func TestTwoNodesShareAList(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		clockFile := filepath.Join(t.TempDir(), "clock")
		now := matchTime
		forward := func() {
			now = now.Add(time.Minute)
			if err := clock.Advance(clockFile, now); err != nil {
				t.Fatal(err)
			}
		}
		forward()
		a, b := newHolder(t, fresh(), "alpha.example", clockFile), newHolder(t, fresh(), "beta.example", clockFile)
		var list, other, entry struct{ ID int64 }
		a.call("POST", "/api/v1/lists", map[string]string{"name": "kites"}, &list)
		a.call("POST", "/api/v1/lists", map[string]string{"name": "secret"}, &other)
		pdq, md5 := strings.Repeat("a5", 32), strings.Repeat("0b", 16)
		a.call("POST", "/c/bank/KITES/signal", map[string]string{"pdq": pdq}, &entry)
		a.call("POST", "/c/bank/KITES/signal", map[string]string{"video_md5": md5}, nil)
		a.call("POST", "/c/bank/SECRET/signal", map[string]string{"video_md5": strings.Repeat("0c", 16)}, nil)
		var many []map[string]string
		for i := range 2500 {
			many = append(many, map[string]string{"kind": "sha1", "value": fmt.Sprintf("%040x", i+1), "label": "A1"})
		}
		a.call("POST", fmt.Sprintf("/api/v1/lists/%d/entries", list.ID), map[string]any{"entries": many}, nil)
		secret := map[string]string{"user": "beta", "password": a.service("exchange", "beta")}
		var e struct {
			ID     int64 `json:"id"`
			ListID int64 `json:"list_id"`
		}
		b.call("POST", "/api/v1/exchanges", map[string]any{"name": "KITES", "kind": "ncmec", "address": a.URL + "/hashsharing", "holder": "alpha.example", "credentials": secret}, &e)
		type state struct {
			Items    int64  `json:"items"`
			UpToDate bool   `json:"up_to_date"`
			Failure  string `json:"failure"`
		}
		sync := func() (s state) {
			t.Helper()
			forward()
			b.call("POST", fmt.Sprintf("/api/v1/exchanges/%d/sync", e.ID), nil, &s)
			return s
		}
		if s := sync(); s != (state{0, true, ""}) {
			t.Errorf("nothing is offered, but %+v", s)
		}
		// Offered later than it was made: all of it is new to others.
		a.call("POST", fmt.Sprintf("/api/v1/lists/%d/offer", list.ID), map[string]bool{"offered": true}, nil)
		if s := sync(); s != (state{2502, true, ""}) {
			t.Errorf("%+v", s)
		}
		for kind, value := range map[string]string{"pdq": pdq, "video_md5": md5} {
			if got := b.banks(kind, value); got != "KITES" {
				t.Errorf("%s is on %q", kind, got)
			}
		}
		if got := b.banks("video_md5", strings.Repeat("0c", 16)); got != "" {
			t.Error("a list that is not offered came too")
		}

		a.call("DELETE", fmt.Sprintf("/c/bank/KITES/content/%d", entry.ID), nil, nil)
		if b.banks("pdq", pdq) == "" {
			t.Error("gone before it was fetched")
		}
		if s := sync(); s.Items != 2501 || b.banks("pdq", pdq) != "" || b.banks("video_md5", md5) != "KITES" {
			t.Errorf("a deleted entry still matches: %+v", s)
		}

		var reasons []ncmec.Reason
		b.call("GET", fmt.Sprintf("/api/v1/exchanges/%d/reasons?kind=md5", e.ID), nil, &reasons)
		var found map[string][]struct {
			ID int64 `json:"bank_content_id"`
		}
		b.call("GET", "/m/lookup?signal="+md5+"&signal_type=video_md5", nil, &found)
		b.call("POST", fmt.Sprintf("/api/v1/exchanges/%d/votes", e.ID), map[string]any{"content": found["KITES"][0].ID, "kind": "md5", "vote": "negative", "reasons": []string{reasons[2].GUID}}, nil)
		var votes []struct {
			State   string `json:"state"`
			Failure string `json:"failure"`
		}
		for range 600 {
			b.call("GET", fmt.Sprintf("/api/v1/exchanges/%d/votes", e.ID), nil, &votes)
			if votes[0].State != "waiting" {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		if votes[0].State != "sent" {
			t.Fatalf("the vote: %+v", votes)
		}
		var feedback []struct {
			Member, Kind, Vote string
			Content            int64
			Reasons            []string
		}
		a.call("GET", fmt.Sprintf("/api/v1/lists/%d/feedback", list.ID), nil, &feedback)
		if len(feedback) != 1 || feedback[0].Member != "beta" || feedback[0].Vote != "negative" || feedback[0].Kind != "md5" || feedback[0].Content != entry.ID+1 ||
			len(feedback[0].Reasons) != 1 || feedback[0].Reasons[0] != reasons[2].Name {
			t.Errorf("A sees %+v", feedback)
		}

		// What B received is not B's to give.
		if status, text := b.try("POST", fmt.Sprintf("/api/v1/lists/%d/offer", e.ListID), map[string]bool{"offered": true}); status != http.StatusForbidden {
			t.Errorf("offered on: %d %s", status, text)
		}
		if status, text := b.try("GET", fmt.Sprintf("/api/v1/lists/%d/export?format=vics", e.ListID), nil); status != http.StatusForbidden {
			t.Errorf("exported: %d %s", status, text)
		}
		if got := exchange(t, b.URL, "GET /c/exchange/KITES/status"); !strings.Contains(got, `"fetched_items":2501,"last_fetch_complete_ts":17723558`) || !strings.Contains(got, `"up_to_date":true`) {
			t.Error(got)
		}

		a.call("POST", fmt.Sprintf("/api/v1/lists/%d/offer", list.ID), map[string]bool{"offered": false}, nil)
		if s := sync(); s.Items != 0 || b.banks("video_md5", md5) != "" {
			t.Errorf("taken back, but %+v", s)
		}
		a.verify()
		if s := sync(); !strings.Contains(s.Failure, "cannot be reached") {
			t.Errorf("A is gone, but %+v", s)
		}
		b.verify()
	})
}

// TestHashSharingServer asks what the two nodes above do not.
func TestHashSharingServer(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		clockFile := filepath.Join(t.TempDir(), "clock")
		if err := clock.Advance(clockFile, matchTime); err != nil {
			t.Fatal(err)
		}
		a := newHolder(t, fresh(), "alpha.example", clockFile)
		var list, other struct{ ID int64 }
		a.call("POST", "/api/v1/lists", map[string]string{"name": "kites"}, &list)
		a.call("POST", "/api/v1/lists", map[string]string{"name": "rivers"}, &other)
		a.call("POST", "/c/bank/KITES/signal", map[string]string{"pdq": strings.Repeat("a5", 32), "video_md5": strings.Repeat("0b", 16)}, nil)
		a.call("POST", "/c/bank/RIVERS/signal", map[string]string{"video_md5": strings.Repeat("0c", 16)}, nil)
		for _, v := range []int64{list.ID, other.ID} {
			a.call("POST", fmt.Sprintf("/api/v1/lists/%d/offer", v), map[string]bool{"offered": true}, nil)
		}
		passwords := map[string]string{"beta": a.service("exchange", "beta"), "gamma": a.service("reporter", "gamma"), "head": password}
		if err := clock.Advance(clockFile, matchTime.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		ask := func(user, method, path, body string) string {
			t.Helper()
			req, err := http.NewRequest(method, a.URL+"/hashsharing"+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if user != "" {
				req.SetBasicAuth(user, passwords[user])
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(b)))
		}
		const head, ns = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, ` xmlns="https://hashsharing.ncmec.org/hashsharing/v2"`
		all := "?from=1970-01-01T00:00:00Z&to=2026-03-01T09:30:00Z"
		kite := `<image><member id="1">alpha.example</member><timestamp>2026-03-01T09:00:00Z</timestamp><id>1</id><fingerprints><pdq>` + strings.Repeat("a5", 32) + `</pdq><md5>` + strings.Repeat("0b", 16) + `</md5></fingerprints></image>`
		river := `<video><member id="1">alpha.example</member><timestamp>2026-03-01T09:00:00Z</timestamp><id>3</id><fingerprints><md5>` + strings.Repeat("0c", 16) + `</md5></fingerprints></video>`
		vote := `<feedbackSubmission` + ns + `><affirmative/></feedbackSubmission>`
		for _, c := range []struct{ user, method, path, body, want string }{
			{"", "GET", "/v2/status", "", "401 sign in with a service credential"},
			{"head", "GET", "/v2/status", "", "401 sign in with a service credential"},
			{"gamma", "GET", "/v2/entries" + all, "", "401 sign in with a service credential"},
			{"beta", "GET", "/v2/status", "", "200 " + head + "<status" + ns + `><ipAddress>127.0.0.1</ipAddress><username>beta</username><member id="2">beta</member></status>`},
			{"beta", "GET", "/v2/members", "", "200 " + head + "<members" + ns + `><member id="1">alpha.example</member></members>`},
			{"beta", "GET", "/v2/entries" + all, "", "200 " + head + "<queryResult" + ns + `><images count="1" maxTimestamp="2026-03-01T09:00:00Z">` + kite + `</images><videos count="1" maxTimestamp="2026-03-01T09:00:00Z">` + river + "</videos></queryResult>"},
			{"beta", "GET", "/RIVERS/v2/entries" + all, "", "200 " + head + "<queryResult" + ns + `><images count="0"/><videos count="1" maxTimestamp="2026-03-01T09:00:00Z">` + river + "</videos></queryResult>"},
			{"beta", "GET", "/OTHER/v2/entries" + all, "", "404 no such list is offered here"},
			// (from, to]: the second of the beginning does not belong to it, that of the end does.
			{"beta", "GET", "/v2/entries?from=2026-03-01T09:00:00Z&to=2026-03-01T09:30:00Z", "", "200 " + head + "<queryResult" + ns + `><images count="0"/><videos count="0"/></queryResult>`},
			{"beta", "GET", "/KITES/v2/entries?from=2026-03-01T08:59:59Z&to=2026-03-01T09:00:00Z", "", "200 " + head + "<queryResult" + ns + `><images count="1" maxTimestamp="2026-03-01T09:00:00Z">` + kite + `</images><videos count="0"/></queryResult>`},
			{"beta", "GET", "/v2/entries" + all + "&size=1", "", "200 " + head + "<queryResult" + ns + `><images count="1" maxTimestamp="2026-03-01T09:00:00Z">` + kite + `</images><videos count="0"/><paging><next>/v2/entries?from=1970-01-01T00:00:00Z&amp;to=2026-03-01T09:30:00Z&amp;start=2&amp;size=1&amp;max=3&amp;after=1.1772355600000000.1.1</next></paging></queryResult>`},
			{"beta", "GET", "/v2/entries" + all + "&start=2&size=1", "", "400 follow the path of the next page as it is given; its parameters cannot be made up"},
			{"beta", "GET", "/v2/entries" + all + "&after=1.2", "", `400 "1.2" is no place in this range`},
			{"beta", "GET", "/v2/entries", "", "400"},
			{"beta", "GET", "/v2/entries?from=2026-03-01T09:00:00Z&to=2026-03-01T08:00:00Z", "", "400 the range ends before it begins"},
			{"beta", "GET", "/v2/entries?from=2026-03-01T09:00:00Z&to=2026-03-02T09:00:00Z", "", "400 the range ends in the future: it is 2026-03-01T10:00:00Z here"},
			{"beta", "GET", "/v2/feedback/COLOUR/reasons", "", `404 there is no type "COLOUR"`},
			{"beta", "PUT", "/v2/entries/1/1/PDQ/feedback", vote, "200 " + head + "<submissionResult" + ns + "></submissionResult>"},
			{"beta", "PUT", "/KITES/v2/entries/1/1/MD5/feedback", vote, "200 " + head + "<submissionResult" + ns + "></submissionResult>"},
			{"beta", "PUT", "/RIVERS/v2/entries/1/1/PDQ/feedback", vote, "404 there is no entry 1"},
			{"beta", "PUT", "/v2/entries/1/1/SHA1/feedback", vote, "404 entry 1 has no such hash"},
			{"beta", "PUT", "/v2/entries/2/1/PDQ/feedback", vote, "404 there is no such entry"},
			{"beta", "PUT", "/v2/entries/1/77/PDQ/feedback", vote, "404 there is no entry 77"},
			{"beta", "PUT", "/v2/entries/1/1/PDQ/feedback", `<feedbackSubmission><negative><reasonIds><guid>kite</guid></reasonIds></negative></feedbackSubmission>`, `400 there is no reason "kite"`},
			{"beta", "PUT", "/v2/entries/1/1/PDQ/feedback", "<kite/>", "400"},
			{"", "PUT", "/v2/entries/1/1/PDQ/feedback", vote, "401"},
		} {
			if got := ask(c.user, c.method, c.path, c.body); got != c.want && !(len(c.want) == 3 && strings.HasPrefix(got, c.want)) {
				t.Errorf("%s %s as %q\ngot  %s\nwant %s", c.method, c.path, c.user, got, c.want)
			}
		}
		// Files in and out.
		var rep struct {
			Added, Unread int
			SetAside      []struct{ Place, Reason string } `json:"set_aside"`
		}
		a.call("POST", fmt.Sprintf("/api/v1/lists/%d/import?format=icse", list.ID), "MD5;SHA1;PhotoDNA;Image ID\n"+strings.Repeat("0d", 16)+";;;1\nx;;;2\n", &rep)
		if rep.Added != 1 || rep.Unread != 1 || len(rep.SetAside) != 1 || rep.SetAside[0].Place != "line 3" {
			t.Errorf("%+v", rep)
		}
		if status, out := a.try("GET", fmt.Sprintf("/api/v1/lists/%d/export", list.ID), nil); status != 200 || !strings.Contains(string(out), "md5 "+strings.Repeat("0d", 16)+"\n") {
			t.Errorf("%d %s", status, out)
		}
		a.token = ""
		if status, _ := a.try("GET", fmt.Sprintf("/api/v1/lists/%d/export", list.ID), nil); status != http.StatusUnauthorized {
			t.Errorf("an export without signing in: %d", status)
		}
		a.verify()
	})
}
