package triage_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raksha.example/raksha/internal/app/apptest"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/identity"
	"raksha.example/raksha/internal/intake"
	"raksha.example/raksha/internal/record"
	"raksha.example/raksha/internal/store"
	"raksha.example/raksha/internal/triage"
)

func own(t testing.TB) *triage.PriorityRules {
	t.Helper()
	b, err := os.ReadFile("priority.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := triage.ParsePriorityRules(b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The rules that come with the program put what is urgent before what is not.
func TestOwnRules(t *testing.T) {
	r := own(t)
	score := func(f triage.Facts) int64 { p, _ := r.Score(f); return p }
	plain := triage.Facts{Class: "media", Source: "scan", Match: "exact", Tips: 1, Reporters: 1, Accounts: 1, IncidentHours: 100, Account: true, Locator: true, Hashes: true, Files: 1}
	with := func(change func(*triage.Facts)) triage.Facts { f := plain; change(&f); return f }
	for what, f := range map[string]triage.Facts{
		"danger":       with(func(f *triage.Facts) { f.Danger = true }),
		"enticement":   with(func(f *triage.Facts) { f.Class = "enticement" }),
		"escalated":    with(func(f *triage.Facts) { f.Escalated = true }),
		"new material": with(func(f *triage.Facts) { f.Match = "new" }),
		"a person":     with(func(f *triage.Facts) { f.Person = true }),
		"history":      with(func(f *triage.Facts) { f.History = []string{"actionable", "arrest"} }),
		"reporters":    with(func(f *triage.Facts) { f.Reporters = 3 }),
		"waiting":      with(func(f *triage.Facts) { f.WaitingHours = 30 }),
		"fresh":        with(func(f *triage.Facts) { f.IncidentHours = 2 }),
	} {
		if score(f) <= score(plain) {
			t.Errorf("%s: %d, and %d without", what, score(f), score(plain))
		}
	}
	if viral := with(func(f *triage.Facts) { f.Tips, f.Accounts = 500, 300 }); score(viral) >= score(plain) {
		t.Errorf("a viral repost: %d, and %d alone", score(viral), score(plain))
	}
	p, terms := r.Score(plain)
	sum := r.Base
	for _, term := range terms {
		sum += term.Points
	}
	if p != sum {
		t.Errorf("the terms sum to %d, the priority is %d", sum, p)
	}
}

func TestRulesRefused(t *testing.T) {
	for _, c := range []struct{ file, want string }{
		{"", "one YAML document"},
		{"name: a\nterms: []\n", "from 1 to 200 terms"},
		{"name: a\nterms:\n  - {id: a, title: A, points: 5, when: {colour: red}}\n", "colour"},
		{"name: a\nterms:\n  - {id: a, title: A, points: 5, when: {}}\n", "would hold on every tip"},
		{"name: a\nterms:\n  - {id: a, title: A, points: 0, when: {danger: true}}\n", "has 0 points"},
		{"name: a\nterms:\n  - {id: a, title: A, points: many, when: {danger: true}}\n", "cannot unmarshal string"},
		{"name: a\nterms:\n  - {id: a, points: 5, when: {danger: true}}\n  - {id: a, title: B, points: 5, when: {danger: true}}\n", "needs an id of its own"},
		{"name: a\nterms:\n  - {id: a, title: A, points: 5, when: {class: [kite]}}\n", `"kite" is no class`},
		{"name: a\nterms:\n  - {id: a, title: A, points: 5, when: {reporters_at_least: 0}}\n", "no number from 1"},
		{"name: a\ndanger:\n  - {id: a, title: A, when: {danger: true}}\nterms:\n  - {id: a, title: A, points: 5, when: {danger: true}}\n", "may ask neither"},
		{"name: &a b\nterms: *a\n", "anchors"},
		{strings.Repeat("# kite\n", 20_000), "larger than 64 KiB"},
	} {
		_, err := triage.ParsePriorityRules([]byte(c.file))
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.Of(err) != fault.Invalid && fault.Of(err) != fault.TooLarge {
			t.Errorf("%.60q: %v, want %q", c.file, err, c.want)
		}
	}
}

// FuzzPriorityRules reads any file; what is taken scores within its bounds.
func FuzzPriorityRules(f *testing.F) {
	b, err := os.ReadFile("priority.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("name: a\nterms:\n  - {id: a, title: A, points: -1000, when: {danger: false}}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := triage.ParsePriorityRules(b)
		if err != nil {
			return
		}
		if p, _ := r.Score(triage.Facts{Danger: true, Match: "new"}); p < 0 || p > 1000 {
			t.Errorf("priority %d", p)
		}
	})
}

// A score depends on nothing but rules and facts, is within its bounds, and is the clamped sum of its terms.
func TestScoreIsReplayable(t *testing.T) {
	r := own(t)
	rapid.Check(t, func(t *rapid.T) {
		f := triage.Facts{Class: rapid.SampledFrom([]string{"media", "enticement", "other"}).Draw(t, "class"), Danger: rapid.Bool().Draw(t, "danger"), Escalated: rapid.Bool().Draw(t, "escalated"),
			Match: rapid.SampledFrom([]string{"exact", "new", "none", "rejected"}).Draw(t, "match"), Person: rapid.Bool().Draw(t, "person"), Reporters: rapid.Int64Range(1, 20).Draw(t, "reporters"),
			Tips: rapid.Int64Range(1, 5000).Draw(t, "tips"), Accounts: rapid.Int64Range(0, 500).Draw(t, "accounts"), WaitingHours: rapid.Int64Range(0, 1000).Draw(t, "waiting"),
			IncidentHours: rapid.Int64Range(-1, 1000).Draw(t, "incident"), History: rapid.SliceOf(rapid.SampledFrom([]string{"actionable", "arrest"})).Draw(t, "history")}
		p, terms := r.Score(f)
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var again triage.Facts
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		p2, terms2 := r.Score(again)
		sum := r.Base
		for _, term := range terms {
			sum += term.Points
		}
		if p != p2 || !slices.Equal(terms, terms2) || p != min(max(sum, 0), 1000) {
			t.Fatalf("%d then %d, terms %v", p, p2, terms)
		}
	})
}

func priority(t *testing.T, n *apptest.Node, id int64) triage.Priority {
	t.Helper()
	p, err := triage.PriorityOf(t.Context(), n.DB.Reader(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Triage.Replay(t.Context(), n.DB.Reader(), id); err != nil {
		t.Errorf("replay: %v", err)
	}
	return p
}

func has(p triage.Priority, term string) bool {
	return slices.ContainsFunc(p.Why.Terms, func(t triage.Term) bool { return t.ID == term })
}

// A tip's priority follows what it rests on: other reporters, a match, what became of earlier tips, waiting; and an overrule stays.
func TestPriority(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		account := n.Insert("account", record.Fields{"host": "chirp.example", "handle": "kite", "url": "https://chirp.example/@kite", "state": "unseen", "first_seen_at": n.Clock.Now()})
		post := n.Insert("post", record.Fields{"account_id": account, "native_id": "1", "url": "u", "posted_at": n.Clock.Now(), "seen_at": n.Clock.Now()})
		media := n.Insert("media", record.Fields{"post_id": post, "sha256": strings.Repeat("0", 64)})
		old := enter(n, intake.Tip{Source: intake.FromComplaint, Class: intake.ClassMedia, AccountID: account, Reporter: "a", OccurredAt: store.Micros(n.Clock.Now().AddDate(0, 0, -9))})
		tip := enter(n, intake.Tip{Source: intake.FromScan, Class: intake.ClassMedia, AccountID: account, PostID: post, Reporter: "b", Locator: "l"})
		if p := priority(t, n, old.ID); !has(p, "two") || has(p, "three") || p.Priority != p.Why.Computed || has(p, "fresh") {
			t.Errorf("the first of two: %+v", p)
		}
		if p := priority(t, n, tip.ID); !has(p, "new") || !has(p, "fresh") || has(p, "acted") || p.RulesID == 0 {
			t.Errorf("at first: %+v", p)
		}
		list := n.Insert("hash_list", record.Fields{"name": "kites", "holder": "unit", "own": 1, "created_at": n.Clock.Now()})
		n.Insert("media_match", record.Fields{"media_id": media, "list_id": list, "kind": "md5", "value": "f0", "state": "exact", "found_at": n.Clock.Now()})
		if p := priority(t, n, tip.ID); !has(p, "known") || has(p, "new") {
			t.Errorf("after a match: %+v", p)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			if _, err := n.Tips.Split(ctx, tx, tip.BundleID, []int64{tip.ID}, 1, "another matter"); err != nil {
				return err
			}
			return n.Triage.Decide(ctx, tx, old.ID, "actionable", "")
		})
		if p := priority(t, n, tip.ID); !has(p, "acted") || has(p, "two") {
			t.Errorf("after an earlier tip was acted on: %+v", p)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.AddOutcome(ctx, tx, triage.Outcome{TipID: old.ID, Kind: "arrest", HappenedAt: store.Micros(n.Clock.Now())}, 0)
		})
		if p := priority(t, n, tip.ID); !has(p, "safeguarded") {
			t.Errorf("after an arrest: %+v", p)
		}
		try := func(fn func(ctx context.Context, tx *store.Tx) error) error { return n.Try(fn) }
		for _, c := range []struct {
			priority int64
			reason   string
		}{{1001, "x"}, {-1, "x"}, {5, " "}} {
			if err := try(func(ctx context.Context, tx *store.Tx) error {
				return n.Triage.SetPriority(ctx, tx, tip.ID, c.priority, 1, c.reason)
			}); fault.Of(err) != fault.Invalid || err == nil {
				t.Errorf("%+v: %v", c, err)
			}
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.SetPriority(ctx, tx, tip.ID, 7, 1, "seen before")
		})
		n.Clock.Pass(25 * time.Hour)
		if err := n.Triage.RecomputeDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := priority(t, n, tip.ID); p.Priority != 7 || p.Overruled == nil || p.Overruled.Reason != "seen before" || !has(p, "day") || p.Why.Computed == 7 {
			t.Errorf("overruled: %+v", p)
		}
		before := n.Int("SELECT COUNT(*) FROM record_entry")
		if err := n.Triage.RecomputeAll(t.Context()); err != nil || n.Int("SELECT COUNT(*) FROM record_entry") != before {
			t.Errorf("computing again what did not change wrote something (%v)", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error {
			return n.Triage.LiftPriority(ctx, tx, tip.ID, 2, "no longer so")
		})
		if p := priority(t, n, tip.ID); p.Overruled != nil || p.Priority != p.Why.Computed {
			t.Errorf("lifted: %+v", p)
		}
	})
}

