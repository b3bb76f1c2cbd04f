package browser

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel end the process when this one is gone, so that
// a test that was killed leaves none behind.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
