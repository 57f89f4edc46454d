package script

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a node in a process of its own, as an agency runs it.
type process struct {
	t                   *testing.T
	agency, base, print string
	tokens              map[string]string
}

const word = "a long test password"

func run4(t *testing.T, agency, desks string) *process {
	t.Helper()
	p := &process{t: t, agency: agency, tokens: map[string]string{}}
	serve := exec.Command(filepath.Join(bin, "raksha"), "serve", "--dir", filepath.Join(t.TempDir(), "node"), "--desks", desks, "--listen", "127.0.0.1:0", "--allow-weak-confinement", "--allow-loopback")
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	serve.Stderr = &problems
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serve.Process.Signal(syscall.SIGTERM)
		if err := serve.Wait(); err != nil {
			t.Errorf("%s ended: %v: %s", agency, err, problems.String())
		}
	})
	code := ""
	for lines := bufio.NewScanner(out); p.base == "" && lines.Scan(); {
		code = cmpPrefix(lines.Text(), "set-up code: ", code)
		p.base = cmpPrefix(lines.Text(), "listening on ", p.base)
	}
	if p.base == "" {
		t.Fatalf("%s did not start: %s", agency, problems.String())
	}
	made := call1[struct{ Fingerprint string }](p, "", "POST", "/setup", map[string]any{"code": code, "agency": agency, "name": agency, "url": p.base, "jurisdiction": "in", "station": "CYBER",
		"username": "admin", "password": word, "person_name": "Asha Rao"})
	p.print = made.Fingerprint
	p.signIn("admin")
	for name, fields := range map[string]map[string]any{"desk": {"roles": []string{"intake", "investigator"}}, "officer": {"roles": []string{"authoriser"}, "rank": "DIG", "authorisation_ref": "ORD/1"}} {
		fields["username"], fields["name"], fields["password"] = name, "Name of "+name, word
		call1[any](p, "admin", "POST", "/people", fields)
		p.signIn(name)
	}
	return p
}

func (p *process) signIn(name string) {
	p.tokens[name] = call1[struct{ Token string }](p, "", "POST", "/session", map[string]any{"username": name, "password": word}).Token
}

// call1 asks a node's API as one of its people, and reads the answer.
func call1[T any](p *process, who, method, path string, body any) (v T) {
	p.t.Helper()
	var b []byte
	if body != nil {
		b, _ = json.Marshal(body)
	} else if method == http.MethodPost {
		b = []byte("{}")
	}
	req, err := http.NewRequest(method, p.base+"/api/v1"+path, bytes.NewReader(b))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Purpose", "a test of referrals")
	if who != "" {
		req.Header.Set("Authorization", "Bearer "+p.tokens[who])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		p.t.Fatalf("%s: %s %s: %d %s %v", p.agency, method, path, resp.StatusCode, answer, err)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &v); err != nil {
			p.t.Fatalf("%s %s: %v: %s", p.agency, path, err, answer)
		}
	}
	return v
}

func (p *process) know(other *process, instruments ...string) {
	p.t.Helper()
	call1[any](p, "admin", "POST", "/peers", map[string]any{"url": other.base, "fingerprint": other.print, "instruments": instruments})
}

type tipJSON struct {
	ID, ReferralID                                   int64
	Number, State, Responsible, Outcome, ExternalRef string
}

func (p *process) tips() (out []tipJSON) {
	p.t.Helper()
	for _, m := range call1[[]map[string]any](p, "desk", "GET", "/tips", nil) {
		t := tipJSON{ID: int64(m["id"].(float64)), Number: m["number"].(string), State: m["state"].(string), Responsible: m["responsible"].(string)}
		if v, ok := m["referral_id"].(float64); ok {
			t.ReferralID = int64(v)
		}
		t.Outcome, _ = m["outcome"].(string)
		out = append(out, t)
	}
	return out
}

// wait waits until the node's only tip is as it should be.
func (p *process) wait(what string, is func(tipJSON) bool) tipJSON {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		all := p.tips()
		if len(all) == 1 && is(all[0]) {
			return all[0]
		}
		if time.Now().After(end) { // for a test that hangs
			p.t.Fatalf("%s: gave up waiting for %s: %+v", p.agency, what, all)
		}
	}
}

// refer refers a node's tip, signed by its officer.
func (p *process) refer(tip int64, to, reason string) {
	p.t.Helper()
	f := call1[struct{ ID int64 }](p, "desk", "POST", "/referrals", map[string]any{"tip_ids": []int64{tip}, "audience": to, "channel": "Routing by jurisdiction", "reason": reason, "reply_by_days": 14})
	call1[any](p, "officer", "POST", fmt.Sprintf("/documents/%d/authorisation", f.ID), map[string]any{"password": word})
}

