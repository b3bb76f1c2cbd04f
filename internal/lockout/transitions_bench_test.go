package lockout_test

import (
	"testing"
	"time"

	"portcullis/internal/lockout"
)

// BenchmarkApply runs each transition on a record that it is applied to, or that
// refuses it. It is all of the rule that a login waits for.
func BenchmarkApply(b *testing.B) {
	inFlight := lockout.Record{Generation: 3, InFlight: []string{"a"}, Charged: 1, ChargedAt: noon}
	lastPlace := lockout.Record{
		Generation: 3, InFlight: []string{"e"}, Charged: 5, ChargedAt: noon, Failed: 4, Evidence: evidence("a", "b", "c", "d"),
	}
	locked := lockout.Record{
		Generation: 3, Charged: 5, ChargedAt: noon, Failed: 5, Evidence: evidence("a", "b", "c", "d", "e"),
		LockID: "lock-e", LockedAt: noon,
	}
	full := lockout.Record{Generation: 3, InFlight: []string{"a", "b", "c", "d", "e"}, Charged: 5, ChargedAt: noon}
	for _, test := range []struct {
		name       string
		record     lockout.Record
		transition lockout.Transition
		outcome    lockout.Outcome
	}{
		{"charge", lockout.Record{Generation: 3}, lockout.Charge{AttemptID: "a", Maximum: 5, At: noon}, lockout.Applied},
		{"charge of a locked user", locked, lockout.Charge{AttemptID: "f", Maximum: 5, At: noon}, lockout.RefusedLocked},
		{"charge without a place", full, lockout.Charge{AttemptID: "f", Maximum: 5, At: noon}, lockout.RefusedBusy},
		{"fail", inFlight, fail("a", 3, 5), lockout.Applied},
		{"fail that locks", lastPlace, fail("e", 3, 5), lockout.Applied},
		{"succeed", inFlight, lockout.Succeed{AttemptID: "a", Generation: 3}, lockout.Applied},
		{"refund", inFlight, lockout.Refund{AttemptID: "a", Generation: 3}, lockout.Applied},
		{"reclaim", full, lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon.Add(time.Minute), NotAfter: noon.Add(time.Hour)}, lockout.Applied},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := test.transition.Apply(test.record); got.Outcome != test.outcome {
					b.Fatalf("got outcome %q, want %q", got.Outcome, test.outcome)
				}
			}
		})
	}
}
