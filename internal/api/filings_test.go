package api_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

var updateFilings = flag.Bool("update-filings", false, "write the answers of the conversations in testdata/filings anew")

// desk is a node with two reporters and a service that may not file.
type desk struct {
	*apptest.Node
	passwords map[string]string
}

func newDesk(t *testing.T, n *apptest.Node) *desk {
	t.Helper()
	d := &desk{n, map[string]string{"stranger": "a wrong password"}}
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		for name, kind := range map[string]identity.ServiceKind{"lantern": identity.ReporterService, "pebble": identity.ReporterService, "holder": identity.ExchangeService} {
			made, err := n.People.AddService(ctx, tx, identity.NewService{Kind: kind, Name: name}, 0)
			if err != nil {
				return err
			}
			d.passwords[name] = made.Password
		}
		return nil
	})
	return d
}

// call sends a request as a reporter and gives status, header and body.
func (d *desk) call(t *testing.T, as, method, path string, header http.Header, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, d.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		req.Header = header
	}
	if as != "" {
		req.SetBasicAuth(as, d.passwords[as])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func (d *desk) post(t *testing.T, path, body string) string {
	t.Helper()
	_, _, answer := d.call(t, "lantern", http.MethodPost, path, http.Header{"Content-Type": {"text/xml"}}, body)
	return answer
}

var (
	reportNumber = regexp.MustCompile(`<reportId>(\d+)</reportId>|"report_id":(\d+)`)
	otherFile    = regexp.MustCompile(`<fileId>[0-9a-f]{32}</fileId>`)
)

// conversation is a file of testdata/filings: exchanges between lines of "====", each a request and, after "----", its answer. In it
// {report} is the number that the last submit gave and {file} the one of the last upload. As: names who calls; lantern if nobody.
type conversation struct {
	d            *desk
	report, file string
}

func (c *conversation) exchange(t *testing.T, request string) string {
	t.Helper()
	request = strings.NewReplacer("{report}", c.report, "{file}", c.file).Replace(request)
	head, body, _ := strings.Cut(request, "\n\n")
	as, header := "lantern", http.Header{}
	method, path := "", ""
	for _, line := range strings.Split(head, "\n") {
		name, value, isHeader := strings.Cut(line, ": ")
		switch {
		case line == "" || line[0] == '#':
		case !isHeader:
			method, path, _ = strings.Cut(line, " ")
		case name == "As":
			as = strings.TrimPrefix(value, "nobody")
		default:
			header.Set(name, value)
		}
	}
	if strings.HasPrefix(header.Get("Content-Type"), "multipart/") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	status, got, answer := c.d.call(t, as, method, path, header, body)
	if len(got.Get("Request-ID")) != 32 {
		t.Errorf("%s %s: no Request-ID", method, path)
	}
	if m := reportNumber.FindStringSubmatch(answer); m != nil && path == "/ispws/submit" {
		c.report = m[1]
	}
	if strings.Contains(answer, "<fileId>") && path == "/ispws/upload" {
		_, rest, _ := strings.Cut(answer, "<fileId>")
		c.file = rest[:32]
	}
	answer = strings.TrimPrefix(strings.TrimSpace(answer), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	if c.file != "" {
		answer = strings.ReplaceAll(answer, c.file, "{file}")
	}
	answer = otherFile.ReplaceAllString(answer, "<fileId>{another}</fileId>")
	if c.report != "" {
		answer = regexp.MustCompile(`(reportId>|report_id":|report )`+c.report+`\b`).ReplaceAllString(answer, "${1}{report}")
	}
	return fmt.Sprintf("%d %s\n%s", status, got.Get("Content-Type"), answer)
}

func TestFilingConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/filings/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d conversations, %v", len(files), err)
	}
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDesk(t, n)
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := &conversation{d: d}
			var out []string
			for _, exchange := range strings.Split(strings.TrimSpace(string(text)), "\n====\n") {
				request, want, _ := strings.Cut(exchange, "\n----\n")
				got := c.exchange(t, request)
				if !*updateFilings && got != strings.TrimSpace(want) {
					t.Errorf("%s: %s\nanswers\n%s\nwant\n%s", path, strings.TrimSpace(request), got, want)
				}
				out = append(out, request+"\n----\n"+got)
			}
			if *updateFilings {
				if err := os.WriteFile(path, []byte(strings.Join(out, "\n====\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Every response code that can arise has a conversation that shows it, but the two that need a fault of the node's own.
func TestEveryResponseCode(t *testing.T) {
	files, _ := filepath.Glob("testdata/filings/*.txt")
	seen := ""
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seen += string(b)
	}
	for _, code := range []int{0, 1110, 1111, 1210, 2000, 3000, 3100, 4000, 4100, 4110, 4200, 5001, 5002, 5101, 5102} {
		if !strings.Contains(seen, fmt.Sprintf("<responseCode>%d</responseCode>", code)) {
			t.Errorf("no conversation shows %d", code)
		}
	}
}

const plainReport = `<report><incidentSummary><incidentType>Misleading Domain Name</incidentType><incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary>
	<reporter><reportingPerson/></reporter>%s</report>`

func (d *desk) submit(t *testing.T, parts string) string {
	t.Helper()
	m := reportNumber.FindStringSubmatch(d.post(t, "/ispws/submit", fmt.Sprintf(plainReport, parts)))
	if m == nil {
		t.Fatal("the report was not taken")
	}
	return m[1]
}

// An unfinished filing ends 24 hours after it was opened or an hour after its last change, whichever is later; what it told is gone.
func TestFilingExpires(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDesk(t, n)
		says := func(want, answer string) {
			t.Helper()
			if !strings.Contains(answer, "<responseCode>"+want+"</responseCode>") {
				t.Errorf("%s, want %s", answer, want)
			}
		}
		expire := func(want int) {
			t.Helper()
			if n, err := n.Tips.Expire(t.Context()); err != nil || n != want {
				t.Errorf("%d expired, want %d: %v", n, want, err)
			}
		}
		idle, busy, done := d.submit(t, "<additionalInfo>kite</additionalInfo>"), d.submit(t, ""), d.submit(t, "")
		says("0", d.post(t, "/ispws/finish", "id="+done))
		upload := func(id string) string {
			_, _, answer := d.call(t, "lantern", http.MethodPost, "/ispws/upload", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}},
				"--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n"+id+"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"kite.bin\"\r\n\r\nriver\r\n--b--\r\n")
			return answer
		}
		says("0", upload(idle))
		n.Clock.Pass(23*time.Hour + 30*time.Minute)
		expire(0)
		says("0", upload(busy)) // at 23:30: until 24:30
		n.Clock.Pass(30 * time.Minute)
		says("5001", upload(idle)) // even before the upkeep runs
		_, _, own := d.call(t, "lantern", http.MethodGet, "/ispws/reports/"+idle, nil, "")
		if !strings.Contains(own, `"state":"expired"`) {
			t.Errorf("a filing past its time: %s", own)
		}
		expire(1)
		expire(0)
		says("5001", d.post(t, "/ispws/finish", "id="+idle))
		says("5001", d.post(t, "/ispws/retract", "id="+idle))
		says("0", upload(busy))
		n.Clock.Pass(59 * time.Minute)
		says("0", d.post(t, "/ispws/finish", "id="+busy))
		n.Clock.Pass(1000 * time.Hour)
		expire(0)
		if left := n.Int("SELECT COUNT(*) FROM report WHERE state = 'expired' AND content = ''"); left != 1 {
			t.Errorf("%d expired filings without content", left)
		}
		if kept := n.Int(`SELECT COUNT(*) FROM record_entry WHERE sealed IS NOT NULL AND (object = 'report' AND object_id = ` + idle + `
			OR object = 'report_file' AND object_id IN (SELECT id FROM report_file WHERE report_id = ` + idle + "))"); kept != 0 {
			t.Errorf("%d entries still tell what the expired filing did", kept)
		}
		if files := n.Int("SELECT COUNT(*) FROM report_file WHERE hashed <> ''"); files != 0 {
			t.Errorf("%d files of ended filings still have their hashes", files)
		}
		if media, tips := n.Int("SELECT COUNT(*) FROM media"), n.Int("SELECT COUNT(*) FROM tip"); media != 2 || tips != 2 {
			t.Errorf("%d media and %d tips, want those of the finished filings", media, tips)
		}
		if ended := n.Int("SELECT COUNT(*) FROM record_entry WHERE kind = 'report.expired'"); ended != 1 {
			t.Errorf("the record tells of %d expiries", ended)
		}
	})
}

