//go:build !linux

package bootstrap

import "syscall"

// endWithParent can do nothing here: only Linux ties a process to its parent.
// Those of a server that is killed stay until somebody ends them. A Ctrl-C at the
// terminal is for this one alone, which then finishes what is under way.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
