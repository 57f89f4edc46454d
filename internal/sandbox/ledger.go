package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"raksha.example/raksha/internal/fault"
)

// The kinds of entry in a ledger.
const (
	actSuspend   = "suspend"
	actUnsuspend = "unsuspend"
	actReport    = "report"
)

// Act is one line of the ledger: something that was done to an account, or a report about it.
type Act struct {
	Seq       int       `json:"seq"` // from 1
	At        time.Time `json:"at"`  // by the server's clock
	Act       string    `json:"act"` // "suspend", "unsuspend" or "report"
	AccountID string    `json:"account_id"`
	Text      string    `json:"text,omitempty"`
	ReportID  string    `json:"report_id,omitempty"`
	StatusIDs []string  `json:"status_ids,omitempty"`
	Category  string    `json:"category,omitempty"`
	Changed   bool      `json:"changed"` // false: the account was in that state already
}

// ledger keeps acts in a file of JSON lines. An act counts once its line is on disk.
type ledger struct {
	file      *os.File
	size      int64
	acts      []Act
	suspended map[string]bool // replaced at each change, never written to: readers may keep it
}

const ledgerName = "acts.jsonl"

// openLedger reads back the acts in dir. A last line that was cut off by a crash was never answered for, and is dropped.
func openLedger(dir string) (*ledger, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: make the folder of acts: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, ledgerName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sandbox: open the acts: %w", err)
	}
	l := &ledger{file: f, suspended: map[string]bool{}}
	if err := l.replay(dir); err != nil {
		f.Close()
		return nil, err
	}
	return l, nil
}

func (l *ledger) replay(dir string) error {
	if err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fault.Wrap(err, fault.Conflict, "another sandbox uses %s; stop it or choose another folder", dir)
	}
	b, err := io.ReadAll(l.file)
	if err != nil {
		return fmt.Errorf("sandbox: read the acts: %w", err)
	}
	for rest := b; ; {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole {
			break // nothing, or a torn line
		}
		var a Act
		if err := json.Unmarshal(line, &a); err != nil || a.Seq != len(l.acts)+1 {
			if len(after) == 0 {
				break // the last line: torn, though its end reached the disk
			}
			return fault.New(fault.Tampered, "line %d of %s is no act", len(l.acts)+1, l.file.Name())
		}
		l.take(a)
		l.size += int64(len(line)) + 1
		rest = after
	}
	if l.size < int64(len(b)) {
		if err := l.file.Truncate(l.size); err != nil {
			return fmt.Errorf("sandbox: cut the torn act: %w", err)
		}
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return errors.Join(l.file.Sync(), d.Sync())
}

// take adds an act that is on disk.
func (l *ledger) take(a Act) {
	l.acts = append(l.acts, a)
	if a.Act == actReport || !a.Changed {
		return
	}
	l.suspended = maps.Clone(l.suspended)
	if a.Act == actSuspend {
		l.suspended[a.AccountID] = true
	} else {
		delete(l.suspended, a.AccountID)
	}
}

// add numbers an act, brings it to disk and takes it. If it cannot be written nothing has happened.
func (l *ledger) add(a Act) (Act, error) {
	a.Seq = len(l.acts) + 1
	if a.Act != actReport {
		a.Changed = l.suspended[a.AccountID] != (a.Act == actSuspend)
	}
	b, err := json.Marshal(a)
	if err != nil {
		return a, err
	}
	b = append(b, '\n')
	if _, err = l.file.WriteAt(b, l.size); err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return a, errors.Join(err, l.file.Truncate(l.size))
	}
	l.size += int64(len(b))
	l.take(a)
	return a, nil
}

func (l *ledger) close() error { return l.file.Close() }
