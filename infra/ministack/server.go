package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"portcullis/infra/child"
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
	process  *child.Service
	output   bytes.Buffer // to be read when it has ended
	folder   string       // its temporary files
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
	port, err := child.FreePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "ministack-")
	if err != nil {
		return nil, err
	}
	s := &server{endpoint: "http://127.0.0.1:" + port, client: environ.HTTPClient(), folder: folder}
	if err := s.start(program, port); err != nil {
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
// on all of the machine's addresses.
// AUTH makes it check signatures and Cognito's secret hashes; without it a
// refresh token alone would renew a session.
func (s *server) start(program, port string) (err error) {
	cmd := exec.Command(program)
	cmd.Dir = s.folder
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "TMPDIR=" + s.folder, "STATE_DIR=" + s.folder,
		"GATEWAY_PORT=" + port, "BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "LOG_LEVEL=ERROR", "AUTH=true",
		"IOT_MTLS_ENABLED=0",
	}
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	s.process, err = child.Start(cmd, syscall.SIGKILL)
	return err
}

func (s *server) waitReady(ctx context.Context) error {
	look := time.NewTicker(readyStep)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not answer on %s: %w", s.endpoint, context.Cause(ctx))
		case <-s.process.Ended():
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
	s.process.Stop(stopTime)
	os.RemoveAll(s.folder)
}
