package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Load is what n clients ask, each over a connection of its own. Each waits
// for its answer before it asks again, so a server that is slow is asked less.
type Load struct {
	// Base is the server: HOST:PORT or http://HOST:PORT.
	Base    string
	Clients int // 1 or more
	// Duration ends the load: no request begins later. Those under way then are
	// waited for and counted, and so is their time; a server that works at all of
	// them at once would otherwise seem to have done nothing.
	Duration time.Duration
	// Rate is how many requests a second all clients make together; 0 is as many
	// as are answered. A request that comes too late because every client still
	// waits is timed from the moment it was due, so that a stall shows in full.
	// What was due in time is sent, however late, so a load that nobody keeps up
	// with lasts longer than Duration.
	Rate float64
	// Next returns the n-th request of a client, both from 0; nil ends that
	// client. Clients call it at the same time.
	Next func(client, n int) Request
	// Heard sees each answer and may be nil. An error ends the load.
	Heard func(client, n int, a Answer) error
}

// errIdle says that a load asked nothing.
var errIdle = errors.New("no request was answered in the time")

// Run runs the load. The connections are open before the time begins. The error
// is the first that happened; a context that ends is one.
func (l Load) Run(ctx context.Context) (Sample, error) {
	conns, err := dialAll(ctx, l.Base, l.Clients)
	defer closeAll(conns)
	if err != nil {
		return Sample{}, err
	}
	work, ctx := errgroup.WithContext(ctx)
	r := &run{Load: l, began: time.Now()}
	r.ends = r.began.Add(l.Duration)
	parts := make([]part, len(conns))
	for i, conn := range conns {
		work.Go(func() error { return r.client(ctx, conn, i, &parts[i]) })
	}
	if err := work.Wait(); err != nil {
		return Sample{}, err
	}
	return r.sample(parts)
}

// A run is a load while it runs.
type run struct {
	Load
	began, ends time.Time
	due         atomic.Int64 // requests that were given out, with a Rate
}

// A part is what one client has seen.
type part struct {
	times    []time.Duration
	statuses map[int]int
	ended    time.Time
}

func (r *run) client(ctx context.Context, conn *Conn, client int, p *part) error {
	p.times, p.statuses = make([]time.Duration, 0, 1024), make(map[int]int)
	for n := 0; ; n++ {
		began := r.turn(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !began.Before(r.ends) {
			return nil
		}
		request := r.Next(client, n)
		if request == nil {
			return nil
		}
		answer, err := conn.Do(ctx, request)
		now := time.Now()
		if err != nil {
			return fmt.Errorf("client %d, request %d: %w", client, n, err)
		}
		p.times, p.ended = append(p.times, now.Sub(began)), now
		p.statuses[answer.Status]++
		if r.Heard == nil {
			continue
		}
		if err := r.Heard(client, n, answer); err != nil {
			return fmt.Errorf("client %d, request %d: %w", client, n, err)
		}
	}
}

// turn waits until a request is due, and returns when that was: with a Rate, not
// before then, and otherwise now.
func (r *run) turn(ctx context.Context) time.Time {
	if r.Rate <= 0 {
		return time.Now()
	}
	due := r.began.Add(time.Duration(float64(r.due.Add(1)-1) / r.Rate * float64(time.Second)))
	early := time.Until(due)
	if early <= 0 || !due.Before(r.ends) {
		return due
	}
	wait := time.NewTimer(early)
	defer wait.Stop()
	select {
	case <-wait.C:
		return time.Now() // a timer's lateness is no server's
	case <-ctx.Done():
		return due
	}
}

// sample puts the parts together.
func (r *run) sample(parts []part) (Sample, error) {
	var times []time.Duration
	statuses := make(map[int]int)
	ended := r.began
	for _, p := range parts {
		times = append(times, p.times...)
		for status, n := range p.statuses {
			statuses[status] += n
		}
		if p.ended.After(ended) {
			ended = p.ended
		}
	}
	if len(times) == 0 {
		return Sample{}, errIdle
	}
	return NewSample(times, ended.Sub(r.began), statuses), nil
}

// dialAll opens n connections, several at once.
func dialAll(ctx context.Context, base string, n int) ([]*Conn, error) {
	conns, errs := make([]*Conn, n), make([]error, n)
	var dialing sync.WaitGroup
	next := atomic.Int64{}
	for range min(n, 16) {
		dialing.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				conns[i], errs[i] = Dial(ctx, base)
			}
		})
	}
	dialing.Wait()
	return conns, errors.Join(errs...)
}

func closeAll(conns []*Conn) {
	for _, c := range conns {
		if c != nil && c.raw != nil {
			_ = c.Close() // nothing is under way
		}
	}
}
