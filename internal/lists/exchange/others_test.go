package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
)

// TestStopNCII follows a service whose pages are sometimes broken.
func TestStopNCII(t *testing.T) {
	each(t, func(b *bench) {
		type rec struct {
			n      int
			at     int64
			status string
		}
		var mu sync.Mutex
		var all []rec
		broken := -1 // the record whose page is no JSON
		var feedback []byte
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if r.Header.Get("x-functions-key") != "f" || r.Header.Get("Ocp-Apim-Subscription-Key") != "s" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if r.URL.Path == "/v1/SubmitFeedback" {
				feedback, _ = io.ReadAll(r.Body)
				return
			}
			q := r.URL.Query()
			since, _ := strconv.ParseInt(q.Get("startTimestamp"), 10, 64)
			size, _ := strconv.Atoi(q.Get("pageSize"))
			begin, _ := strconv.Atoi(q.Get("nextPageToken"))
			var set []rec
			for _, v := range all {
				if v.at >= since {
					set = append(set, v)
				}
			}
			end := min(begin+size, len(set))
			var records []string
			for _, v := range set[min(begin, end):end] {
				if v.n == broken {
					records = append(records, "{{")
					continue
				}
				records = append(records, fmt.Sprintf(`{"lastModtimestamp":%d,"signalType":"VideoMD5","hashValue":"%s","hashStatus":"%s","caseNumbers":{},"CSPFeedbacks":[]}`, v.at, md5Of(v.n), v.status))
			}
			more, next := end < len(set), ""
			if more {
				next = fmt.Sprint(end)
			}
			newest := since
			if len(set) > 0 {
				newest = set[len(set)-1].at + 1
			}
			fmt.Fprintf(w, `{"count":%d,"nextPageToken":"%s","nextSetTimestamp":%d,"hasMoreRecords":%v,"hashRecords":[%s]}`, len(records), next, newest, more, strings.Join(records, ","))
		}))
		defer server.Close()
		for i := range 2000 {
			all = append(all, rec{i, start.Unix() - 5000 + int64(i), "Active"})
		}
		broken = 1234
		e := b.exchange(Make{Name: "NCII", Kind: StopNCII, Address: server.URL + "/v1"}, Secret{"function_key": "f", "subscription_key": "s"})
		s := b.sync(e)
		if s.Items != 1999 || s.Open != 1 || b.matches(md5Of(1234)) != 0 || b.matches(md5Of(1235)) != 1 {
			b.Errorf("%+v", s)
		}
		mu.Lock()
		all = append(all, rec{5, start.Unix(), "Withdrawn"}, rec{6, start.Unix(), "Deleted"}, rec{1234, start.Unix(), "Active"}, rec{7, start.Unix(), "Active"})
		broken = -1
		mu.Unlock()
		s = b.sync(e)
		if s.Items != 1998 || b.matches(md5Of(5)) != 0 || b.matches(md5Of(6)) != 0 || b.matches(md5Of(7)) != 1 || b.matches(md5Of(1234)) != 1 {
			b.Errorf("%+v", s)
		}
		// A vote goes out by a job.
		hit := b.lists.Find(lists.Query{Exact: []lists.Hash{{Kind: lists.MD5, Value: md5Of(7)}}})[0]
		b.write(func(tx *store.Tx) error {
			_, err := b.x.Vote(b.ctx, tx, e.ID, hit.Content, lists.MD5, Negative, []string{"tag"})
			return err
		})
		if err := b.x.voteJob(b.ctx, voteArgs{1}); err != nil {
			b.Fatal(err)
		}
		var got any
		json.Unmarshal(feedback, &got)
		if text := fmt.Sprint(got); text != fmt.Sprintf("map[count:1 hashFeedbacks:[map[feedbackValue:NotBlocked hashValue:%s tags:[tag]]]]", md5Of(7)) {
			b.Error(text)
		}
		if votes, err := SentVotes(b.ctx, b.db.Reader(), e.ID, 10); err != nil || len(votes) != 1 || votes[0].State != "sent" {
			b.Errorf("%+v, %v", votes, err)
		}
		b.verify()
	})
}

