package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// guard says what stands before a route.
type guard string

const (
	anybody  guard = "anybody"  // needs nobody, and gives nothing away: signing in, what is public, signed documents
	match    guard = "match"    // a service or a person with a permission, at the match service's own paths
	service  guard = "service"  // HTTP Basic of a reporting service
	person   guard = "person"   // any person, about themselves or what everybody on the node knows
	permit   guard = "permit"   // a person with a permission
	ofCase   guard = "case"     // the same, and a relation to the case in the path
	bodyCase guard = "bodycase" // the same, for the case in the body
	member   guard = "member"   // whoever leads the case in the path; decided inside
	page     guard = "page"     // a page for any person
	pagePer  guard = "page+"    // a page that needs a permission
	pageCase guard = "pagecase" // and a relation to the case in the path
	form     guard = "form"     // a form of a signed-in person
	formPer  guard = "form+"    // a form that needs a permission
)

// guards has a row for every route of a node. A route without one fails the test.
var guards = map[guard][]string{
	anybody: {"GET /openapi.json", "GET /openapi-3.0.json", "GET /openapi.yaml", "GET /openapi-3.0.yaml", "GET /api/v1/node", "POST /api/v1/setup", "POST /api/v1/session",
		"POST /api/v1/session/passkey/challenge", "POST /api/v1/session/passkey", "POST /api/v1/invitation", "GET /courier/v1/directory", "POST /courier/v1/documents",
		"GET /record/v1/{path...}", "GET /status", "GET /status/live", "GET /static/", "GET /sign-in", "POST /sign-in", "POST /sign-in/passkey/challenge", "POST /sign-in/passkey", "GET /sign-in/external",
		"GET /verify", "POST /verify", "GET /sign-in/external/back", "GET /invitation", "POST /invitation", "POST /sign-out", "GET /report", "POST /report", "POST /report/preview", "GET /report/status", "POST /report/status"},
	match: {"POST /api/v1/screen", "POST /api/v1/match", "GET /h/hash", "POST /h/hash", "GET /m/raw_lookup", "GET /m/lookup", "POST /m/lookup", "GET /m/index/status", "POST /m/compare", "GET /c/banks", "POST /c/banks",
		"GET /c/bank/{name}", "PUT /c/bank/{name}", "DELETE /c/bank/{name}", "POST /c/bank/{name}/content", "POST /c/bank/{name}/signal", "POST /c/bank/{name}/signals",
		"POST /c/bank/{name}/remove", "GET /c/bank/{name}/contents", "GET /c/bank/{name}/content/{id}", "PUT /c/bank/{name}/content/{id}", "DELETE /c/bank/{name}/content/{id}",
		"GET /c/signal_type", "PUT /c/signal_type/{name}", "GET /c/signal_type/index", "GET /c/content_type", "GET /site-map", "GET /openapi/openapi.json", "/h/", "/m/", "/c/",
		"GET /c/exchanges", "POST /c/exchanges", "GET /c/exchanges/apis", "GET /c/exchanges/api/{api}", "POST /c/exchanges/api/{api}", "GET /c/exchanges/api/{api}/schema", "GET /c/exchange/{name}", "PUT /c/exchange/{name}", "DELETE /c/exchange/{name}", "GET /c/exchange/{name}/status"},
	service: {"GET /ispws/status", "GET /ispws/xsd", "/ispws/", "GET /ispws/reports", "GET /ispws/reports/{id}", "POST /ispws/submit", "POST /ispws/fileinfo", "POST /ispws/upload", "POST /ispws/finish", "POST /ispws/retract",
		"GET /hashsharing/v2/status", "GET /hashsharing/v2/members", "GET /hashsharing/v2/entries", "GET /hashsharing/v2/feedback/{type}/reasons",
		"PUT /hashsharing/v2/entries/{member}/{entry}/{type}/feedback", "GET /hashsharing/{bank}/v2/status", "GET /hashsharing/{bank}/v2/members", "GET /hashsharing/{bank}/v2/entries",
		"GET /hashsharing/{bank}/v2/feedback/{type}/reasons", "PUT /hashsharing/{bank}/v2/entries/{member}/{entry}/{type}/feedback"},
	person: {"GET /api/v1/session", "POST /api/v1/session/end", "POST /api/v1/session/proof/challenge", "POST /api/v1/session/proof", "GET /api/v1/sessions",
		"POST /api/v1/sessions/{id}/end", "GET /api/v1/passkeys", "POST /api/v1/passkeys/challenge", "POST /api/v1/passkeys", "POST /api/v1/passkeys/{id}/removal",
		"POST /api/v1/authenticator", "POST /api/v1/authenticator/confirmation", "POST /api/v1/authenticator/removal", "POST /api/v1/password", "GET /api/v1/people",
		"GET /api/v1/roles", "GET /api/v1/access", "GET /api/v1/access/export", "GET /api/v1/peers", "GET /api/v1/platforms", "GET /api/v1/operations", "GET /api/v1/meetings", "GET /api/v1/rules",
		"GET /api/v1/decisions", "GET /api/v1/exposure", "POST /api/v1/exposure/own"},
	permit: {"GET /api/v1/queues", "POST /api/v1/queues", "POST /api/v1/queues/{id}/change", "POST /api/v1/queues/sorting", "GET /api/v1/queues/{id}/tips", "POST /api/v1/queues/next",
		"POST /api/v1/tips/{id}/claim", "POST /api/v1/tips/{id}/work", "POST /api/v1/tips/{id}/consent", "POST /api/v1/tips/{id}/decision", "POST /api/v1/tips/{id}/second-opinion",
		"POST /api/v1/tips/{id}/hand-back", "POST /api/v1/tips/{id}/hand-over", "POST /api/v1/tips/{id}/class", "POST /api/v1/tips/{id}/label", "GET /api/v1/tips/{id}/decisions",
		"GET /api/v1/teams", "POST /api/v1/teams", "GET /api/v1/exposure/limits", "POST /api/v1/exposure/limits", "POST /api/v1/people", "POST /api/v1/people/{id}/invitation", "POST /api/v1/people/{id}/roles", "POST /api/v1/people/{id}/unlock", "POST /api/v1/people/{id}/link",
		"POST /api/v1/people/{id}/disabling", "POST /api/v1/roles", "GET /api/v1/credentials", "POST /api/v1/credentials", "POST /api/v1/credentials/{name}/revocation",
		"POST /api/v1/peers", "POST /api/v1/platforms", "GET /api/v1/jobs/failures", "GET /api/v1/lists", "POST /api/v1/lists", "POST /api/v1/lists/{id}/entries", "POST /api/v1/lists/{id}/share",
		"GET /api/v1/lists/status", "GET /api/v1/lists/{id}", "POST /api/v1/lists/{id}/changes", "POST /api/v1/lists/{id}/removal", "GET /api/v1/lists/{id}/entries", "POST /api/v1/lists/{id}/entries/removal",
		"GET /api/v1/lists/{id}/contents/{content}", "GET /api/v1/lists/{id}/contents/{content}/history", "POST /api/v1/lists/{id}/contents/{content}/disabling",
		"POST /api/v1/lists/{id}/contents/{content}/enabling", "POST /api/v1/lists/{id}/contents/{content}/note", "GET /api/v1/screen/rules",
		"POST /api/v1/screen/rules", "POST /api/v1/screen/rules/{id}/removal",
		"POST /api/v1/lists/{id}/offer", "GET /api/v1/lists/{id}/feedback", "POST /api/v1/lists/{id}/import", "GET /api/v1/lists/{id}/export", "GET /api/v1/exchanges",
		"POST /api/v1/exchanges", "GET /api/v1/exchanges/{id}", "POST /api/v1/exchanges/{id}/change", "POST /api/v1/exchanges/{id}/remove", "POST /api/v1/exchanges/{id}/credentials",
		"POST /api/v1/exchanges/{id}/sync", "GET /api/v1/exchanges/{id}/aside", "GET /api/v1/exchanges/{id}/reasons", "GET /api/v1/exchanges/{id}/votes", "POST /api/v1/exchanges/{id}/votes",
		"GET /api/v1/scans", "POST /api/v1/scans", "GET /api/v1/record", "GET /api/v1/record/inclusion", "GET /api/v1/record/consistency", "GET /api/v1/record/witnesses",
		"GET /api/v1/tips/{id}/report", "GET /api/v1/tips/{id}/victim", "GET /api/v1/record/erasures", "GET /api/v1/record/timestamps", "GET /api/v1/complaints", "POST /api/v1/complaints", "POST /api/v1/complaints/preview", "GET /api/v1/complaints/{id}/lines",
		"POST /api/v1/complaints/{id}/lines/{n}/correction", "GET /api/v1/complaints/{id}/export", "GET /api/v1/tips/export", "GET /api/v1/forms", "POST /api/v1/forms/{id}/release",
		"POST /api/v1/forms/{id}/discarding", "GET /api/v1/tips", "GET /api/v1/tips/{id}",
		"POST /api/v1/tips/decisions", "GET /api/v1/matches", "POST /api/v1/matches/{id}/decision", "POST /api/v1/matches/{id}/openings", "POST /api/v1/openings/{id}/approval",
		"GET /api/v1/routes", "POST /api/v1/routes/{id}/removal", "POST /api/v1/routing/try", "GET /api/v1/routing/places", "GET /api/v1/referrals", "POST /api/v1/referrals/{id}/withdrawal", "POST /api/v1/tips/{id}/outcomes", "POST /api/v1/openings/{id}/look", "POST /api/v1/routes", "GET /api/v1/destinations", "POST /api/v1/destinations", "POST /api/v1/destinations/{id}/credentials", "POST /api/v1/destinations/{id}/remove",
		"GET /api/v1/filings", "POST /api/v1/filings", "GET /api/v1/filings/{id}", "POST /api/v1/filings/{id}/retraction", "GET /api/v1/media/{id}/process", "POST /api/v1/media/{id}/process",
		"GET /api/v1/routing", "POST /api/v1/referrals", "POST /api/v1/outcome-reports", "POST /api/v1/operations",
		"GET /api/v1/cases", "POST /api/v1/cases", "POST /api/v1/meetings", "GET /api/v1/statistics", "GET /api/v1/documents", "POST /api/v1/notices", "POST /api/v1/summonses",
		"GET /api/v1/paper", "POST /api/v1/paper", "POST /api/v1/replies",
		"GET /api/v1/bundles/{id}", "POST /api/v1/bundles/{id}/decisions", "POST /api/v1/bundles/{id}/split", "POST /api/v1/bundles/{id}/merge", "POST /api/v1/bundles/{id}/tips", "POST /api/v1/tips/{id}/unbundling", "POST /api/v1/bundle-changes/{id}/undoing", "GET /api/v1/tips/{id}/priority", "GET /api/v1/tips/{id}/priority/replay", "POST /api/v1/tips/{id}/priority", "POST /api/v1/tips/{id}/priority/lifting", "GET /api/v1/priority-rules", "GET /api/v1/priority-rules/{id}", "POST /api/v1/priority-rules", "POST /api/v1/priority-rules/{id}/shadow", "POST /api/v1/priority-rules/{id}/backtest", "POST /api/v1/priority-rules/{id}/live", "GET /api/v1/tips/{id}/danger", "POST /api/v1/tips/{id}/danger", "POST /api/v1/tips/{id}/danger/lifting", "GET /api/v1/alerts", "POST /api/v1/alerts/{id}/acknowledgement", "GET /api/v1/protection-clocks", "POST /api/v1/protection-clocks/{id}/fulfilment", "POST /api/v1/triage-tasks/{id}/completion", "GET /api/v1/on-call", "POST /api/v1/on-call"},
	ofCase: {"GET /api/v1/cases/{id}/members", "POST /api/v1/cases/{id}/members/{person}/end", "POST /api/v1/cases/{id}/releases", "GET /api/v1/cases/{id}",
		"POST /api/v1/cases/{id}/fir", "GET /api/v1/cases/{id}/teams", "POST /api/v1/cases/{id}/teams", "POST /api/v1/cases/{id}/division", "GET /api/v1/cases/{id}/accounts",
		"POST /api/v1/cases/{id}/accounts/{account}/look", "POST /api/v1/cases/{id}/accounts/{account}/finding", "GET /api/v1/cases/{id}/assignments",
		"POST /api/v1/assignments/{id}/examination", "POST /api/v1/assignments/{id}/analysis", "POST /api/v1/cases/{id}/arrests", "GET /api/v1/cases/{id}/selectors",
		"GET /api/v1/cases/{id}/clusters", "POST /api/v1/cases/{id}/clusters", "POST /api/v1/clusters/{id}/judgement", "GET /api/v1/documents/{id}", "GET /api/v1/documents/{id}/pdf",
		"POST /api/v1/documents/{id}/authorisation/challenge", "POST /api/v1/documents/{id}/authorisation", "POST /api/v1/documents/{id}/acceptance", "POST /api/v1/documents/{id}/referral-answer",
		"POST /api/v1/documents/{id}/verification", "POST /api/v1/documents/{id}/execution", "POST /api/v1/documents/{id}/answer"},
	member:   {"POST /api/v1/cases/{id}/members"},
	bodyCase: {"POST /api/v1/action-taken-reports", "POST /api/v1/preservation-requests", "POST /api/v1/takedown-orders", "POST /api/v1/information-requests"},
	page:     {"GET /{$}", "GET /", "GET /account", "GET /purpose", "GET /proof", "GET /operations", "GET /directory", "GET /access", "GET /law"},
	pagePer: {"GET /referrals", "GET /routing", "GET /filings", "GET /media/{id}", "GET /tips/{id}/victim", "GET /cases", "GET /tips", "GET /tips/{id}", "GET /complaints", "GET /complaints/{id}", "GET /complaints/{id}/table", "GET /tips/table", "GET /forms", "GET /lists", "GET /lists/{id}", "GET /lists/exchanges", "GET /lists/exchanges/{id}", "GET /lists/{id}/contents/{content}", "GET /lists/try", "GET /matches", "GET /documents", "GET /statistics", "GET /record", "GET /bundles/{id}", "GET /priority", "GET /priority/{id}", "GET /alerts",
		"GET /queues", "GET /queues/{queue}", "GET /queues/arrange", "GET /work"},
	pageCase: {"GET /cases/{id}", "GET /cases/{id}/clusters", "GET /documents/{id}", "GET /documents/{id}/pdf", "GET /referrals/{id}"},
	form: {"POST /account/sessions/{id}/end", "POST /account/passkeys/{id}/removal", "POST /account/authenticator", "POST /account/authenticator/confirmation",
		"POST /account/authenticator/removal", "POST /proof", "POST /purpose", "POST /account/sessions/end", "POST /account/password", "POST /account/limits"},
	formPer: {"POST /media/{id}/process", "POST /lists", "POST /lists/{id}/changes", "POST /lists/{id}/entries", "POST /lists/{id}/contents/{content}/disabling", "POST /lists/{id}/contents/{content}/enabling",
		"POST /lists/{id}/contents/{content}/note", "POST /lists/{id}/contents/{content}/removal", "POST /lists/exchanges/{id}/fetch", "POST /lists/exchanges/{id}/change",
		"POST /referrals", "POST /referrals/{id}/answer", "POST /referrals/{id}/withdrawal", "POST /routing", "POST /routing/{id}/removal", "POST /routing/try", "POST /lists/try/hash", "POST /lists/try/file", "POST /complaints/preview", "POST /complaints", "POST /complaints/{id}/lines/{n}/correction", "POST /forms/{id}/decision",
		"POST /tips/{id}/danger", "POST /tips/{id}/danger/lifting", "POST /tips/{id}/priority", "POST /tips/{id}/priority/lifting", "POST /tips/{id}/unbundling", "POST /triage-tasks/{id}/completion", "POST /protection-clocks/{id}/fulfilment",
		"POST /bundles/{id}/merge", "POST /bundles/{id}/decisions", "POST /bundle-changes/{id}/undoing", "POST /alerts/{id}/acknowledgement", "POST /priority", "POST /priority/{id}/shadow", "POST /priority/{id}/backtest", "POST /priority/{id}/live",
		"POST /work/next", "POST /work/{id}/decision", "POST /work/{id}/second", "POST /work/{id}/back", "POST /work/{id}/over",
		"POST /work/{id}/class", "POST /work/{id}/consent", "POST /queues", "POST /queues/{queue}/change", "POST /queues/team", "POST /queues/limits"},
}

