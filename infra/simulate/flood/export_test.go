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
