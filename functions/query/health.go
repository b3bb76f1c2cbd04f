package main

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"portcullis/internal/attempts"
	"portcullis/internal/policy"
	"portcullis/internal/users"
)

// healthTime is how long an answer is good for. Nobody needs a token to ask, so
// asking must not be a way to use up what Parameter Store allows an account: 40
// reads a second.
const healthTime = 10 * time.Second

// checkTime bounds the reads of one check.
const checkTime = 2 * time.Second

// healthName is the client and the user that the reads ask for. Neither needs
// to exist.
const healthName = "health"

// A check tells whether the stores answer.
type check struct {
	reads []func(context.Context) error // one of each store
	now   func() time.Time

	mu   sync.Mutex
	at   time.Time
	last error
}

// newCheck returns the check of the three stores that query reads.
func newCheck(people *users.Store, records *attempts.Store, policies *policy.Store, now func() time.Time) *check {
	return &check{now: now, reads: []func(context.Context) error{
		func(ctx context.Context) error { _, err := people.ClientExists(ctx, healthName); return err },
		func(ctx context.Context) error {
			key, err := users.UserKey(healthName, healthName)
			if err != nil {
				return err
			}
			_, err = records.Read(ctx, key)
			return err
		},
		func(ctx context.Context) error { _, err := policies.Maximum(ctx, healthName); return err },
	}}
}

// run returns nil if the stores answer, or did so a moment ago. The reads go on
// when the caller goes away, since the next ones get their answer.
func (c *check) run(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.at.IsZero() || now.Sub(c.at) >= healthTime {
		c.at, c.last = now, c.read(context.WithoutCancel(ctx))
	}
	return c.last
}

// read makes all the reads at once and returns the first error.
func (c *check) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, read := range c.reads {
		group.Go(func() error { return read(ctx) })
	}
	return group.Wait()
}
