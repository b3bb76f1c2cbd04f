package bootstrap

import "syscall"

// endWithParent has the system kill a process when this one ends, however it
// ends. A Ctrl-C at the terminal is for this one alone, which then finishes what
// is under way.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
