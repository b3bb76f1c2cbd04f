//go:build !linux

package main

import "os/exec"

// dieWithParent does nothing: only Linux ties a process to its parent. Elsewhere
// a process that outlives a killed parent has to be ended by hand.
func dieWithParent(*exec.Cmd) {}
