package intake_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/spreadsheet"
	"raksha.example/raksha/internal/store"
)

// workbook is a complaint as people make it: titles, two rows of column titles, several sheets, handles without an address.
func workbook(t testing.TB) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	rows := func(sheet string, all ...[]any) {
		for i, r := range all {
			check(f.SetSheetRow(sheet, fmt.Sprintf("A%d", i+1), &r))
		}
	}
	rows("Sheet1",
		[]any{"Annexure A: accounts seen in September", nil, nil, nil},
		nil,
		[]any{"S. No.", "Details of account", nil, "Remarks"},
		[]any{nil, "Platform", "User ID", nil},
		[]any{1, "Twitter", "@Kite_River", "नदी के पास"},
		[]any{2, "Instagram", "kite.river", nil},
		[]any{3, "X (Twitter)", "kite_river", "the same"},
		[]any{"S. No.", "Details of account", nil, "Remarks"}, // the table goes on on another page
		[]any{4, "unknown", "basket", "=1+1"},
		[]any{5, "", "https://t.me/kite_river/55", ""},
		[]any{6, "Telegram", "@kite river basket", ""},
	)
	check(f.MergeCell("Sheet1", "A1", "D1"))
	check(f.MergeCell("Sheet1", "B3", "C3"))
	for _, name := range []string{"Insta", "Empty"} {
		_, err := f.NewSheet(name)
		check(err)
	}
	rows("Insta", []any{"@basket"}, []any{"hxxps://www[.]instagram[.]com/reel/Kite-River1/?igsh=1"})
	var b bytes.Buffer
	check(f.Write(&b))
	return b.Bytes()
}