// file sends a report as an online service does: submit, then finish.
func (p *process) file(report string) {
	p.t.Helper()
	send := func(path, kind string, body []byte) string {
		req, err := http.NewRequest(http.MethodPost, p.base+path, bytes.NewReader(body))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		req.SetBasicAuth("services", word+word)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK {
			p.t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
		}
		return string(b)
	}
	answer := send("/ispws/submit", "text/xml; charset=utf-8", []byte(report))
	_, rest, _ := strings.Cut(answer, "<reportId>")
	id, _, ok := strings.Cut(rest, "</reportId>")
	if !ok {
		p.t.Fatalf("no report id: %s", answer)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	w.WriteField("id", id)
	w.Close()
	send("/ispws/finish", w.FormDataContentType(), form.Bytes())
}

const filed = `<report xmlns="https://report.cybertip.org/xsd"><incidentSummary><incidentType>Online Enticement of Children for Sexual Acts</incidentType><incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary>
<reporter><reportingPerson><firstName>Desk</firstName></reportingPerson></reporter>
<personOrUserReported><ipCaptureEvent><ipAddress>203.0.113.9</ipAddress><eventName>Login</eventName><dateTime>2022-09-19T10:00:00Z</dateTime></ipCaptureEvent></personOrUserReported></report>`

// A report of an online service goes by the clearinghouse and the bureau to one unit, which returns it, and to another, which
// registers an FIR and arrests somebody; who took the report first sees it. Four processes.
func TestReferralOverFourProcesses(t *testing.T) {
	clearing, bureau, a, b := run4(t, "clearinghouse", "clearinghouse"), run4(t, "bureau", "bureau"), run4(t, "unit.a", "unit"), run4(t, "unit.b", "unit")
	for _, pair := range [][2]*process{{clearing, bureau}, {bureau, a}, {bureau, b}} {
		pair[0].know(pair[1], "referral_answer", "outcome_report")
		pair[1].know(pair[0], "referral")
	}
	call1[any](clearing, "admin", "POST", "/credentials", map[string]any{"kind": "reporter", "name": "services", "secret": word + word})
	for _, r := range [][2]string{{"ip", "203.0.113.0/24"}, {"any", ""}} {
		call1[any](bureau, "admin", "POST", "/routes", map[string]any{"kind": r[0], "pattern": r[1], "agency": map[string]string{"ip": "unit.a", "any": "unit.b"}[r[0]]})
	}
	clearing.file(filed)
	first := clearing.wait("the report", func(tipJSON) bool { return true })
	clearing.refer(first.ID, "bureau", "an Indian address")
	at := bureau.wait("the referral", func(x tipJSON) bool { return x.State == "received" })
	type routed struct{ Agency, Reason string }
	where := call1[[]routed](bureau, "desk", "GET", "/routing", nil)
	if len(where) != 1 || where[0].Agency != "unit.a" || !strings.Contains(where[0].Reason, "203.0.113.9 (login 2022-09-19T10:00:00Z) lies in 203.0.113.0/24") {
		t.Fatalf("routed: %+v", where)
	}
	bureau.refer(at.ID, "unit.a", where[0].Reason)
	there := a.wait("the referral", func(x tipJSON) bool { return x.State == "received" })
	clearing.wait("the news of the first unit", func(x tipJSON) bool { return x.Responsible == "unit.a" })
	call1[any](a, "desk", "POST", fmt.Sprintf("/documents/%d/referral-answer", there.ReferralID), map[string]any{"answers": []map[string]any{{"tip_id": there.ID, "accept": false, "reason": "wrong_jurisdiction", "note": "the line was moved to another circle"}}})
	bureau.wait("the return", func(x tipJSON) bool { return x.Responsible == "bureau" && x.State == "received" })
	clearing.wait("the news of the return", func(x tipJSON) bool { return x.Responsible == "bureau" })
	where = call1[[]routed](bureau, "desk", "GET", "/routing", nil)
	if len(where) != 1 || where[0].Agency != "unit.b" {
		t.Fatalf("routed to who returned it: %+v", where)
	}
	bureau.refer(at.ID, "unit.b", where[0].Reason)
	there = b.wait("the referral", func(x tipJSON) bool { return x.State == "received" })
	call1[any](b, "desk", "POST", fmt.Sprintf("/documents/%d/acceptance", there.ReferralID), nil)
	c := call1[struct{ ID int64 }](b, "desk", "POST", "/cases", map[string]any{"title": "Kite", "tip_ids": []int64{there.ID}})
	call1[any](b, "desk", "POST", fmt.Sprintf("/cases/%d/fir", c.ID), nil)
	call1[any](b, "desk", "POST", fmt.Sprintf("/cases/%d/arrests", c.ID), map[string]any{"name": "Dev Menon", "place": "Capital", "grounds": "the account is his", "arrested_at": time.Now().UnixMicro()})
	call1[any](b, "desk", "POST", "/outcome-reports", nil)
	clearing.wait("the outcome", func(x tipJSON) bool { return x.Outcome == "arrest" && x.Responsible == "unit.b" })
	view := call1[struct {
		Outcomes []struct{ Kind, Detail, Source string }
		Chain    []struct{ Agency, How string }
	}](clearing, "desk", "GET", fmt.Sprintf("/tips/%d", first.ID), nil)
	if len(view.Outcomes) != 2 || view.Outcomes[0].Kind != "fir_registered" || !strings.HasPrefix(view.Outcomes[0].Detail, "FIR 1/") || !strings.HasSuffix(view.Outcomes[0].Detail, ", CYBER") || view.Outcomes[1].Kind != "arrest" || view.Outcomes[1].Source != "unit.b" {
		t.Errorf("outcomes at the clearinghouse: %+v", view.Outcomes)
	}
	if strings.Contains(fmt.Sprint(view), "Dev Menon") {
		t.Error("the name of the arrested person travelled")
	}
	var way []string
	for _, h := range view.Chain {
		way = append(way, h.How+" "+h.Agency)
	}
	if len(way) < 5 || way[0] != "sent bureau" || !strings.HasSuffix(strings.Join(way, ", "), "unit.b") {
		t.Errorf("the way of the tip: %v", way)
	}
}
