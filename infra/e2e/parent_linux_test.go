package e2e_test

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end the process when this one is gone, so that
// a test that was killed leaves none behind.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
