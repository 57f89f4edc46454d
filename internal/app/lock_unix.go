//go:build unix

package app

import (
	"os"
	"path/filepath"
	"syscall"

	"raksha.example/raksha/internal/fault"
)

// lockFolder keeps a second process out of a node's folder: an embedded node is the only one who knows which jobs it left
// behind. The lock goes with the process, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fault.Wrap(err, fault.Conflict, "another process runs the node in %s; stop that one first", dir)
	}
	return f, nil
}
