package paper_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/paper"
	"raksha.example/raksha/internal/store"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// notice drafts a notice and signs it.
func notice(t *testing.T, n *apptest.Node, r orders.Request) courier.Filed {
	t.Helper()
	drafter, _ := n.People.ByUsername(context.Background(), n.DB.Reader(), "drafter")
	if drafter.ID == 0 {
		drafter, _ = n.Officer("drafter", "Inspector")
	}
	signer, err := n.People.ByUsername(context.Background(), n.DB.Reader(), "signer")
	var key courier.Key
	if err != nil {
		signer, key = n.Officer("signer", "DIG")
	} else {
		private, err := n.People.Key(context.Background(), signer, "a long test password")
		if err != nil {
			t.Fatal(err)
		}
		key = courier.Key{KID: signer.KID, Private: private}
	}
	r.Instrument, r.Audience = courier.Notice, "chirp"
	var f courier.Filed
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		if f, err = n.Orders.Draft(ctx, tx, r, drafter.ID); err != nil {
			return err
		}
		f, err = n.Orders.Authorise(ctx, tx, f.ID, signer, &key)
		return err
	})
	return f
}

func text(s string) orders.Content {
	return orders.Content{LegalBasis: "POCSO s.15; CrPC s.91", Text: s, Language: paper.Hindi}
}

