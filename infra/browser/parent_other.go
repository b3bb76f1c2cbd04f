//go:build !linux

package browser

import "os/exec"

// endWithParent does nothing: only Linux ties a process to its parent.
func endWithParent(*exec.Cmd) {}