// marker stands in everything that the test's case holds; no refusal may carry it.
const marker = "kite basket river"

// door is a node with a case, and people before it.
type door struct {
	t       *testing.T
	n       *apptest.Node
	ids     map[string]int64 // of what stands for {id}, by the first part of the path
	tokens  map[string]string
	feed    string // the reporting service's password
	client  *http.Client
	private identity.MadeService
}

func newDoor(t *testing.T, n *apptest.Node) *door {
	d := &door{t: t, n: n, ids: map[string]int64{}, tokens: map[string]string{}, client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	every := []identity.Role{identity.Admin, identity.Intake, identity.Reviewer, identity.Analyst, identity.Investigator, identity.Authoriser, identity.Enforcer, identity.Auditor}
	d.person("lead", every...)
	d.person("stranger", every...) // may do everything, to cases that name them
	d.person("nobody")             // no role
	d.person("expired", every...)
	d.person("left", every...)
	lead, err := n.People.ByUsername(t.Context(), n.DB.Reader(), "lead")
	if err != nil {
		t.Fatal(err)
	}
	c := n.Insert("case_file", record.Fields{"title": marker, "class": "media", "state": "open", "offence_at": n.Clock.Now(), "opened_at": n.Clock.Now()})
	d.ids["cases"] = c
	d.ids["documents"] = n.Insert("document", record.Fields{"direction": "out", "instrument": "notice", "jti": "j", "number": "N/1", "version": 1, "issuer": "unit", "audience": "platform",
		"case_id": c, "state": "draft", "subject": marker, "body": `{"text":"` + marker + `"}`, "created_at": n.Clock.Now()})
	d.ids["clusters"] = n.Insert("cluster", record.Fields{"case_id": c, "label": marker, "accounts": 0, "state": "candidate", "computed_at": n.Clock.Now()})
	account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": "basket", "url": "https://chirp.example/@basket", "state": "unseen", "first_seen_at": n.Clock.Now()})
	post := n.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "u", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now(), "content": marker})
	team := n.Insert("team", record.Fields{"case_id": c, "name": "Team", "created_at": n.Clock.Now()})
	d.ids["assignments"] = n.Insert("assignment", record.Fields{"case_id": c, "team_id": team, "post_id": post, "assigned_at": n.Clock.Now()})
	d.ids["tips"] = n.Insert("tip", record.Fields{"number": "T/1", "source": "scan", "class": "other", "state": "received", "summary": marker, "responsible": "unit", "occurred_at": n.Clock.Now(), "received_at": n.Clock.Now()})
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		if err := n.People.Found(ctx, tx, c, lead); err != nil {
			return err
		}
		made, err := n.People.AddService(ctx, tx, identity.NewService{Kind: identity.APIService, Name: "matcher", Scopes: []identity.Permission{identity.LookUp}}, 0)
		if err != nil {
			return err
		}
		d.tokens["service"] = made.Token
		if made, err = n.People.AddService(ctx, tx, identity.NewService{Kind: identity.ReporterService, Name: "feed"}, 0); err != nil {
			return err
		}
		d.feed = made.Password
		if _, err := tx.ExecContext(ctx, "UPDATE session SET expires_at = created_at WHERE person_id = (SELECT id FROM person WHERE username = 'expired')"); err != nil {
			return err
		}
		left, err := n.People.ByUsername(ctx, tx, "left")
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE session SET seen_at = seen_at WHERE person_id = $1", left.ID)
		return n.Log.Update(ctx, tx, "person", "person.disabled", n.Clock.Now(), left.ID, record.Fields{"disabled_at": n.Clock.Now()})
	})
	return d
}

