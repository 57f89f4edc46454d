// Package clock passes time in, so that a story of another year runs by that year's law.
package clock

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Clock tells the time, in UTC with microseconds.
type Clock interface{ Now() time.Time }

// System is the machine's clock.
type System struct{}

// Now gives the machine's time.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// File is a clock for demonstrations and tests: it stands still at the instant that a file names (RFC 3339) until
// somebody moves it. Several processes may share one file.
type File struct{ path string }

// OpenFile reads a clock file once, to refuse a broken one early.
func OpenFile(path string) (File, error) {
	f := File{path}
	_, err := f.read()
	return f, err
}

func (f File) read() (time.Time, error) {
	b, err := os.ReadFile(f.path)
	if err != nil {
		return time.Time{}, fmt.Errorf("clock file: %w", err)
	}
	t, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(b)))
	if err != nil {
		return time.Time{}, fmt.Errorf("clock file %s: %w", f.path, err)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// Now gives the instant in the file. A file that has become unreadable gives the machine's time: a clock has no error.
func (f File) Now() time.Time {
	t, err := f.read()
	if err != nil {
		return System{}.Now()
	}
	return t
}

var advance sync.Mutex // one writer within a process; the processes agree that only the demonstration moves the clock

// Advance moves the clock in path forward to t, creating the file. It never moves back.
func Advance(path string, t time.Time) error {
	advance.Lock()
	defer advance.Unlock()
	if now, err := (File{path}).read(); err == nil && !t.After(now) {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "clock*")
	if err != nil {
		return err
	}
	if _, err = tmp.WriteString(t.UTC().Format(time.RFC3339Nano) + "\n"); err == nil {
		err = tmp.Close()
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Fixed is a clock for tests that always tells the same time.
type Fixed time.Time

// Now gives the fixed time.
func (f Fixed) Now() time.Time { return time.Time(f).UTC().Truncate(time.Microsecond) }
