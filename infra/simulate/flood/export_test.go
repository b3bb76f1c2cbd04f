package flood

import (
	"io"
	"time"

	"portcullis/internal/lockout"
)

// SimulateFrom is [Simulate] with a user's record that is there at the start.
func SimulateFrom(s Scenario, l Limits, seed uint64, user int, record lockout.Record) Result {
	r := newRun(s, l, seed, io.Discard)
	r.records[user] = record
	r.run()
	return r.result()
}

// Epoch is when a simulation begins.
func Epoch() time.Time { return epoch }

// Backoffs returns so many waits after a try, counted from 1.
func Backoffs(try, number int) []time.Duration {
	e := newEngine(1)
	all := make([]time.Duration, number)
	for i := range all {
		all[i] = e.backoff(try)
	}
	return all
}
