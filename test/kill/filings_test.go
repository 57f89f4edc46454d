package kill

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"raksha.example/raksha/internal/app"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/store/storetest"
)

const (
	filers       = 1000 // filings under way in one round
	filingCalls  = 1500 // the latest kill, in calls that were answered; a round has about 3,500
	inTurn       = 30   // clients that file one report after the other
	filingRounds = 10   // kills that one database suffers; then a new one
	filerName    = "lantern"
	filerSecret  = "the secret of a service that files"
)

// rounds is how often a node is killed on each engine while a thousand reports are filed: 50 times in all with RAKSHA_LONG=1.
func rounds() int {
	if os.Getenv("RAKSHA_LONG") == "1" {
		return 25
	}
	return 2
}

// serve is the child that only serves, until it is killed. It says where.
func serve(dir, dsn string, out io.Writer) error {
	n, err := app.Start(context.Background(), config(dir, dsn))
	if err != nil {
		return err
	}
	if _, err := prepare(context.Background(), n); err != nil {
		return err
	}
	err = n.Rooms.DB.Write(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		all, err := n.Rooms.People.Services(ctx, tx)
		if err != nil || len(all) > 0 {
			return err
		}
		_, err = n.Rooms.People.AddService(ctx, tx, identity.NewService{Kind: identity.ReporterService, Name: filerName, Secret: filerSecret}, 0)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, n.URL)
	return n.Wait()
}

// filing is one report as its client knows it. Half of the clients send idempotency keys and repeat what got no answer; the others
// know only what they were told.
type filing struct {
	key      string
	keyed    bool
	files    []string // what they hold
	id       int64    // 0: no submit was acknowledged
	attached []string // file numbers that were acknowledged
	finished bool     // finish was acknowledged
	answered func()   // is told of each answer

	places chan struct{} // taken for each call, if there are any
}

func newFiling() *filing {
	f := &filing{key: fmt.Sprintf("%016x", rand.Uint64()), keyed: rand.IntN(2) == 0}
	for i := range 1 + rand.IntN(2) {
		f.files = append(f.files, fmt.Sprintf("a kite %d of %s", i, f.key))
	}
	return f
}

// reply is either of the API's answers.
type reply struct {
	Code   int      `xml:"responseCode"`
	Report int64    `xml:"reportId"`
	File   string   `xml:"fileId"`
	Files  []string `xml:"files>fileId"`
}

// step makes one call. An error is one of the connection, or a node that is busy: nobody knows what became of the call.
func (f *filing) step(client *http.Client, base, path, kind, body, key string) (r reply, err error) {
	if f.places != nil {
		f.places <- struct{}{}
		defer func() { <-f.places }()
	}
	req, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		return r, err
	}
	req.SetBasicAuth(filerName, filerSecret)
	req.Header.Set("Content-Type", kind)
	if f.keyed {
		req.Header.Set("Idempotency-Key", key+" "+f.key)
	}
	resp, err := client.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return r, err
	}
	if resp.StatusCode != http.StatusOK {
		return r, fmt.Errorf("status %d", resp.StatusCode)
	}
	f.answered()
	return r, xml.Unmarshal(b, &r)
}

const killReport = `<report><incidentSummary><incidentType>Misleading Domain Name</incidentType><incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary>
<reporter><reportingPerson/></reporter><additionalInfo>%s</additionalInfo></report>`

// file goes on with a filing where it stands. It ends with an error when the node is gone.
func (f *filing) file(client *http.Client, base string) error {
	if f.id == 0 {
		r, err := f.step(client, base, "/ispws/submit", "text/xml", fmt.Sprintf(killReport, f.key), "submit")
		if err != nil {
			return err
		}
		if r.Code != 0 {
			return fmt.Errorf("submit: %d", r.Code)
		}
		f.id = r.Report
	}
	for len(f.attached) < len(f.files) {
		i := len(f.attached)
		body := fmt.Sprintf("--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n%d\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"kite\"\r\n\r\n%s\r\n--b--\r\n", f.id, f.files[i])
		r, err := f.step(client, base, "/ispws/upload", "multipart/form-data; boundary=b", body, fmt.Sprint("upload ", i))
		if err != nil {
			return err
		}
		if r.Code != 0 {
			return fmt.Errorf("upload to %d: %d", f.id, r.Code)
		}
		f.attached = append(f.attached, r.File)
	}
	if f.finished {
		return nil
	}
	r, err := f.step(client, base, "/ispws/finish", "application/x-www-form-urlencoded", fmt.Sprint("id=", f.id), "finish")
	if err != nil {
		return err
	}
	if r.Code != 0 && !(r.Code == 5102 && !f.keyed) { // without a key, "finished" is the answer to a finish that was done and not told
		return fmt.Errorf("finish of %d: %d", f.id, r.Code)
	}
	f.finished = true
	return nil
}

// TestKilledWhileFiling kills a node at random points of a thousand filings. What finish acknowledged is a tip with every file and its
// hashes; what was not finished goes on after the restart; nothing is there twice.
func TestKilledWhileFiling(t *testing.T) {
	storetest.EachDSN(t, func(t *testing.T, fresh func() string) {
		finished, resumed := 0, 0
		for kills := 0; kills < rounds(); {
			dir, dsn := t.TempDir(), fresh()
			var all []*filing
			for range min(filingRounds, rounds()-kills) {
				round := fileUntilKilled(t, dir, dsn, 1+(int64(kills)*filingCalls+rand.Int64N(filingCalls))/int64(rounds()))
				all = append(all, round...)
				for _, f := range round {
					if f.finished {
						finished++
					}
				}
				kills++
				resumed += checkFilings(t, dir, dsn, round, all)
				if t.Failed() {
					t.Fatalf("at kill %d", kills)
				}
			}
		}
		t.Logf("killed %d times; %d filings were finished before, %d of the others were resumed", rounds(), finished, resumed)
		if finished == 0 || resumed == 0 {
			t.Error("the node was never killed between filings")
		}
	})
}

