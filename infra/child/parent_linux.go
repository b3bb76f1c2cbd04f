package child

import (
	"os/exec"
	"syscall"
)

// DieWithParent makes the kernel send the process a signal when this one is gone,
// even if this one was killed and could not do so.
func DieWithParent(cmd *exec.Cmd, signal syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = signal
}
