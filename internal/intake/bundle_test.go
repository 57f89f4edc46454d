package intake_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
)

// enter adds a tip about an address, by a reporter.
func enter(n *apptest.Node, locator, reporter string, account int64) (tip intake.Tip) {
	n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
		tip, err = n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromForm, Class: intake.ClassOther, Locator: locator, Reporter: reporter, AccountID: account})
		return err
	})
	return tip
}

func account(n *apptest.Node, handle string) int64 {
	return n.Insert("account", record.Fields{"host": "chirp.example", "handle": handle, "url": "https://chirp.example/@" + handle, "state": "unseen", "first_seen_at": n.Clock.Now()})
}

// Tips of one address, one account or one file come together, whatever brought them, and each keeps its number and reporter.
func TestBundles(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		kite := account(n, "kite")
		one := enter(n, "https://chirp.example/@kite/1", "asha", kite)
		if one.BundleID != 0 {
			t.Error("a tip alone is in a bundle")
		}
		two := enter(n, "https://chirp.example/@kite/1", "bina", 0)
		three := enter(n, "https://chirp.example/@kite/2", "bina", kite)
		other := enter(n, "https://chirp.example/@river", "", 0)
		if two.BundleID == 0 || three.BundleID != two.BundleID || other.BundleID != 0 {
			t.Fatalf("bundles %d %d %d", two.BundleID, three.BundleID, other.BundleID)
		}
		if one, _ = intake.ByID(t.Context(), n.DB.Reader(), one.ID); one.BundleID != two.BundleID || one.Number != "T-2022-000001" || one.Reporter != "asha" {
			t.Errorf("the first: %+v", one)
		}
		b, err := intake.BundleByID(t.Context(), n.DB.Reader(), two.BundleID)
		if err != nil || b.HeadID != one.ID || b.Tally != (intake.Tally{Tips: 3, Reporters: 2, Accounts: 1}) {
			t.Errorf("bundle %+v %v", b, err)
		}
		shared, err := intake.SharedBy(t.Context(), n.DB.Reader(), b.ID)
		if err != nil || len(shared) != 2 || shared[0].Tips != 2 || shared[1].Tips != 2 {
			t.Errorf("shared %+v %v", shared, err)
		}
		from, err := intake.SourcesOf(t.Context(), n.DB.Reader(), b.ID)
		if err != nil || len(from) != 2 || from[0] != (intake.From{Source: "form", Reporter: "bina", Tips: 2}) {
			t.Errorf("from %+v %v", from, err)
		}
	})
}

// Two filings of the same file come together when they are finished, a complaint about the account too.
func TestBundleOfFilings(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		for range 2 {
			id := submit(t, n)
			file, err := n.Tips.Hash(t.Context(), reporter, id, "kite.png", pattern(t))
			if err != nil {
				t.Fatal(err)
			}
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				if _, err := n.Tips.Attach(ctx, tx, reporter, id, file); err != nil {
					return err
				}
				_, err := n.Tips.Finish(ctx, tx, reporter, id)
				return err
			})
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Tips.Import(ctx, tx, "NCW/2", "A commission", []byte("https://chirp.example/@kite_river\n"))
			return err
		})
		all, err := intake.List(t.Context(), n.DB.Reader(), intake.Filter{})
		if err != nil || len(all) != 3 || all[0].BundleID == 0 || all[1].BundleID != all[0].BundleID || all[2].BundleID != all[0].BundleID {
			t.Fatalf("%+v %v", all, err)
		}
		shared, err := intake.SharedBy(t.Context(), n.DB.Reader(), all[0].BundleID)
		if err != nil || !slices.ContainsFunc(shared, func(s intake.Shared) bool { return s.Kind == "file" && s.Tips == 2 }) {
			t.Errorf("shared %+v %v", shared, err)
		}
	})
}

// A likeness that a person confirms brings a tip together with those of the same list's entry; one that was taken out stays out.
func TestBundleOfConfirmed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		list := n.Insert("hash_list", record.Fields{"name": "kites", "holder": "unit", "own": 1, "created_at": n.Clock.Now()})
		var tips, matches []int64
		for i := range 2 {
			a := account(n, fmt.Sprint("basket", i))
			post := n.Insert("post", record.Fields{"account_id": a, "native_id": fmt.Sprint(i), "url": "u", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now()})
			media := n.Insert("media", record.Fields{"post_id": post, "sha256": fmt.Sprintf("%064d", i)})
			matches = append(matches, n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "pdq", "value": "f0", "state": "unconfirmed", "found_at": n.Clock.Now()}))
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				tip, err := n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromScan, Class: intake.ClassMedia, AccountID: a, PostID: post})
				tips = append(tips, tip.ID)
				return err
			})
		}
		bundles := func() int64 { return n.Int("SELECT COUNT(*) FROM tip WHERE bundle_id IS NOT NULL") }
		for _, m := range matches {
			if bundles() != 0 {
				t.Error("a likeness alone brings tips together")
			}
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				return n.Lists.Decide(ctx, tx, m, 1, lists.Confirmed, "seen")
			})
		}
		if bundles() != 2 {
			t.Fatalf("%d tips in bundles after both were confirmed", bundles())
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			if _, err := n.Tips.TakeOut(ctx, tx, tips[1], 1, "another picture"); err != nil {
				return err
			}
			return n.Tips.Rejoin(ctx, tx, tips[1])
		})
		if bundles() != 1 {
			t.Error("the tip that was taken out joined again by itself")
		}
	})
}

