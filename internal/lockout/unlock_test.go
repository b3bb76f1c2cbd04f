package lockout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

func newUnlocker(attempts lockout.Attempts) *lockout.Unlocker {
	return &lockout.Unlocker{
		Attempts: attempts, Maximums: lockouttest.FixedMaximum(2),
		Now: func() time.Time { return noon }, NewID: func() string { return "unlock" },
	}
}

// lockAna locks the user with two failures and returns the lock's id.
func lockAna(t *testing.T, attempts lockout.Attempts) string {
	t.Helper()
	g := newGate(attempts, 2, &credential{known: true})
	attempt(t, g, "wrong")
	attempt(t, g, "wrong")
	return record(t, attempts).LockID
}

func TestAnUnlockGivesTheFullBudgetBack(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	lock := lockAna(t, attempts)
	got, err := newUnlocker(attempts).Unlock(t.Context(), lockout.UnlockRequest{
		Key: ana, LockID: lock, Actor: "acme/root", Reason: "called", IdentityConfirmedBy: "call-back",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lockout.Unlocked{WasLocked: true, Failed: 2, At: noon}, got); diff != "" {
		t.Errorf("unlocked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(lockout.Record{Generation: 1}, record(t, attempts)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	events := attempts.Events()
	want := lockout.Event{
		ID: "unlock", Kind: lockout.EventUnlock, At: noon, Key: ana, Actor: "acme/root", Reason: "called",
		IdentityConfirmedBy: "call-back", LockID: lock, Maximum: 2, Failed: 2, Evidence: events[0].Evidence,
	}
	if diff := cmp.Diff(want, events[len(events)-1], cmpopts.EquateComparable(lockout.Key{})); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestAnUnlockOfAnotherLockUnlocksNothing(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	lock := lockAna(t, attempts)
	_, err := newUnlocker(attempts).Unlock(t.Context(), lockout.UnlockRequest{Key: ana, LockID: "older"})
	var conflict *lockout.ConflictError
	if !errors.As(err, &conflict) || conflict.Current != lock {
		t.Errorf("got %v, want a conflict with %q", err, lock)
	}
	if !record(t, attempts).Locked() {
		t.Error("the user was unlocked")
	}
}

func TestAnUnlockStartsOverWhenAFailureComesBetween(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	stale := staleRead{attempts}
	lockAna(t, attempts)
	got, err := newUnlocker(stale).Unlock(t.Context(), lockout.UnlockRequest{Key: ana})
	if err != nil || !got.WasLocked || got.Failed != 2 {
		t.Errorf("got %+v and %v, want what was really cleared", got, err)
	}
}

// staleRead reads a record as it was before anybody tried.
type staleRead struct{ *lockouttest.MemoryAttempts }

func (staleRead) Read(context.Context, lockout.Key) (lockout.Record, error) {
	return lockout.Record{}, nil
}

func TestAnUnlockGivesUpOnARecordThatKeepsChanging(t *testing.T) {
	_, err := newUnlocker(restless{}).Unlock(t.Context(), lockout.UnlockRequest{Key: ana})
	if !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
}

// restless is a store whose record changes between any two calls.
type restless struct{ staleRead }

func (restless) Apply(context.Context, lockout.Key, lockout.Transition) (lockout.Result, error) {
	return lockout.Result{Outcome: lockout.RefusedConflict}, nil
}
