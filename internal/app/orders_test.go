package app_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/courier"
	"raksha.example/raksha/internal/directory"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/orders"
	"raksha.example/raksha/internal/sandbox"
	"raksha.example/raksha/internal/store/storetest"
	"raksha.example/raksha/internal/story"
)

const password = "a long test password"

// holder is a platform's node with the sandbox behind it, and an agency that writes to it.
type holder struct {
	t       *testing.T
	node    *app.Node
	sandbox *sandbox.Server
	world   *story.World
	token   string
	now     time.Time
	agency  agency
}

// agency is a police unit as seen from outside: its keys and the directory entry that it publishes.
type agency struct {
	root          ed25519.PrivateKey
	key, officer  courier.Key
	under         courier.Key // of an officer below the rank that later law asks for
	entry         []byte
	name, address string
}

func newKey(t *testing.T, kid string) courier.Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return courier.Key{KID: kid, Private: private}
}

func newAgency(t *testing.T, name string, now time.Time) agency {
	t.Helper()
	a := agency{name: name, root: newKey(t, "root").Private, key: newKey(t, "agency-1"), officer: newKey(t, "officer-dig"), under: newKey(t, "officer-inspector")}
	recipient, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(a.entry) }))
	t.Cleanup(server.Close)
	a.address = server.URL
	public := func(k courier.Key) ed25519.PublicKey { return k.Private.Public().(ed25519.PublicKey) }
	before, after := now.Add(-time.Hour), now.Add(365*24*time.Hour)
	a.entry, err = directory.Sign(directory.Entry{Agency: name, Name: "Cyber unit", Desks: []string{"unit"}, URL: server.URL, Jurisdiction: "in", Version: 1,
		IssuedAt: before, Expires: after, Recipient: recipient.Recipient().String(),
		AgencyKeys: []directory.AgencyKey{{KID: a.key.KID, Key: public(a.key), NotBefore: before, NotAfter: after}},
		Officers: []directory.OfficerKey{
			{KID: a.officer.KID, Name: "Ira Sen", Rank: "DIG", AuthorisationRef: "ORD/1", Key: public(a.officer), NotBefore: before, NotAfter: after},
			{KID: a.under.KID, Name: "Om Rao", Rank: "Inspector", AuthorisationRef: "ORD/2", Key: public(a.under), NotBefore: before, NotAfter: after},
		}}, a.root)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newHolder(t *testing.T, dsn string, now time.Time) *holder {
	t.Helper()
	file, err := story.Load("../story/testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	world, err := story.Generate(file, story.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := &holder{t: t, world: world, now: now, agency: newAgency(t, "unit", now)}
	if h.sandbox, err = sandbox.New(sandbox.Config{World: world, Clock: clock.Fixed(now), Dir: t.TempDir(), AdminToken: "test-admin-token-0001"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.sandbox.Close() })
	server := httptest.NewServer(h.sandbox)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	h.node, err = app.Start(context.Background(), app.Config{Dir: dir, DSN: dsn, Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Holder}, Jurisdiction: "in",
		Clock: clock.Fixed(now), Simulated: true, AllowLoopback: true, Executable: os.Args[0], Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.node.Close(context.Background()) })
	h.post("/setup", map[string]any{"code": h.node.SetupCode, "agency": "chirp", "name": "Chirp", "url": h.node.URL, "jurisdiction": "in", "station": "", "phone": "",
		"username": "admin", "password": password, "person_name": "Ada"}, nil)
	h.signIn("admin")
	h.post("/people", map[string]any{"username": "enforcer", "name": "Eve Das", "password": password, "roles": []string{"enforcer"}}, nil)
	h.post("/people", map[string]any{"username": "signer", "name": "Sol Das", "password": password, "roles": []string{"authoriser"}, "rank": "DIG", "authorisation_ref": "CHIRP/1"}, nil)
	h.post("/platforms", map[string]any{"host": story.Host, "name": "Chirp", "kind": "mastodon", "base_url": server.URL, "token": "test-admin-token-0001"}, nil)
	h.post("/peers", map[string]any{"url": h.agency.address, "fingerprint": directory.Fingerprint(h.agency.root.Public().(ed25519.PublicKey)),
		"instruments": []string{courier.TakedownOrder, courier.PreservationRequest, courier.InformationRequest}}, nil)
	return h
}

