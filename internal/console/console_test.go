package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"raksha.example/raksha/internal/courier"
)

func readAll(r *http.Request) []byte {
	b, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	if err != nil {
		return nil // what was read so far is refused as it would be on the way
	}
	return b
}

// get reads a page.
func get(t *testing.T, b *http.Client, address string) (*http.Response, string) {
	t.Helper()
	resp, err := b.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// pages are all pages of a seeded node that a person reads.
func (s seeded) pages() []string {
	return []string{"/", "/tips", "/tips?state=received&source=cybertipline", fmt.Sprintf("/tips/%d", s.hostileTip), "/tips/1", "/queues", "/queues/0", "/queues/arrange", "/complaints", "/lists", "/lists/1", "/lists/try", "/lists/exchanges", "/matches", "/matches?state=unconfirmed",
		"/cases", fmt.Sprintf("/cases/%d", s.caseID), fmt.Sprintf("/cases/%d/clusters", s.caseID), "/documents", "/documents?state=draft", "/documents?state=failed", "/documents/1",
		fmt.Sprintf("/documents/%d", s.takedown), fmt.Sprintf("/documents/%d", s.draft), fmt.Sprintf("/documents/%d", s.refused), "/operations", "/statistics", "/statistics?as_of=2022-09-28", "/record", "/record?before=20", "/directory", "/law", "/law?at=2022-09-20&jurisdiction=in", "/law?at=2026-11-24&jurisdiction=us", "/law?at=2026-08-18&jurisdiction=eu"}
}

// secrets are words that only those who are signed in may read.
var secrets = []string{"unit.capital", "Cyber Crime Unit", "kite_one", "Asha Rao", "DCW", "Team 1"}

func TestPages(t *testing.T) {
	s := seed(t)
	home := s.unit.server.URL
	in, out := s.unit.signedIn(), s.unit.browser()
	for _, path := range s.pages() {
		t.Run(path, func(t *testing.T) {
			resp, body := get(t, in, home+path)
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("status %d: %s", resp.StatusCode, body)
			}
			checkHeaders(t, resp.Header)
			if n := strings.Count(body, "<h1>"); n != 1 {
				t.Errorf("%d headings of the first level", n)
			}
			examine(t, body)
			for _, clickable := range []string{"https://river.example", "https://chirp.example"} {
				if strings.Contains(withoutProof(body), clickable) {
					t.Errorf("%q is not defanged", clickable)
				}
			}
			if !strings.Contains(body, "Demonstration: the clock stands at 20 Sep 2022, 15:00 IST.") {
				t.Error("no banner says that the clock is simulated")
			}
			if !strings.Contains(body, "Asia/Kolkata (IST, UTC+05:30)") {
				t.Error("the time zone is not named")
			}

			resp, body = get(t, out, home+path)
			if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/sign-in") {
				t.Errorf("signed out: status %d to %q", resp.StatusCode, resp.Header.Get("Location"))
			}
			for _, secret := range secrets {
				if strings.Contains(body, secret) {
					t.Errorf("signed out, the page tells %q", secret)
				}
			}
		})
	}
}

// withoutProof takes the signed bytes out of a page: they are shown as text as they are.
func withoutProof(body string) string {
	return regexp.MustCompile(`(?s)<pre.*?</pre>`).ReplaceAllString(body, "")
}

func checkHeaders(t *testing.T, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		"Referrer-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8"} {
		if !strings.HasPrefix(h.Get(name), want) {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
	if csp := h.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("the policy is %q", csp)
	}
}

