package filing_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/filing"
	"raksha.example/raksha/internal/filing/cybertip"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

func TestMain(m *testing.M) { apptest.Main(m) }

const password = "a long password of a reporter"

// pair is a platform's node, which files, and a clearinghouse's, which takes reports, with a line between them that fails on demand.
type pair struct {
	t    *testing.T
	from *apptest.Node
	to   *apptest.Node
	line *line
	tip  int64
}

// newPair makes both, and a tip with a file that is kept and one that is not.
func newPair(t *testing.T, fresh func() string, media, repeats bool) *pair {
	p := &pair{t: t, from: apptest.New(t, fresh(), "platform"), to: apptest.New(t, fresh(), "clearinghouse")}
	p.line = newLine(t, p.to.URL)
	p.to.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := p.to.People.AddService(ctx, tx, identity.NewService{Kind: identity.ReporterService, Name: "platform", Secret: password}, 0)
		return err
	})
	p.from.Write(func(ctx context.Context, tx *store.Tx) error {
		_, err := p.from.Filings.Add(ctx, tx, filing.Destination{Name: "clearinghouse", Address: p.line.url + "/ispws", Test: true, Media: media, Repeats: repeats,
			Reporter: cybertip.Reporter{Person: cybertip.Contact{FirstName: "Desk", Emails: []string{"desk@chirp.example"}}}}, "platform", password)
		return err
	})
	p.tip = p.newTip("kite")
	return p
}

func (p *pair) newTip(handle string) int64 {
	n := p.from
	kept := []byte("a file that is kept of " + handle)
	list := n.Insert("hash_list", record.Fields{"name": handle, "holder": n.Agency, "own": true, "created_at": n.Clock.Now()})
	account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": handle, "native_id": "9-" + handle, "url": "https://chirp.example/@" + handle, "state": "live", "first_seen_at": n.Clock.Now()})
	post := n.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "https://chirp.example/@" + handle + "/1", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now()})
	for _, b := range [][]byte{kept, []byte("a file that is not kept of " + handle)} {
		m := n.Insert("media", record.Fields{"post_id": post, "kind": "image", "sha256": fmt.Sprintf("%x", sha256.Sum256(b)), "md5": fmt.Sprintf("%x", md5.Sum(b)), "size": len(b)})
		n.Insert("media_match", record.Fields{"media_id": m, "list_id": list, "kind": "md5", "value": "v", "state": "exact", "label": "A1", "found_at": n.Clock.Now()})
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error { _, err := n.Vault.Put(ctx, tx, kept); return err })
	return n.Insert("tip", record.Fields{"number": "T/" + handle, "source": "scan", "class": "media", "state": "received", "account_id": account, "post_id": post,
		"hints": "ip:203.0.113.7\nphone:+919800000002", "summary": "an invented tip", "responsible": n.Agency, "occurred_at": n.Clock.Now(), "received_at": n.Clock.Now()})
}

func (p *pair) file() (v filing.Filing) {
	p.t.Helper()
	p.from.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		v, err = p.from.Filings.Prepare(ctx, tx, p.tip, "clearinghouse", 1)
		return err
	})
	return v
}

func (p *pair) final(id int64) (v filing.Filing) {
	p.t.Helper()
	p.from.Wait("the end of the filing", func() bool {
		var err error
		if v, err = filing.ByID(context.Background(), p.from.DB.Reader(), id); err != nil {
			p.t.Fatal(err)
		}
		return filing.Final(v.State)
	})
	return v
}

// agree holds that the filing exists at the other end exactly once, with its file once, and that both ends say so.
func (p *pair) agree(v filing.Filing, files int64) {
	p.t.Helper()
	if v.State != filing.Finished || v.Failure != "" || v.Sent != files {
		p.t.Errorf("here: %+v", v)
	}
	if n := p.to.Int("SELECT COUNT(*) FROM report WHERE state = 'finished'"); n != 1 {
		p.t.Errorf("%d finished reports there", n)
	}
	if n := p.to.Int("SELECT COUNT(*) FROM tip"); n != 1 {
		p.t.Errorf("%d tips there", n)
	}
	if n := p.to.Int("SELECT COUNT(*) FROM report_file f JOIN report r ON r.id = f.report_id WHERE r.state = 'finished' AND f.details <> '' AND r.id = $1", v.Report); n != files {
		p.t.Errorf("%d files there with report %d, want %d", n, v.Report, files)
	}
}

func TestFile(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		p := newPair(t, fresh, true, false)
		v := p.final(p.file().ID)
		p.agree(v, 1)
		if v.Round != 1 || v.Abandoned != 0 {
			t.Errorf("%+v", v)
		}
		for query, want := range map[string]int64{
			"SELECT COUNT(*) FROM tip WHERE class = 'media' AND hints LIKE '%ip:203.0.113.7%' AND hints LIKE '%phone:+919800000002%'": 1,
			"SELECT COUNT(*) FROM tip WHERE summary LIKE '%not enclosed: SHA-256%'":                                                   1,
			"SELECT COUNT(*) FROM account WHERE host = 'chirp.example' AND handle = 'kite' AND native_id = '9-kite'":                  1,
			"SELECT COUNT(*) FROM media WHERE viewed = 'no'":                                                                          1,
		} {
			if n := p.to.Int(query); n != want {
				t.Errorf("%s: %d", query, n)
			}
		}
		if err := p.from.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := p.from.Filings.Prepare(ctx, tx, p.tip, "clearinghouse", 1)
			return err
		}); fault.Of(err) != fault.Conflict {
			t.Errorf("filed twice: %v", err)
		}
	})
}

