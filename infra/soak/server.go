package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"portcullis/infra/child"
	"portcullis/infra/launch"
)

// How long infra/local may take to stop; it tells a hang from a busy machine.
const stopTime = 20 * time.Second

// A person is somebody that infra/local made.
type person = launch.Person

// A life of a server is the time from its start to its end.
type life struct {
	base string
	pid  int // 0 for a server that is somebody else's
	over atomic.Bool
	*child.Service
}

// killed reports whether the server was ended on purpose, and not by itself.
func (l *life) killed() bool { return l.over.Load() }

// A server is what is soaked: infra/local, which may be killed and started anew,
// or one at an address.
type server struct {
	program     string
	flags       []string
	environment []string
	people      []person // from the first life; later ones do not tell the passwords

	mu   sync.Mutex
	life *life
	up   chan struct{} // closed while there is a life, and when there will be none
	lost error         // why there will be none
}

// startServer starts infra/local.
func startServer(program string, environment []string, flags ...string) (*server, error) {
	s := &server{program: program, flags: flags, environment: environment, up: make(chan struct{})}
	people, err := s.start()
	s.people = people
	return s, err
}

// at returns the server at an address.
func at(base string, root person) *server {
	s := &server{people: []person{root}, life: &life{base: base}, up: make(chan struct{})}
	close(s.up)
	return s
}

// start begins a life, and returns whom the server tells of.
func (s *server) start() ([]person, error) {
	server, err := launch.Local(s.program, s.environment, s.flags...)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = &life{base: server.Base, pid: server.PID, Service: server.Service}
	close(s.up)
	return server.People, nil
}

// wait returns the server's life, once it has one.
func (s *server) wait(ctx context.Context) (*life, error) {
	for {
		s.mu.Lock()
		alive, up, lost := s.life, s.up, s.lost
		s.mu.Unlock()
		if alive != nil || lost != nil {
			return alive, errors.Join(lost, ctx.Err())
		}
		select {
		case <-up:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pid returns the process of the server's life; 0 for none.
func (s *server) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil {
		return 0
	}
	return s.life.pid
}

// restart ends the server as a power cut would, and starts it anew.
func (s *server) restart() error {
	s.mu.Lock()
	over := s.life
	over.over.Store(true)
	s.life, s.up = nil, make(chan struct{})
	s.mu.Unlock()
	err := syscall.Kill(over.pid, syscall.SIGKILL)
	if err != nil {
		return s.lose(fmt.Errorf("killing the server: %w", err))
	}
	<-over.Ended()
	if _, err = s.start(); err != nil {
		return s.lose(err)
	}
	return nil
}

// lose tells everybody who waits that the server will not come back.
func (s *server) lose(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = err
	close(s.up)
	return err
}

// stop ends the server as Ctrl-C would.
func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life != nil && s.life.Service != nil {
		s.life.Stop(stopTime)
	}
}
