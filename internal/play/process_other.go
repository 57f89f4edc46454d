//go:build !linux

package play

import "os/exec"

// bind does nothing here: a child outlives a parent that is killed, and the next start in its folder finds the port taken.
func bind(*exec.Cmd) {}
