package main

import (
	"context"
	"errors"
	"time"

	"portcullis/infra/bench/load"
)

// errUnequal says that a right password was taken for a wrong one.
var errUnequal = errors.New("the right password is wrong")

// timed does something again and again, and returns how long each took. It does
// it once at least.
func timed(ctx context.Context, duration time.Duration, do func() error) (load.Sample, error) {
	var times []time.Duration
	began := time.Now()
	for now := began; len(times) == 0 || now.Sub(began) < duration; {
		if ctx.Err() != nil {
			return load.Sample{}, ctx.Err()
		}
		if err := do(); err != nil {
			return load.Sample{}, err
		}
		next := time.Now()
		times, now = append(times, next.Sub(now)), next
	}
	return load.NewSample(times, time.Since(began), nil), nil
}
