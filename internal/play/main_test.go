package play

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raksha.example/raksha/internal/sandbox"
	"raksha.example/raksha/internal/story"
)

// exe is the binary, which is built once: the nodes are processes of it.
var exe string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "raksha-play")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	exe = filepath.Join(dir, "raksha")
	if out, err := exec.Command("go", "build", "-o", exe, "raksha.example/raksha/cmd/raksha").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// begun opens a demonstration and starts its nodes; they end with the test.
func begun(t *testing.T, cfg Config) *Demo {
	t.Helper()
	cfg.Exe = exe
	if cfg.Progress == nil {
		cfg.Progress = func(stage, text string) { t.Log(stage+":", text) }
	}
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			showLogs(t, d.Dir())
		}
	})
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func showLogs(t *testing.T, dir string) {
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range logs {
		if b, err := os.ReadFile(path); err == nil {
			t.Logf("%s:\n%s", path, b[max(0, len(b)-2000):])
		}
	}
}

// acts reads what was done on the social server.
func acts(t *testing.T, dir string) (out []sandbox.Act) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, sandboxName, "acts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var a sandbox.Act
		if err := json.Unmarshal(s.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// checkActs holds what was done against what the world hides: every offending account was suspended, once, and nothing else happened.
func checkActs(t *testing.T, d *Demo) {
	t.Helper()
	var suspended []string
	for _, a := range acts(t, d.Dir()) {
		if a.Act != "suspend" || !a.Changed {
			t.Errorf("act %+v", a)
		}
		suspended = append(suspended, a.AccountID)
	}
	want := slices.Sorted(slices.Values(d.world.Truth().Offending))
	if slices.Sort(suspended); !slices.Equal(suspended, want) {
		t.Errorf("suspended %v, offending are %v", suspended, want)
	}
}

// checkFigures holds the summary against the numbers of the story file.
func checkFigures(t *testing.T, f story.File, s Summary) {
	t.Helper()
	c := f.Complaint
	for _, n := range []struct {
		what      string
		got, want int64
	}{
		{"complaint lines", s.Complaint.Lines, int64(c.Accounts + c.DuplicateLines)},
		{"complaint accounts", s.Complaint.Accounts, int64(c.Accounts)},
		{"duplicate lines", s.Complaint.DuplicateLines, int64(c.DuplicateLines)},
		{"gone", s.Complaint.Gone, int64(c.Gone)},
		{"summonses", s.Summonses.Served, 2},
		{"teams", s.Case.Teams, int64(f.Teams)},
		{"posts left", s.Case.Posts - s.Case.PostsAnalysed, 0},
		{"blocked", s.Takedown.Blocked, int64(c.Offending)},
		{"verified gone", s.Takedown.VerifiedGone, int64(c.Offending)},
		{"unanswered items", s.Takedown.Ordered - s.Takedown.Blocked - s.Takedown.NotFound - s.Takedown.Refused, 0},
		{"unanswered questions", s.Information.Requested - s.Information.Answered, 0},
		{"cases of the operation", s.Operation.Cases, int64(f.Operation.Cases)},
		{"arrests of the operation", s.Operation.Arrests, int64(f.Operation.Arrests)},
	} {
		if n.got != n.want {
			t.Errorf("%s: %d, want %d", n.what, n.got, n.want)
		}
	}
	if s.Operation.Name != f.Operation.Name || s.Case.FIR == "" || s.Scan.Posts == 0 || s.Information.Requested == 0 {
		t.Errorf("summary %+v", s)
	}
	if !s.Record.Verified || s.Record.Entries == 0 {
		t.Errorf("record %+v", s.Record)
	}
}

// plain is a summary without what differs from one run to the next: sign-ins are on record, and time passes.
func plain(s Summary) Summary {
	s.Record.Entries, s.ElapsedS = 0, 0
	return s
}

// inventory counts what every node holds: a step that was done twice would show.
func inventory(t *testing.T, d *Demo) string {
	t.Helper()
	var out strings.Builder
	for _, name := range nodeNames {
		for _, path := range []string{"people", "peers", "platforms", "lists", "complaints", "tips", "matches", "documents", "operations", "cases", "meetings"} {
			most := 0 // that one of the node's people may see
			for _, p := range cast(d.kept.Story) {
				if p.node != name || p.service {
					continue
				}
				all, err := get[[]json.RawMessage](t.Context(), d.people[p.id()], "/api/v1/"+path)
				if err != nil && !refusedWith(err, http.StatusForbidden) {
					t.Fatal(err)
				}
				most = max(most, len(all))
			}
			fmt.Fprintf(&out, "%s: %d %s\n", name, most, path)
		}
	}
	return out.String()
}
