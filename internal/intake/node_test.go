package intake_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"database/sql"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"sync"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// A complaint file keeps every line as it was typed, however odd, and makes one tip of each address.
func TestComplaintKeepsEveryLine(t *testing.T) {
	long := strings.Repeat("kite ", 2000)
	lines := []struct{ typed, remarks, state, locator string }{
		{"https://chirp.example/@kite", "first", "tip", "https://chirp.example/@kite"},
		{" HTTP://WWW.Chirp.Example/@KITE/ ", "typed badly", "duplicate", ""},
		{"https://chirp.example/@river/12", "a post", "tip", "https://chirp.example/@river/12"},
		{"kite_river", "no address", "unreadable", ""},
		{"https://chirp.example/about", "", "unreadable", ""},
		{"https://chirp.example/@कमल", "क्रम", "unreadable", ""},
		{"see https://chirp.example/@one and https://chirp.example/@two", "", "unreadable", ""},
		{long, "long", "unreadable", ""},
		{"'; DROP TABLE tip; --", "quote ' \" \\ %", "unreadable", ""},
		{"https://chirp.example/@basket", "\U0001FA81 e\u0301", "tip", "https://chirp.example/@basket"},
	}
	file := "No,Link,Remarks\r\n"
	for i, l := range lines {
		file += fmt.Sprintf("%d,\"%s\",\"%s\"\r\n", i+1, strings.ReplaceAll(l.typed, `"`, `""`), strings.ReplaceAll(l.remarks, `"`, `""`))
	}
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		var c intake.Complaint
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			c, err = n.Tips.Import(ctx, tx, "NCW/1", "A women's commission", []byte(file))
			return err
		})
		if c.Lines != int64(len(lines)) || c.Accounts != 3 || c.Duplicates != 1 || c.Unreadable != 6 {
			t.Errorf("counted %+v", c)
		}
		type row struct{ typed, remarks, state, locator, reason string }
		rows, err := store.Collect(context.Background(), n.DB.Reader(), func(rows *sql.Rows) (r row, err error) {
			return r, rows.Scan(&r.typed, &r.remarks, &r.state, &r.locator, &r.reason)
		}, `SELECT l.typed, l.remarks, l.state, COALESCE(t.locator, ''), l.reason FROM complaint_line l LEFT JOIN tip t ON t.id = l.tip_id AND l.state = 'tip'
			WHERE l.complaint_id = $1 ORDER BY l.n`, c.ID)
		if err != nil || len(rows) != len(lines) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for i, l := range lines {
			if r := rows[i]; r.typed != l.typed || r.remarks != l.remarks || r.state != l.state || r.locator != l.locator || (r.reason != "") != (l.state == "unreadable") {
				t.Errorf("line %d: %+v, want %+v", i+1, r, l)
			}
		}
		if err := n.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Tips.Import(ctx, tx, "NCW/1", "again", []byte(file))
			return err
		}); err == nil {
			t.Error("a reference was taken twice")
		}
		if tips := n.Int("SELECT COUNT(*) FROM tip"); tips != 3 {
			t.Errorf("%d tips after a refused import", tips)
		}
	})
}

const (
	reporter = "lantern"
	filing   = `<report><incidentSummary><incidentType>Online Enticement of Children for Sexual Acts</incidentType><incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary>
		<reporter><reportingPerson/></reporter><personOrUserReported><personOrUserReportedPerson><phone>+919800000002</phone></personOrUserReportedPerson>
		<espIdentifier>9001</espIdentifier><screenName>kite_river</screenName><profileUrl>https://chirp.example/@kite_river</profileUrl>
		<ipCaptureEvent><ipAddress>203.0.113.7</ipAddress></ipCaptureEvent></personOrUserReported></report>`
)

func submit(t *testing.T, n *apptest.Node) (id int64) {
	t.Helper()
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		id, err = n.Tips.Submit(ctx, tx, reporter, []byte(filing))
		return err
	})
	return id
}

