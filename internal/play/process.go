package play

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"raksha.example/raksha/internal/fault"
)

const (
	maxStarts   = 12                     // of one child: more means that something is wrong with it
	restartWait = 300 * time.Millisecond // lets the port and the locks of a killed one go
	endTime     = 10 * time.Second       // for a child to end by itself
)

// family are the child processes of a demonstration. A child that dies is started again; one that dies again and again is
// reported in failed. All of them end with the demonstration, even when it is killed.
type family struct {
	exe, dir string
	failed   chan error
	starts   chan start
	stopping chan struct{}
	running  sync.WaitGroup
}

// start is the request to start one process.
type start struct {
	cmd  *exec.Cmd
	done chan error
}

func newFamily(exe, dir string) *family {
	f := &family{exe: exe, dir: dir, failed: make(chan error, 1), starts: make(chan start), stopping: make(chan struct{})}
	go f.parent()
	return f
}

// parent starts every child from one thread that lives as long as the family: the kernel ends a child when the thread that
// started it ends (prctl PR_SET_PDEATHSIG).
func (f *family) parent() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for s := range f.starts {
		s.done <- s.cmd.Start()
	}
}

// start runs a child until the family is stopped. What it writes goes to its log.
func (f *family) start(name string, args []string) {
	f.running.Add(1)
	go func() {
		defer f.running.Done()
		for n := 1; ; n++ {
			err := f.run(name, args)
			select {
			case <-f.stopping:
				return
			case <-time.After(restartWait):
			}
			if n == maxStarts {
				select {
				case f.failed <- fault.Wrap(err, fault.Unavailable, "%s ended %d times (%v); its log is %s", name, n, err, f.log(name)):
				default: // one is enough
				}
				return
			}
		}
	}()
}

func (f *family) log(name string) string { return filepath.Join(f.dir, name+".log") }

// run starts a child once and waits for its end.
func (f *family) run(name string, args []string) error {
	out, err := os.OpenFile(f.log(name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(f.exe, args...)
	cmd.Stdout, cmd.Stderr = out, out
	bind(cmd)
	s := start{cmd, make(chan error, 1)}
	select {
	case f.starts <- s:
	case <-f.stopping:
		return nil
	}
	if err := <-s.done; err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	pid := filepath.Join(f.dir, name+".pid")
	if err := writeFile(pid, fmt.Appendf(nil, "%d\n", cmd.Process.Pid)); err == nil {
		defer os.Remove(pid)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil {
			err = fmt.Errorf("it ended by itself")
		}
		return err
	case <-f.stopping:
	}
	cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(endTime):
		cmd.Process.Kill()
		<-ended
	}
	return nil
}

// stop ends all children.
func (f *family) stop() {
	close(f.stopping)
	f.running.Wait()
	close(f.starts)
}