func (d *door) person(name string, roles ...identity.Role) {
	d.t.Helper()
	d.n.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := d.n.People.Add(ctx, tx, identity.New{Username: name, Name: name, Password: password, Roles: roles})
		return err
	})
	token, _, err := d.n.People.SignIn(d.t.Context(), name, password, "", identity.Device{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.tokens[name] = token
}

// address fills a pattern in.
func (d *door) address(pattern string) (method, path string) {
	method, path, _ = strings.Cut(pattern, " ")
	if path == "" { // every method
		method, path = http.MethodGet, pattern+"kite"
	}
	path = strings.NewReplacer("{$}", "", "{path...}", "checkpoint", "{account}", "1", "{person}", "1", "{name}", "feed", "{queue}", "0").Replace(path)
	first := strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1"), "/"), "/")[0]
	id, ok := d.ids[first]
	if !ok {
		id = 1
	}
	return method, strings.Replace(path, "{id}", fmt.Sprint(id), 1)
}

// call sends a request and gives status and body.
func (d *door) call(method, path, body string, with func(*http.Request)) (int, string, http.Header) {
	d.t.Helper()
	req, err := http.NewRequest(method, d.n.URL+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Purpose", "a test of every door")
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if with != nil {
		with(req)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func cookie(token string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "raksha_session", Value: token}) }
}

func TestEveryRoute(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		known := map[string]guard{}
		for g, patterns := range guards {
			for _, p := range patterns {
				known[p] = g
			}
		}
		routes := n.Routes()
		for _, r := range routes {
			if _, ok := known[r]; !ok && r != "/" { // "/" takes what no other route takes, and only refuses
				t.Errorf("%s has no row in the table of guards", r)
			}
		}
		for r := range known {
			if !slices.Contains(routes, r) {
				t.Errorf("the table has a row for %s, which is no route", r)
			}
		}
		for r, g := range known {
			d.shut(r, g)
		}
		// The control: whoever may, passes every guard of what only reads.
		for r, g := range known {
			method, path := d.address(r)
			if method != http.MethodGet || g == anybody || g == service || g == match || strings.HasSuffix(r, "{id}/clusters") && g == pageCase {
				continue
			}
			status, body, _ := d.call(method, path, "", func(r *http.Request) { bearer(d.tokens["lead"])(r); cookie(d.tokens["lead"])(r) })
			if status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500 {
				t.Errorf("%s does not let in who may: %d %s", r, status, body)
			}
		}
	})
}

