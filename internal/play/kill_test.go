package play

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const small = "../story/testdata/small.yaml"

// TestKilled kills the whole demonstration at several points and starts it again in the same folder: it goes on, nothing is lost and
// nothing is done twice.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.SkipNow()
	}
	want, held := peaceful(t)
	dir := t.TempDir()
	for _, c := range []struct {
		line string // of its progress
		then time.Duration
	}{
		{"start ", 150 * time.Millisecond}, // while it is set up
		{"set-up ", 400 * time.Millisecond},
		{"the clearinghouse scanned", 60 * time.Millisecond}, // while reports are filed
		{"online services filed", 80 * time.Millisecond},
		{"tips went to the bureau", 30 * time.Millisecond},
		{"tips to the unit", 120 * time.Millisecond},
		{"with an arrest", 250 * time.Millisecond},
		{"teams share", 500 * time.Millisecond},
		{"posts analysed", 40 * time.Millisecond},
		{"are undetermined", 70 * time.Millisecond},
		{"order UNIT/TO", 35 * time.Millisecond}, // while accounts are suspended
		{"produced what it holds", 90 * time.Millisecond},
	} {
		killAt(t, dir, c.line, c.then)
	}
	out, err := exec.Command(exe, "demo", "--once", "--json", "--dir", dir).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderrOf(err))
	}
	var s Summary
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatal(err)
	}
	if plain(s) != plain(want) {
		t.Errorf("killed again and again: %+v\nin peace: %+v", s, want)
	}
	if !s.Record.Verified {
		t.Error("the record is not sound")
	}
	d := begun(t, Config{Dir: dir})
	checkFigures(t, d.Story(), s)
	checkActs(t, d)
	if got := inventory(t, d); got != held {
		t.Errorf("killed again and again:\n%s\nin peace:\n%s", got, held)
	}
}

// undisturbed is what comes of the small story on SQLite when nothing is killed, once a test has asked for it.
var undisturbed struct {
	summary   Summary
	inventory string
}

// peaceful plays the small story without being disturbed, the first time it is asked.
func peaceful(t *testing.T) (Summary, string) {
	t.Helper()
	if undisturbed.inventory != "" {
		return undisturbed.summary, undisturbed.inventory
	}
	d := begun(t, Config{Dir: t.TempDir(), Story: small, Progress: func(string, string) {}})
	s, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	undisturbed.summary, undisturbed.inventory = s, inventory(t, d)
	return s, undisturbed.inventory
}

// killAt starts the demonstration and kills it, with SIGKILL, some time after a line of its progress.
func killAt(t *testing.T, dir, line string, then time.Duration) {
	t.Helper()
	cmd := exec.Command(exe, "demo", "--once", "--dir", dir, "--story", small)
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	seen := false
	for s := bufio.NewScanner(progress); s.Scan(); {
		told.WriteString(s.Text() + "\n")
		if strings.Contains(s.Text(), line) && !seen {
			seen = true
			time.AfterFunc(then, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if !seen {
		t.Errorf("it ended before the line %q:\n%s", line, &told)
	}
}

func stderrOf(err error) []byte {
	if e, ok := err.(*exec.ExitError); ok {
		return e.Stderr
	}
	return nil
}

// TestNodesKilled kills single nodes while the story goes on: they are started again and the story ends as ever.
func TestNodesKilled(t *testing.T) {
	if testing.Short() {
		t.SkipNow()
	}
	want, held := peaceful(t)
	dir := t.TempDir()
	killed := 0
	at := map[string][]string{ // by a piece of the progress
		"agencies know each other":        {"clearinghouse"},
		"the clearinghouse scanned":       {"clearinghouse"},
		"two reviewers opened pictures":   {sandboxName},
		"tips went to the bureau":         {"bureau", "unit"},
		"accounts, 3 lines twice":         {"commission"},
		"under CrPC":                      {"unit"},
		"teams share":                     {sandboxName},
		"are undetermined":                {"platform"},
		"order UNIT/TO/2022/0001":         {"platform", sandboxName},
		"order UNIT/TO/2022/0002":         {"unit"},
		"the platform produced":           {"holder"},
		"holder of payment handles":       {"unit"},
		"the platform preserves the data": {"platform"},
	}
	d := begun(t, Config{Dir: dir, Story: small, Progress: func(stage, text string) {
		t.Log(stage+":", text)
		for piece, names := range at {
			if strings.Contains(text, piece) {
				for _, name := range names {
					killed++
					killChild(t, dir, name)
				}
			}
		}
	}})
	s, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if killed < len(at) {
		t.Errorf("only %d were killed", killed)
	}
	if plain(s) != plain(want) || !s.Record.Verified {
		t.Errorf("with killed nodes: %+v\nin peace: %+v", s, want)
	}
	checkFigures(t, d.Story(), s)
	checkActs(t, d)
	if got := inventory(t, d); got != held {
		t.Errorf("with killed nodes:\n%s\nin peace:\n%s", got, held)
	}
}

// killChild kills a child of the demonstration in dir, by the id that it left.
func killChild(t *testing.T, dir, name string) {
	b, err := os.ReadFile(filepath.Join(dir, name+".pid"))
	if err != nil {
		t.Error(err)
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err == nil {
		err = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Errorf("kill %s: %v", name, err)
	}
}
