package triage_test

import (
	"bytes"
	"context"
	"database/sql"
	"image/png"
	"sync"
	"testing"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/story"
	"raksha.example/raksha/internal/triage"
)

func TestMain(m *testing.M) { apptest.Main(m) }

// scanned is a clearinghouse that has scanned the site of a small story.
func scanned(t *testing.T, dsn string) *apptest.Node {
	t.Helper()
	n := apptest.New(t, dsn, "clearinghouse")
	apptest.NewSite(t, "../story/testdata/small.yaml", n.Clock).Connect(n, "")
	if _, err := n.Scanner.Backlog(t.Context(), story.Host); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTriage(t *testing.T) {
	apptest.EachDSN(t, func(t *testing.T, fresh func() string) {
		n := scanned(t, fresh())
		t.Run("decisions", func(t *testing.T) { decisions(t, n) })
		t.Run("openings", func(t *testing.T) { openings(t, n) })
	})
}

// openings: opening a picture needs two people and a purpose, serves one look of the person who asked, and nothing that is decided is
// opened.
func openings(t *testing.T, n *apptest.Node) {
	const asha, bina = 1, 2
	open, err := lists.Matches(t.Context(), n.DB.Reader(), lists.Unconfirmed)
	if err != nil || len(open) == 0 {
		t.Fatalf("nothing to decide: %v", err)
	}
	exact, err := lists.Matches(t.Context(), n.DB.Reader(), lists.Exact)
	if err != nil || len(exact) == 0 {
		t.Fatalf("no exact match: %v", err)
	}
	request := func(match int64, purpose string) (o triage.Opening, err error) {
		err = n.Try(func(ctx context.Context, tx *store.Tx) (err error) {
			o, err = n.Triage.RequestOpening(ctx, tx, match, asha, purpose)
			return err
		})
		return o, err
	}
	approve := func(id, by int64) error {
		return n.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.ApproveOpening(ctx, tx, id, by)
			return err
		})
	}
	if _, err := request(exact[0].ID, "to see"); fault.Of(err) != fault.Refused {
		t.Errorf("an exact match: %v", err)
	}
	if _, err := request(open[0].ID, " "); fault.Of(err) != fault.Invalid {
		t.Errorf("without a purpose: %v", err)
	}
	o, err := request(open[0].ID, "to decide the match")
	if err != nil {
		t.Fatal(err)
	}
	look := func(by int64, want fault.Kind) {
		t.Helper()
		if b, err := n.Triage.Look(t.Context(), o.ID, by); fault.Of(err) != want || b != nil {
			t.Errorf("look of %d: %d bytes, %v; want %s", by, len(b), err, want)
		}
	}
	look(asha, fault.Refused) // nobody has approved
	if err := approve(o.ID, asha); fault.Of(err) != fault.Refused {
		t.Errorf("approved by who asked: %v", err)
	}
	if err := approve(o.ID, bina); err != nil {
		t.Fatal(err)
	}
	look(bina, fault.Forbidden) // she did not ask
	var mu sync.Mutex
	var wg sync.WaitGroup
	looks := 0
	for range 4 { // the same person in several windows
		wg.Go(func() {
			b, err := n.Triage.Look(t.Context(), o.ID, asha)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if fault.Of(err) != fault.Refused || b != nil {
					t.Errorf("a further look: %d bytes, %v", len(b), err)
				}
				return
			}
			looks++
			if c, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || max(c.Width, c.Height) > 256 {
				t.Errorf("shown: %+v %v", c, err)
			}
		})
	}
	wg.Wait()
	if looks != 1 {
		t.Errorf("%d looks on one opening", looks)
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		return n.Lists.Decide(ctx, tx, open[0].ID, asha, lists.Rejected, "a kite")
	})
	if _, err := request(open[0].ID, "again"); fault.Of(err) != fault.Refused {
		t.Errorf("a decided match: %v", err)
	}
}

// decisions: a perceptual match alone moves nothing; a tip behind which only that stands is not acted on before a person has confirmed
// it.
func decisions(t *testing.T, n *apptest.Node) {
	decide := func(tip int64, state, reason string) error {
		return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Triage.Decide(ctx, tx, tip, state, reason) })
	}
	weak := n.Int(`SELECT MIN(t.id) FROM tip t WHERE NOT EXISTS (SELECT 1 FROM media m JOIN media_match x ON x.media_id = m.id WHERE m.post_id = t.post_id AND x.state <> 'unconfirmed')`)
	if err := decide(weak, "actionable", ""); fault.Of(err) != fault.Refused {
		t.Errorf("on a likeness alone: %v", err)
	}
	matches, err := store.Collect(t.Context(), n.DB.Reader(), scanID, "SELECT x.id FROM media m JOIN media_match x ON x.media_id = m.id JOIN tip t ON t.post_id = m.post_id WHERE t.id = $1", weak)
	if err != nil || len(matches) == 0 {
		t.Fatal(err)
	}
	n.Write(func(ctx context.Context, tx *store.Tx) error {
		return n.Lists.Decide(ctx, tx, matches[0], 1, lists.Confirmed, "seen")
	})
	if err := decide(weak, "actionable", ""); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	strong := n.Int(`SELECT MIN(t.id) FROM tip t JOIN media m ON m.post_id = t.post_id JOIN media_match x ON x.media_id = m.id WHERE x.state = 'exact'`)
	for _, c := range []struct {
		state, reason string
		want          fault.Kind
	}{{"kite", "", fault.Invalid}, {"insufficient", " ", fault.Invalid}, {"insufficient", "no such post", ""}, {"actionable", "", fault.Conflict}} {
		if err := decide(strong, c.state, c.reason); (err == nil) != (c.want == "") || err != nil && fault.Of(err) != c.want {
			t.Errorf("%s, %q: %v, want %q", c.state, c.reason, err, c.want)
		}
	}
	if err := decide(99999, "actionable", ""); fault.Of(err) != fault.NotFound {
		t.Errorf("no tip: %v", err)
	}
	refer := n.Try(func(ctx context.Context, tx *store.Tx) error {
		_, err := n.Triage.Refer(ctx, tx, []int64{strong}, "bureau", "MLAT", "there", 1)
		return err
	})
	if fault.Of(refer) != fault.Conflict {
		t.Errorf("a decided tip was referred: %v", refer)
	}
	if got, err := intake.List(t.Context(), n.DB.Reader(), intake.Filter{State: "actionable"}); err != nil || len(got) != 1 || got[0].Responsible != "clearinghouse" {
		t.Errorf("actionable: %+v %v", got, err)
	}
}

func scanID(rows *sql.Rows) (id int64, err error) { return id, rows.Scan(&id) }