func pattern(t *testing.T) []byte {
	img := image.NewRGBA(image.Rect(0, 0, 96, 96))
	for y := range 96 {
		for x := range 96 {
			img.Set(x, y, color.RGBA{uint8(x * 37), uint8(y * 53), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A filing in the manner of the CyberTipline becomes a tip when it is finished, once; a retracted one never; nobody touches another's.
func TestFiling(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		picture := pattern(t)
		sum := fmt.Sprintf("%x", md5.Sum(picture))
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			id, err := n.Lists.Create(ctx, tx, "kites", n.Agency)
			if err != nil {
				return err
			}
			return n.Lists.Add(ctx, tx, id, 0, []lists.Entry{{Kind: lists.MD5, Value: sum}})
		})
		id := submit(t, n)
		file, err := n.Tips.Hash(t.Context(), reporter, id, "kite.png", picture)
		if err != nil || file.MD5 != sum {
			t.Fatalf("hashed %+v, %v", file, err)
		}
		var fileID string
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			fileID, err = n.Tips.Attach(ctx, tx, reporter, id, file)
			return err
		})
		details := func(id int64, file string) []byte {
			return fmt.Appendf(nil, "<fileDetails><reportId>%d</reportId><fileId>%s</fileId><originalFileName>kite.png</originalFileName></fileDetails>", id, file)
		}
		steps := map[string]func(ctx context.Context, tx *store.Tx, who string, id int64) error{
			"attach": func(ctx context.Context, tx *store.Tx, who string, id int64) error {
				_, err := n.Tips.Attach(ctx, tx, who, id, file)
				return err
			},
			"fileinfo": func(ctx context.Context, tx *store.Tx, who string, id int64) error {
				_, err := n.Tips.FileInfo(ctx, tx, who, details(id, fileID))
				return err
			},
			"finish": func(ctx context.Context, tx *store.Tx, who string, id int64) error {
				_, err := n.Tips.Finish(ctx, tx, who, id)
				return err
			},
			"retract": func(ctx context.Context, tx *store.Tx, who string, id int64) error {
				return n.Tips.Retract(ctx, tx, who, id)
			},
		}
		refused := func(when, who string, id int64, code string) {
			t.Helper()
			for name, step := range steps {
				err := n.Try(func(ctx context.Context, tx *store.Tx) error { return step(ctx, tx, who, id) })
				if fault.Code(err) != code {
					t.Errorf("%s, %s: %v (%s), want %s", when, name, err, fault.Code(err), code)
				}
			}
		}
		refused("another's", "pebble", id, "5001")
		refused("none", reporter, id+1000, "5001")
		if err := n.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Tips.FileInfo(ctx, tx, reporter, details(id, "none"))
			return err
		}); fault.Code(err) != "5002" {
			t.Errorf("details of no file: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { return steps["fileinfo"](ctx, tx, reporter, id) })
		if tips := n.Int("SELECT COUNT(*) FROM tip"); tips != 0 {
			t.Errorf("%d tips before the filing is finished", tips)
		}
		finished := finishAtOnce(t, n, id, 8)
		if finished != 1 {
			t.Errorf("finished %d times", finished)
		}
		refused("finished", reporter, id, "5102")
		all, err := intake.List(t.Context(), n.DB.Reader(), intake.Filter{Source: intake.FromReport})
		if err != nil || len(all) != 1 || all[0].Number != "T-2022-000001" || all[0].Class != intake.ClassEnticement || all[0].Hints != "ip:203.0.113.7\nphone:+919800000002" || all[0].AccountID == 0 {
			t.Errorf("tips %+v, %v", all, err)
		}
		if m := n.Int("SELECT COUNT(*) FROM media_match WHERE state = 'exact'"); m != 1 {
			t.Errorf("%d exact matches", m)
		}
		gone := submit(t, n)
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Tips.Retract(ctx, tx, reporter, gone) })
		refused("retracted", reporter, gone, "5101")
		if tips := n.Int("SELECT COUNT(*) FROM tip"); tips != 1 {
			t.Errorf("%d tips in the end", tips)
		}
	})
}

// finishAtOnce lets several clients finish one filing at the same moment and counts who was told that it is done.
func finishAtOnce(t *testing.T, n *apptest.Node, id int64, clients int) (done int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			err := n.Try(func(ctx context.Context, tx *store.Tx) error {
				_, err := n.Tips.Finish(ctx, tx, reporter, id)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if fault.Code(err) != "5102" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return done
}

// Numbers have no gaps, begin anew each year, and go on beyond a million and when the clock has gone back.
func TestTipNumbers(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		enter := func(want string) {
			t.Helper()
			var tip intake.Tip
			n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
				tip, err = n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromScan, Class: intake.ClassMedia})
				return err
			})
			if tip.Number != want {
				t.Errorf("number %s, want %s", tip.Number, want)
			}
		}
		enter("T-2022-000001")
		enter("T-2022-000002")
		n.Clock.Pass(365 * 24 * 3600e9)
		enter("T-2023-000001")
		n.Clock.Pass(-365 * 24 * 3600e9)
		enter("T-2022-000003")
		n.Insert("tip", record.Fields{"number": "T-2022-999999", "source": "scan", "class": "media", "state": "received", "responsible": "unit", "occurred_at": apptest.Start, "received_at": apptest.Start})
		enter("T-2022-1000000")
		enter("T-2022-1000001")
		n.Clock.Pass(365 * 24 * 3600e9)
		enter("T-2023-000002")
		n.Clock.Pass(-365 * 24 * 3600e9)
		enter("T-2022-1000002")
	})
}

// A filter takes any number.
func TestListFilter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		for _, f := range []intake.Filter{{CaseID: 1 << 40}, {ReferralID: 1 << 40}, {OnwardID: 1 << 40}, {AccountID: 1 << 40}, {AfterID: 1 << 40}, {State: "kite"}, {Source: "kite"}} {
			if tips, err := intake.List(t.Context(), n.DB.Reader(), f); err != nil || len(tips) != 0 {
				t.Errorf("%+v: %v %v", f, tips, err)
			}
		}
	})
}
