package app_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
)

// provider is a real OpenID Connect provider on this machine, with the accounts that its library brings.
func provider(t *testing.T) (issuer string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer = "http://localhost:" + server.Listener.Addr().String()[strings.LastIndex(server.Listener.Addr().String(), ":")+1:]
	server.Config.Handler = exampleop.SetupServer(issuer, storage.NewStorage(storage.NewUserStore(issuer)), nil, false, op.WithAllowInsecure())
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

// outside is a browser that keeps cookies and follows redirects.
type outside struct {
	t      *testing.T
	client *http.Client
}

func newOutside(t *testing.T) *outside {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &outside{t, &http.Client{Jar: jar}}
}

func (o *outside) get(address string) (*http.Response, string) {
	o.t.Helper()
	resp, err := o.client.Get(address)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.read(resp)
}

func (o *outside) read(resp *http.Response) (*http.Response, string) {
	o.t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return resp, string(b)
}

func TestExternalSignIn(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		issuer := provider(t)
		dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secret, []byte("kite-and-river\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := app.Start(context.Background(), app.Config{Dir: dir, DSN: fresh(), Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Unit}, Jurisdiction: "in", Clock: clock.System{},
			AllowLoopback: true, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler), OIDC: app.OIDC{Issuer: issuer, ClientID: "raksha", SecretFile: secret}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close(context.Background()) })
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(n.URL, "http://"))
		base := "http://localhost:" + port
		if err := n.Rooms.Self.SetUp(directory.Profile{Agency: "unit", Name: "Unit", URL: base, Jurisdiction: "in"}); err != nil {
			t.Fatal(err)
		}
		var asha identity.Person
		if err := n.Rooms.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			asha, err = n.Rooms.People.Add(ctx, tx, identity.New{Username: "asha", Name: "Asha Rao", Password: password, Roles: []identity.Role{identity.Investigator}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		storage.RegisterClients(storage.WebClient("raksha", "kite-and-river", base+"/sign-in/external/back"))

		// through goes from the console to the provider, gives an account's password there, and comes back.
		through := func(o *outside) (*http.Response, string) {
			resp, page := o.get(base + "/sign-in/external?next=/account")
			if resp.Request.URL.Host != strings.TrimPrefix(issuer, "http://") {
				t.Fatalf("the console leads to %s: %d %s", resp.Request.URL, resp.StatusCode, page)
			}
			answer, err := o.client.PostForm(issuer+"/login/username", url.Values{"id": {resp.Request.URL.Query().Get("authRequestID")}, "username": {"test-user@localhost"}, "password": {"verysecure"}})
			if err != nil {
				t.Fatal(err)
			}
			return o.read(answer)
		}
		resp, page := through(newOutside(t))
		if resp.StatusCode != http.StatusUnauthorized || !strings.Contains(page, "subject, id1") {
			t.Fatalf("an account that is not linked: %d %s", resp.StatusCode, page)
		}
		if err := n.Rooms.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return n.Rooms.People.Link(ctx, tx, asha.ID, issuer, "id1")
		}); err != nil {
			t.Fatal(err)
		}
		o := newOutside(t)
		resp, page = through(o)
		if resp.StatusCode != http.StatusOK || !strings.Contains(page, "You are signed in") || !strings.Contains(page, "url=/account") {
			t.Fatalf("a linked account: %d %s", resp.StatusCode, page)
		}
		if resp, page := o.get(base + "/account"); resp.Request.URL.Path != "/account" || !strings.Contains(page, "Asha Rao") {
			t.Errorf("after signing in: %s %d", resp.Request.URL, resp.StatusCode)
		}
		// What the provider asked for is not a proof here: the person gives one before they sign or change anything.
		if resp, _ := o.read(must(t)(o.client.PostForm(base+"/account/authenticator", nil))); resp.Request.URL.Path != "/proof" {
			t.Errorf("changing something without a proof leads to %s", resp.Request.URL)
		}
		back := resp.Request.URL.String()
		if resp, page := o.get(back); resp.StatusCode != http.StatusUnauthorized || strings.Contains(page, "You are signed in") {
			t.Errorf("the way back a second time: %d", resp.StatusCode)
		}
		// Somebody makes another person's browser finish what they began: the state is not in its cookie.
		stop := newOutside(t)
		stop.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/sign-in/external/back" {
				return http.ErrUseLastResponse
			}
			return nil
		}
		resp, _ = through(stop)
		if resp, page := newOutside(t).get(resp.Header.Get("Location")); resp.StatusCode != http.StatusUnauthorized || strings.Contains(page, "You are signed in") {
			t.Errorf("another browser finishes: %d", resp.StatusCode)
		}
		for _, query := range []string{"", "?state=x&code=y", "?error=access_denied", "?state=&code="} {
			if resp, page := newOutside(t).get(base + "/sign-in/external/back" + query); resp.StatusCode != http.StatusUnauthorized || strings.Contains(page, "You are signed in") {
				t.Errorf("back with %q: %d", query, resp.StatusCode)
			}
		}
		var methods string
		if err := n.Rooms.DB.Reader().QueryRow("SELECT COUNT(*) || ' ' || MAX(method) FROM session").Scan(&methods); err != nil || methods != "1 oidc" {
			t.Errorf("sessions: %s %v", methods, err)
		}
	})
}

func must(t *testing.T) func(*http.Response, error) *http.Response {
	return func(r *http.Response, err error) *http.Response {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}
