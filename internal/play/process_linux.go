package play

import (
	"os/exec"
	"syscall"
)

// bind makes a child die with its parent, and keeps the terminal's Ctrl-C from it: the parent ends its children in order.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