// What a person changes needs a reason, moves only what is there, and is taken back once.
func TestBundleChanges(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		var tips []intake.Tip
		for i := range 5 {
			tips = append(tips, enter(n, "https://chirp.example/@kite", fmt.Sprint("reporter ", i), 0))
		}
		b := tips[1].BundleID
		try := func(fn func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error)) (c intake.BundleChange, err error) {
			err = n.Try(func(ctx context.Context, tx *store.Tx) (err error) {
				c, err = fn(ctx, tx)
				return err
			})
			return c, err
		}
		if _, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
			return n.Tips.TakeOut(ctx, tx, tips[0].ID, 7, " ")
		}); fault.Of(err) != fault.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		out, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
			return n.Tips.TakeOut(ctx, tx, tips[0].ID, 7, "another matter")
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := intake.BundleByID(t.Context(), n.DB.Reader(), b); got.HeadID != tips[1].ID || got.Tips != 4 || got.Reporters != 4 {
			t.Errorf("after the first was taken out: %+v", got)
		}
		if late := enter(n, "https://chirp.example/@kite", "late", 0); late.BundleID != b {
			t.Errorf("a later tip went to bundle %d, not %d", late.BundleID, b)
		}
		split, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
			return n.Tips.Split(ctx, tx, b, []int64{tips[1].ID, tips[2].ID}, 7, "two matters")
		})
		if err != nil || split.ToID == b {
			t.Fatal(split, err)
		}
		if late := enter(n, "https://chirp.example/@kite", "later", 0); late.BundleID != b {
			t.Errorf("after a split a later tip went to bundle %d, not %d", late.BundleID, b)
		}
		if _, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
			return n.Tips.Split(ctx, tx, b, []int64{tips[1].ID}, 7, "again")
		}); fault.Of(err) != fault.Conflict {
			t.Errorf("a tip of another bundle was split off: %v", err)
		}
		merged, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
			return n.Tips.Merge(ctx, tx, split.ToID, b, 7, "one matter after all")
		})
		if err != nil || merged.ToID != b || len(merged.Tips) != 2 {
			t.Fatalf("merged %+v %v", merged, err)
		}
		for _, c := range []int64{merged.ID, split.ID, out.ID} {
			if c == split.ID {
				continue // taken back by the merge, taken back in turn
			}
			if _, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
				return n.Tips.Undo(ctx, tx, c, 8, "it was right before")
			}); err != nil {
				t.Errorf("undo %d: %v", c, err)
			}
			if _, err := try(func(ctx context.Context, tx *store.Tx) (intake.BundleChange, error) {
				return n.Tips.Undo(ctx, tx, c, 8, "again")
			}); fault.Of(err) != fault.Conflict {
				t.Errorf("undone twice: %v", err)
			}
		}
		if got, _ := intake.ByID(t.Context(), n.DB.Reader(), tips[0].ID); got.BundleID != b {
			t.Errorf("the tip that was taken out is in bundle %d", got.BundleID)
		}
		if c, err := intake.Changes(t.Context(), n.DB.Reader(), b); err != nil || len(c) != 5 || c[0].Reason != "it was right before" || c[0].ChangedBy != 8 {
			t.Errorf("changes %+v %v", c, err)
		}
	})
}

var errBack = errors.New("back")

// Whatever happens to bundles, every tip is in one at most, every count is right, and taking everything back gives what was there
// before.
func TestBundlesKeepEveryTip(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		accounts := []int64{0, account(n, "a"), account(n, "b"), account(n, "c")}
		rapid.Check(t, func(r *rapid.T) {
			err := n.Try(func(ctx context.Context, tx *store.Tx) error { // undone at the end: each run starts with no tips
				bundlesByModel(ctx, r, n, tx, accounts)
				return errBack
			})
			if !errors.Is(err, errBack) {
				r.Fatal(err)
			}
		})
	})
}

