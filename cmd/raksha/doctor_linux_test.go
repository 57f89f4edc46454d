package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// withoutLandlock runs fn on a thread to which, and to whose children, the kernel has no Landlock.
func withoutLandlock(t *testing.T, fn func()) {
	t.Helper()
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and not unlocked: the thread ends with its filter
		err := seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Policy: seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
			{Names: []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)}}}})
		if err == nil {
			fn()
		}
		failed <- err
	}()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
}

// TestDoctor asks the real binary, on this machine and on one without Landlock, where a node does not start unless it is allowed.
func TestDoctor(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "raksha")
	if out, err := exec.Command("go", "build", "-o", exe, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	examine := func() (e examination, status int) {
		out, err := exec.Command(exe, "doctor", "--json", "--dir", t.TempDir()).Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Error(err)
		}
		if err := json.Unmarshal(out, &e); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if err != nil {
			status = err.(*exec.ExitError).ExitCode()
		}
		return e, status
	}
	e, status := examine()
	if names := namesOf(e.Pictures); names != "dumps descriptors limits files calls privileges" || e.OK != (status == 0) || len(e.Films) == 0 || len(e.Node) != 1 {
		t.Errorf("%d: %+v", status, e)
	}
	withoutLandlock(t, func() {
		e, status := examine()
		if status != 1 || e.OK || !strings.Contains(e.Pictures[3].Detail, "no Landlock") {
			t.Errorf("%d: %+v", status, e)
		}
		for _, f := range e.Pictures {
			if f.OK == (f.Name == "files") {
				t.Errorf("%+v", f)
			}
		}
		out, err := exec.Command(exe, "serve", "--dir", t.TempDir(), "--desks", "unit", "--listen", "127.0.0.1:0").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "raksha doctor") || !strings.Contains(string(out), "files") {
			t.Errorf("a node started without Landlock: %v: %s", err, out)
		}
		picture, err := filepath.Abs("../../internal/media/testdata/small.png")
		if err != nil {
			t.Error(err)
		}
		if out, err := exec.Command(exe, "hash", picture).CombinedOutput(); err == nil || !strings.Contains(string(out), "raksha doctor") {
			t.Errorf("hash: %v: %s", err, out)
		}
		if out, err := exec.Command(exe, "hash", "--allow-weak-confinement", picture).CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "pdq ") {
			t.Errorf("hash, allowed: %v: %s", err, out)
		}
	})
	if out, err := exec.Command(exe, "doctor", "--dir", "/nowhere").CombinedOutput(); err == nil || !strings.Contains(string(out), "MISSING  folder") {
		t.Errorf("%v: %s", err, out)
	}
}

func namesOf(all []finding) string {
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}
