//go:build !linux

package e2e_test

import "os/exec"

// dieWithParent does nothing: only Linux ties a process to its parent.
func dieWithParent(*exec.Cmd) {}
