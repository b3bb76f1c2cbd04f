package load

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Burst is requests that are sent at one moment, each over a connection of its
// own.
type Burst struct {
	Base     string // as in a Load
	Requests []Request
	// Warm is sent over each connection before, so that the server has taken all
	// of them; nil for none.
	Warm Request
}

// A Reply is the answer to one request of a burst. Its body is its own.
type Reply struct {
	Answer
	Took time.Duration
}

// Run opens and warms the connections, releases all requests at once, and
// returns their answers in the same order.
func (b Burst) Run(ctx context.Context) ([]Reply, error) {
	conns := make([]*Conn, len(b.Requests))
	defer closeAll(conns)
	if err := b.connect(ctx, conns); err != nil {
		return nil, err
	}
	release := make(chan struct{})
	var ready sync.WaitGroup
	ready.Add(len(conns))
	replies := make([]Reply, len(conns))
	work, ctx := errgroup.WithContext(ctx)
	for i, conn := range conns {
		work.Go(func() (err error) {
			ready.Done()
			<-release
			began := time.Now()
			replies[i].Answer, err = conn.Do(ctx, b.Requests[i])
			replies[i].Took, replies[i].Body = time.Since(began), slices.Clone(replies[i].Body)
			return err
		})
	}
	ready.Wait()
	close(release)
	return replies, work.Wait()
}

// connect opens the connections, a few at a time. Each is warmed as soon as it is
// open: a server with a thread for each request may keep one waiting for the
// first request of a connection.
func (b Burst) connect(ctx context.Context, conns []*Conn) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8)
	for i := range conns {
		work.Go(func() (err error) {
			if conns[i], err = Dial(ctx, b.Base); err != nil || b.Warm == nil {
				return err
			}
			if _, err = conns[i].Do(ctx, b.Warm); err != nil {
				return fmt.Errorf("warming a connection: %w", err)
			}
			return nil
		})
	}
	return work.Wait()
}