// shut tries a route with no, wrong, expired, ended and lesser credentials.
func (d *door) shut(pattern string, g guard) {
	d.t.Helper()
	method, path := d.address(pattern)
	body := ""
	if method == http.MethodPost {
		body = "{}"
	}
	if g == bodyCase {
		body = fmt.Sprintf(`{"audience":"platform","case_id":%d,"reasons":"kite"}`, d.ids["cases"])
		if strings.Contains(pattern, "action-taken") {
			body = fmt.Sprintf(`{"audience":"platform","case_id":%d}`, d.ids["cases"])
		}
	}
	if g == member {
		body = `{"username":"stranger","relation":"lead"}`
	}
	var tries map[string]func(*http.Request)
	switch g {
	case anybody:
		return
	case service:
		tries = map[string]func(*http.Request){"none": nil, "wrong": basic("feed", "wrong"), "another name": basic("matcher", d.feed), "a person": basic("lead", password), "a session": bearer(d.tokens["lead"])}
	default:
		tries = map[string]func(*http.Request){
			"none": nil, "wrong": bearer("wrong"), "wrong cookie": cookie("wrong"), "empty": bearer(""), "expired": bearer(d.tokens["expired"]), "expired cookie": cookie(d.tokens["expired"]),
			"left": bearer(d.tokens["left"]), "left cookie": cookie(d.tokens["left"]), "Basic of a person": basic("lead", password), "Basic of a service": basic("feed", d.feed),
			"a token in the address": func(r *http.Request) {
				r.URL.RawQuery = "access_token=" + d.tokens["lead"] + "&token=" + d.tokens["lead"]
			},
			"a service": bearer(d.tokens["service"]), "a service's token as cookie": cookie(d.tokens["service"]),
		}
	}
	if g == match { // a service with another scope is the lesser one here
		delete(tries, "a service")
		delete(tries, "a service's token as cookie")
	}
	if g == permit || g == match || g == ofCase || g == bodyCase || g == pagePer || g == formPer || g == pageCase || g == member {
		tries["no role"], tries["no role, cookie"] = bearer(d.tokens["nobody"]), cookie(d.tokens["nobody"])
	}
	if g == ofCase || g == bodyCase || g == pageCase || g == member {
		tries["not of the case"], tries["not of the case, cookie"] = bearer(d.tokens["stranger"]), cookie(d.tokens["stranger"])
	}
	for what, with := range tries {
		status, answer, header := d.call(method, path, body, with)
		toSignIn := status == http.StatusSeeOther && strings.HasPrefix(header.Get("Location"), "/sign-in")
		if status != http.StatusUnauthorized && status != http.StatusForbidden && status != http.StatusNotFound && !toSignIn {
			d.t.Errorf("%s with %s: status %d %s", pattern, what, status, answer)
		}
		if strings.Contains(answer, marker) {
			d.t.Errorf("%s with %s tells what the case holds: %s", pattern, what, answer)
		}
	}
}

