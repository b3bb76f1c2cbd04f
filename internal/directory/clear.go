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
const reasonCleared = "attempts on the name from when it was nobody's, cleared for the user who was created"

// clear forgets the attempts on a name, if what is there is a stranger's: made
// when the name belonged to nobody. So the user begins with the full budget
// and with a record that does not expire. A record that changes meanwhile is
// judged anew, and one that is not a stranger's gets no audit entry.
func (d *Directory) clear(ctx context.Context, key lockout.Key, act Act, strangers func(lockout.Record) bool) error {
	seen, err := d.Attempts.Read(ctx, key)
	if err != nil {
		return fmt.Errorf("reading attempts: %w", err)
	}
	for range clearTries {
		if !strangers(seen) {
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

// used is what a stranger's record is before there is a user: anything.
func used(r lockout.Record) bool {
	return r.Locked() || r.Charged > 0 || r.Failed > 0 || expires(r)
}

// passing is what may be a stranger's just after the user was created: what
// expires, and an attempt in flight, which may have found nobody and would
// settle so. It may be the new user's as well; then one wrong password of
// their first moments is not counted.
func passing(r lockout.Record) bool {
	return expires(r) || !r.Locked() && len(r.InFlight) > 0
}

// expires is what is a stranger's whenever it is read. A failure sets the time
// to expire if it found nobody, and removes it if it found the user. So a lock
// with such a time was made by an attempt that found nobody, and this never
// clears a lock of the user's own. (A stranger's charge that is given back could
// put the time on one, but only within an attempt's life of the creation.)
func expires(r lockout.Record) bool { return !r.ExpiresAt.IsZero() }

func (d *Directory) cleared(key lockout.Key, act Act) lockout.Event {
	return lockout.Event{
		ID: d.NewID(), Kind: lockout.EventUnlock, At: d.now(), Key: key,
		Actor: act.Actor, SourceIP: act.SourceIP, RequestID: act.RequestID, Reason: reasonCleared,
	}
}
