package media

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"raksha.example/raksha/internal/fault"
)

// attempt does what a decoder that was taken over might do. It returns nil when it succeeds.
func attempt(name string) error {
	switch name {
	case "open":
		_, err := os.Open("/etc/passwd")
		return err
	case "write":
		return os.WriteFile("/tmp/raksha-media-attempt", []byte("x"), 0o600)
	case "list":
		_, err := os.ReadDir("/")
		return err
	case "remove":
		return os.Remove("/tmp/raksha-media-attempt")
	case "openat2":
		_, err := unix.Openat2(unix.AT_FDCWD, "/etc/passwd", &unix.OpenHow{})
		return err
	case "memfd":
		_, err := unix.MemfdCreate("x", 0)
		return err
	case "dial":
		_, err := net.DialTimeout("tcp", "127.0.0.1:9", time.Second)
		return err
	case "socket unix":
		_, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		return err
	case "connect":
		return unix.Connect(0, &unix.SockaddrInet4{Port: 9})
	case "bind":
		return unix.Bind(0, &unix.SockaddrInet4{})
	case "io_uring":
		return call(unix.SYS_IO_URING_SETUP, 1, 0, 0)
	case "exec":
		return unix.Exec("/bin/true", []string{"true"}, nil)
	case "execveat":
		return call(unix.SYS_EXECVEAT, ^uintptr(99), uintptr(unsafe.Pointer(&[]byte("/bin/true\x00")[0])), 0)
	case "command":
		return exec.Command("/bin/true").Run()
	case "fork":
		return fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD))
	case "fork in new namespaces":
		return fork(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|unix.CLONE_NEWUSER)
	case "clone3":
		args := [11]uint64{4: uint64(unix.SIGCHLD)}
		return fork(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
	case "thread":
		return thread()
	case "ptrace":
		return call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, uintptr(unix.Getppid()), 0)
	case "read the parent's memory":
		_, err := unix.ProcessVMReadv(unix.Getppid(), []unix.Iovec{{}}, []unix.RemoteIovec{{}}, 0)
		return err
	case "write the parent's memory":
		_, err := unix.ProcessVMWritev(unix.Getppid(), []unix.Iovec{{}}, []unix.RemoteIovec{{}}, 0)
		return err
	case "mount":
		return unix.Mount("none", "/mnt", "tmpfs", 0, "")
	case "kill":
		return call(unix.SYS_KILL, uintptr(unix.Getppid()), 0, 0)
	case "tgkill":
		return call(unix.SYS_TGKILL, uintptr(unix.Getppid()), uintptr(unix.Getppid()), 0)
	case "map code":
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	case "make code":
		b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return err
		}
		return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
	case "map more than the limit":
		_, err := unix.Mmap(-1, 0, dataLimit, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	case "reserve more than the limit":
		_, err := unix.Mmap(-1, 0, dataLimit+1<<30, unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	case "raise a limit":
		return unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	case "another filter":
		return call(unix.SYS_SECCOMP, 1, 0, 0)
	case "open descriptors":
		return openDescriptors()
	}
	return fmt.Errorf("no such attempt: %s", name)
}

func call(number, a, b, c uintptr) error {
	if _, _, err := syscall.Syscall6(number, a, b, c, 0, 0, 0); err != 0 {
		return err
	}
	return nil
}

// fork makes a process; the process ends at once, should it come to life.
func fork(number uintptr, args ...uintptr) error {
	args = append(args, 0)
	pid, _, err := syscall.RawSyscall6(number, args[0], args[1], 0, 0, 0, 0)
	if err != 0 {
		return err
	}
	if pid == 0 {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

// thread tries a forbidden call on threads that were there before the filter and on new ones.
func thread() error {
	answers := make(chan error)
	for range 8 {
		go func() {
			_, err := os.Open("/etc/passwd")
			time.Sleep(time.Millisecond)
			answers <- err
		}()
	}
	var all error
	for range 8 {
		err := <-answers
		if err == nil {
			return nil
		}
		all = err
	}
	return all
}

// openDescriptors is nil when something is open beyond the pipes and the runtime's poller, which is of no file type.
func openDescriptors() error {
	for fd := 3; fd < 4096; fd++ {
		var s unix.Stat_t
		if unix.Fstat(fd, &s) == nil && s.Mode&unix.S_IFMT != 0 {
			return nil
		}
	}
	return errors.New("nothing more is open")
}

// TestConfinement tries from inside the child what a decoder that was taken over would try.
func TestConfinement(t *testing.T) {
	leaked, err := os.Open("/etc/passwd") // as a careless library might: open, and not closed on exec
	if err != nil {
		t.Fatal(err)
	}
	defer leaked.Close()
	fd, err := syscall.Dup(int(leaked.Fd())) // the copy survives exec
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)

	p := newPool(t, 1)
	obtained, err := p.Protections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range obtained {
		t.Logf("%-12s %v  %s", o.Name, o.Obtained, o.Detail)
	}
	missing := obtained.Missing()
	without := func(name string) bool {
		return slices.ContainsFunc(missing, func(o Protection) bool { return o.Name == name })
	}
	if without("calls") || without("limits") || without("privileges") || without("dumps") || without("descriptors") {
		t.Fatalf("missing: %v", missing) // every kernel of the last ten years has these; Landlock alone may be off
	}
	attempts := map[string]error{
		"open": unix.EPERM, "write": unix.EPERM, "list": unix.EPERM, "remove": unix.EPERM, "openat2": unix.EPERM, "memfd": unix.EPERM,
		"dial": unix.EPERM, "socket unix": unix.EPERM, "connect": unix.EPERM, "bind": unix.EPERM, "io_uring": unix.EPERM,
		"exec": unix.EPERM, "execveat": unix.EPERM, "command": unix.EPERM,
		"fork": unix.EPERM, "fork in new namespaces": unix.EPERM, "clone3": unix.ENOSYS, "thread": unix.EPERM,
		"ptrace": unix.EPERM, "read the parent's memory": unix.EPERM, "write the parent's memory": unix.EPERM,
		"mount": unix.EPERM, "kill": unix.EPERM, "tgkill": unix.EPERM, "map code": unix.EPERM, "make code": unix.EPERM,
		"raise a limit": unix.EPERM, "another filter": unix.EPERM,
		"open descriptors":        errors.New("nothing more is open"),
		"map more than the limit": unix.ENOMEM, "reserve more than the limit": unix.ENOMEM,
	}
	for _, decoder := range []string{commonDecoder, avifDecoder, heicDecoder} {
		for name, want := range attempts {
			said, err := tryIn(t, p, decoder, name)
			if err != nil || !strings.HasSuffix(said, want.Error()) {
				t.Errorf("%s, %s: %q, %v; want %v", decoder, name, said, err, want)
			}
		}
		for _, name := range []string{"memory", "one large block"} {
			if said, err := tryIn(t, p, decoder, name); fault.Code(err) != "memory" {
				t.Errorf("%s, %s: %q, %v; want a child that dies of it", decoder, name, said, err)
			}
		}
	}
	t.Setenv("RAKSHA_ATTEMPT", "1")
	if said, err := try(t, newPool(t, 1), "environment"); err != nil || said != "" {
		t.Errorf("environment %q, %v; want none", said, err)
	}
}
