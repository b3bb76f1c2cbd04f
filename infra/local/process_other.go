//go:build !linux

package main

import "syscall"

// endWithParent can do nothing here: only Linux ties a process to its parent.
// Those of a server that is killed stay until somebody ends them.
func endWithParent() *syscall.SysProcAttr { return nil }
