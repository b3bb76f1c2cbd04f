//go:build !linux

package child

import (
	"os/exec"
	"syscall"
)

// DieWithParent does nothing: only Linux ties a process to its parent. Elsewhere
// a process that outlives a killed parent has to be ended by hand.
func DieWithParent(*exec.Cmd, syscall.Signal) {}
