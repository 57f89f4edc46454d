package app_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/proof"
)

// visitor is somebody at the public form.
type visitor struct {
	t   *testing.T
	url string
}

func (v visitor) do(method, path, kind, body string) (int, string, http.Header) {
	v.t.Helper()
	req, err := http.NewRequest(method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func (v visitor) post(path string, f url.Values) (int, string) {
	v.t.Helper()
	status, body, _ := v.do(http.MethodPost, path, "application/x-www-form-urlencoded", f.Encode())
	return status, body
}

func (v visitor) found(shape, in string) string {
	v.t.Helper()
	m := regexp.MustCompile(shape).FindStringSubmatch(in)
	if m == nil {
		v.t.Fatalf("no %s in %s", shape, in)
	}
	return m[1]
}

func TestPublicForm(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		v := visitor{t, n.URL}
		status, page, header := v.do(http.MethodGet, "/report?lang=en", "", "")
		if csp := header.Get("Content-Security-Policy"); status != http.StatusOK || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") || header.Get("Set-Cookie") != "" {
			t.Errorf("status %d, policy %q, cookie %q", status, csp, header.Get("Set-Cookie"))
		}
		for _, must := range []string{"112", "1098", `lang="en"`, "/report?lang=hi"} {
			if !strings.Contains(page, must) {
				t.Errorf("the form does not show %q", must)
			}
		}
		if _, hindi, _ := v.do(http.MethodGet, "/report?lang=hi", "", ""); !strings.Contains(hindi, `<html lang="hi">`) || !strings.Contains(hindi, "has not been reviewed") || !strings.Contains(hindi, "चाइल्ड हेल्पलाइन") {
			t.Error("the Hindi form is not in Hindi, or does not say that nobody reviewed it")
		}

		challenge := v.found(`name="challenge" value="([^"]+)"`, page)
		form := url.Values{"challenge": {challenge}, "answer": {proof.Solve(challenge)}, "addresses": {"https://x.com/kite_river\r\n\r\nkite <b>"}, "class": {"media"}, "what": {"seen by the river"}, "danger": {"1"}}
		status, receipt := v.post("/report?lang=en", form)
		if status != http.StatusOK || !strings.Contains(receipt, "hxxps://x[.]com/kite_river") || strings.Contains(receipt, "kite <b>") {
			t.Fatalf("status %d: %s", status, receipt)
		}
		number, code := v.found(`data-receipt="number">([^<]+)<`, receipt), v.found(`data-receipt="code">([^<]+)<`, receipt)
		if tips := n.Int("SELECT COUNT(*) FROM tip WHERE source = 'form' AND danger_at > 0"); tips != 2 {
			t.Errorf("%d tips", tips)
		}

		// The same proof again, a wrong one, and one for another challenge: nothing is entered, and what was written stays.
		for answer, says := range map[string]string{form.Get("answer"): "sent before", "kite": "did not fit"} {
			form.Set("answer", answer)
			if answer == "kite" {
				form.Set("challenge", v.found(`name="challenge" value="([^"]+)"`, second(v)))
			}
			if status, body := v.post("/report?lang=en", form); status != http.StatusForbidden || !strings.Contains(body, says) || !strings.Contains(body, "seen by the river") {
				t.Errorf("answer %q: status %d", answer, status)
			}
			form.Set("challenge", challenge)
		}
		// Without a proof, or with the trap filled in, it waits for a person.
		for _, held := range []url.Values{{"class": {"media"}, "what": {"no script"}}, {"class": {"media"}, "what": {"a program"}, "homepage": {"https://river.example"}}} {
			if status, body := v.post("/report?lang=en", held); status != http.StatusOK || !strings.Contains(body, "waits for a person") {
				t.Errorf("%v: status %d", held, status)
			}
		}
		if held, tips := n.Int("SELECT COUNT(*) FROM form_report WHERE state = 'held'"), n.Int("SELECT COUNT(*) FROM tip"); held != 2 || tips != 2 {
			t.Errorf("%d held, %d tips", held, tips)
		}

		ok, state := v.post("/report/status?lang=en", url.Values{"number": {number}, "code": {code}})
		if ok != http.StatusOK || !strings.Contains(state, "waits for a trained person") || strings.Contains(state, "kite") {
			t.Errorf("state %d: %s", ok, state)
		}
		s1, unknown := v.post("/report/status?lang=en", url.Values{"number": {"R-0000-0000"}, "code": {code}})
		s2, wrong := v.post("/report/status?lang=en", url.Values{"number": {number}, "code": {"0000-0000-0000-0000"}})
		if s1 != s2 || unknown != wrong || s1 != http.StatusNotFound {
			t.Errorf("an unknown number (%d) and a wrong code (%d) are told apart", s1, s2)
		}

		if status, body, _ := v.do(http.MethodPost, "/report/preview", "text/plain", "insta: kite.river\nby the river\n"); status != http.StatusOK ||
			body != `[{"typed":"insta: kite.river","address":"hxxps://instagram[.]com/kite.river","platform":"Instagram"},{"typed":"by the river"}]`+"\n" {
			t.Errorf("preview %d %s", status, body)
		}
	})
}

// second gives a form of its own.
func second(v visitor) string {
	v.t.Helper()
	_, page, _ := v.do(http.MethodGet, "/report?lang=en", "", "")
	return page
}

func TestPublicFormRefuses(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		v := visitor{t, n.URL}
		const form = "application/x-www-form-urlencoded"
		for name, c := range map[string]struct {
			kind, body string
			status     int
		}{
			"huge field":       {form, "class=media&what=" + strings.Repeat("k", 70<<10), http.StatusRequestEntityTooLarge},
			"long field":       {form, "class=media&what=" + strings.Repeat("k", 5001), http.StatusRequestEntityTooLarge},
			"many fields":      {form, strings.Repeat("a=b&", 500) + "class=media&what=kite", http.StatusUnprocessableEntity},
			"another encoding": {form, "class=media&what=caf%E9", http.StatusUnprocessableEntity},
			"a zero byte":      {form, "class=media&what=a%00b", http.StatusUnprocessableEntity},
			"a file":           {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"what\"\r\n\r\nkite\r\n--x--\r\n", http.StatusUnprocessableEntity},
			"JSON":             {"application/json", `{"class":"media"}`, http.StatusUnprocessableEntity},
			"nothing":          {form, "", http.StatusUnprocessableEntity},
			"no class":         {form, "what=kite", http.StatusUnprocessableEntity},
			"many addresses":   {form, "class=media&addresses=" + url.QueryEscape(strings.Join(strings.Split("abcdefghijklmnopqrstuvwxyz", ""), "\n")), http.StatusRequestEntityTooLarge},
		} {
			status, _, _ := v.do(http.MethodPost, "/report?lang=en", c.kind, c.body)
			if status != c.status {
				t.Errorf("%s: status %d, want %d", name, status, c.status)
			}
		}
		if kept := n.Int("SELECT COUNT(*) FROM form_report"); kept != 0 {
			t.Errorf("%d forms were kept", kept)
		}
	})
}
