package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"portcullis/infra/bench/load"
)

// An outcome is what came of a burst.
type outcome struct {
	tally
	compared int
	gotIn    bool
}

// burst lets guesses loose on a fresh user, all at one moment, over connections
// that are open already. A right one is among them if place is one of theirs;
// otherwise place is -1.
func (b *bench) burst(ctx context.Context, p product, place int) (outcome, error) {
	user, err := b.fresh(ctx, p)
	if err != nil {
		return outcome{}, err
	}
	var requests []load.Request
	for n := range b.guess {
		requests = append(requests, p.guess(user, wrongPassword(n)))
	}
	if place >= 0 {
		requests = slices.Insert(requests, place, p.guess(user, rightPassword))
	}
	replies, err := load.Burst{Base: p.base(), Requests: requests, Warm: load.NewRequest(p.base(), "GET", p.health(), "")}.Run(ctx)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{tally: make(tally)}
	for i, reply := range replies {
		v := p.judge(reply.Answer)
		o.tally[v]++
		o.gotIn = o.gotIn || v == right
		if v == right && i != place {
			return o, fmt.Errorf("%w: a wrong guess was let in", errUnlike)
		}
	}
	if place >= 0 {
		return o, nil
	}
	o.compared, err = p.compared(ctx, user, o.tally)
	return o, err
}

// anyPlace is a random place of the right guess.
func (b *bench) anyPlace() int { return rand.IntN(b.guess + 1) }

// fresh makes a user that nobody has guessed at.
func (b *bench) fresh(ctx context.Context, p product) (string, error) {
	b.users++
	user := fmt.Sprintf("user%d", b.users)
	if err := p.create(ctx, user, rightPassword); err != nil {
		return "", fmt.Errorf("making %s: %w", user, err)
	}
	return user, nil
}

// lockedOut makes a user and guesses until they are locked.
func (b *bench) lockedOut(ctx context.Context, p product) (string, error) {
	user, err := b.fresh(ctx, p)
	if err != nil {
		return "", err
	}
	conn, err := load.Dial(ctx, p.base())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	for n := range maximum + 1 {
		answer, err := conn.Do(ctx, p.guess(user, wrongPassword(n)))
		if err != nil {
			return "", err
		}
		if p.judge(answer) == locked {
			return user, nil
		}
	}
	return "", fmt.Errorf("%w: %d wrong guesses do not lock", errUnlike, maximum+1)
}