func (h *holder) signIn(username string) {
	h.t.Helper()
	var v struct{ Token string }
	h.token = ""
	h.post("/session", map[string]any{"username": username, "password": password}, &v)
	h.token = v.Token
}

func (h *holder) call(method, path string, body, out any) int {
	h.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		h.t.Fatal(err)
	}
	req, err := http.NewRequest(method, h.node.URL+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Purpose", "a test of the holder")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK && out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	} else if resp.StatusCode != http.StatusOK {
		h.t.Logf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return resp.StatusCode
}

func (h *holder) post(path string, body, out any) {
	h.t.Helper()
	if status := h.call(http.MethodPost, path, body, out); status != http.StatusOK {
		h.t.Fatalf("POST %s: status %d", path, status)
	}
}

type item struct {
	N        int64  `json:"n"`
	Kind     string `json:"kind"`
	Locator  string `json:"locator"`
	NativeID string `json:"native_id,omitempty"`
	Action   string `json:"action,omitempty"`
}

// order is a takedown order over accounts, before it is sealed.
func (h *holder) order(jti string, accounts ...story.Account) courier.Document {
	var items []item
	for i, a := range accounts {
		items = append(items, item{N: int64(i + 1), Kind: "account", Locator: "https://" + story.Host + "/@" + a.Handle, NativeID: a.ID, Action: "suspend_account"})
	}
	body, err := json.Marshal(struct {
		Number  string         `json:"number"`
		Version int64          `json:"version"`
		Subject string         `json:"subject"`
		Items   []item         `json:"items"`
		Content orders.Content `json:"content"`
	}{"UNIT/TO/" + jti, 1, "Order", items, orders.Content{LegalBasis: "IT Rules 2021 r.3(1)(d)", Reasons: "listed media found", CaseRef: "FIR 1/2022", PreserveFirst: true}})
	if err != nil {
		h.t.Fatal(err)
	}
	return courier.Document{Type: courier.TakedownOrder, Issuer: h.agency.name, Audience: "chirp", ID: strings.Repeat("0", 31) + jti, IssuedAt: h.now, Expires: h.now.Add(time.Hour), Body: body}
}