func bundlesByModel(ctx context.Context, r *rapid.T, n *apptest.Node, tx *store.Tx, accounts []int64) {
	var tips []int64
	must := func(err error) {
		if err != nil {
			r.Fatal(err)
		}
	}
	state := func() map[int64]int64 {
		out := map[int64]int64{}
		rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (p [2]int64, err error) { return p, rows.Scan(&p[0], &p[1]) }, "SELECT id, COALESCE(bundle_id, 0) FROM tip")
		must(err)
		for _, p := range rows {
			out[p[0]] = p[1]
		}
		return out
	}
	for range rapid.IntRange(1, 10).Draw(r, "tips") {
		tip, err := n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromForm, Class: intake.ClassOther, Locator: rapid.SampledFrom([]string{"", "l1", "l2", "l3"}).Draw(r, "locator"),
			Reporter: rapid.SampledFrom([]string{"", "x", "y"}).Draw(r, "reporter"), AccountID: rapid.SampledFrom(accounts).Draw(r, "account")})
		must(err)
		tips = append(tips, tip.ID)
	}
	check := func() {
		now := state()
		if len(now) != len(tips) {
			r.Fatalf("%d tips, want %d", len(now), len(tips))
		}
		counted := map[int64]int64{}
		for _, b := range now {
			counted[b]++
		}
		rows, err := store.Collect(ctx, tx, func(rows *sql.Rows) (b [5]int64, err error) { return b, rows.Scan(&b[0], &b[1], &b[2], &b[3], &b[4]) },
			`SELECT b.id, COALESCE(b.head_id, 0), COALESCE(n.tips, -1), n.reporters - (SELECT COUNT(DISTINCT reporter) FROM tip WHERE bundle_id = b.id),
			 n.accounts - (SELECT COUNT(DISTINCT account_id) FROM tip WHERE bundle_id = b.id) FROM bundle b LEFT JOIN bundle_tally n ON n.bundle_id = b.id`)
		must(err)
		for _, b := range rows {
			if b[2] != counted[b[0]] || b[3] != 0 || b[4] != 0 {
				r.Fatalf("bundle %d counts %v, and holds %d", b[0], b[2:], counted[b[0]])
			}
			if counted[b[0]] > 0 && now[b[1]] != b[0] || counted[b[0]] == 0 && b[1] != 0 {
				r.Fatalf("bundle %d has the first tip %d, which is in %d", b[0], b[1], now[b[1]])
			}
			delete(counted, b[0])
		}
		delete(counted, 0)
		if len(counted) != 0 {
			r.Fatalf("tips are in bundles that are not there: %v", counted)
		}
		var loose int64
		must(tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM bundle_key k JOIN tip t ON t.id = k.tip_id WHERE t.bundle_apart = 1").Scan(&loose))
		if loose != 0 {
			r.Fatalf("%d keys lead to tips that stand apart", loose)
		}
	}
	check()
	before := []map[int64]int64{state()}
	var done []int64
	for range rapid.IntRange(0, 8).Draw(r, "acts") {
		now := state()
		tip := rapid.SampledFrom(tips).Draw(r, "tip")
		var c intake.BundleChange
		var err error
		switch act := rapid.SampledFrom([]string{"out", "split", "merge", "in"}).Draw(r, "act"); act {
		case "out":
			c, err = n.Tips.TakeOut(ctx, tx, tip, 1, act)
		case "split":
			c, err = n.Tips.Split(ctx, tx, now[tip], []int64{tip}, 1, act)
		case "merge":
			c, err = n.Tips.Merge(ctx, tx, now[tip], now[rapid.SampledFrom(tips).Draw(r, "other")], 1, act)
		case "in":
			c, err = n.Tips.PutIn(ctx, tx, now[rapid.SampledFrom(tips).Draw(r, "other")], tip, 1, act)
		}
		switch fault.Of(err) {
		case fault.Invalid, fault.Conflict, fault.NotFound: // refused; it changed nothing
			if err != nil {
				if !maps.Equal(now, state()) {
					r.Fatalf("a refusal changed something: %v", err)
				}
				continue
			}
		}
		must(err)
		done = append(done, c.ID)
		before = append(before, state())
		check()
	}
	for i := len(done) - 1; i >= 0; i-- {
		_, err := n.Tips.Undo(ctx, tx, done[i], 2, "back")
		must(err)
		check()
		if !maps.Equal(before[i], state()) {
			r.Fatalf("taking change %d back gives %v, want %v", done[i], state(), before[i])
		}
	}
}

// A flood of one file is one bundle with a count.
func TestFlood(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		const tips = 300
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			for i := range tips {
				if _, err := n.Tips.Enter(ctx, tx, intake.Tip{Source: intake.FromForm, Class: intake.ClassMedia, Locator: "https://chirp.example/@kite/1", Reporter: fmt.Sprint(i % 7)}); err != nil {
					return err
				}
			}
			return nil
		})
		b := n.Int("SELECT MIN(bundle_id) FROM tip")
		got, err := intake.BundleByID(t.Context(), n.DB.Reader(), b)
		if err != nil || got.Tally != (intake.Tally{Tips: tips, Reporters: 7}) {
			t.Errorf("%+v %v", got, err)
		}
		// What a join writes does not grow: an entry for each tip, and a constant for the bundle and its first tip.
		if extra := n.Int("SELECT COUNT(*) FROM record_entry WHERE object IN ('tip', 'bundle')") - tips; extra > 20 {
			t.Errorf("%d entries beside one for each tip", extra)
		}
	})
}