// TestFiles fetches a file, follows its changes, and takes no silence for a removal.
func TestFiles(t *testing.T) {
	each(t, func(b *bench) {
		var mu sync.Mutex
		body, tag, whole := "", `"1"`, 0
		cut := false
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if r.URL.Path == "/away" {
				http.Redirect(w, r, "http://10.0.0.1/list", http.StatusFound)
				return
			}
			if r.Header.Get("If-None-Match") == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			whole++
			w.Header().Set("ETag", tag)
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			if cut {
				io.WriteString(w, body[:len(body)/2])
				return
			}
			io.WriteString(w, body)
		}))
		defer server.Close()
		serve := func(text string, version string, broken bool) {
			mu.Lock()
			defer mu.Unlock()
			body, tag, cut = text, version, broken
		}
		record := func(n, category int) string {
			return fmt.Sprintf(`{"MediaID":%d,"Category":%d,"MD5":"%s","Miniature":"%s"}`, n, category, strings.ToUpper(md5Of(n)), strings.Repeat("QUJD", 100))
		}
		file := func(category int, numbers ...int) string {
			var all []string
			for _, n := range numbers {
				all = append(all, record(n, category))
			}
			return `{"@odata.context":"http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media","value":[` + strings.Join(all, ",") + "]}"
		}
		numbers := make([]int, 2500)
		for i := range numbers {
			numbers[i] = i
		}
		serve(file(1, numbers...), `"1"`, false)
		e := b.exchange(Make{Name: "VICS_US", Kind: File, Address: server.URL + "/list", Holder: "vics.example", Settings: Settings{Format: VICS}, Scheme: "VICS/US"}, nil)
		if s := b.sync(e); s.Items != 2500 {
			b.Fatalf("%+v", s)
		}
		hits := b.lists.Find(lists.Query{Exact: []lists.Hash{{Kind: lists.MD5, Value: md5Of(7)}}})
		if len(hits) != 1 || hits[0].Label != "1" {
			b.Errorf("%+v", hits)
		}
		if s := b.sync(e); whole != 1 || s.Items != 2500 {
			b.Errorf("the file was fetched %d times, %+v", whole, s)
		}
		// A file that breaks off adds what it holds and removes nothing.
		serve(file(1, append(append([]int{}, 3000), numbers[:2000]...)...), `"2"`, true)
		if s, err := b.x.Sync(b.ctx, e.ID, 0); err == nil || s.Items != 2501 || s.LastOK {
			b.Errorf("%+v, %v", s, err)
		}
		// So does an empty one.
		serve(file(1), `"3"`, false)
		if s, err := b.x.Sync(b.ctx, e.ID, 0); err == nil || s.Items != 2501 || !strings.Contains(s.Failure, "nothing was removed") {
			b.Errorf("%+v, %v", s, err)
		}
		// A whole one removes what it no longer holds, and changes what it tells otherwise.
		serve(file(2, numbers[500:2000]...), `"4"`, false)
		if s := b.sync(e); s.Items != 1500 || s.Replaced != 1500 || b.matches(md5Of(1)) != 0 || b.matches(md5Of(600)) != 1 || b.matches(md5Of(3000)) != 0 {
			b.Errorf("%+v", s)
		}
		// A redirect into the private network is refused.
		away := b.exchange(Make{Name: "AWAY", Kind: File, Address: server.URL + "/away", Holder: "away.example"}, nil)
		if s, err := b.x.Sync(b.ctx, away.ID, 0); fault.Of(err) != fault.Refused || !strings.Contains(s.Failure, "10.0.0.1") {
			b.Errorf("%+v, %v", s, err)
		}
		b.verify()
	})
}

