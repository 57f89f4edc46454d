//go:build unix

package hamming

import (
	"os"
	"syscall"
)

// mapFile maps the first size bytes of a file. Finish unmaps them; what was written is then in the file.
func mapFile(f *os.File, size int, write bool) (b []byte, finish func() error, err error) {
	protection := syscall.PROT_READ
	if write {
		protection |= syscall.PROT_WRITE
	}
	b, err = syscall.Mmap(int(f.Fd()), 0, size, protection, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "map", Path: f.Name(), Err: err}
	}
	return b, func() error { return syscall.Munmap(b) }, nil
}