// fileUntilKilled starts a node, files a thousand reports at once, and kills it after a number of answers. A quarter of the reports is
// filed one after the other by a few clients, so that some filings are far on while others begin.
func fileUntilKilled(t *testing.T, dir, dsn string, after int64) []*filing {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+dir+"\n"+dsn)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer hung.Stop()
	base, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		cmd.Wait()
		t.Fatal(err)
	}
	base = strings.TrimSpace(base)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()
	var answers atomic.Int64
	round := make([]*filing, filers)
	places := make(chan struct{}, 100) // calls under way of those that are filed all at once; a node takes 512
	line := make(chan *filing, filers)
	var wg sync.WaitGroup
	for i := range round {
		f := newFiling()
		f.answered = func() {
			if answers.Add(1) == after {
				cmd.Process.Kill()
			}
		}
		round[i] = f
		if i%4 == 0 {
			line <- f
			continue
		}
		f.places = places
		wg.Go(func() { f.file(client, base) })
	}
	close(line)
	for range inTurn {
		wg.Go(func() {
			for f := range line {
				f.file(client, base)
			}
		})
	}
	wg.Wait()
	cmd.Process.Kill() // if all were filed before
	cmd.Wait()
	return round
}

// checkFilings opens what the killed node left, resumes the round's filings, and looks at all of them.
func checkFilings(t *testing.T, dir, dsn string, round, all []*filing) (resumed int) {
	t.Helper()
	n, err := app.Start(context.Background(), config(dir, dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	q := n.Rooms.DB.Reader()
	lookFilings(t, q, all)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	defer client.CloseIdleConnections()
	work := make(chan *filing)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for f := range work {
				if err := f.file(client, n.URL); err != nil {
					t.Errorf("filing %s cannot be resumed: %v", f.key, err)
				}
			}
		})
	}
	for i, f := range round {
		if !f.finished && (f.keyed || f.id != 0) && i%5 == 0 { // a fifth; the others stay as they are
			resumed++
			f.answered, f.places = func() {}, nil
			work <- f
		}
	}
	close(work)
	wg.Wait()
	lookFilings(t, q, all)
	gapless(t, q, "SELECT CAST(SUBSTR(number, 8) AS BIGINT) FROM tip ORDER BY id")
	verify(t, n)
	return resumed
}

// lookFilings holds what is stored against what the clients were told.
func lookFilings(t *testing.T, q store.Queryer, all []*filing) {
	t.Helper()
	type stored struct {
		state string
		tip   int64
		files map[string]string // SHA-256 by number
	}
	reports := map[int64]*stored{}
	keys := map[string]int{}
	_, err := store.Collect(context.Background(), q, func(rows *sql.Rows) (bool, error) {
		var id int64
		var content string
		s := stored{files: map[string]string{}}
		if err := rows.Scan(&id, &s.state, &s.tip, &content); err != nil {
			return false, err
		}
		reports[id] = &s
		_, key, _ := strings.Cut(content, "<additionalInfo>")
		if len(key) >= 16 {
			keys[key[:16]]++
		}
		return true, nil
	}, "SELECT id, state, COALESCE(tip_id, 0), content FROM report")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Collect(context.Background(), q, func(rows *sql.Rows) (bool, error) {
		var id int64
		var file, sum string
		err := rows.Scan(&id, &file, &sum)
		if err == nil {
			reports[id].files[file] = sum
		}
		return true, err
	}, "SELECT f.report_id, f.file_id, COALESCE(m.sha256, '') FROM report_file f LEFT JOIN media m ON m.id = f.media_id"); err != nil {
		t.Fatal(err)
	}
	tips := countBy(t, q, "SELECT external_ref, COUNT(*) FROM tip GROUP BY external_ref")
	for _, f := range all {
		if n := keys[f.key]; n > 1 {
			t.Errorf("report %s was opened %d times", f.key, n)
		}
		if f.id == 0 {
			continue
		}
		s := reports[f.id]
		if s == nil {
			t.Errorf("report %d was acknowledged and is lost", f.id)
			continue
		}
		if f.finished && (s.state != "finished" || s.tip == 0) {
			t.Errorf("report %d was finished and is %s, tip %d", f.id, s.state, s.tip)
		}
		if n := tips[fmt.Sprintf("report %d", f.id)]; n > 1 || (s.state == "finished") != (n == 1) {
			t.Errorf("report %d is %s and has %d tips", f.id, s.state, n)
		}
		for i, file := range f.attached {
			sum, ok := s.files[file]
			want := sha256.Sum256([]byte(f.files[i]))
			if !ok || s.state == "finished" && sum != hex.EncodeToString(want[:]) {
				t.Errorf("report %d: file %d was acknowledged and is %q", f.id, i, sum)
			}
		}
		if extra := len(s.files) - len(f.attached); extra < 0 || f.keyed && extra > 1 || f.keyed && s.state == "finished" && len(s.files) != len(f.files) {
			t.Errorf("report %d has %d files of %d", f.id, len(s.files), len(f.files))
		}
	}
	for id, s := range reports {
		for file, sum := range s.files {
			if s.state == "finished" && sum == "" {
				t.Errorf("report %d is finished, and file %s has no hashes", id, file)
			}
		}
	}
}