func TestMakeRefuses(t *testing.T) {
	each(t, func(b *bench) {
		for _, m := range []Make{{Name: "lower", Kind: StopNCII}, {Name: "A", Kind: "other"}, {Name: "A", Kind: NCMEC}, {Name: "A", Kind: NCMEC, Address: "http://10.0.0.1/x"}, {Name: "A", Kind: File},
			{Name: "A", Kind: File, Address: "https://a.example", Settings: Settings{Format: "x"}}, {Name: "A", Kind: StopNCII, Every: time.Second}, {Name: "A", Kind: StopNCII, Holder: self},
			{Name: "A", Kind: NCMEC, Address: "https://user:pass@a.example"}} {
			err := b.db.Write(b.ctx, func(ctx contextType, tx *store.Tx) error { _, err := b.x.Create(ctx, tx, m); return err })
			if fault.Of(err) != fault.Invalid {
				b.Errorf("%+v: %v", m, err)
			}
		}
		e := b.exchange(Make{Name: "A", Kind: NCMEC, Settings: Settings{Environment: "test_NGO"}}, nil)
		if e.Address != "https://hashsharing-test.ncmec.org/npo" {
			b.Errorf("%+v", e)
		}
		err := b.db.Write(b.ctx, func(ctx contextType, tx *store.Tx) error {
			_, err := b.x.Create(ctx, tx, Make{Name: "A", Kind: StopNCII})
			return err
		})
		if fault.Code(err) != "exchange_exists" {
			b.Error(err)
		}
	})
}

func TestImportAndExport(t *testing.T) {
	each(t, func(b *bench) {
		var own, received int64
		b.write(func(tx *store.Tx) (err error) {
			if own, err = b.lists.CreateList(b.ctx, tx, lists.New{Name: "own", Scheme: "VICS/UK"}); err == nil {
				received, err = b.lists.CreateList(b.ctx, tx, lists.New{Name: "theirs", Holder: "else.example"})
			}
			return err
		})
		text := fmt.Sprintf("%s\t1\npdq %s,2\nnonsense\n%s\n", md5Of(1), strings.Repeat("ab", 32), md5Of(2))
		for i, want := range []Report{{Added: 3, Unread: 1}, {Present: 3, Unread: 1}} {
			rep, err := b.x.Import(b.ctx, own, Lines, strings.NewReader(text))
			if err != nil || rep.Added != want.Added || rep.Present != want.Present || rep.Unread != want.Unread || len(rep.Aside) != 1 {
				b.Errorf("import %d: %+v, %v", i+1, rep, err)
			}
		}
		var vics, lines bytes.Buffer
		if wrote, left, err := b.x.Export(b.ctx, own, VICS, &vics); err != nil || wrote != 3 || left != 0 {
			b.Errorf("%d, %d, %v", wrote, left, err)
		}
		if !strings.Contains(vics.String(), "/2.0.xml/UK/$metadata#Media") || !strings.Contains(vics.String(), strings.ToUpper(md5Of(2))) {
			b.Error(vics.String())
		}
		if _, _, err := b.x.Export(b.ctx, own, Lines, &lines); err != nil {
			b.Error(err)
		}
		for format, out := range map[string]io.Reader{VICS: &vics, Lines: &lines} {
			var again int64
			b.write(func(tx *store.Tx) (err error) {
				again, err = b.lists.CreateList(b.ctx, tx, lists.New{Name: "again " + format, Scheme: "VICS/UK"})
				return err
			})
			if rep, err := b.x.Import(b.ctx, again, format, out); err != nil || rep.Added != 3 || rep.Unread != 0 {
				b.Errorf("%s: %+v, %v", format, rep, err)
			}
		}
		if _, _, err := b.x.Export(b.ctx, received, VICS, io.Discard); fault.Of(err) != fault.Refused {
			b.Errorf("a received list is passed on: %v", err)
		}
		if _, err := b.x.Import(b.ctx, received, Lines, strings.NewReader(text)); fault.Of(err) != fault.Refused {
			b.Errorf("a received list is added to: %v", err)
		}
		err := b.db.Write(b.ctx, func(ctx contextType, tx *store.Tx) error { return b.x.Offer(ctx, tx, received, true) })
		if fault.Of(err) != fault.Refused {
			b.Errorf("a received list is offered: %v", err)
		}
		b.verify()
	})
}
