package lockout_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/lockout"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func evidence(ids ...string) []lockout.Evidence {
	var all []lockout.Evidence
	for _, id := range ids {
		all = append(all, lockout.Evidence{AttemptID: id, At: noon, SourceIP: "192.0.2.1"})
	}
	return all
}

func fail(id string, generation int64, maximum int) lockout.Fail {
	return lockout.Fail{
		Generation: generation, Maximum: maximum, Evidence: evidence(id)[0],
		Lock: lockout.Event{ID: "lock-" + id, Kind: lockout.EventLock, At: noon},
	}
}

// transitionCase is one transition on one record. When want is nil the record
// must stay as it was.
type transitionCase struct {
	name       string
	record     lockout.Record
	transition lockout.Transition
	outcome    lockout.Outcome
	want       *lockout.Record
	event      *lockout.Event
}

func TestTransitions(t *testing.T) {
	for _, group := range [][]transitionCase{charges, failures, successes, refunds, reclaims, unlocks} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) { c.run(t) })
		}
	}
}

func (c transitionCase) run(t *testing.T) {
	want := c.record
	if c.want != nil {
		want = *c.want
	}
	before := clone(c.record)
	got := c.transition.Apply(c.record)
	if got.Outcome != c.outcome {
		t.Errorf("outcome: got %q, want %q", got.Outcome, c.outcome)
	}
	if diff := cmp.Diff(want, got.Record); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.event, got.Event, cmpopts.EquateComparable(lockout.Key{})); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, c.record); diff != "" {
		t.Errorf("the record handed in was changed (-before +after):\n%s", diff)
	}
	if got, sum := got.Record.Charged, got.Record.Failed+len(got.Record.InFlight); got != sum {
		t.Errorf("charged: got %d, want failed + in flight = %d", got, sum)
	}
}

func clone(r lockout.Record) lockout.Record {
	r.InFlight = append([]string(nil), r.InFlight...)
	r.Evidence = append([]lockout.Evidence(nil), r.Evidence...)
	return r
}

var (
	lockedRecord = lockout.Record{
		Generation: 3, Charged: 2, ChargedAt: noon, Failed: 1, InFlight: []string{"b"},
		Evidence: evidence("a"), LockID: "lock-a", LockedAt: noon,
	}
	halfway = lockout.Record{
		Generation: 3, Charged: 3, ChargedAt: noon, Failed: 1, InFlight: []string{"b", "c"}, Evidence: evidence("a"),
	}
)

var charges = []transitionCase{{
	name:       "a charge on a user nobody has tried is made",
	transition: lockout.Charge{AttemptID: "a", Maximum: 5, At: noon},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Charged: 1, ChargedAt: noon, InFlight: []string{"a"}},
}, {
	name:       "the last place in the budget can be charged",
	record:     halfway,
	transition: lockout.Charge{AttemptID: "d", Maximum: 4, At: noon},
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Generation: 3, Charged: 4, ChargedAt: noon, Failed: 1, InFlight: []string{"b", "c", "d"}, Evidence: evidence("a"),
	},
}, {
	name:       "a charge beyond the budget is busy",
	record:     halfway,
	transition: lockout.Charge{AttemptID: "d", Maximum: 3, At: noon},
	outcome:    lockout.RefusedBusy,
}, {
	name:       "a charge whose answer was lost is repeated, not made twice",
	record:     halfway,
	transition: lockout.Charge{AttemptID: "b", Maximum: 9, At: noon},
	outcome:    lockout.Repeated,
}, {
	name:       "a charge that comes after its attempt has failed does not open it again",
	record:     halfway,
	transition: lockout.Charge{AttemptID: "a", Maximum: 9, At: noon},
	outcome:    lockout.RefusedSettled,
}, {
	name:       "a locked user is not charged",
	record:     lockedRecord,
	transition: lockout.Charge{AttemptID: "d", Maximum: 9, At: noon},
	outcome:    lockout.RefusedLocked,
}, {
	name:       "a locked user stays locked for an attempt that was in flight",
	record:     lockedRecord,
	transition: lockout.Charge{AttemptID: "b", Maximum: 9, At: noon},
	outcome:    lockout.RefusedLocked,
}, {
	name:       "one attempt may prove itself after the maximum was lowered below the count",
	record:     lockout.Record{Charged: 4, Failed: 4, Evidence: evidence("a", "b", "c", "d")},
	transition: lockout.Charge{AttemptID: "e", Maximum: 2, At: noon},
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Charged: 5, ChargedAt: noon, Failed: 4, InFlight: []string{"e"}, Evidence: evidence("a", "b", "c", "d"),
	},
}, {
	name:       "a second attempt beside it may not",
	record:     lockout.Record{Charged: 5, Failed: 4, InFlight: []string{"e"}, Evidence: evidence("a", "b", "c", "d")},
	transition: lockout.Charge{AttemptID: "f", Maximum: 2, At: noon},
	outcome:    lockout.RefusedBusy,
}}

