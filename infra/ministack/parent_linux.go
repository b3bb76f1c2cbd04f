package main

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the process when this one is gone, even
// if this one was killed and could not end it.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
