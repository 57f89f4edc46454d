package play

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raksha.example/raksha/internal/attribution"
	"raksha.example/raksha/internal/casework"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/lists"
	"raksha.example/raksha/internal/platforms"
)

// TestStories plays other stories than the built-in one and holds what the nodes found against what the world hides.
func TestStories(t *testing.T) {
	for name, c := range map[string]struct {
		hours   float64
		refused bool // a DCP may not sign
	}{"small": {36, false}, "today": {3, true}} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "small" {
				t.SkipNow()
			}
			refused := 0
			d := begun(t, Config{Dir: t.TempDir(), Story: "../story/testdata/" + name + ".yaml", Progress: func(stage, text string) {
				t.Log(stage+":", text)
				if strings.HasPrefix(text, "refused (under_ranked)") {
					refused++
				}
			}})
			s, err := d.Play(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkFigures(t, d.Story(), s)
			checkActs(t, d)
			if s.Takedown.HoursAllowed != c.hours || (refused == 1) != c.refused {
				t.Errorf("%g hours, %d refusals", s.Takedown.HoursAllowed, refused)
			}
			checkCase(t, d, s)
			checkThen(t, d)
			checkAgain(t, d, s)
		})
	}
}

// checkCase holds findings, matches and clusters of the unit against the truth.
func checkCase(t *testing.T, d *Demo, s Summary) {
	t.Helper()
	raghav, truth := d.who("unit", "raghav"), d.world.Truth()
	c, err := d.theCase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := get[[]casework.Account](t.Context(), raghav, casePath(c, "accounts"))
	if err != nil {
		t.Fatal(err)
	}
	native, undetermined := map[int64]string{}, []string{}
	for _, a := range accounts {
		native[a.ID] = a.NativeID
		if a.Finding == casework.Undetermined {
			undetermined = append(undetermined, a.NativeID)
		}
		if a.State == platforms.Live && (a.Finding == casework.Offending) != slices.Contains(truth.Offending, a.NativeID) {
			t.Errorf("account %s is found %s", a.NativeID, a.Finding)
		}
	}
	if slices.Sort(undetermined); !slices.Equal(undetermined, slices.Sorted(slices.Values(truth.Undecided))) {
		t.Errorf("undetermined %v, want %v", undetermined, truth.Undecided)
	}
	media := 0
	for _, p := range d.world.Posts {
		for _, m := range p.Media {
			if slices.Contains(truth.Offending, p.AccountID) && slices.Contains(truth.Listed, m) {
				media++
			}
		}
	}
	if s.Case.ListedMediaMatched != int64(media) {
		t.Errorf("%d listed files matched, want %d", s.Case.ListedMediaMatched, media)
	}
	clusters, err := get[[]attribution.Cluster](t.Context(), raghav, casePath(c, "clusters"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, v := range clusters {
		var ids []string
		for _, id := range v.Accounts {
			ids = append(ids, native[id])
		}
		got = append(got, fmt.Sprint(slices.Sorted(slices.Values(ids)), v.State))
	}
	for _, op := range truth.Operators {
		want = append(want, fmt.Sprint(slices.Sorted(slices.Values(op)), attribution.Lead))
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("clusters %v, want %v", got, want)
	}
}

// checkThen reads the figures of the day of the unit's report, when nobody was a lead yet, and of the days before.
func checkThen(t *testing.T, d *Demo) {
	t.Helper()
	for _, c := range []struct {
		days             int
		blocked, leads   int64
		operationArrests int64
	}{
		{0, int64(d.Story().Complaint.Offending), 0, int64(d.Story().Operation.Arrests)},
		{10, int64(d.Story().Complaint.Offending), -1, int64(d.Story().Operation.Arrests)},
	} {
		day := d.ReportDay().AddDate(0, 0, c.days).Format("2006-01-02")
		f, err := d.AsOf(t.Context(), day)
		if err != nil {
			t.Fatal(err)
		}
		if f.Case.Blocked != c.blocked || f.Case.Arrests != 0 || (f.Case.Leads == 0) != (c.leads == 0) || f.Operations[0].Arrests != c.operationArrests ||
			f.Operations[0].Cases != int64(d.Story().Operation.Cases) {
			t.Errorf("as of %s: %+v %+v", day, f.Case, f.Operations)
		}
	}
}

// checkAgain plays a finished story again: nothing changes.
func checkAgain(t *testing.T, d *Demo, s Summary) {
	t.Helper()
	before := inventory(t, d)
	settled, err := d.Play(t.Context()) // the inventory's sign-ins and reads are on record too
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if plain(again) != plain(s) || again.Record.Entries != settled.Record.Entries {
		t.Errorf("played again: %+v, first %+v", again, s)
	}
	if after := inventory(t, d); after != before {
		t.Errorf("played again:\n%s\nfirst:\n%s", after, before)
	}
	checkActs(t, d)
}

// TestClose holds that no child outlives its demonstration.
func TestClose(t *testing.T) {
	d, err := Open(Config{Exe: exe, Dir: t.TempDir(), Story: "../story/testdata/small.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range nodeNames {
		if resp, err := http.Get(d.nodes[name].base + "/api/v1/node"); err == nil {
			resp.Body.Close()
			t.Errorf("%s still answers", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(d.Dir(), "*.pid")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// TestOpenRefuses holds that a folder keeps to the story that was begun in it, and to one demonstration at a time.
func TestOpenRefuses(t *testing.T) {
	dir, list := t.TempDir(), filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte("# nothing\n"+strings.Repeat("0", 64)+", kite\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	small := Config{Exe: exe, Dir: dir, Story: "../story/testdata/small.yaml"}
	d, err := Open(small)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(small); !errors.Is(err, fault.Conflict) {
		t.Errorf("a second one in the same folder: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad.txt")
	if err := os.WriteFile(bad, []byte("kite\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  Config
		want error
	}{
		"the same story":        {small, nil},
		"without a story":       {Config{Dir: dir}, nil},
		"another story":         {Config{Dir: dir, Story: "../story/testdata/today.yaml"}, fault.Conflict},
		"pictures later":        {Config{Dir: dir, Pictures: t.TempDir()}, fault.Conflict},
		"a list later":          {Config{Dir: dir, List: list}, fault.Conflict},
		"a story that is none":  {Config{Dir: t.TempDir(), Story: list}, fault.Invalid},
		"a missing story":       {Config{Dir: t.TempDir(), Story: dir + "/none"}, fault.NotFound},
		"missing pictures":      {Config{Dir: t.TempDir(), Pictures: dir + "/none"}, fault.NotFound},
		"a list that is none":   {Config{Dir: t.TempDir(), List: bad}, fault.Invalid},
		"a new folder and list": {Config{Dir: t.TempDir(), List: list}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(c.cfg)
			if err == nil {
				d.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	info, err := os.Stat(filepath.Join(dir, keptName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file with the passwords: %v %v", info, err)
	}
}

// TestJudge holds what an analyst makes of the matches of a post.
func TestJudge(t *testing.T) {
	matches := []lists.Match{{ID: 1}, {ID: 2}}
	for name, c := range map[string]struct {
		states [2]string
		want   string
	}{
		"exact":              {[2]string{lists.Exact, lists.Rejected}, "listed_media"},
		"confirmed second":   {[2]string{lists.Rejected, lists.Confirmed}, "listed_media"},
		"rejected":           {[2]string{lists.Rejected, lists.Rejected}, "weak_signal"},
		"one is not decided": {[2]string{lists.Confirmed, lists.Unconfirmed}, ""},
	} {
		got, _ := judge(matches, map[int64]lists.Match{1: {State: c.states[0]}, 2: {State: c.states[1]}})
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got, _ := judge(nil, nil); got != "nothing" {
		t.Errorf("no match: %q", got)
	}
}
