package media

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"

	"raksha.example/raksha/internal/fault"
)

// filmDescriptors is how many files ffmpeg may have open.
const filmDescriptors = 32

// libraries are where a program's shared libraries lie. They hold nothing that is secret.
var libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"}

// filmMain is the whole life of a child that becomes ffmpeg: it reads its order from in, gives up every right but to be that program,
// says what it obtained and is replaced. What was given up stays given up.
func filmMain(in io.Reader, out io.Writer) error {
	b, err := io.ReadAll(io.LimitReader(in, maxText))
	if err != nil {
		return err
	}
	var o filmOrder
	if err := decodeStrict(b, &o); err != nil {
		return err
	}
	greeting, err := json.Marshal(hello{confineFilm(o), ownPeak()})
	if err != nil {
		return err
	}
	if err := writeMessage(out, msgHello, greeting); err != nil || o.Program == "" {
		return err
	}
	return fmt.Errorf("starting %s: %w", o.Program, unix.Exec(o.Program, o.arguments(), []string{}))
}

// confineFilm gives up everything that ffmpeg does not need to turn the one file into frames.
func confineFilm(o filmOrder) Protections {
	return Protections{
		protection("dumps", "no core dump, so that no decoded picture reaches the disk", unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})),
		protection("descriptors", "nothing is open but the film and three pipes", unix.CloseRange(filmInput+1, ^uint(0)>>33, unix.CLOSE_RANGE_CLOEXEC)),
		protection("limits", fmt.Sprintf("%d MiB of memory, %v of processor time, %d open files, no file may grow", dataLimit>>20, o.Time, filmDescriptors),
			limitFilm(o)),
		confineFilmFiles(o.Program),
		protection("calls", "system calls are filtered, before and after ffmpeg is loaded", filterFilmCalls()),
		protection("privileges", "no_new_privs is set", checkPrivileges()),
	}
}

func limitFilm(o filmOrder) error {
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{
		{"memory", unix.RLIMIT_DATA, dataLimit},
		{"processor time", unix.RLIMIT_CPU, uint64(o.Time.Seconds()) + 1},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"open files", unix.RLIMIT_NOFILE, filmDescriptors},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit of %s: %w", l.name, err)
		}
	}
	return nil
}

// confineFilmFiles allows to read the shared libraries and to run the program and its loader, and no other path: nothing may be written,
// no directory listed, no port used. The film is no path.
func confineFilmFiles(program string) Protection {
	version, err := llsyscall.LandlockGetABIVersion()
	if err != nil {
		return Protection{"files", false, fmt.Sprintf("the kernel has no Landlock: %v", err)}
	}
	read := landlock.AccessFSSet(llsyscall.AccessFSReadFile)
	rules := []landlock.Rule{landlock.PathAccess(read, append(slices.Clone(libraries), "/etc/ld.so.cache")...).IgnoreIfMissing()}
	if program != "" {
		run := []string{program}
		loader, err := loaderOf(program)
		if err != nil {
			return Protection{"files", false, fmt.Sprintf("%s cannot be read: %v", program, err)}
		}
		if loader != "" {
			run = append(run, loader)
		}
		rules = append(rules, landlock.PathAccess(read|llsyscall.AccessFSExecute, run...))
	}
	if err := landlock.V7.BestEffort().Restrict(rules...); err != nil {
		return Protection{"files", false, fmt.Sprintf("Landlock version %d: %v", version, err)}
	}
	switch f, err := os.Open("/etc/passwd"); {
	case err == nil:
		f.Close()
		return Protection{"files", false, fmt.Sprintf("Landlock version %d took, but /etc/passwd can still be opened", version)}
	case !errors.Is(err, unix.EACCES):
		return Protection{"files", false, fmt.Sprintf("Landlock version %d: unexpected answer: %v", version, err)}
	}
	return Protection{"files", true, fmt.Sprintf("no path may be opened but shared libraries, to read (Landlock version %d)", version)}
}

// loaderOf gives the path of the program that loads a program's libraries, or "" if it needs none.
func loaderOf(program string) (string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			return strings.TrimRight(string(b), "\x00"), err
		}
	}
	return "", nil
}

// filmCalls is what ffmpeg and the loading of its libraries need beyond allowedCalls. There is no call among them that makes a
// socket, a process or a file, or reaches another process.
var filmCalls = []string{
	"execve", "access", "faccessat", "faccessat2", "stat", "newfstatat", "lstat", "statx", "readlink", "readlinkat", "pread64",
	"arch_prctl", "set_tid_address", "poll", "ppoll", "getuid", "geteuid", "getgid", "getegid", "dup", "mlock",
}

// filterFilmCalls is filterCalls for ffmpeg. The filter is inherited by the program that takes the child's place. Programs may be run,
// because ffmpeg must be; which ones, the rules of files say.
func filterFilmCalls() error {
	here, err := arch.GetInfo("")
	if err != nil {
		return fmt.Errorf("the filter of system calls does not know this processor: %w", err)
	}
	var known []string
	for _, name := range append(slices.Clone(allowedCalls), filmCalls...) {
		if _, ok := here.SyscallNames[name]; ok {
			known = append(known, name)
		}
	}
	self := uint64(unix.Getpid())
	const written = unix.O_WRONLY | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{
			{Names: known, Action: seccomp.ActionAllow},
			{Action: seccomp.ActionAllow, NamesWithCondtions: []seccomp.NameWithConditions{
				{Name: "clone", Conditions: when(0, seccomp.BitsSet, unix.CLONE_THREAD)}, // threads, never processes
				{Name: "mmap", Conditions: when(2, seccomp.BitsNotSet, unix.PROT_EXEC)},
				{Name: "mmap", Conditions: append(when(2, seccomp.BitsNotSet, unix.PROT_WRITE), // code comes from files
					when(3, seccomp.BitsNotSet, unix.MAP_ANONYMOUS)...)},
				{Name: "mprotect", Conditions: when(2, seccomp.BitsNotSet, unix.PROT_EXEC)},
				{Name: "openat", Conditions: when(2, seccomp.BitsNotSet, written)},
				{Name: "kill", Conditions: when(0, seccomp.Equal, self)},
				{Name: "tgkill", Conditions: when(0, seccomp.Equal, self)},
				{Name: "prctl", Conditions: when(0, seccomp.Equal, unix.PR_GET_NO_NEW_PRIVS)},
				{Name: "prctl", Conditions: when(0, seccomp.Equal, unix.PR_SET_NAME)},
				{Name: "prlimit64", Conditions: when(2, seccomp.Equal, 0)}, // only to ask
				{Name: "fcntl", Conditions: when(1, seccomp.Equal, unix.F_GETFL)},
				{Name: "fcntl", Conditions: when(1, seccomp.Equal, unix.F_GETFD)},
				{Name: "fcntl", Conditions: when(1, seccomp.Equal, unix.F_SETFD)},
			}},
			{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)}, // see filterCalls
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

// memoryFile gives an anonymous file that holds b and can no longer be changed.
func memoryFile(b []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("film", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "there is no memory for a film: %v", err)
	}
	f := os.NewFile(uintptr(fd), "film")
	if _, err := f.Write(b); err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Internal, "there is no memory for a film: %v", err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Internal, "a film could not be sealed: %v", err)
	}
	return f, nil
}
