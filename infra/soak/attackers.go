package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"portcullis/infra/soak/ledger"
)

// The largest burst of one attacker, and how much patience those have who hang
// up at once.
const (
	largestBurst = 12
	impatience   = 40 * time.Millisecond
)

// attack guesses passwords in bursts, of users who are there and of names that
// are nobody's.
func (s *soak) attack(work, calls context.Context, r *rand.Rand, who int) {
	ghosts := 0
	for pause(work, between(r, 100*time.Millisecond, 700*time.Millisecond)) {
		if r.IntN(10) < 3 {
			if r.IntN(3) == 0 {
				ghosts++
			}
			s.burst(calls, fmt.Sprintf("ghost %d/%d", who, ghosts), true, r)
			continue
		}
		n := r.IntN(len(s.members))
		victim := s.members[n].name
		s.burst(calls, victim, n%2 == 0, r)
		s.ask(victim)
	}
}

// burst guesses several times at once. Of those that are hasty one in twenty does
// not wait for an answer; the others leave counts that are certain.
func (s *soak) burst(ctx context.Context, name string, hasty bool, r *rand.Rand) {
	var all sync.WaitGroup
	for range 2 + r.IntN(largestBurst-1) {
		password, hurried, patience := guess(r), hasty && r.IntN(20) == 0, between(r, time.Millisecond, impatience)
		all.Go(func() {
			ctx := ctx
			if hurried {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, patience)
				defer cancel()
			}
			s.login(ctx, "guess", name, password, ledger.Bad)
		})
	}
	all.Wait()
}
