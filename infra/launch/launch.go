// Package launch starts the compiled infra/local beside a tool's work: on a free
// port of this machine, quiet, and for as long as the tool lives at most.
//
// The one decision a reader must know: it learns where the server is and who may
// log in from the first line that the server prints, as a script would; main must
// call runtime.LockOSThread before it starts one (see package child).
package launch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"portcullis/infra/child"
)

// How long infra/local may take to start; it tells a hang from a busy machine.
const startTime = 2 * time.Minute

// A Person is somebody that infra/local made. The password is "" where it was
// told at an earlier start.
type Person struct{ Client, Username, Password, Role string }

// A Server is a running infra/local.
type Server struct {
	Base   string // http://127.0.0.1:PORT
	PID    int
	People []Person
	*child.Service
}

// Local starts the program, with variables and flags beside its own, and returns
// when it has said where it is.
func Local(program string, environment []string, flags ...string) (*Server, error) {
	cmd := exec.Command(program, append([]string{"-addr", "127.0.0.1:0", "-json", "-log", "off"}, flags...)...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	service, err := child.Start(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	addr, people, err := greeting(stdout)
	if err != nil {
		service.Stop(0)
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return &Server{Base: "http://" + addr, PID: cmd.Process.Pid, People: people, Service: service}, nil
}

// greeting reads the server's first line, and goes on reading.
func greeting(stdout io.Reader) (addr string, people []Person, err error) {
	lines := make(chan []byte, 1)
	go func() {
		r := bufio.NewReader(stdout)
		line, _ := r.ReadBytes('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, r)
	}()
	var told struct {
		Addr  string
		Users []Person
	}
	select {
	case line := <-lines:
		if err := json.Unmarshal(line, &told); err != nil {
			return "", nil, fmt.Errorf("its first line is %q: %w", line, err)
		}
		return told.Addr, told.Users, nil
	case <-time.After(startTime):
		return "", nil, errors.New("it said nothing")
	}
}
