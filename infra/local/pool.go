package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"portcullis/infra/bootstrap"
)

// A pool keeps the processes of one function: as many as are needed at once, up
// to a limit. They are started when a request finds all of them busy.
type pool struct {
	function string
	path     string        // of its bootstrap
	timeout  time.Duration // of an invocation
	log      io.Writer
	// environment is what the processes are told beside what this one is.
	environment []string
	// cold makes each event the first and the last of its process.
	cold   bool
	idle   chan *bootstrap.Process // as many places as there may be processes
	places chan struct{}           // one for each process there is

	mu      sync.Mutex
	live    map[*bootstrap.Process]bool
	stopped bool
}

func newPool(function, path string, limit int, timeout time.Duration, log io.Writer) *pool {
	return &pool{
		function: function, path: path, timeout: timeout, log: log,
		idle: make(chan *bootstrap.Process, limit), places: make(chan struct{}, limit), live: make(map[*bootstrap.Process]bool),
	}
}

// invoke runs the function on an event. It waits for a process as long as the
// context allows. The error is the function's own, as a *bootstrap.Error, or says
// what became of its process, which is then replaced by the next request.
func (f *pool) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	p, err := f.take(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := p.Invoke(ctx, payload, f.timeout)
	own := (*bootstrap.Error)(nil)
	if answered := err == nil || errors.As(err, &own); !answered || f.cold {
		f.drop(p)
		return answer, err
	}
	f.idle <- p
	return answer, err
}

// take returns a process that waits for work.
func (f *pool) take(ctx context.Context) (*bootstrap.Process, error) {
	for {
		p, err := f.idleOrNew(ctx)
		if err != nil || !p.HasEnded() {
			return p, err
		}
		f.drop(p) // it ended while it was idle
	}
}

func (f *pool) idleOrNew(ctx context.Context) (*bootstrap.Process, error) {
	select {
	case p := <-f.idle:
		return p, nil
	default:
	}
	select {
	case p := <-f.idle:
		return p, nil
	case f.places <- struct{}{}:
		return f.start()
	case <-ctx.Done():
		return nil, fmt.Errorf("every process of function %s is busy: %w", f.function, ctx.Err())
	}
}

// start starts a process in the place that was taken for it.
func (f *pool) start() (*bootstrap.Process, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		<-f.places
		return nil, errors.New("the server is stopping")
	}
	p, err := bootstrap.Start(bootstrap.Program{Function: f.function, Path: f.path, Environment: f.environment, Output: f.log})
	if err != nil {
		<-f.places
		return nil, err
	}
	f.live[p] = true
	return p, nil
}

// drop ends a process and gives its place back.
func (f *pool) drop(p *bootstrap.Process) {
	p.Stop()
	f.mu.Lock()
	delete(f.live, p)
	f.mu.Unlock()
	<-f.places
}

// stop ends every process; no other is started.
func (f *pool) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	for p := range f.live {
		p.Stop()
	}
}