// examine checks a page element by element: closed in order, no id twice, nothing that runs, shows media or points outside.
func examine(t *testing.T, body string) {
	t.Helper()
	allowed := strings.Fields("html head meta title link body a p header div strong span form button nav main footer h1 h2 h3 section article ol ul li dl dt dd table thead tbody tr th td caption " +
		"time details summary pre code label select option input textarea datalist progress svg g path rect line polyline circle text desc")
	void := strings.Fields("meta link input")
	var open []string
	ids := map[string]bool{}
	for z := html.NewTokenizer(strings.NewReader(body)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("not closed: %v", open)
			}
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			if !slices.Contains(allowed, token.Data) {
				t.Errorf("the page has a <%s>", token.Data)
			}
			for _, a := range token.Attr {
				switch {
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("the id %q stands twice", a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
					t.Errorf("<%s> has %s", token.Data, a.Key)
				case (a.Key == "href" || a.Key == "action") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#"), strings.HasPrefix(a.Val, "//"), a.Key == "src":
					t.Errorf("<%s> points to %q", token.Data, a.Val)
				}
			}
			if kind == html.StartTagToken && !slices.Contains(void, token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			name := z.Token().Data
			if len(open) == 0 || open[len(open)-1] != name {
				t.Fatalf("</%s> closes %v", name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

func TestOrderPage(t *testing.T) {
	s := seed(t)
	b := s.unit.signedIn()
	page := func(id int64) string {
		resp, body := get(t, b, fmt.Sprintf("%s/documents/%d", s.unit.server.URL, id))
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("document %d: status %d", id, resp.StatusCode)
		}
		return body
	}
	f, err := courier.ByID(s.unit.ctx, s.unit.db.Reader(), s.takedown)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"answered": {page(s.takedown), []string{`<strong data-count="blocked">2</strong> blocked`, `<strong data-count="not_found">1</strong> not found`, `<strong data-count="verified_gone">1</strong>`,
			"carried out in part", "Answered in time, 1 day 7 hours before it was due.", `data-hours-allowed="36">36<`, "in.takedown_order version 1", "IT Rules 2021 r.3(1)(d)", "36 hours from receipt",
			"S: taken from a secondary source", "Dev Menon, DCP", "Asha Rao, Inspector", f.SHA256, f.JTI, "hxxps://chirp[.]example/@kite_one", "20 Sep 2022, 10:00", "FIR 1/2022, Cyber",
			"The addressee's signed acknowledgement", "Reasons", "yes, gone"}},
		"draft":   {page(s.draft), []string{"waits to be authorised", "The clock starts when the addressee receives the document.", "nobody yet", "not signed yet"}},
		"refused": {page(s.refused), []string{"refused by the addressee", "This node does not take a information request from unit.capital.", "instrument_not_allowed"}},
		"kept":    {page(1), []string{"To be kept until", "The data must be kept for 180 days from receipt.", "19 Mar 2023, 10:00"}},
	} {
		for _, want := range c.want {
			if !strings.Contains(c.body, want) {
				t.Errorf("%s: the page does not say %q", name, want)
			}
		}
	}

	// The holder sees the same order as one that waits, and later as overdue.
	holder := s.platform.signedIn()
	*s.now = s.now.Add(32 * time.Hour)
	_, body := get(t, holder, s.platform.server.URL+"/documents?state=overdue")
	if !strings.Contains(body, "OVERDUE: waits for our answer") || !strings.Contains(body, f.Number) {
		t.Errorf("the holder's list does not show the order as overdue")
	}
	_, body = get(t, holder, s.platform.server.URL+"/documents/2")
	for _, want := range []string{"OVERDUE by 1 hour.", `<strong data-count="pending">3</strong> waiting`, "from <strong>unit.capital</strong>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the holder's page does not say %q", want)
		}
	}
}

func TestFigures(t *testing.T) {
	s := seed(t)
	b := s.unit.signedIn()
	for path, want := range map[string][]string{
		fmt.Sprintf("/cases/%d", s.caseID): {`<strong data-count="accounts">5</strong>`, `<strong data-count="offending">3</strong>`, `<strong data-count="posts">5</strong>`,
			`<strong data-count="posts_analysed">4</strong>`, "CrPC s.154", "POCSO s.15(1)", "K: not verified", "Team 1", "Meeting with the platform"},
		fmt.Sprintf("/cases/%d/clusters", s.caseID): {`<strong data-count="leads">1</strong>`, "kiteshop@okbank", "payment handle", "The accounts belong together", "Dev Menon"},
		"/complaints":               {`<strong data-count="lines">7</strong>`, `<strong data-count="accounts">5</strong>`, `<strong data-count="duplicate_lines">1</strong>`, `<strong data-count="unreadable">1</strong>`},
		"/":                         {"matches wait for a person&#39;s decision", "was signed and goes out", "5 tips were taken into cases: ", "An FIR was registered", "tips wait for a decision"},
		"/matches":                  {"waits for a person&#39;s decision", "same file: needs no look", "distance 1 of 256"},
		"/statistics?as_of=2022-09": {},
		"/directory":                {"Chirp", "response", "DCP", "ORD/8"},
		"/record":                   {"raksha.example/record/"},
	} {
		resp, body := get(t, b, s.unit.server.URL+path)
		if path == "/statistics?as_of=2022-09" {
			if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Write the time as a day such as 2022-09-28") {
				t.Errorf("%s: status %d", path, resp.StatusCode)
			}
			continue
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s does not say %q", path, w)
			}
		}
	}
	_, body := get(t, s.platform.signedIn(), s.platform.server.URL+"/")
	for _, page := range []string{"/cases", "/tips", "/statistics"} {
		if strings.Contains(body, `href="`+page+`"`) {
			t.Errorf("a platform's navigation names %s", page)
		}
	}
	if !strings.Contains(body, `href="/lists"`) {
		t.Error("a platform's navigation does not name its lists")
	}
}

func TestErrors(t *testing.T) {
	s := seed(t)
	b := s.unit.signedIn()
	for path, want := range map[string]int{"/nowhere": 404, "/documents/999": 404, "/documents/kite": 404, "/cases/0": 404, "/tips/-1": 404, "/cases/77/clusters": 404, "/static/none.css": 404, "/documents?page=900": 200} {
		resp, body := get(t, b, s.unit.server.URL+path)
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
		if want == 404 && !strings.HasPrefix(path, "/static/") && !strings.Contains(body, "Back to the story") {
			t.Errorf("%s: the error is no page", path)
		}
	}
	resp, err := b.PostForm(s.unit.server.URL+"/documents", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("a form to a page that only reads: status %d", resp.StatusCode)
	}
}
