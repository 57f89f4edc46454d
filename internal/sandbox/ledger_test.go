package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"raksha.example/raksha/internal/clock"
	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/internal/story"
)

// TestMain lets the test binary be a server of its own, for TestKill to kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SANDBOX_TEST_DIR"); dir != "" {
		if err := serveForever(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func serveForever(dir string) error {
	f, err := story.Load("../story/testdata/small.yaml")
	if err != nil {
		return err
	}
	w, err := story.Generate(f, story.Options{})
	if err != nil {
		return err
	}
	s, err := New(Config{World: w, Clock: clock.Fixed(f.Start), Dir: dir, AdminToken: token})
	if err != nil {
		return err
	}
	fmt.Println(httptest.NewServer(s).URL)
	select {}
}

// TestKill kills a server in the middle of its work: whatever it answered for is still done afterwards.
func TestKill(t *testing.T) {
	w, dir := smallStory(t), t.TempDir()
	offending := w.Truth().Offending
	var done []string
	for round := range 2 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SANDBOX_TEST_DIR="+dir)
		out, err := child.StdoutPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		base := strings.TrimSpace(line)
		for _, id := range offending[3*round : 3*round+3] {
			r, err := http.NewRequest("POST", base+"/api/v1/admin/accounts/"+id+"/action", strings.NewReader("type=suspend"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Authorization", "Bearer "+token)
			resp, err := http.DefaultClient.Do(r)
			if err != nil || resp.StatusCode != 200 {
				t.Fatal(resp, err)
			}
			resp.Body.Close()
			done = append(done, id)
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait()
	}
	s, err := New(Config{World: w, Clock: clock.Fixed(w.File.Start), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Acts()) != len(done) {
		t.Errorf("%d acts of %d", len(s.Acts()), len(done))
	}
	for _, id := range done {
		if !s.view().suspended[id] {
			t.Errorf("account %s is no longer suspended", id)
		}
	}
	if _, err := New(Config{World: w, Dir: dir}); !errors.Is(err, fault.Conflict) {
		t.Errorf("a second server on the folder: %v", err)
	}
}

func TestTornLedger(t *testing.T) {
	const first = `{"seq":1,"at":"2022-09-18T03:30:00Z","act":"suspend","account_id":"5","changed":true}` + "\n"
	const second = `{"seq":2,"at":"2022-09-18T03:31:00Z","act":"suspend","account_id":"6","changed":true}` + "\n"
	for name, c := range map[string]struct {
		text string
		acts int // -1: refused
	}{
		"nothing":          {"", 0},
		"whole":            {first + second, 2},
		"torn":             {first + second[:40], 1},
		"without its end":  {first + second[:len(second)-1], 1},
		"torn to zeroes":   {first + "\x00\x00\x00\n", 1},
		"broken inside":    {first[:30] + "\n" + second, -1},
		"a line left out":  {second + second, -1},
		"only a torn line": {first[:12], 0},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, ledgerName), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := openLedger(dir)
		if c.acts < 0 {
			if !errors.Is(err, fault.Tampered) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || len(l.acts) != c.acts || len(l.suspended) != c.acts {
			t.Errorf("%s: %+v %v", name, l, err)
			continue
		}
		a, err := l.add(Act{Act: actSuspend, AccountID: "7"})
		if err != nil || a.Seq != c.acts+1 || !a.Changed {
			t.Errorf("%s: added %+v %v", name, a, err)
		}
		l.close()
		if l, err = openLedger(dir); err != nil || len(l.acts) != c.acts+1 || !l.suspended["7"] {
			t.Errorf("%s: opened again %v", name, err)
		}
		l.close()
	}
}

func TestCache(t *testing.T) {
	c, made := newCache(100), 0
	fetch := func(id string, size int) {
		_, b, err := c.get(id, func(string) (string, []byte, error) { made++; return "k", make([]byte, size), nil })
		if err != nil || len(b) != size {
			t.Fatalf("%s: %d bytes, %v", id, len(b), err)
		}
		if c.held > c.limit {
			t.Fatalf("%d bytes held", c.held)
		}
	}
	for _, step := range []struct {
		id         string
		size, made int
	}{{"a", 40, 1}, {"b", 40, 2}, {"a", 40, 2}, {"c", 40, 3}, {"a", 40, 3}, {"b", 40, 4}, {"huge", 101, 5}, {"huge", 101, 6}, {"a", 40, 6}} {
		if fetch(step.id, step.size); made != step.made {
			t.Errorf("after %s: made %d, want %d", step.id, made, step.made)
		}
	}
}