const otherRules = `name: Other rules
base: 0
terms:
  - {id: form, title: "By the public form", points: 500, when: {source: [form]}}
`

// Rules go from draft by the shadow and a test on past decisions to live, by two people.
func TestRulesGoLive(t *testing.T) {
	apptest.Each(t, func(t *testing.T, n *apptest.Node) {
		for i := range 40 {
			source, state := intake.FromComplaint, "insufficient"
			if i%4 == 0 {
				source, state = intake.FromForm, "actionable"
			}
			tip := enter(n, intake.Tip{Source: source, Class: intake.ClassOther})
			n.Write(func(ctx context.Context, tx *store.Tx) error {
				if i == 4 {
					if err := n.Triage.AddOutcome(ctx, tx, triage.Outcome{TipID: tip.ID, Kind: "arrest", HappenedAt: store.Micros(n.Clock.Now())}, 0); err != nil {
						return err
					}
				}
				return n.Triage.Decide(ctx, tx, tip.ID, state, "a kite")
			})
		}
		waits := enter(n, intake.Tip{Source: intake.FromForm, Class: intake.ClassOther})
		var asha, bina identity.Person
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			if asha, err = n.People.Add(ctx, tx, identity.New{Username: "drafter", Name: "Asha", Password: "a long test password"}); err != nil {
				return err
			}
			bina, err = n.People.Add(ctx, tx, identity.New{Username: "second", Name: "Bina", Password: "a long test password"})
			return err
		})
		var v triage.RulesVersion
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			v, err = n.Triage.DraftRules(ctx, tx, []byte(otherRules), asha.ID)
			return err
		})
		live := func(by int64) error {
			return n.Try(func(ctx context.Context, tx *store.Tx) error { return n.Triage.GoLive(ctx, tx, v.ID, by) })
		}
		if err := live(bina.ID); fault.Of(err) != fault.Conflict {
			t.Errorf("a draft went live: %v", err)
		}
		n.Write(func(ctx context.Context, tx *store.Tx) error { return n.Triage.ShadowRules(ctx, tx, v.ID) })
		if err := n.Triage.RecomputeAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := priority(t, n, waits.ID); p.ShadowID != v.ID || p.Shadow != 500 || p.Priority == 500 {
			t.Errorf("in the shadow: %+v", p)
		}
		if r, err := triage.ShadowOf(t.Context(), n.DB.Reader(), v.ID); err != nil || r.Tips != 1 || r.Higher != 1 || len(r.Most) != 1 || r.Most[0].ThisSum != 500 {
			t.Errorf("shadow %+v %v", r, err)
		}
		if err := live(bina.ID); fault.Of(err) != fault.Conflict {
			t.Errorf("untested rules went live: %v", err)
		}
		var b triage.Backtest
		n.Write(func(ctx context.Context, tx *store.Tx) (err error) {
			b, err = n.Triage.TestRules(ctx, tx, v.ID)
			return err
		})
		if b.Tips != 40 || b.Actionable != 10 || b.Ended != 1 || b.This.AUC != 1 || b.This.PrecisionAt["10"] != 100 || b.This.MedianEnded != 2 || b.Live.AUC != 0.5 || b.Live.MedianEnded != 5 || b.Moved == 0 || len(b.Most) != 10 {
			t.Errorf("test %+v", b)
		}
		if err := live(asha.ID); fault.Of(err) != fault.Refused {
			t.Errorf("the drafter made them live: %v", err)
		}
		if err := live(bina.ID); err != nil {
			t.Fatal(err)
		}
		if err := n.Triage.RecomputeAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := priority(t, n, waits.ID); p.Priority != 500 || p.RulesID != v.ID || p.ShadowID != 0 {
			t.Errorf("live: %+v", p)
		}
		all, err := triage.AllRules(t.Context(), n.DB.Reader())
		if err != nil || len(all) != 2 || all[0].State != triage.Live || all[0].LiveBy != bina.ID || all[1].State != triage.Retired {
			t.Errorf("versions %+v %v", all, err)
		}
		if err := n.Try(func(ctx context.Context, tx *store.Tx) error {
			_, err := n.Triage.DraftRules(ctx, tx, []byte(otherRules), asha.ID)
			return err
		}); fault.Of(err) != fault.Conflict {
			t.Errorf("the same file twice: %v", err)
		}
	})
}