func basic(username, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(username, password) }
}

// TestMassAssignment sends every operation that takes a body a member that it does not know.
func TestMassAssignment(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		_, text, _ := d.call(http.MethodGet, "/openapi.json", "", nil)
		var spec struct {
			Paths map[string]map[string]struct {
				RequestBody json.RawMessage `json:"requestBody"`
			} `json:"paths"`
		}
		if err := json.Unmarshal([]byte(text), &spec); err != nil {
			t.Fatal(err)
		}
		tried := 0
		for path, operations := range spec.Paths {
			for method, o := range operations {
				if len(o.RequestBody) == 0 {
					continue
				}
				tried++
				_, at := d.address(strings.ToUpper(method) + " " + path)
				status, answer, _ := d.call(strings.ToUpper(method), at, `{"is_admin":true,"disabled_at":0,"`+marker+`":"`+marker+`"}`, bearer(d.tokens["lead"]))
				if status != http.StatusUnprocessableEntity || !strings.Contains(answer, "unexpected property") {
					t.Errorf("%s %s: status %d %s", method, path, status, answer)
				}
				if strings.Contains(answer, `"value"`) {
					t.Errorf("%s %s gives the refused value back: %s", method, path, answer)
				}
			}
		}
		if tried < 30 {
			t.Errorf("only %d operations take a body", tried)
		}
		if status, _, _ := d.call(http.MethodGet, "/api/v1/people?is_admin=1", "", bearer(d.tokens["lead"])); status != http.StatusUnprocessableEntity {
			t.Errorf("an unknown query parameter: status %d", status)
		}
	})
}

