//go:build !unix

package hamming

import (
	"io"
	"os"
)

// mapFile reads a file where it cannot be mapped. Finish writes it back.
func mapFile(f *os.File, size int, write bool) (b []byte, finish func() error, err error) {
	b = make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(size)), b); err != nil {
		return nil, nil, err
	}
	return b, func() error {
		if !write {
			return nil
		}
		_, err := f.WriteAt(b, 0)
		return err
	}, nil
}
