package policy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"

	"portcullis/internal/lockout"
)

// How long the cache believes what it has. A change is in force everywhere
// within 60 seconds, as README.md promises: 30 s, stretched by the jitter to at
// most 36, and one flight.
const (
	freshTime = 30 * time.Second
	// freshSpread is the part by which the jitter shortens or stretches it, so
	// that processes that started together do not ask together.
	freshSpread = 0.2
	// failurePause is how long the last value known serves after a failure
	// before the source is asked again.
	failurePause = 5 * time.Second
	// flightTime bounds one look at the client and its maximum, when there is a
	// value that serves if it fails. A login waits for it, inside the 10 s that it
	// has in all.
	flightTime = 2 * time.Second
	// firstFlightTime bounds it while there is none, as in a process that has just
	// started. To give up early is to let a client that allows one failure have
	// five; to wait longer than this, or than half of the caller's time, is to let
	// an outage of Parameter Store stop the logins. One connection that hangs, 3 s,
	// and another try fit into it.
	firstFlightTime = 4 * time.Second
)

// How many clients the cache remembers. The clients that do not exist have a
// set of their own, so that invented names cannot push real clients out.
const (
	knownClients   = 4096
	unknownClients = 1024
)

// A Source knows the maximum of a client that exists. An error that wraps
// [ErrOutOfRange] comes with the number that counts instead; after any other
// error the number means nothing.
type Source interface {
	Maximum(ctx context.Context, client string) (int, error)
}

// A Cache is [lockout.Maximums] over a Source. When the source fails, the last
// value known serves, and with none, [lockout.DefaultMaximum]. It is safe for
// concurrent use.
type Cache struct {
	source       Source
	clientExists func(ctx context.Context, client string) (bool, error)
	now          func() time.Time
	jitter       func() float64
	report       func(client string, err error)

	flights singleflight.Group
	mu      sync.Mutex
	known   *simplelru.LRU[string, entry]
	unknown *simplelru.LRU[string, entry] // their maximum is the default
}

// An entry is kept beyond its time: it is the last value known.
type entry struct {
	maximum int
	until   time.Time
}

// NewCache returns an empty cache. The source is asked only for clients that
// clientExists knows, at most one flight at a time for each. jitter returns a
// random number in [0, 1). report is told of each flight that failed; it must
// not block.
func NewCache(source Source, clientExists func(ctx context.Context, client string) (bool, error),
	now func() time.Time, jitter func() float64, report func(client string, err error)) *Cache {
	return &Cache{
		source: source, clientExists: clientExists, now: now, jitter: jitter, report: report,
		known: newLRU(knownClients), unknown: newLRU(unknownClients),
	}
}

// newLRU returns a set of at most size entries; the only error there is says
// that size is not positive.
func newLRU(size int) *simplelru.LRU[string, entry] {
	lru, err := simplelru.NewLRU[string, entry](size, nil)
	if err != nil {
		panic(err)
	}
	return lru
}

// Maximum returns the number in force for a client, from 1 to 9 whatever
// happens. It waits for the source when what it has is too old, and gives the
// last value known if the context ends first; the flight goes on for the other
// callers.
func (c *Cache) Maximum(ctx context.Context, client string) int {
	if last, _, fresh := c.last(client); fresh {
		return last
	}
	flight := c.flights.DoChan(client, func() (any, error) { return c.fly(ctx, client), nil })
	select {
	case landed := <-flight:
		return landed.Val.(int)
	case <-ctx.Done():
		last, _, _ := c.last(client)
		return last
	}
}

// last returns the last value known, else the default, whether there is one, and
// whether it is young enough to serve without asking.
func (c *Cache) last(client string) (maximum int, known, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, set := range []*simplelru.LRU[string, entry]{c.known, c.unknown} {
		if e, ok := set.Get(client); ok {
			return e.maximum, true, c.now().Before(e.until)
		}
	}
	return lockout.DefaultMaximum, false, false
}

// fly asks for the client's maximum, on behalf of everybody who waits for it,
// so the caller who began it cannot cancel it. A flight that took off while
// the one before it was landing finds its work done.
func (c *Cache) fly(ctx context.Context, client string) int {
	last, known, fresh := c.last(client)
	if fresh {
		return last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest(ctx, known))
	defer cancel()
	exists, err := c.clientExists(ctx, client)
	switch {
	case err != nil:
		c.report(client, fmt.Errorf("looking for client: %w", err))
		return c.postpone(client)
	case !exists:
		return c.keepUnknown(client)
	}
	return c.ask(ctx, client, last)
}

// longest returns how long a flight may take that somebody with this context
// begins. A value that is known serves when it fails, also the default of a client
// that exists after a first flight that failed: that was no moment, but an outage.
// While nobody can say whether the client exists, nothing is known.
func longest(ctx context.Context, known bool) time.Duration {
	if known {
		return flightTime
	}
	if deadline, ok := ctx.Deadline(); ok {
		return min(firstFlightTime, max(0, time.Until(deadline)/2))
	}
	return firstFlightTime
}

// ask asks the source for a client that exists.
func (c *Cache) ask(ctx context.Context, client string, last int) int {
	maximum, err := c.source.Maximum(ctx, client)
	if err == nil && !lockout.ValidMaximum(maximum) {
		err = fmt.Errorf("source gave %d: %w", maximum, ErrOutOfRange)
	}
	switch {
	case errors.Is(err, ErrOutOfRange):
		c.report(client, err)
		return c.keepKnown(client, lockout.DefaultMaximum, c.freshFor())
	case err != nil:
		c.report(client, err)
		return c.keepKnown(client, last, failurePause)
	}
	return c.keepKnown(client, maximum, c.freshFor())
}

func (c *Cache) freshFor() time.Duration {
	return time.Duration(float64(freshTime) * (1 - freshSpread + 2*freshSpread*c.jitter()))
}

func (c *Cache) keepKnown(client string, maximum int, fresh time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unknown.Remove(client)
	c.known.Add(client, entry{maximum: maximum, until: c.now().Add(fresh)})
	return maximum
}

func (c *Cache) keepUnknown(client string) int {
	fresh := c.freshFor()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known.Remove(client)
	c.unknown.Add(client, entry{maximum: lockout.DefaultMaximum, until: c.now().Add(fresh)})
	return lockout.DefaultMaximum
}

// postpone lets what is known of a client serve a while longer, when nobody
// can say whether it exists. Nothing known is not remembered: it would take the
// place of a client.
func (c *Cache) postpone(client string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, set := range []*simplelru.LRU[string, entry]{c.known, c.unknown} {
		if e, ok := set.Get(client); ok {
			e.until = c.now().Add(failurePause)
			set.Add(client, e)
			return e.maximum
		}
	}
	return lockout.DefaultMaximum
}
