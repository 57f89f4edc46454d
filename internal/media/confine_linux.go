package media

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	llsyscall "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What a child may use in its life. A picture of 100 megapixels in progressive JPEG takes 1.5 GiB in the standard decoder.
const (
	collectAt       = 3 << 29 // bytes at which the garbage collector stops being lazy
	processorLimit  = 15 * 60 // seconds of processor time; the parent retires a child long before
	descriptorLimit = 16      // open files: three standard ones and what the Go runtime holds
	childThreads    = 2       // threads that run Go code at once: a pool of N must not take the machine N times over
)

// confine gives up everything but computing and the two pipes that are open. It tries each protection, sees whether it took, and
// goes on without those that the kernel lacks: the parent reports them.
func confine() Protections {
	runtime.GOMAXPROCS(childThreads)
	debug.SetMemoryLimit(collectAt)
	time.Sleep(time.Microsecond) // makes the runtime open its poller now: later it may not, and would abort

	return Protections{
		protection("dumps", "no core dump, so that no decoded picture reaches the disk", noDumps()),
		protection("descriptors", "nothing is open but the pipes", closeDescriptors()),
		protection("limits", fmt.Sprintf("%d MiB of memory, %d s of processor time, %d open files, no file may grow",
			dataLimit>>20, processorLimit, descriptorLimit), setLimits()),
		confineFiles(),
		protection("calls", "system calls are filtered on all threads", filterCalls()),
		protection("privileges", "no_new_privs is set", checkPrivileges()),
	}
}

// protection makes an entry: err says why it was not obtained.
func protection(name, detail string, err error) Protection {
	if err != nil {
		return Protection{name, false, err.Error()}
	}
	return Protection{name, true, detail}
}

func noDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core size limit: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("dumpable: %w", err)
	}
	return nil
}

// closeDescriptors closes what a careless parent left open. The Go runtime's own descriptors stay: it cannot live without.
func closeDescriptors() error {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("cannot list what is open: %w", err)
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return fmt.Errorf("cannot list what is open: %w", err)
	}
	for _, name := range names {
		fd, err := strconv.Atoi(name)
		if err != nil || fd <= 2 {
			continue
		}
		target, err := os.Readlink(filepath.Join("/proc/self/fd", name))
		if err != nil || strings.HasPrefix(target, "anon_inode:[event") { // gone already, or the runtime's poller
			continue
		}
		if err := unix.Close(fd); err != nil {
			return fmt.Errorf("closing descriptor %d: %w", fd, err)
		}
	}
	return nil
}

func setLimits() error {
	used, err := addressSpace()
	if err != nil {
		return err
	}
	for _, l := range []struct {
		name     string
		resource int
		value    uint64
	}{
		// The kernel does not count as data what is mapped over a reservation, as the Go runtime does for each large block (mmap(2),
		// MAP_FIXED), so that the limit of data alone lets one block of any size through. What the runtime has reserved at its start is
		// much more than it uses, and comes on top.
		{"memory", unix.RLIMIT_AS, used + dataLimit},
		{"data", unix.RLIMIT_DATA, dataLimit},
		{"processor time", unix.RLIMIT_CPU, processorLimit},
		{"file size", unix.RLIMIT_FSIZE, 0},
		{"open files", unix.RLIMIT_NOFILE, descriptorLimit},
	} {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit of %s: %w", l.name, err)
		}
	}
	return nil
}

// addressSpace gives the bytes that are mapped or reserved now.
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("memory in use: %w", err)
	}
	pages, _, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseUint(pages, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("memory in use: %w", err)
	}
	return n * uint64(os.Getpagesize()), nil
}

// confineFiles allows no path at all, no port and no signal to others, as far as the kernel's Landlock goes.
func confineFiles() Protection {
	version, err := llsyscall.LandlockGetABIVersion()
	if err != nil {
		return Protection{"files", false, fmt.Sprintf("the kernel has no Landlock: %v", err)}
	}
	if err := landlock.V7.BestEffort().Restrict(); err != nil {
		return Protection{"files", false, fmt.Sprintf("Landlock version %d: %v", version, err)}
	}
	switch f, err := os.Open("/"); {
	case err == nil:
		f.Close()
		return Protection{"files", false, fmt.Sprintf("Landlock version %d took, but / can still be opened", version)}
	case !errors.Is(err, unix.EACCES):
		return Protection{"files", false, fmt.Sprintf("Landlock version %d: unexpected answer: %v", version, err)}
	}
	return Protection{"files", true, fmt.Sprintf("no path may be opened (Landlock version %d)", version)}
}

func checkPrivileges() error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if set != 1 {
		return errors.New("no_new_privs is not set")
	}
	return nil
}

// peakMemory gives the most bytes that an ended process had in memory, 0 if it is not known.
func peakMemory(ended *os.ProcessState) int64 {
	if ended == nil {
		return 0
	}
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(usage.Maxrss) << 10 // KiB, getrusage(2)
}

// ownPeak is peakMemory of this process.
func ownPeak() int64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return int64(usage.Maxrss) << 10
}