// To a destination for which media are not opened no byte of a file goes.
func TestHashesOnly(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		p := newPair(t, fresh, false, false)
		p.agree(p.final(p.file().ID), 0)
		if p.line.count("upload") != 0 || p.to.Int("SELECT COUNT(*) FROM media") != 0 {
			t.Error("a file was sent")
		}
	})
}

// Whatever the line does to any step, once or several times, the filing is there exactly once in the end.
func TestBrokenLine(t *testing.T) {
	faults := map[string]fate{"lost before it arrives": {before: true}, "answer lost": {after: true}, "sent twice": {twice: true}, "status 500": {status: 500}, "a page instead": {page: true}}
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		for _, repeats := range []bool{false, true} {
			for _, step := range []string{"submit", "upload", "fileinfo", "finish"} {
				for name, f := range faults {
					if os.Getenv("RAKSHA_LONG") == "" && name != "answer lost" { // each pair of nodes takes seconds: make test-long breaks them all
						continue
					}
					if f.twice && !repeats && step != "finish" && step != "fileinfo" {
						continue // a call that the network itself repeats is told apart by its key alone
					}
					t.Run(fmt.Sprintf("%s, %s, keys %v", step, name, repeats), func(t *testing.T) {
						p := newPair(t, fresh, true, repeats)
						p.line.next(step, f, 2)
						v := p.final(p.file().ID)
						p.agree(v, 1)
						if repeats && p.to.Int("SELECT COUNT(*) FROM report") != 1 {
							t.Error("a report was left open there")
						}
					})
				}
			}
		}
	})
}

// A refusal is final: the report is taken back there, and the filing says why.
func TestRefused(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		p := newPair(t, fresh, true, false)
		p.line.next("upload", fate{code: 4200}, 1)
		v := p.final(p.file().ID)
		if v.State != filing.Failed || !strings.Contains(v.Failure, "4200") {
			t.Errorf("%+v", v)
		}
		if n := p.to.Int("SELECT COUNT(*) FROM report WHERE state = 'retracted'"); n != 1 || p.to.Int("SELECT COUNT(*) FROM tip") != 0 {
			t.Errorf("%d reports were retracted there", n)
		}
		p.agree(p.final(p.file().ID), 1) // it may be filed again
	})
}

// A filing whose process ends between any two steps goes on where it stood.
func TestEndedBetweenSteps(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		for _, step := range []string{"submit", "upload", "fileinfo", "finish"} {
			p := newPair(t, fresh, true, false)
			held := p.line.hold(step)
			v := p.file()
			<-held // the call is on its way, and the node ends
			p.from.Restart()
			p.agree(p.final(v.ID), 1)
		}
	})
}

// line passes calls on and does to them what a test wants.
type line struct {
	url    string
	mu     sync.Mutex
	fates  map[string][]fate
	counts map[string]int
}

type fate struct {
	before, after, twice, page bool
	status, code               int
	held                       chan struct{} // closed when the call is there; it gets no answer
}

func newLine(t *testing.T, to string) *line {
	l := &line{fates: map[string][]fate{}, counts: map[string]int{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { l.pass(t, w, r, to) }))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	l.url = s.URL
	return l
}

func (l *line) next(step string, f fate, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range times {
		l.fates[step] = append(l.fates[step], f)
	}
}

func (l *line) hold(step string) chan struct{} {
	held := make(chan struct{})
	l.next(step, fate{held: held}, 1)
	return held
}

func (l *line) count(step string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[step]
}

func (l *line) pass(t *testing.T, w http.ResponseWriter, r *http.Request, to string) {
	step := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	l.counts[step]++
	var f fate
	if all := l.fates[step]; len(all) > 0 {
		f, l.fates[step] = all[0], all[1:]
	}
	l.mu.Unlock()
	switch {
	case f.before:
		cut(w)
		return
	case f.code != 0:
		fmt.Fprintf(w, "<reportResponse><responseCode>%d</responseCode><responseDescription>refused</responseDescription></reportResponse>", f.code)
		return
	}
	times := 1
	if f.twice {
		times = 2
	}
	var status int
	var answer []byte
	for range times {
		req, err := http.NewRequest(r.Method, to+r.URL.Path, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return
		}
		req.Header = r.Header.Clone()
		req.Header.Del("Accept-Encoding")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			cut(w)
			return
		}
		status = resp.StatusCode
		answer, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	switch {
	case f.held != nil:
		close(f.held)
		<-r.Context().Done()
		cut(w)
	case f.after:
		cut(w)
	case f.page:
		io.WriteString(w, "<html><body>One moment, please</body></html>")
	case f.status != 0:
		w.WriteHeader(f.status)
	default:
		w.WriteHeader(status)
		w.Write(answer)
	}
}

func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
}
