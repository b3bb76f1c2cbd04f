package directory

import (
	"context"
	"fmt"

	"portcullis/internal/lockout"
)

// clearTries bounds how often clearing starts over because somebody keeps
// attempting to log in under the name.
const clearTries = lockout.MaxMaximum + 3

// reasonCleared is the reason of the entry that clearing a counter writes.
const reasonCleared = "the counter of an unknown user, cleared before the user was created"

// clear forgets the attempts on a name that belonged to nobody, so that the
// user begins with the full budget and with a record that does not expire. A
// counter that was never used has nothing to forget and gets no audit entry.
func (d *Directory) clear(ctx context.Context, key lockout.Key, act Act) error {
	seen, err := d.Attempts.Read(ctx, key)
	if err != nil {
		return fmt.Errorf("reading attempts: %w", err)
	}
	for range clearTries {
		if unused(seen) {
			return nil
		}
		result, err := d.Attempts.Apply(ctx, key, lockout.Unlock{Seen: seen, Entry: d.cleared(key, act)})
		if err != nil {
			return fmt.Errorf("clearing attempts: %w", err)
		}
		if result.Outcome == lockout.Applied {
			return nil
		}
		seen = result.Record
	}
	return fmt.Errorf("clearing attempts: the record kept changing: %w", lockout.ErrUnavailable)
}

func unused(r lockout.Record) bool {
	return !r.Locked() && r.Charged == 0 && r.Failed == 0 && r.ExpiresAt.IsZero()
}

func (d *Directory) cleared(key lockout.Key, act Act) lockout.Event {
	return lockout.Event{
		ID: d.NewID(), Kind: lockout.EventUnlock, At: d.now(), Key: key,
		Actor: act.Actor, SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: reasonCleared,
	}
}
