package lockout_test

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/lockout"
)

// A future is what must always be possible from a record under a maximum.
type future struct {
	record  int32
	maximum int8
}

// brokenFuture lets real gates go on from the world when everything in it is
// dead: the right password must get in, and when it is locked an unlock must give
// the full budget back.
func (e *explorer) brokenFuture(w *world) string {
	f := future{w.record, w.maximum}
	broken, ok := e.futures[f]
	if !ok {
		broken = brokenFuture(e.ledger.records[w.record], int(w.maximum))
		e.futures[f] = broken
	}
	return broken
}

// farAway is an epoch after all those of any world.
const farAway = 1000

func brokenFuture(r lockout.Record, maximum int) string {
	f := &fresh{record: r, maximum: maximum, now: timeOf(farAway)}
	if !r.Locked() {
		if got := f.attempt(goodGuess); got.Ruling != lockout.Welcome {
			return "stuck: all are dead, and the right password does not get in"
		}
		return f.brokenBudget()
	}
	if got := f.attempt(goodGuess); got.Ruling != lockout.Locked || f.compared != 0 {
		return "a locked user's password is looked at"
	}
	unlocker := &lockout.Unlocker{Attempts: f, Maximums: f, Now: f.Now, NewID: f.newID}
	if _, err := unlocker.Unlock(context.Background(), lockout.UnlockRequest{LockID: r.LockID}); err != nil {
		return "stuck: locked, and an unlock does not help"
	}
	return f.brokenBudget()
}

// brokenBudget returns whether less than the full budget is there (promise 5).
func (f *fresh) brokenBudget() string {
	f.compared = 0
	for left := f.maximum - 1; left > 0; left-- {
		if got := f.attempt(badGuess); got.Ruling != lockout.Wrong || got.Remaining != left {
			return "the full budget is not back (promise 5)"
		}
	}
	if got := f.attempt(badGuess); !got.JustLocked || f.compared != f.maximum {
		return "the last of the budget does not lock (promise 5)"
	}
	return ""
}

// fresh is a store that never fails, and the other ports of a gate on it.
type fresh struct {
	record   lockout.Record
	now      time.Time
	maximum  int
	compared int
	ids      int
	password guess
}

func (f *fresh) attempt(password guess) lockout.Verdict[freshCredential] {
	f.password = password
	gate := &lockout.Gate[freshCredential]{
		Attempts: f, Credentials: f, Maximums: f, Clock: f, NewID: f.newID,
		Jitter: func() float64 { return 0 }, Lifetime: modelLifetime,
	}
	v, _ := gate.Attempt(context.Background(), lockout.Attempt{})
	return v
}

func (f *fresh) Apply(_ context.Context, _ lockout.Key, t lockout.Transition) (lockout.Result, error) {
	result := t.Apply(f.record)
	if result.Outcome == lockout.Applied {
		f.record = result.Record
	}
	return result, nil
}

func (f *fresh) Read(context.Context, lockout.Key) (lockout.Record, error) { return f.record, nil }

func (f *fresh) Credential(context.Context, lockout.Key) (freshCredential, error) {
	return freshCredential{f}, nil
}

func (f *fresh) Maximum(context.Context, string) int { return f.maximum }

func (f *fresh) Now() time.Time { return f.now }

func (f *fresh) Sleep(context.Context, time.Duration) error { return nil }

func (f *fresh) newID() string {
	f.ids++
	return fmt.Sprintf("%d", f.ids)
}

type freshCredential struct{ *fresh }

func (c freshCredential) Known() bool { return true }

func (c freshCredential) Compare(context.Context, string) (bool, error) {
	c.compared++
	return c.password == goodGuess, nil
}
