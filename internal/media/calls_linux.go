package media

import (
	"errors"
	"fmt"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// allowedCalls is what the Go runtime and two pipes need. Everything else fails with EPERM, and so does every call in the
// machine's other calling conventions: with a list of forbidden calls those would pass.
var allowedCalls = []string{
	"read", "write", "readv", "writev", "close", "fstat", "lseek",
	"munmap", "madvise", "brk", "mremap", "mincore",
	"futex", "futex_waitv", "set_robust_list", "rseq", "sched_yield", "sched_getaffinity", "membarrier", "getcpu",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
	"gettid", "getpid", "exit", "exit_group",
	"nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
	"timer_create", "timer_settime", "timer_delete", "setitimer",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2",
	"getrandom", "getrusage", "sysinfo", "uname",
}

// filterCalls installs the filter on all threads at once, sets no_new_privs on all of them, and sees whether it took.
func filterCalls() error {
	here, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("the filter of system calls does not know this processor: %w", err)
	}
	known := make([]string, 0, len(allowedCalls)) // older calls have no number on newer processors
	for _, name := range allowedCalls {
		if _, ok := here.SyscallNames[name]; ok {
			known = append(known, name)
		}
	}
	self := uint64(unix.Getpid())
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{
			{Names: known, Action: seccomp.ActionAllow},
			{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: when(0, seccomp.BitsSet, unix.CLONE_THREAD)},      // threads, never processes
				{Name: "mmap", Conditions: when(2, seccomp.BitsNotSet, unix.PROT_EXEC)},       // no new code
				{Name: "mprotect", Conditions: when(2, seccomp.BitsNotSet, unix.PROT_EXEC)},   // no new code
				{Name: "kill", Conditions: when(0, seccomp.Equal, self)},                      // the runtime signals itself
				{Name: "tgkill", Conditions: when(0, seccomp.Equal, self)},                    // and its threads
				{Name: "prctl", Conditions: when(0, seccomp.Equal, unix.PR_GET_NO_NEW_PRIVS)}, // for the check below
			}},
			// Its flags lie in memory, where a filter cannot look: say that it does not exist, and the C library uses clone.
			{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
		},
	}}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("the filter of system calls was not accepted: %w", err)
	}
	switch fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0); {
	case err == nil:
		unix.Close(fd)
		return errors.New("the filter of system calls took, but a socket can still be made")
	case !errors.Is(err, unix.EPERM):
		return fmt.Errorf("the filter of system calls took, but the answer to a forbidden call is %w", err)
	}
	return nil
}

func when(argument uint32, operation seccomp.Operation, value uint64) seccomp.ArgumentConditions {
	return seccomp.ArgumentConditions{{Argument: argument, Operation: operation, Value: value}}
}