func (h *holder) seal(d courier.Document, keys ...courier.Key) []byte {
	h.t.Helper()
	b, err := courier.Seal(d, keys...)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// deliver sends bytes as another node would and gives the answer, whose signature it checks against the holder's entry.
func (h *holder) deliver(b []byte) courier.Answer {
	h.t.Helper()
	resp, err := http.Post(h.node.URL+"/courier/v1/documents", "application/jose+json", bytes.NewReader(b))
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	opened, err := courier.Open(context.Background(), answer, h.agency.name, h.now, holderKeys{h})
	if err != nil {
		h.t.Fatalf("status %d, the answer does not verify: %v: %s", resp.StatusCode, err, answer)
	}
	var a courier.Answer
	if err := json.Unmarshal(opened.Body, &a); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// holderKeys reads the holder's key from the entry that it publishes.
type holderKeys struct{ h *holder }

func (k holderKeys) PublicKey(ctx context.Context, issuer, kid string) (courier.PublicKey, error) {
	resp, err := http.Get(k.h.node.URL + "/courier/v1/directory")
	if err != nil {
		return courier.PublicKey{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return courier.PublicKey{}, err
	}
	var node struct{ Fingerprint string }
	k.h.call(http.MethodGet, "/node", nil, &node)
	e, err := directory.VerifyEntry(b, node.Fingerprint, k.h.now, 0)
	if err != nil {
		return courier.PublicKey{}, err
	}
	for _, key := range e.AgencyKeys {
		if key.KID == kid {
			return courier.PublicKey{Agency: issuer, Key: key.Key, NotBefore: key.NotBefore, NotAfter: key.NotAfter}, nil
		}
	}
	return courier.PublicKey{}, courier.UnknownKey(issuer, kid)
}

// target is an account that is there now.
func (h *holder) target() story.Account { return h.targets(1)[0] }

func (h *holder) targets(n int) (out []story.Account) {
	for _, a := range h.world.Accounts {
		if a.CreatedAt.Before(h.now) && (a.GoneAt.IsZero() || a.GoneAt.After(h.now)) && len(out) < n {
			out = append(out, a)
		}
	}
	if len(out) < n {
		h.t.Fatal("too few accounts")
	}
	return out
}

// What does not prove itself is refused with a signed reason, and no account is touched.
func TestForgedOrders(t *testing.T) { storetest.EachDSN(t, testForgedOrders) }

func testForgedOrders(t *testing.T, fresh func() string) {
	now := time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)
	h := newHolder(t, fresh(), now)
	stranger := newKey(t, h.agency.officer.KID)
	genuine := h.seal(h.order("1", h.target()), h.agency.officer, h.agency.key)
	altered := bytes.Clone(genuine)
	at := bytes.Index(altered, []byte(`"signature":"`)) + 40
	if altered[at] == 'A' {
		altered[at] = 'B'
	} else {
		altered[at] = 'A'
	}
	unknown := h.order("2", h.target())
	unknown.Issuer = "nobody"
	other := h.order("3", h.target())
	other.Audience = "another"
	late := h.order("4", h.target())
	late.IssuedAt, late.Expires = now.Add(-2*time.Hour), now.Add(-time.Hour)
	notice := h.order("5", h.target())
	notice.Type = courier.Notice
	for _, c := range []struct {
		name, code string
		bytes      []byte
	}{
		{"a key that is not in the directory", "bad_signature", h.seal(h.order("6", h.target()), stranger, h.agency.key)},
		{"an unknown key id", "unknown_key", h.seal(h.order("7", h.target()), newKey(t, "officer-x"), h.agency.key)},
		{"one byte altered", "bad_signature", altered},
		{"addressed to another", "wrong_audience", h.seal(other, h.agency.officer, h.agency.key)},
		{"expired", "expired", h.seal(late, h.agency.officer, h.agency.key)},
		{"no officer", "", h.seal(h.order("8", h.target()), h.agency.key)},
		{"an instrument that is not accepted", "instrument_not_allowed", h.seal(notice, h.agency.officer, h.agency.key)},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := h.deliver(c.bytes)
			if a.Outcome != courier.Refused || a.Reason == "" || c.code != "" && a.Code != c.code {
				t.Errorf("outcome %q, code %q, reason %q; want refused with code %q", a.Outcome, a.Code, a.Reason, c.code)
			}
		})
	}
	if resp, err := http.Post(h.node.URL+"/courier/v1/documents", "application/jose+json", bytes.NewReader(h.seal(unknown, h.agency.officer, h.agency.key))); err != nil {
		t.Error(err)
	} else if resp.Body.Close(); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an unknown agency: status %d", resp.StatusCode)
	}
	if acts := h.sandbox.Acts(); len(acts) != 0 {
		t.Errorf("accounts were touched: %v", acts)
	}
	var documents []courier.Filed
	h.call(http.MethodGet, "/documents", nil, &documents)
	if len(documents) != 0 {
		t.Errorf("refused documents are on file: %v", documents)
	}
}

// The same order, signed by an officer below DIG, is good in 2022 and refused in 2026; the clock is 36 and 3 hours.
func TestRankAndClockByDate(t *testing.T) { storetest.EachDSN(t, testRankAndClockByDate) }

