package lockout

import (
	"context"
	"fmt"
	"time"
)

// unlockTries bounds how often an unlock starts over because the record
// changed between reading and writing. Per generation it can change by at most
// nine failures, one lock and one clearing.
const unlockTries = MaxMaximum + 3

// An Unlocker clears locks and counts. It is safe for concurrent use.
type Unlocker struct {
	Attempts Attempts
	Maximums Maximums
	Now      func() time.Time
	NewID    func() string // as in [Gate]
}

// An UnlockRequest says whom to unlock, and who wants it.
type UnlockRequest struct {
	Key Key
	// LockID is the lock the caller saw; empty for whatever there is.
	LockID              string
	Actor               string // "client/username"
	Reason              string
	IdentityConfirmedBy string
	SourceIP            string
	RequestID           string
}

// An Unlocked tells what an unlock cleared.
type Unlocked struct {
	WasLocked bool
	Failed    int       // the failures that were forgotten
	At        time.Time // UTC, to the millisecond
}

// Unlock gives a user their full budget back, whether they were locked or not,
// and writes the audit entry with it. The entry holds exactly the evidence that
// was cleared, so a record that changes meanwhile is read again. The error is a
// [ConflictError] with the current lock id when LockID is given and another
// lock, or none, is there; otherwise it wraps [ErrUnavailable].
//
// It does not ask whether the user exists or whether the actor may do this.
func (u *Unlocker) Unlock(ctx context.Context, r UnlockRequest) (Unlocked, error) {
	seen, err := u.Attempts.Read(ctx, r.Key)
	if err != nil {
		return Unlocked{}, fmt.Errorf("reading attempts: %w", err)
	}
	for range unlockTries {
		if r.LockID != "" && r.LockID != seen.LockID {
			return Unlocked{}, &ConflictError{Current: seen.LockID}
		}
		unlock := u.transition(ctx, r, seen)
		result, err := u.Attempts.Apply(ctx, r.Key, unlock)
		if err != nil {
			return Unlocked{}, fmt.Errorf("unlocking: %w", err)
		}
		if result.Outcome == Applied {
			return Unlocked{WasLocked: seen.Locked(), Failed: seen.Failed, At: unlock.Entry.At}, nil
		}
		seen = result.Record
	}
	return Unlocked{}, fmt.Errorf("unlocking: the record kept changing: %w", ErrUnavailable)
}

func (u *Unlocker) transition(ctx context.Context, r UnlockRequest, seen Record) Unlock {
	return Unlock{
		Seen:    seen,
		Maximum: u.Maximums.Maximum(ctx, r.Key.Client()),
		Entry: Event{
			ID: u.NewID(), Kind: EventUnlock, At: u.Now().UTC().Truncate(time.Millisecond), Key: r.Key,
			Actor: r.Actor, Reason: r.Reason, IdentityConfirmedBy: r.IdentityConfirmedBy,
			SourceIP: r.SourceIP, RequestID: r.RequestID,
		},
	}
}
