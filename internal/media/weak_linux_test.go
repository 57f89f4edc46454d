package media

import (
	"runtime"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"

	"raksha.example/raksha/internal/fault"
)

// TestWeakConfinement starts children on a kernel that has no Landlock: a filter on the one thread that starts them says so.
func TestWeakConfinement(t *testing.T) {
	file := encodePNG(t, pattern(64, 64, 1))
	strict, lax := newPool(t, 1), newPool(t, 1)
	lax.AllowWeak = true
	var strictErr, laxErr error
	var r Result
	var missing Protections
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and not unlocked: the thread ends with its filter
		laxErr = seccomp.LoadFilter(seccomp.Filter{NoNewPrivs: true, Policy: seccomp.Policy{DefaultAction: seccomp.ActionAllow, Syscalls: []seccomp.SyscallGroup{
			{Names: []string{"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)}}}})
		if laxErr != nil {
			return
		}
		_, strictErr = strict.Hash(t.Context(), file)
		if r, laxErr = lax.Hash(t.Context(), file); laxErr == nil {
			obtained, err := lax.Protections(t.Context())
			missing, laxErr = obtained.Missing(), err
		}
	}()
	<-done
	if fault.Of(strictErr) != fault.Unavailable || fault.Code(strictErr) != "weak_confinement" {
		t.Errorf("not allowed: %v", strictErr)
	}
	if laxErr != nil || r.Kind != Image || len(missing) != 1 || missing[0].Name != "files" {
		t.Errorf("allowed: %+v, missing %v, %v", r, missing, laxErr)
	}
	t.Logf("%v", missing)
	working(t, strict) // on other threads the kernel is itself again
}