var failures = []transitionCase{{
	name:       "a failure below the maximum is counted with its evidence",
	record:     halfway,
	transition: fail("b", 3, 5),
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Generation: 3, Charged: 3, ChargedAt: noon, Failed: 2, InFlight: []string{"c"}, Evidence: evidence("a", "b"),
	},
}, {
	name:       "the failure that reaches the maximum locks",
	record:     halfway,
	transition: fail("b", 3, 2),
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Generation: 3, Charged: 3, ChargedAt: noon, Failed: 2, InFlight: []string{"c"}, Evidence: evidence("a", "b"),
		LockID: "lock-b", LockedAt: noon,
	},
	event: &lockout.Event{
		ID: "lock-b", Kind: lockout.EventLock, At: noon, LockID: "lock-b", Maximum: 2, Failed: 2, Evidence: evidence("a", "b"),
	},
}, {
	name:       "the next failure locks when the maximum was lowered below the count",
	record:     halfway,
	transition: fail("b", 3, 1),
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Generation: 3, Charged: 3, ChargedAt: noon, Failed: 2, InFlight: []string{"c"}, Evidence: evidence("a", "b"),
		LockID: "lock-b", LockedAt: noon,
	},
	event: &lockout.Event{
		ID: "lock-b", Kind: lockout.EventLock, At: noon, LockID: "lock-b", Maximum: 1, Failed: 2, Evidence: evidence("a", "b"),
	},
}, {
	name:       "a stranger's lock expires, and its entry with it",
	record:     lockout.Record{Charged: 1, InFlight: []string{"a"}},
	transition: lockout.Fail{Maximum: 1, Evidence: evidence("a")[0], Lock: lockout.Event{ID: "lock-a", At: noon}, ExpiresAt: noon},
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Charged: 1, Failed: 1, Evidence: evidence("a"), LockID: "lock-a", LockedAt: noon, ExpiresAt: noon,
	},
	event: &lockout.Event{
		ID: "lock-a", At: noon, LockID: "lock-a", Maximum: 1, Failed: 1, Evidence: evidence("a"), ExpiresAt: noon,
	},
}, {
	name:       "a failure whose answer was lost is repeated, not counted twice",
	record:     halfway,
	transition: fail("a", 3, 5),
	outcome:    lockout.Repeated,
}, {
	name:       "a failure that locked and whose answer was lost is repeated",
	record:     lockedRecord,
	transition: fail("a", 3, 1),
	outcome:    lockout.Repeated,
}, {
	name:       "a failure of a locked user is not counted",
	record:     lockedRecord,
	transition: fail("b", 3, 5),
	outcome:    lockout.RefusedLocked,
}, {
	name:       "a failure of an earlier generation is not counted",
	record:     halfway,
	transition: fail("z", 2, 5),
	outcome:    lockout.RefusedSuperseded,
}, {
	name:       "a failure whose charge was reclaimed is not counted",
	record:     halfway,
	transition: fail("z", 3, 5),
	outcome:    lockout.RefusedReclaimed,
}}

