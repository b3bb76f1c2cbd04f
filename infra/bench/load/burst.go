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
	conns, err := dialAll(ctx, b.Base, len(b.Requests))
	defer closeAll(conns)
	if err != nil {
		return nil, err
	}
	if b.Warm != nil {
		if err := b.warm(ctx, conns); err != nil {
			return nil, err
		}
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

// warm asks once over each connection, a few at a time.
func (b Burst) warm(ctx context.Context, conns []*Conn) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8)
	for _, conn := range conns {
		work.Go(func() error {
			if _, err := conn.Do(ctx, b.Warm); err != nil {
				return fmt.Errorf("warming a connection: %w", err)
			}
			return nil
		})
	}
	return work.Wait()
}