func testRankAndClockByDate(t *testing.T, fresh func() string) {
	for _, c := range []struct {
		now     time.Time
		refused bool
		hours   time.Duration
	}{
		{time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC), false, 36},
		{time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC), true, 3},
	} {
		t.Run(c.now.Format("2006"), func(t *testing.T) {
			h := newHolder(t, fresh(), c.now)
			a := h.deliver(h.seal(h.order("1", h.target()), h.agency.under, h.agency.key))
			if refused := a.Outcome == courier.Refused; refused != c.refused || refused && a.Code != "under_ranked" {
				t.Fatalf("by an Inspector: outcome %q, code %q (%s)", a.Outcome, a.Code, a.Reason)
			}
			a = h.deliver(h.seal(h.order("2", h.target()), h.agency.officer, h.agency.key))
			if got := time.Duration(a.DueAt-a.ReceivedAt) * time.Microsecond; a.Outcome != courier.Received || got != c.hours*time.Hour {
				t.Errorf("by a DIG: outcome %q (%s), due after %v, want %d h", a.Outcome, a.Reason, got, c.hours)
			}
			if acts := h.sandbox.Acts(); len(acts) != 0 {
				t.Errorf("a received order was acted on before an officer took it up: %v", acts)
			}
		})
	}
}

// A genuine order is received once, executed once, and answered item by item; a handle that passed to somebody else is refused.
func TestOrderIsExecutedOnce(t *testing.T) { storetest.EachDSN(t, testOrderIsExecutedOnce) }

func testOrderIsExecutedOnce(t *testing.T, fresh func() string) {
	now := time.Date(2022, 9, 25, 9, 0, 0, 0, time.UTC)
	h := newHolder(t, fresh(), now)
	live := h.targets(2)
	there := live[0]
	absent := story.Account{ID: "1", Handle: "nobody.here.77"}
	mismatch := story.Account{ID: "2", Handle: live[1].Handle}
	b := h.seal(h.order("1", there, absent, mismatch), h.agency.officer, h.agency.key)
	first, again := h.deliver(b), h.deliver(b)
	if first.Outcome != courier.Received || again != first {
		t.Fatalf("answers %+v and %+v", first, again)
	}
	h.signIn("enforcer")
	var documents []courier.Filed
	h.call(http.MethodGet, "/documents", nil, &documents)
	if len(documents) != 1 {
		t.Fatalf("%d documents on file", len(documents))
	}
	h.post(fmt.Sprintf("/documents/%d/execution", documents[0].ID), map[string]any{}, nil)
	var v struct{ Items []courier.Item }
	deadline := time.Now().Add(20 * time.Second)
	for {
		h.call(http.MethodGet, fmt.Sprintf("/documents/%d", documents[0].ID), nil, &v)
		if v.Items[0].State != "pending" && v.Items[0].State != "preserved" && v.Items[1].State != "pending" && v.Items[2].State != "pending" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("items are still %+v", v.Items)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if v.Items[0].State != "account_suspended" || v.Items[1].State != "not_found" || v.Items[2].State != "refused" || v.Items[2].Reason == "" {
		t.Errorf("items %+v", v.Items)
	}
	if acts := h.sandbox.Acts(); len(acts) != 1 {
		t.Errorf("%d acts, want one: %v", len(acts), acts)
	}
}

// One folder has one process: the second is told so and changes nothing.
func TestOneProcessPerFolder(t *testing.T) {
	c := app.Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Desks: []directory.Desk{directory.Unit}, Jurisdiction: "in", Clock: clock.System{},
		Executable: os.Args[0], Logger: slog.New(slog.DiscardHandler)}
	n, err := app.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := app.Start(context.Background(), c); fault.Of(err) != fault.Conflict {
		t.Errorf("a second process started (%v): %v", second, err)
	}
	if err := n.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n, err = app.Start(context.Background(), c); err != nil {
		t.Fatalf("after the first had ended: %v", err)
	}
	n.Close(context.Background())
}