// TestTricks asks for protected things in ways that proxies and servers have read differently before.
func TestTricks(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDoor(t, n)
		for _, path := range []string{"//api/v1/tips", "/api//v1/tips", "/api/v1/./tips", "/api/v1/node/../tips", "/api/v1/%2e/tips", "/api/v1/node/%2e%2e/tips", "/api/v1%2ftips", "/api/v1/tips%00",
			"/api/v1/tips;x=/static/", "/static/%2e%2e/tips", "/static/..%2ftips", "/static//tips", "/API/v1/tips", "/api/v1/tips/", "/api/v1/%74ips", "/courier/v1/..%5ctips", "/sign-in/../tips", "/tips/%2e", "/%2e/tips"} {
			for _, with := range []func(*http.Request){nil, bearer(d.tokens["nobody"]), cookie(d.tokens["nobody"])} {
				status, answer, header := d.call(http.MethodGet, path, "", with)
				if status < 300 || strings.Contains(answer, marker) || status < 400 && !strings.HasPrefix(header.Get("Location"), "/sign-in") {
					t.Errorf("%s: status %d to %q", path, status, header.Get("Location"))
				}
			}
		}
		headers := http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Real-Ip": {"127.0.0.1"}, "Forwarded": {"for=127.0.0.1"}, "X-Original-Url": {"/api/v1/node"}, "X-Rewrite-Url": {"/api/v1/node"},
			"X-Http-Method-Override": {"GET"}, "X-Forwarded-User": {"lead"}, "Remote-User": {"lead"}, "X-Forwarded-Host": {"localhost"}, "Authorization": {"bearer " + d.tokens["lead"], "Bearer"},
			"Cookie": {"RAKSHA_SESSION=" + d.tokens["lead"]}}
		for name, values := range headers {
			for _, value := range values {
				for _, path := range []string{"/api/v1/tips", "/tips", "/api/v1/people", fmt.Sprintf("/api/v1/cases/%d", d.ids["cases"])} {
					status, answer, _ := d.call(http.MethodGet, path, "", func(r *http.Request) { r.Header.Set(name, value) })
					if status < 300 || strings.Contains(answer, marker) {
						t.Errorf("%s: %s at %s: status %d", name, value, path, status)
					}
				}
			}
		}
		for _, method := range []string{"HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "KITE"} {
			if status, answer, _ := d.call(method, "/api/v1/tips", "", bearer(d.tokens["nobody"])); status < 300 || strings.Contains(answer, marker) {
				t.Errorf("%s: status %d", method, status)
			}
		}
		// Another site's page sends a form with this person's cookie.
		for _, path := range []string{"/api/v1/roles", "/api/v1/session/end", "/account/sessions/end", "/purpose", "/lists", "/lists/try/file"} {
			for _, with := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://river.example"}}, {"Origin": {"null"}}} {
				status, _, _ := d.call(http.MethodPost, path, `{}`, func(r *http.Request) {
					cookie(d.tokens["lead"])(r)
					for k, v := range with {
						r.Header[k] = v
					}
				})
				if status != http.StatusForbidden {
					t.Errorf("%s from elsewhere %v: status %d", path, with, status)
				}
			}
		}
		big := bytes.Repeat([]byte(" "), 2<<20)
		if status, _, _ := d.call(http.MethodPost, "/api/v1/session", string(big), nil); status != http.StatusRequestEntityTooLarge {
			t.Errorf("a body of 2 MiB: status %d", status)
		}
	})
}
