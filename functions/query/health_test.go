package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errStore = errors.New("throttled")

// store is a read that counts its calls and fails when it is told to.
type store struct {
	calls atomic.Int32
	err   error
}

func (s *store) read(context.Context) error { s.calls.Add(1); return s.err }

func TestHealthReadsEveryStoreAndTellsAnyFailure(t *testing.T) {
	for failing := range 3 {
		stores := []*store{{}, {}, {}}
		stores[failing].err = errStore
		c := checkOf(stores...)
		if err := c.run(t.Context()); !errors.Is(err, errStore) {
			t.Errorf("store %d fails: got %v, want %v", failing, err, errStore)
		}
	}
	if err := checkOf(&store{}, &store{}, &store{}).run(t.Context()); err != nil {
		t.Errorf("all answer: got %v, want none", err)
	}
}

func checkOf(stores ...*store) *check {
	c := &check{now: time.Now}
	for _, s := range stores {
		c.reads = append(c.reads, s.read)
	}
	return c
}

func TestHealthIsReadAtMostOnceInTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		c := checkOf(s)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := c.run(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		time.Sleep(healthTime - time.Millisecond)
		if err := c.run(t.Context()); err != nil || s.calls.Load() != 1 {
			t.Errorf("%d reads, %v; want 1", s.calls.Load(), err)
		}
		s.err = errStore
		time.Sleep(time.Millisecond)
		if err := c.run(t.Context()); !errors.Is(err, errStore) || s.calls.Load() != 2 {
			t.Errorf("%d reads, %v; want 2 and %v", s.calls.Load(), err, errStore)
		}
	})
}

func TestHealthGivesUpOnAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &check{now: time.Now, reads: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		}}
		start := time.Now()
		if err := hangs.run(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != checkTime {
			t.Errorf("got %v after %v, want %v after %v", err, time.Since(start), context.DeadlineExceeded, checkTime)
		}
	})
}

func TestACallerWhoGoesAwayDoesNotMakeTheStoresUnhealthy(t *testing.T) {
	c := &check{now: time.Now, reads: []func(context.Context) error{func(ctx context.Context) error { return ctx.Err() }}}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.run(gone); err != nil {
		t.Errorf("got %v, want none", err)
	}
}