// ask sends the public form and gives the answer's standing and status.
func ask(t *testing.T, n *apptest.Node, number, code string) (standing string, status int, size int) {
	t.Helper()
	resp, err := http.PostForm(n.URL+"/verify", url.Values{"number": {number}, "code": {code}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`data-standing="([a-z]+)"`).FindSubmatch(b)
	if m != nil {
		standing = string(m[1])
	}
	plain := strings.NewReplacer(number, "", code, "").Replace(string(b))
	return standing, resp.StatusCode, len(plain)
}

var codeShape = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}`)

func TestCheck(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		f := notice(t, n, orders.Request{Subject: "Kites", Content: text("A notice of the river")})
		if _, status, _ := ask(t, n, f.Number, "x"); status != http.StatusNotFound {
			t.Errorf("the page answers though it is off: %d", status)
		}
		print := func(id int64) string {
			p, err := n.Papers.Print(t.Context(), id, "")
			if err != nil {
				t.Fatal(err)
			}
			return words(t, p.PDF)
		}
		before := print(f.ID)
		code := codeShape.FindString(before)
		if code == "" || strings.Contains(before, "/verify") || !strings.Contains(before, "नोटिस") || !strings.Contains(before, "CrPC s.91: Summons to produce document or other thing") || !strings.Contains(before, f.SHA256) {
			t.Errorf("the paper reads\n%s", before)
		}
		set := func(s paper.Stationery) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Papers.Set(ctx, tx, s) })
		}
		if err := set(paper.Stationery{Address: []string{"7 River Road"}, PublicCheck: true}); err != nil {
			t.Fatal(err)
		}
		if after := print(f.ID); !strings.Contains(after, "7 River Road") || !strings.Contains(after, n.URL+"/verify") || !strings.Contains(after, code) {
			t.Errorf("after the settings the paper reads\n%s", after)
		}
		later := notice(t, n, orders.Request{Subject: "Kites", Content: text("Another notice")})
		draft := notice(t, n, orders.Request{Subject: "Kites", Content: text("Baskets")})
		laterCode := codeShape.FindString(print(later.ID))
		cases := []struct{ name, number, code, want string }{
			{"as printed", f.Number, code, "genuine"},
			{"as people type", " " + strings.ToLower(f.Number), strings.ReplaceAll(strings.ToLower(code), "-", " "), "genuine"},
			{"O and I for 0 and 1", f.Number, strings.NewReplacer("0", "O", "1", "I").Replace(code), "genuine"},
			{"a wrong code", f.Number, "AAAA-AAAA-AAAA", "unknown"},
			{"another paper's code", f.Number, laterCode, "unknown"},
			{"an unknown number", "UNIT/N/2022/9999", code, "unknown"},
			{"no code", f.Number, "", "unknown"},
			{"a short code", f.Number, code[:9], "unknown"},
			{"a long code", f.Number, code + "A", "unknown"},
			{"a pattern", "UNIT/N/2022/%", code, "unknown"},
			{"a quote", "' OR 1=1 --", code, "unknown"},
			{"nothing", "", "", "unknown"},
			{"very long", strings.Repeat("A", 5000), strings.Repeat("B", 5000), "unknown"},
		}
		size := -1
		for _, c := range cases {
			got, status, length := ask(t, n, c.number, c.code)
			if got != c.want || status != http.StatusOK {
				t.Errorf("%s: %q with status %d, not %q", c.name, got, status, c.want)
			}
			if c.name == "a wrong code" || c.name == "an unknown number" {
				if size >= 0 && size != length {
					t.Error("the answers to a wrong code and to an unknown number differ")
				}
				size = length
			}
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { // a version that takes its place, once it is signed
			return n.Log.Update(ctx, tx, "document", "document.versioned", time.Time{}, draft.ID, map[string]any{"supersedes_id": later.ID})
		})
		if got, _, _ := ask(t, n, later.Number, laterCode); got != "superseded" {
			t.Errorf("a document with a later version is %q", got)
		}
		for name, s := range map[string]paper.Stationery{"many lines": {Address: strings.Split(strings.Repeat("x ", 9)+"x", " ")}, "an empty line": {Address: []string{" "}}, "a logo that is none": {Logo: []byte("kite")}} {
			if err := set(s); fault.Of(err) != fault.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		logo, err := base64.StdEncoding.DecodeString(onePixel)
		if err != nil {
			t.Fatal(err)
		}
		if err := set(paper.Stationery{Logo: logo}); err != nil {
			t.Fatal(err)
		}
		p, err := n.Papers.Print(t.Context(), f.ID, paper.English)
		if err != nil {
			t.Fatal(err)
		}
		if said := poppler(t, p.PDF, "pdfimages", "-list"); !strings.Contains(said, "rgb") {
			t.Errorf("the logo is not in the paper: %s", said)
		}
		if _, err := n.Papers.Print(t.Context(), f.ID, "fr"); fault.Of(err) != fault.Invalid {
			t.Errorf("in French: %v", err)
		}
		if _, status, _ := ask(t, n, f.Number, code); status != http.StatusNotFound {
			t.Errorf("the page answers though it was switched off: %d", status)
		}
	})
}

// onePixel is a PNG of one red pixel: 8 bits, RGB.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

// TestRead gets a paper as people do, and looks whether the read was logged.
func TestRead(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		f := notice(t, n, orders.Request{Subject: "Kites", Content: text("A notice of the river")})
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.People.Add(ctx, tx, identity.New{Username: "reader", Name: "Rea", Password: "a long test password", Roles: []identity.Role{identity.Investigator}})
			return err
		})
		token, _, err := n.People.SignIn(t.Context(), "reader", "a long test password", "", identity.Device{})
		if err != nil {
			t.Fatal(err)
		}
		get := func(purpose string) (int, http.Header, []byte) {
			req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/documents/%d/pdf?language=en", n.URL, f.ID), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Purpose", purpose)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp.StatusCode, resp.Header, b
		}
		if status, _, _ := get(""); status == http.StatusOK {
			t.Error("a paper was given without a purpose")
		}
		reads := n.Int("SELECT COUNT(*) FROM access_read WHERE object = 'document'")
		status, header, b := get("to file it")
		if status != http.StatusOK || header.Get("Content-Type") != "application/pdf" || !strings.Contains(header.Get("Content-Disposition"), "-en.pdf") || !strings.Contains(words(t, b), "A notice of the river") {
			t.Errorf("status %d, %v", status, header)
		}
		if got := n.Int("SELECT COUNT(*) FROM access_read WHERE object = 'document'"); got != reads+1 {
			t.Errorf("%d reads were logged, not 1", got-reads)
		}
	})
}

func TestLimit(t *testing.T) {
	now := time.Unix(0, 0)
	l := paper.NewLimit(func() time.Time { return now })
	let := func(address string, n int) (ok int) {
		for range n {
			if l.Allow(address) {
				ok++
			}
		}
		return ok
	}
	if got := let("192.0.2.1", 50); got != 20 {
		t.Errorf("one address asked %d times at once", got)
	}
	if got := let("2001:db8::1", 15) + let("2001:db8::2", 15); got != 20 {
		t.Errorf("one IPv6 network asked %d times at once", got)
	}
	now = now.Add(time.Minute)
	if got := let("192.0.2.1", 50); got != 10 {
		t.Errorf("after a minute one address asked %d times", got)
	}
	now = now.Add(time.Hour)
	all := 0
	for i := range 100 {
		all += let(fmt.Sprintf("198.51.100.%d", i), 20)
	}
	if all != 200 {
		t.Errorf("all together asked %d times at once", all)
	}
}
