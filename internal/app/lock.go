package app

import (
	"os"
	"path/filepath"

	"raksha.example/raksha/internal/fault"
)

// RestoringMark is a file that stands in a folder while a restore is under way: no node starts in it.
const RestoringMark = "restoring"

// LockFolder keeps every process from running a node in a folder until the file is closed: fault.Conflict if one does.
func LockFolder(dir string) (*os.File, error) { return lockFolder(dir) }

// whole refuses a folder in which a restore was broken off.
func whole(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, RestoringMark)); err == nil {
		return fault.New(fault.Conflict, "a restore into %s did not finish; run raksha restore again", dir)
	}
	return nil
}
