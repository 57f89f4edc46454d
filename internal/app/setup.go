package app

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"raksha.example/raksha/internal/fault"
)

// setupCode is the one-time code of an empty node. It lies in the node's folder until it is used.
type setupCode struct {
	path string
	mu   sync.Mutex
	code string // guarded by mu; "" when used
}

func openSetupCode(dir string, setUp bool) (*setupCode, error) {
	s := &setupCode{path: filepath.Join(dir, "setup-code")}
	b, err := os.ReadFile(s.path)
	s.code = strings.TrimSpace(string(b))
	switch {
	case err == nil && s.code != "": // not used yet, even if a crash came between the profile and the first person
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return nil, err
	case err == nil, !setUp: // an empty file was cut off by a crash
		raw := make([]byte, 10)
		rand.Read(raw)
		s.code = base32.StdEncoding.EncodeToString(raw)
		return s, os.WriteFile(s.path, []byte(s.code+"\n"), 0o600)
	}
	return s, nil
}

// Check refuses every code but the one that was printed.
func (s *setupCode) Check(code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == "" {
		return fault.New(fault.Conflict, "this node is set up already")
	}
	if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(code)), []byte(s.code)) != 1 {
		return fault.New(fault.Unsigned, "the set-up code is wrong; it was printed when the node first started")
	}
	return nil
}

// Pending says whether the code waits to be used.
func (s *setupCode) Pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code != ""
}

// Used ends the code.
func (s *setupCode) Used() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = ""
	return os.Remove(s.path)
}
