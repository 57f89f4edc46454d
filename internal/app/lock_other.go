//go:build !unix

package app

import (
	"os"
	"path/filepath"
)

// lockFolder opens the lock file; on this system it keeps nobody out.
func lockFolder(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
}
