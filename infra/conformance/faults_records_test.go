package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
)

func recordFaults() map[string]fault {
	return map[string]fault{
		"a success does not clear": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					if right, ok := t.(lockout.Succeed); ok {
						t = lockout.Refund{AttemptID: right.AttemptID, Generation: right.Generation}
					}
					return s.store.Attempts.Apply(ctx, key, t)
				}}
			},
			caught: []string{"counting/the right password at the last attempt"},
		},
		"a lock is forgotten once it has refused": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked {
						s.forget(key)
					}
					return result, err
				}}
			},
			caught: []string{"counting/a lock is kept"},
		},
		"a lock ends by itself": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked && now().Sub(result.Record.LockedAt) > time.Second {
						s.forget(key)
						return s.store.Attempts.Apply(ctx, key, t)
					}
					return result, err
				}}
			},
			caught: []string{"whole run/a lock does not end"},
		},
		"attempts at a lock are counted on": {
			breaks: func(_ *testing.T, s *site) {
				var mu sync.Mutex
				more := map[lockout.Key]int{}
				s.records = seeing{applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Outcome == lockout.RefusedLocked {
						mu.Lock()
						more[key]++
						mu.Unlock()
					}
					return result, err
				}}, func(key lockout.Key, r lockout.Record) lockout.Record {
					mu.Lock()
					defer mu.Unlock()
					r.Failed += more[key]
					return r
				}}
			},
			caught: []string{"counting/attempts at a lock"},
		},
		"twenty names are remembered": {
			breaks: func(_ *testing.T, s *site) {
				var mu sync.Mutex
				var order []lockout.Key
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					mu.Lock()
					if !slices.Contains(order, key) {
						order = append(order, key)
					}
					if len(order) > 20 {
						s.forget(order[0])
						order = order[1:]
					}
					mu.Unlock()
					return s.store.Attempts.Apply(ctx, key, t)
				}}
			},
			caught: []string{"counting/a flood of other names"},
		},
		"a lock is written into the trail twice": {
			breaks: func(_ *testing.T, s *site) {
				s.records = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					if result.Event != nil && result.Event.Kind == lockout.EventLock {
						again := audit.FromEvent(*result.Event)
						again.ID = environ.NewID()
						_ = s.store.Trail.Append(ctx, again)
					}
					return result, err
				}}
			},
			caught: []string{"concurrency/a burst leaves one entry", "unlock/the lock and the unlock are in the trail"},
		},
		"a lock is computed from the count": {
			breaks: func(_ *testing.T, s *site) {
				s.records = seeing{s.records, func(key lockout.Key, r lockout.Record) lockout.Record {
					if r.Failed >= s.store.Policies.Maximum(far(), key.Client()) {
						r.LockID, r.LockedAt = environ.NewID(), now()
					}
					return r
				}}
			},
			caught: []string{"policy/lowering it"},
		},
		"an unlock leaves the count": {
			breaks: func(_ *testing.T, s *site) {
				s.unlocking = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					result, err := s.store.Attempts.Apply(ctx, key, t)
					for range t.(lockout.Unlock).Seen.Failed - 1 {
						s.fail(key)
					}
					return result, err
				}}
			},
			caught: []string{"unlock/gives the whole budget", "unlock/clears a count", "unlock/many at once says"},
		},
		"a new user finds the count of the name": {
			breaks: func(_ *testing.T, s *site) {
				s.creating = applying{s.records, func(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
					record, err := s.store.Attempts.Read(ctx, key)
					return lockout.Result{Outcome: lockout.Applied, Record: lockout.Record{Generation: record.Generation + 1}}, err
				}}
			},
			caught: []string{"sessions/whoever is created under a deleted name", "sessions/whoever is created under a name that was guessed at"},
		},
		"a refresh token is good at a lock": {
			breaks: func(_ *testing.T, s *site) { s.sessionsLocks = noLocks{s.records} },
			caught: []string{"sessions/a locked user's refresh token"},
		},
	}
}

// noLocks knows of none.
type noLocks struct{ records }

func (noLocks) Read(context.Context, lockout.Key) (lockout.Record, error) {
	return lockout.Record{}, nil
}