// A failure of the node's own is told as one: a status that clients repeat, and the code for it.
func TestFilingServerError(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDesk(t, n)
		id := d.submit(t, "")
		if err := n.Media.Close(); err != nil {
			t.Fatal(err)
		}
		png := "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 100)
		status, header, answer := d.call(t, "lantern", http.MethodPost, "/ispws/upload", http.Header{"Content-Type": {"multipart/form-data; boundary=b"}},
			"--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n"+id+"\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"+png+"\r\n--b--\r\n")
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(answer, "<responseCode>1000</responseCode>") {
			t.Errorf("%d %v %s", status, header, answer)
		}
	})
}

// What became of a report is told to its reporter alone, without what may name people.
func TestReporterLooksUp(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		d := newDesk(t, n)
		var ids []string
		for range 3 {
			ids = append(ids, d.submit(t, ""))
		}
		d.post(t, "/ispws/finish", "id="+ids[0])
		d.post(t, "/ispws/retract", "id="+ids[1])
		tip := n.Int("SELECT tip_id FROM report WHERE id = " + ids[0])
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			if err := n.Tips.Set(ctx, tx, tip, "tip.actionable", record.Fields{"state": "actionable"}); err != nil {
				return err
			}
			return n.Triage.AddOutcome(ctx, tx, triage.Outcome{TipID: tip, Kind: "arrest", Detail: "basket", HappenedAt: store.Micros(n.Clock.Now())}, 0)
		})
		_, _, answer := d.call(t, "lantern", http.MethodGet, "/ispws/reports?after=0", nil, "")
		for _, want := range []string{`"state":"finished"`, `"state":"retracted"`, `"state":"open"`, `"expires_at":"2022-09-26T09:00:00Z"`,
			`"tip":{"number":"T-2022-000001","state":"actionable","outcomes":[{"kind":"arrest","happened_at":"2022-09-25T09:00:00Z"}]}`} {
			if !strings.Contains(answer, want) {
				t.Errorf("%s lacks %s", answer, want)
			}
		}
		if strings.Contains(answer, "basket") {
			t.Errorf("the detail of an outcome went out: %s", answer)
		}
		for path, want := range map[string]int{"/ispws/reports?after=" + ids[1]: 1, "/ispws/reports?limit=2": 2, "/ispws/reports?after=" + ids[2]: 0} {
			if _, _, answer := d.call(t, "lantern", http.MethodGet, path, nil, ""); strings.Count(answer, `"report_id"`) != want {
				t.Errorf("%s: %s, want %d", path, answer, want)
			}
		}
		if _, _, answer := d.call(t, "pebble", http.MethodGet, "/ispws/reports", nil, ""); strings.TrimSpace(answer) != `{"reports":[]}` {
			t.Errorf("another's list: %s", answer)
		}
		for _, id := range append(ids, "999999", "kite", "0") {
			if status, _, answer := d.call(t, "pebble", http.MethodGet, "/ispws/reports/"+id, nil, ""); status != http.StatusNotFound || strings.Contains(answer, "tip") {
				t.Errorf("another's report: %d %s", status, answer)
			}
		}
	})
}