var successes = []transitionCase{{
	name:       "a success clears the count and begins a generation",
	record:     halfway,
	transition: lockout.Succeed{AttemptID: "b", Generation: 3},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 4},
}, {
	name:       "a success after the lock is refused",
	record:     lockedRecord,
	transition: lockout.Succeed{AttemptID: "b", Generation: 3},
	outcome:    lockout.RefusedLocked,
}, {
	name:       "a success of an earlier generation finds the count cleared",
	record:     halfway,
	transition: lockout.Succeed{AttemptID: "z", Generation: 2},
	outcome:    lockout.RefusedSuperseded,
}, {
	name:       "a success whose charge was reclaimed is not spoken",
	record:     halfway,
	transition: lockout.Succeed{AttemptID: "z", Generation: 3},
	outcome:    lockout.RefusedReclaimed,
}}

var refunds = []transitionCase{{
	name:       "a refund gives the charge back and keeps the failures",
	record:     halfway,
	transition: lockout.Refund{AttemptID: "b", Generation: 3},
	outcome:    lockout.Applied,
	want: &lockout.Record{
		Generation: 3, Charged: 2, ChargedAt: noon, Failed: 1, InFlight: []string{"c"}, Evidence: evidence("a"),
	},
}, {
	name:       "a refund of the only charge leaves no set behind",
	record:     lockout.Record{Charged: 1, ChargedAt: noon, InFlight: []string{"a"}},
	transition: lockout.Refund{AttemptID: "a", ExpiresAt: noon},
	outcome:    lockout.Applied,
	want:       &lockout.Record{ChargedAt: noon, ExpiresAt: noon},
}, {
	name:       "a refund that does not know of whom leaves the expiry alone",
	record:     lockout.Record{Charged: 1, InFlight: []string{"a"}, ExpiresAt: noon},
	transition: lockout.Refund{AttemptID: "a"},
	outcome:    lockout.Applied,
	want:       &lockout.Record{ExpiresAt: noon},
}, {
	name:       "a settled attempt cannot be refunded",
	record:     halfway,
	transition: lockout.Refund{AttemptID: "a", Generation: 3},
	outcome:    lockout.RefusedReclaimed,
}, {
	name:       "a refund does not reach into the next generation",
	record:     halfway,
	transition: lockout.Refund{AttemptID: "b", Generation: 2},
	outcome:    lockout.RefusedSuperseded,
}}

var reclaims = []transitionCase{{
	name:       "a reclaim takes dead charges back and keeps the failures",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon.Add(1)},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 3, Reclaims: 1, Charged: 1, ChargedAt: noon, Failed: 1, Evidence: evidence("a")},
}, {
	name:       "a reclaim of nothing is not counted",
	record:     lockout.Record{Generation: 3, Charged: 1, ChargedAt: noon, Failed: 1, Evidence: evidence("a")},
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon.Add(1)},
	outcome:    lockout.RefusedConflict,
}, {
	name:       "a charge that may be alive is not reclaimed",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon},
	outcome:    lockout.RefusedConflict,
}, {
	name:       "a charge of a clock that was set back is reclaimed",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon.Add(-2), NotAfter: noon.Add(-1)},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 3, Reclaims: 1, Charged: 1, ChargedAt: noon, Failed: 1, Evidence: evidence("a")},
}, {
	name:       "a charge that a clock may have dated just now is not reclaimed",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon, DeadBefore: noon.Add(-1), NotAfter: noon},
	outcome:    lockout.RefusedConflict,
}, {
	name:       "nothing is reclaimed when a charge was made since",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 3, ChargedAt: noon.Add(-1), DeadBefore: noon.Add(1)},
	outcome:    lockout.RefusedConflict,
}, {
	name:       "nothing is reclaimed in another generation",
	record:     halfway,
	transition: lockout.Reclaim{Generation: 2, ChargedAt: noon, DeadBefore: noon.Add(1)},
	outcome:    lockout.RefusedSuperseded,
}}

