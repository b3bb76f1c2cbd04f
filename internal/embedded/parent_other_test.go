//go:build !linux

package embedded_test

import "os/exec"

// dieWithParent does nothing: only Linux ties a process to its parent.
func dieWithParent(*exec.Cmd) {}
