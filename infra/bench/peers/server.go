package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// How long a server may take to start and to stop; both tell a hang from a busy
// machine.
const (
	startTime = 2 * time.Minute
	stopTime  = 20 * time.Second
)

// glance is how often a server that starts is asked whether it is there: the
// grain of the start times.
const glance = time.Millisecond

// A server is the running process of a product.
type server struct {
	service *child.Service
	process *os.Process
	url     string // http://127.0.0.1:PORT
	began   time.Time
}

// launch starts a program whose output goes to a file of the folder. The program
// is to listen on the address, which is free.
func launch(folder, address string, cmd *exec.Cmd) (*server, error) {
	log, err := os.OpenFile(filepath.Join(folder, "log.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the program has its own
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	s := &server{url: "http://" + address, began: time.Now()}
	if s.service, err = child.Start(cmd, syscall.SIGKILL); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	s.process = cmd.Process
	return s, nil
}

// freeAddress returns an address that nobody listens on at this moment.
func freeAddress() (string, error) {
	port, err := child.FreePort()
	return "127.0.0.1:" + port, err
}

func (s *server) base() string { return s.url }

// pid is the server's process.
func (s *server) pid() int { return s.process.Pid }

// stop ends the server, and what it started.
func (s *server) stop() {
	if s != nil {
		s.service.Stop(stopTime)
	}
}

// errEnded says that a server ended by itself.
var errEnded = errors.New("it has ended; its log says why")

// wait waits until the path answers as wanted, and returns how long that is
// after the start.
func (s *server) wait(ctx context.Context, path string, wanted func(load.Answer) bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		answer, err := ask(ctx, s.url, path)
		if took := time.Since(s.began); err == nil && wanted(answer) {
			return took, nil
		}
		select {
		case <-tick.C:
		case <-s.service.Ended():
			return 0, errEnded
		case <-ctx.Done():
			return 0, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
		}
	}
}

// ask sends one GET over a connection of its own.
func ask(ctx context.Context, base, path string) (load.Answer, error) {
	conn, err := load.Dial(ctx, base)
	if err != nil {
		return load.Answer{}, err
	}
	defer conn.Close()
	return conn.Do(ctx, load.NewRequest(base, "GET", path, "", "Connection", "close"))
}

func isAnswer(load.Answer) bool { return true }

func isOK(a load.Answer) bool { return a.Status == http.StatusOK }
