package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	childArgument = "media-child"
	startTime     = 30 * time.Second // for a child to confine itself and say hello, on a busy machine
	waitTime      = 5 * time.Second  // for the last words of a killed child
	maxLastWords  = 1 << 10          // bytes of its standard error that are kept
)

// Why a child was killed; causes of contexts.
var (
	errTime   = errors.New("the time for one file is over")
	errClosed = errors.New("the pool is closed")
)

// process is one running child. Whoever holds it is the only one to use it; kill alone may come from elsewhere.
type process struct {
	decoder   string
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       io.Reader
	lastWords *head
	obtained  Protections
	atStart   int64         // bytes of memory at its peak before it was given anything
	items     int           // files it was given
	busy      time.Duration // wall-clock time it spent on them
	stopped   sync.Once
}

// startProcess starts a child with nothing but two pipes and waits for its hello.
func startProcess(ctx context.Context, exe, decoder string) (*process, error) {
	path, err := exec.LookPath(exe)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	c := &process{decoder: decoder, cmd: exec.Command(path, childArgument, decoder), lastWords: &head{left: maxLastWords}}
	c.cmd.Env, c.cmd.Dir, c.cmd.Stderr, c.cmd.WaitDelay = []string{}, "/", c.lastWords, waitTime
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, errTime)
	defer cancel()
	err = c.guarded(ctx, func() error {
		kind, b, err := readMessage(c.out, func(byte) int { return maxText })
		if err != nil {
			return err
		}
		if kind != msgHello {
			return fmt.Errorf("%w: %q instead of a hello", errWire, kind)
		}
		var h hello
		err = decodeStrict(b, &h)
		c.obtained, c.atStart = h.Protections, h.Peak
		return err
	})
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the media child did not start: %w: %s", err, c.lastWords)
	}
	return c, nil
}

// guarded runs fn, which talks to the child, and kills the child when ctx ends; then the cause of that is the error.
func (c *process) guarded(ctx context.Context, fn func() error) error {
	calm := context.AfterFunc(ctx, func() { c.cmd.Process.Kill() })
	err := fn()
	if !calm() {
		return context.Cause(ctx)
	}
	return err
}

// ask sends one request and reads the answer.
func (c *process) ask(ctx context.Context, kind byte, q request) (answerKind byte, answer []byte, err error) {
	began := time.Now()
	c.items++
	err = c.guarded(ctx, func() error {
		if err := writeMessage(c.in, kind, q.header(), q.file); err != nil {
			return err
		}
		answerKind, answer, err = readMessage(c.out, func(kind byte) int {
			if kind == msgPixels {
				return maxRaster
			}
			return maxText
		})
		return err
	})
	c.busy += time.Since(began)
	return answerKind, answer, err
}

// stop kills the child and waits for its end.
func (c *process) stop() {
	c.stopped.Do(func() {
		c.cmd.Process.Kill()
		c.in.Close()
		c.cmd.Wait() // the child was killed: its status says nothing
	})
}

// outOfMemory tells, after stop, whether the child ran into its memory limit. The runtime does not always say so: where it needs
// memory for itself, it may fail in any way. A child that died with much in use is taken to have died of it. Linux counts the memory
// that the parent had when the child was made as the child's, so that only what is more than at the start tells something.
func (c *process) outOfMemory() bool {
	return strings.Contains(c.lastWords.String(), "out of memory") || peakMemory(c.cmd.ProcessState) > max(c.atStart, dataLimit/2)
}

// head keeps the first bytes that are written to it and drops the rest.
type head struct {
	mu   sync.Mutex // guards what follows: exec copies from another goroutine
	kept []byte
	left int
}

func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(h.left, len(b))
	h.kept, h.left = append(h.kept, b[:n]...), h.left-n
	return len(b), nil
}

// String gives what was kept.
func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.kept)
}
