package directory_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A stranger is an attempt on ana's name, in flight.
type stranger struct {
	id         string
	generation int64
}

// apply makes a transition on ana's record behind the directory's back.
func (w *world) apply(t *testing.T, transition lockout.Transition) lockout.Result {
	t.Helper()
	result, err := w.records.Apply(t.Context(), w.key(t, "ana.silva"), transition)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (w *world) charge(t *testing.T) stranger {
	t.Helper()
	id := w.NewID()
	charged := w.apply(t, lockout.Charge{AttemptID: id, Maximum: 5, At: w.clock.Now()})
	return stranger{id, charged.Record.Generation}
}

// settle fails the attempt, which locks. It found nobody, or the user.
func (w *world) settle(t *testing.T, s stranger, nobody bool) lockout.Outcome {
	t.Helper()
	now := w.clock.Now()
	fail := lockout.Fail{
		Generation: s.generation, Maximum: 1, Evidence: lockout.Evidence{AttemptID: s.id, At: now},
		Lock: lockout.Event{ID: w.NewID(), Kind: lockout.EventLock, At: now, Key: w.key(t, "ana.silva")},
	}
	if nobody {
		fail.ExpiresAt = now.Add(lockout.UnknownUserRetention)
	}
	return w.apply(t, fail).Outcome
}

// attemptNow fails one attempt from beginning to end, which locks.
func (w *world) attemptNow(t *testing.T) {
	t.Helper()
	w.settle(t, w.charge(t), len(w.stored(t, "ana.silva")) == 0)
}

// made runs a creation of ana with something done before one of its calls, and
// returns how many calls it made and before which of them she was there first.
func made(t *testing.T, w *world, n int, do func()) (calls, there int) {
	t.Helper()
	w.live(0, false)
	w.before = func(call int) {
		if there == 0 && len(w.stored(t, "ana.silva")) > 0 {
			there = call
		}
		if call == n {
			do()
		}
	}
	w.create(t)
	w.before = nil
	return w.calls, there
}

// TestAnAttemptAtAnyStepLeavesNoLockOfNobody tries a wrong password before each
// call of a creation. A lock of somebody who did not exist is gone afterwards,
// and a lock of the new user stays.
func TestAnAttemptAtAnyStepLeavesNoLockOfNobody(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	calls, _ := made(t, whole, 0, nil)
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprintf("before call %d", n), func(t *testing.T) {
			w, real := newWorld(t), false
			w.provision(t)
			made(t, w, n, func() {
				real = len(w.stored(t, "ana.silva")) > 0
				w.attemptNow(t)
			})
			if r := w.record(t, "ana.silva"); r.Locked() != real || !r.ExpiresAt.IsZero() {
				t.Errorf("the user existed: %v; their record: %+v", real, r)
			}
		})
	}
}

// TestAnAttemptAcrossTheCreationIsNotCounted holds an attempt that began while
// the user was nobody until after each later call, and one that found another
// user of the name, who was deleted, and was charged before the record was
// looked at.
func TestAnAttemptAcrossTheCreationIsNotCounted(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	calls, there := made(t, whole, 0, nil)
	for nobody, last := range map[bool]int{true: there, false: there - 3} {
		for begin := 1; begin <= last; begin++ {
			for end := begin + 1; end <= calls+1; end++ {
				t.Run(fmt.Sprintf("from call %d to call %d, of nobody: %v", begin, end, nobody), func(t *testing.T) {
					heldAcross(t, begin, end, nobody)
				})
			}
		}
	}
}

// TestALockOfAnotherUserOfTheNameIsNotInherited locks a record for good between
// the look at it and the creation, as an attempt does that found the user who
// was deleted before.
func TestALockOfAnotherUserOfTheNameIsNotInherited(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	_, there := made(t, whole, 0, nil)
	w := newWorld(t)
	w.provision(t)
	made(t, w, there-2, func() { w.settle(t, w.charge(t), false) })
	if got := w.leftovers(t, "ana.silva"); got != "" {
		t.Errorf("the new user has %s", got)
	}
}

// TestANewUsersOwnLockStays has two attempts on a user who was just made, of
// which one locks them while the other is in flight.
func TestANewUsersOwnLockStays(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	calls, there := made(t, whole, 0, nil)
	for n := there; n <= calls; n++ {
		t.Run(fmt.Sprintf("before call %d", n), func(t *testing.T) {
			w := newWorld(t)
			w.provision(t)
			made(t, w, n, func() {
				first, second := w.charge(t), w.charge(t)
				w.settle(t, first, false)
				if got := w.record(t, "ana.silva").InFlight; len(got) != 1 || got[0] != second.id {
					t.Errorf("in flight: %v", got)
				}
			})
			if !w.record(t, "ana.silva").Locked() {
				t.Error("the lock was cleared")
			}
		})
	}
}

