// Package child runs other programs for the tools of infra: one that is a
// command's work, to its end and with its exit code, and services beside it that
// must not outlive it.
//
// The one decision a reader must know: a program that is started here dies with
// this process, however that one ends, where the system can do that (Linux). The
// system ties it to the thread that started it, so main must call
// runtime.LockOSThread before it starts any.
package child

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// CouldNotRun is the exit code when a command was never run: that of env(1).
const CouldNotRun = 125

// Endings are the signals that ask for an end.
func Endings() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

// Run runs a command to its end with our own streams, our environment and more.
// It passes the signals on to it and returns its exit code, which is 128 and the
// signal's number when one ended it, as in a shell. It is CouldNotRun with an
// error.
func Run(command, more []string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), more...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	DieWithParent(cmd, syscall.SIGKILL)
	if err := cmd.Start(); err != nil {
		return CouldNotRun, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended by itself
		}
	}()
	err := cmd.Wait()
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) {
		return CouldNotRun, err
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// A Service is a program that runs beside the work.
type Service struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a service. It gets a group of its own: a Ctrl-C at the terminal is
// for the work, which may want the service while it winds up. It gets the signal
// when this process is gone.
func Start(cmd *exec.Cmd, orphaned syscall.Signal) (*Service, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	DieWithParent(cmd, orphaned)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Service{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended shows in its output
		close(s.ended)
	}()
	return s, nil
}

// Ended is closed when the service has ended.
func (s *Service) Ended() <-chan struct{} { return s.ended }

// Stop asks the service to end and kills it if it has not after a while. It may
// be called again.
func (s *Service) Stop(patience time.Duration) {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// FreePort returns a port of 127.0.0.1 that nobody listens on at this moment.
func FreePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}
