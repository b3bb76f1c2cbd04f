package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"portcullis/internal/environ"
)

const (
	readyStep = 50 * time.Millisecond // between two looks at whether it is up
	stopTime  = 5 * time.Second       // between asking it to end and ending it
)

// A server is a running MiniStack.
type server struct {
	endpoint string
	client   *http.Client
	cmd      *exec.Cmd
	output   bytes.Buffer // to be read when it has ended
	folder   string       // its temporary files
	ended    chan struct{}
}

// startServer starts MiniStack on a free port and returns when it answers.
func startServer(ctx context.Context, venv string) (*server, error) {
	program, err := filepath.Abs(filepath.Join(venv, "bin", "ministack"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: run `make test`, which installs it, or point -venv at a virtual environment that has it", program)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "ministack-")
	if err != nil {
		return nil, err
	}
	s := &server{
		endpoint: "http://127.0.0.1:" + port, client: environ.HTTPClient(), cmd: exec.Command(program),
		folder: folder, ended: make(chan struct{}),
	}
	if err := s.start(port); err != nil {
		os.RemoveAll(folder)
		return nil, err
	}
	if err := s.waitReady(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("starting %s: %w\n%s", program, err, s.output.Bytes())
	}
	return s, nil
}

// start starts the process with nothing of our environment but what finds
// programs and folders. Its listener for IoT devices is off: that one would be
// on all of the machine's addresses. The process gets a group of its own: a
// Ctrl-C at the terminal is for the command, which may want the services while
// it winds up.
// AUTH makes it check signatures and Cognito's secret hashes; without it a
// refresh token alone would renew a session.
func (s *server) start(port string) error {
	s.cmd.Dir = s.folder
	s.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "TMPDIR=" + s.folder, "STATE_DIR=" + s.folder,
		"GATEWAY_PORT=" + port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "LOG_LEVEL=ERROR", "AUTH=true",
		"IOT_MTLS_ENABLED=0",
	}
	s.cmd.Stdout, s.cmd.Stderr = &s.output, &s.output
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.cmd.Wait() // how it ended shows in its output
		close(s.ended)
	}()
	return nil
}

func (s *server) waitReady(ctx context.Context) error {
	look := time.NewTicker(readyStep)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer on %s: %w", s.endpoint, context.Cause(ctx))
		case <-s.ended:
			return errors.New("it ended at once")
		case <-look.C:
			if s.healthy(ctx) {
				return nil
			}
		}
	}
}

func (s *server) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"/_ministack/health", nil)
	if err != nil {
		return false
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// stop ends the process and removes its files. It may be called once.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	os.RemoveAll(s.folder)
}

// freePort returns a port that nobody listens on at this moment.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}