func TestComplaintWorkbook(t *testing.T) {
	lines, err := intake.ReadComplaint(t.Context(), workbook(t))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, l := range lines {
		at := l.Locator.String()
		if l.Err != "" {
			at = "! " + l.Typed
		}
		if l.Heading {
			at = "# " + l.Typed
		}
		fmt.Fprintf(&out, "%s: %s [%s]\n", l.Where(), at, l.Remarks)
	}
	want := `row 1 of Sheet1: # Annexure A: accounts seen in September []
row 4 of Sheet1: # User ID [Platform]
row 5 of Sheet1: https://x.com/kite_river [Twitter; नदी के पास]
row 6 of Sheet1: https://instagram.com/kite.river [Instagram]
row 7 of Sheet1: https://x.com/kite_river [X (Twitter); the same]
row 8 of Sheet1: # S. No. [Details of account; Remarks]
row 9 of Sheet1: ! basket [unknown; =1+1]
row 10 of Sheet1: https://t.me/kite_river/55 []
row 11 of Sheet1: ! @kite river basket [Telegram]
row 1 of Insta: https://instagram.com/basket []
row 2 of Insta: https://instagram.com/p/Kite-River1 []
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestComplaintPreviewAndCorrection(t *testing.T) {
	file := workbook(t)
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		ctx := t.Context()
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromScan, Class: intake.ClassMedia, Locator: "https://instagram.com/kite.river"})
			return err
		})
		p, _, err := n.Tips.Preview(ctx, n.DB.Reader(), file, 5)
		if err != nil {
			t.Fatal(err)
		}
		if p.Lines != 8 || p.Tips != 5 || p.Duplicates != 1 || p.Unreadable != 2 || p.Headings != 3 || p.Known != 1 || len(p.Rows) != 5 || !p.More {
			t.Errorf("preview %+v", p)
		}
		if r := p.Rows[3]; r.KnownAs != "T-2022-000001" || r.Platform != "Instagram" || r.Kind != "account" {
			t.Errorf("row %+v", r)
		}
		if r := p.Rows[4]; r.State != "duplicate" || r.DuplicateOf != 3 {
			t.Errorf("row %+v", r)
		}
		if tips := n.Int("SELECT COUNT(*) FROM tip"); tips != 1 {
			t.Errorf("a preview entered something: %d tips", tips)
		}

		var c intake.Complaint
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			c, err = n.Tips.Import(ctx, tx, "NCW/2", "A women's commission", file)
			return err
		})
		if c.Lines != 8 || c.Duplicates != 1 || c.Unreadable != 2 {
			t.Errorf("imported %+v", c)
		}
		waiting, err := intake.Lines(ctx, n.DB.Reader(), c.ID, intake.LineFilter{State: "waiting"})
		if err != nil || len(waiting) != 2 {
			t.Fatalf("waiting %+v, %v", waiting, err)
		}
		correct := func(line int64, fix intake.Correction) (l intake.KeptLine, err error) {
			err = n.Try(func(ctx context.Context, tx *store.Tx) error {
				l, err = n.Tips.Correct(ctx, tx, c.ID, line, 7, fix)
				return err
			})
			return l, err
		}
		first, second := waiting[0], waiting[1]
		for _, bad := range []intake.Correction{{}, {Address: "basket"}, {Address: "x.com/kite", None: "both"}, {None: strings.Repeat("k", 501)}} {
			if _, err := correct(first.N, bad); err == nil {
				t.Errorf("%+v was taken", bad)
			}
		}
		if _, err := correct(first.N+1000, intake.Correction{None: "there is none"}); fault.Of(err) != fault.NotFound {
			t.Errorf("a line that is not there: %v", err)
		}
		l, err := correct(second.N, intake.Correction{Address: "Telegram: kite_basket"})
		if err != nil || l.State != "tip" || l.Address != "https://t.me/kite_basket" || l.Typed != second.Typed || l.CorrectedBy != 7 || l.CorrectedAt == 0 {
			t.Errorf("corrected %+v, %v", l, err)
		}
		tip, err := intake.ByID(ctx, n.DB.Reader(), l.TipID)
		if err != nil || tip.ComplaintID != c.ID || tip.Reporter != "A women's commission" || tip.AccountID == 0 {
			t.Errorf("tip %+v, %v", tip, err)
		}
		if _, err := correct(second.N, intake.Correction{Address: "t.me/another_one"}); fault.Of(err) != fault.Conflict {
			t.Errorf("twice: %v", err)
		}
		if l, err = correct(first.N, intake.Correction{Address: "twitter.com/Kite_River"}); err != nil || l.State != "duplicate" || l.Address != "https://x.com/kite_river" {
			t.Errorf("corrected to a duplicate: %+v, %v", l, err)
		}
		if c, err = intake.ComplaintByID(ctx, n.DB.Reader(), c.ID); err != nil || c.Unreadable != 0 || c.Duplicates != 2 {
			t.Errorf("after it %+v, %v", c, err)
		}
		all, err := intake.Lines(ctx, n.DB.Reader(), c.ID, intake.LineFilter{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := intake.WriteLines(spreadsheet.NewCSV(&b), all); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b.Bytes(), []byte("\ufeff")))).ReadAll()
		if err != nil || len(rows) != 12 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, r := range rows {
			for _, cell := range r {
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@") {
					t.Errorf("a cell would be evaluated: %q", cell)
				}
			}
		}
	})
}

// A post whose address names no account is a tip without one.
func TestComplaintPostWithoutAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Tips.Import(ctx, tx, "NCW/3", "x", []byte("https://youtu.be/kiteriver_A\nhttps://www.youtube.com/shorts/kiteriver_A\nhttps://youtube.com/channel/UCabcdefghijklmnopqrstuv\nfacebook.com/profile.php?id=100012\n"))
			return err
		})
		tips, err := intake.List(t.Context(), n.DB.Reader(), intake.Filter{})
		if err != nil || len(tips) != 3 || tips[0].AccountID != 0 || tips[1].AccountID == 0 || tips[2].AccountID == 0 {
			t.Errorf("%+v, %v", tips, err)
		}
		if id := n.Int("SELECT COUNT(*) FROM account WHERE native_id = 'UCabcdefghijklmnopqrstuv' AND handle = '' AND url = 'https://youtube.com/channel/UCabcdefghijklmnopqrstuv'"); id != 1 {
			t.Error("the channel's account is not kept by its id")
		}
	})
}
