//go:build !linux

package backup

import "os"

// exchange swaps two folders. Here it takes three steps: killed between them, both folders are there whole, under other names.
func exchange(a, b string) error {
	if err := os.Rename(b, b+".swap"); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		return err
	}
	return os.Rename(b+".swap", a)
}