var unlocks = []transitionCase{{
	name:       "an unlock forgets everything but the generation, and tells what it cleared",
	record:     lockedRecord,
	transition: lockout.Unlock{Seen: lockedRecord, Maximum: 4, Entry: lockout.Event{ID: "u", Kind: lockout.EventUnlock}},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 4},
	event: &lockout.Event{
		ID: "u", Kind: lockout.EventUnlock, LockID: "lock-a", Maximum: 4, Failed: 1, Evidence: evidence("a"),
	},
}, {
	name:       "an unlock of a user who is not locked clears the count",
	record:     halfway,
	transition: lockout.Unlock{Seen: halfway, Maximum: 5, Entry: lockout.Event{ID: "u"}},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 4},
	event:      &lockout.Event{ID: "u", Maximum: 5, Failed: 1, Evidence: evidence("a")},
}, {
	name:       "an unlock of what was a stranger's record leaves an entry that stays",
	record:     lockout.Record{Failed: 1, Charged: 1, Evidence: evidence("a"), ExpiresAt: noon},
	transition: lockout.Unlock{Seen: lockout.Record{Failed: 1}, Maximum: 5, Entry: lockout.Event{ID: "u"}},
	outcome:    lockout.Applied,
	want:       &lockout.Record{Generation: 1},
	event:      &lockout.Event{ID: "u", Maximum: 5, Failed: 1, Evidence: evidence("a")},
}, {
	name:       "an unlock is refused when a failure came since",
	record:     halfway,
	transition: lockout.Unlock{Seen: lockout.Record{Generation: 3}},
	outcome:    lockout.RefusedConflict,
}, {
	name:       "an unlock is refused when another lock came since",
	record:     lockedRecord,
	transition: lockout.Unlock{Seen: lockout.Record{Generation: 3, Failed: 1, LockID: "lock-older"}},
	outcome:    lockout.RefusedConflict,
}}

func TestARecordThatTheRuleCannotHaveMadeIsBroken(t *testing.T) {
	sound := lockout.Record{
		Generation: 3, Charged: 2, ChargedAt: noon, Failed: 1, InFlight: []string{"b"}, Evidence: evidence("a"),
		LockID: "lock-a", LockedAt: noon,
	}
	for _, c := range []struct {
		name  string
		spoil func(*lockout.Record)
		want  error
	}{
		{"a locked user with an attempt in flight", func(*lockout.Record) {}, nil},
		{"a user nobody has tried", func(r *lockout.Record) { *r = lockout.Record{} }, nil},
		{"a user whose only charge was refunded", func(r *lockout.Record) { *r = lockout.Record{ChargedAt: noon} }, nil},
		{"a charge less than is in flight", func(r *lockout.Record) { r.Charged = 1 }, lockout.ErrBroken},
		{"a charge more than is in flight", func(r *lockout.Record) { r.Charged = 3 }, lockout.ErrBroken},
		{"an attempt in flight twice", func(r *lockout.Record) { r.Charged, r.InFlight = 3, []string{"b", "b"} }, lockout.ErrBroken},
		{"an attempt that was charged at no time", func(r *lockout.Record) { r.ChargedAt = time.Time{} }, lockout.ErrBroken},
		{"less than no failure", func(r *lockout.Record) { *r = lockout.Record{Charged: -1, Failed: -1} }, lockout.ErrBroken},
		{"a failure without evidence", func(r *lockout.Record) { r.Evidence = nil }, lockout.ErrBroken},
		{"ten failures", func(r *lockout.Record) {
			r.Charged, r.Failed, r.Evidence = 11, 10, evidence("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
		}, lockout.ErrBroken},
		{"a lock without a time", func(r *lockout.Record) { r.LockedAt = time.Time{} }, lockout.ErrBroken},
		{"a time of a lock without one", func(r *lockout.Record) { r.LockID = "" }, lockout.ErrBroken},
		{"a lock without a failure", func(r *lockout.Record) { r.Charged, r.Failed, r.Evidence = 1, 0, nil }, lockout.ErrBroken},
		{"a generation before the first", func(r *lockout.Record) { r.Generation = -1 }, lockout.ErrBroken},
		{"fewer reclaims than none", func(r *lockout.Record) { r.Reclaims = -1 }, lockout.ErrBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := clone(sound)
			c.spoil(&record)
			if err := record.Check(); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
