package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/directory"
)

func alone(t *testing.T) *node {
	now := time.Date(2022, 9, 20, 4, 30, 0, 0, time.UTC)
	return newNode(t, &now, "unit.capital", "Cyber Crime Unit, Capital", directory.Unit)
}

func TestSignIn(t *testing.T) {
	n := alone(t)
	form := func(next, username, password string) *http.Response {
		resp, err := n.browser().PostForm(n.server.URL+"/sign-in", url.Values{"next": {next}, "username": {username}, "password": {password}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for name, c := range map[string]struct {
		next, username, password string
		status                   int
		location                 string
	}{
		"right":             {"/documents/3?x=1", "drafter", password, http.StatusSeeOther, "/documents/3?x=1"},
		"in another case":   {"", " Drafter ", password, http.StatusSeeOther, "/"},
		"wrong password":    {"", "drafter", "wrong", http.StatusUnauthorized, ""},
		"unknown":           {"", "nobody", password, http.StatusUnauthorized, ""},
		"a service":         {"", "feed", password + " of a service", http.StatusUnauthorized, ""},
		"elsewhere":         {"https://river.example/", "drafter", password, http.StatusSeeOther, "/"},
		"elsewhere, //":     {"//river.example/", "drafter", password, http.StatusSeeOther, "/"},
		"elsewhere, slash":  {`/\river.example/`, "drafter", password, http.StatusSeeOther, "/"},
		"elsewhere, script": {"javascript:kite", "drafter", password, http.StatusSeeOther, "/"},
	} {
		resp := form(c.next, c.username, c.password)
		if resp.StatusCode != c.status || resp.Header.Get("Location") != c.location {
			t.Errorf("%s: status %d to %q, want %d to %q", name, resp.StatusCode, resp.Header.Get("Location"), c.status, c.location)
		}
		if cookies := resp.Cookies(); c.status != http.StatusSeeOther && len(cookies) > 0 {
			t.Errorf("%s: a cookie was given", name)
		}
	}
	cookie := form("", "drafter", password).Cookies()[0]
	if cookie.Name != "raksha_session" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" {
		t.Errorf("the cookie is %v", cookie)
	}
}

func TestSignOut(t *testing.T) {
	n := alone(t)
	b := n.signedIn()
	home, err := url.Parse(n.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	token := b.Jar.Cookies(home)[0]
	if resp, _ := get(t, b, n.server.URL+"/"); resp.StatusCode != http.StatusOK {
		t.Fatalf("signed in: status %d", resp.StatusCode)
	}
	if resp, _ := get(t, b, n.server.URL+"/sign-out"); resp.StatusCode == http.StatusOK || len(b.Jar.Cookies(home)) == 0 {
		t.Errorf("a link signs out: status %d", resp.StatusCode)
	}
	resp, err := b.PostForm(n.server.URL+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	b.Jar.SetCookies(home, []*http.Cookie{token}) // somebody who kept the cookie
	if resp, _ := get(t, b, n.server.URL+"/"); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("the token is good after signing out: status %d", resp.StatusCode)
	}
}

func TestForeignForms(t *testing.T) {
	n := alone(t)
	for name, header := range map[string]http.Header{
		"site":   {"Sec-Fetch-Site": {"cross-site"}},
		"origin": {"Origin": {"https://river.example"}},
		"null":   {"Origin": {"null"}},
	} {
		for _, path := range []string{"/sign-in", "/sign-out"} {
			form := url.Values{"username": {"drafter"}, "password": {password}}
			req, err := http.NewRequest(http.MethodPost, n.server.URL+path, strings.NewReader(form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = header.Clone()
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := n.browser().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) > 0 {
				t.Errorf("%s to %s: status %d", name, path, resp.StatusCode)
			}
		}
	}
}

func TestTooLongForm(t *testing.T) {
	n := alone(t)
	resp, err := n.browser().PostForm(n.server.URL+"/sign-in", url.Values{"username": {strings.Repeat("k", 1<<20)}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("status %d", resp.StatusCode)
	}
}