func heldAcross(t *testing.T, begin, end int, nobody bool) {
	w := newWorld(t)
	w.provision(t)
	var s stranger
	settled := false
	w.live(0, false)
	w.before = func(call int) {
		switch call {
		case begin:
			s = w.charge(t)
		case end:
			settled = true
			w.settle(t, s, nobody)
		}
	}
	w.create(t)
	w.before = nil
	if !settled {
		w.settle(t, s, nobody)
	}
	if got := w.leftovers(t, "ana.silva"); got != "" {
		t.Errorf("the attempt is left on the record: %s", got)
	}
}

// TestAnAttemptAcrossTheDeletionLocksNobodyNew holds an attempt on a user until
// after each call of their deletion; then the user is made anew.
func TestAnAttemptAcrossTheDeletionLocksNobodyNew(t *testing.T) {
	for end := 1; ; end++ {
		reached := false
		t.Run(fmt.Sprintf("to call %d", end), func(t *testing.T) {
			w := newWorld(t)
			anaIsThere(t, w)
			s := w.charge(t)
			w.live(0, false)
			w.before = func(call int) {
				if call == end {
					reached = true
					w.settle(t, s, false)
				}
			}
			if err := deleteAna(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			w.before = nil
			if got := w.leftovers(t, "ana.silva"); got != "" {
				t.Errorf("after the deletion: %s", got)
			}
			w.settle(t, s, false)
			if err := createAnaAnew(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if got := w.leftovers(t, "ana.silva"); got != "" {
				t.Errorf("the new user has %s", got)
			}
		})
		if !reached {
			return
		}
	}
}

// TestADeletionLeavesANewUsersLock creates the user anew before each call of the
// deletion's end, and locks them.
func TestADeletionLeavesANewUsersLock(t *testing.T) {
	for n := 1; ; n++ {
		reached := false
		t.Run(fmt.Sprintf("before call %d", n), func(t *testing.T) {
			w := newWorld(t)
			anaIsLocked(t, w)
			w.live(0, false)
			w.before = func(call int) {
				if call != n {
					return
				}
				w.before = nil
				if reached = len(w.stored(t, "ana.silva")) == 0; reached {
					if err := createAnaAnew(t.Context(), w); err != nil {
						t.Error(err)
					}
					w.lock(t, "ana.silva")
				}
			}
			if err := deleteAna(t.Context(), w); err != nil {
				t.Fatal(err)
			}
			if got := w.leftovers(t, "ana.silva"); reached && got != locked {
				t.Errorf("the new user's record: got %q, want a lock", got)
			}
			reached = reached || w.before == nil
		})
		if !reached {
			return
		}
	}
}

// TestCreatingAgainClearsWhatIsOfNobody stops a creation once the user is there,
// and has an attempt from just before settle then.
func TestCreatingAgainClearsWhatIsOfNobody(t *testing.T) {
	whole := newWorld(t)
	whole.provision(t)
	_, there := made(t, whole, 0, nil)
	w := newWorld(t)
	w.provision(t)
	var s stranger
	w.live(there, false)
	w.before = func(call int) {
		if call == there-1 {
			s = w.charge(t)
		}
	}
	if err := createAna(t.Context(), w); err == nil || len(w.stored(t, "ana.silva")) == 0 {
		t.Fatalf("got %v, want an error once the user is there", err)
	}
	w.before = nil
	w.live(0, false)
	if got := w.settle(t, s, true); got != lockout.Applied {
		t.Fatalf("the attempt is %s", got)
	}
	if err := createAna(t.Context(), w); err == nil {
		t.Error("got no error, want a conflict")
	}
	if got := w.leftovers(t, "ana.silva"); got != "" {
		t.Errorf("the attempt is left on the record: %s", got)
	}
	want := entries(map[audit.Action]int{audit.UserCreated: 1, audit.Lock: 1, audit.Unlock: 1})
	if diff := cmp.Diff(w.actions(t), want); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

// TestCreatingAgainLeavesALockThatIsWrittenMeanwhile locks the user between the
// reading of a record that expires and its clearing.
func TestCreatingAgainLeavesALockThatIsWrittenMeanwhile(t *testing.T) {
	w := newWorld(t)
	anaIsThere(t, w)
	s := w.charge(t)
	w.apply(t, lockout.Refund{AttemptID: s.id, Generation: s.generation, ExpiresAt: start.Add(lockout.UnknownUserRetention)})
	overtaken := false
	w.Directory.Attempts = overtaking{w.records, func() {
		if !overtaken {
			overtaken = true
			w.attemptNow(t)
		}
	}}
	if err := createAna(t.Context(), w); err == nil || !overtaken {
		t.Fatalf("got %v, overtaken %v; want a conflict", err, overtaken)
	}
	if r := w.record(t, "ana.silva"); !r.Locked() || !r.ExpiresAt.IsZero() {
		t.Errorf("the lock is gone or expires: %+v", r)
	}
}

// overtaking has something done between reading a record and changing it.
type overtaking struct {
	lockout.Attempts
	do func()
}

func (o overtaking) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	if _, clears := t.(lockout.Unlock); clears {
		o.do()
	}
	return o.Attempts.Apply(ctx, key, t)
}
