package directory

import (
	"context"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// clearTries bounds how often clearing starts over because somebody keeps
// attempting to log in under the name.
const clearTries = lockout.MaxMaximum + 3

// The reasons of the entries that clearing a counter writes.
const (
	reasonCleared = "attempts on the name from when it was nobody's or another's, cleared"
	reasonDeleted = "the user was deleted, and what was left of their attempts with them"
)

// A judge says whether what was just read of a record is to be cleared.
type judge func(context.Context, lockout.Record) (bool, error)

// clear forgets the attempts on a name if they are to be: its user, or the next
// one, begins with the full budget and with a record that does not expire. A
// record that changes after it was read is judged anew, and one that is left
// alone gets no audit entry.
func (d *Directory) clear(ctx context.Context, key lockout.Key, by deed, reason string, due judge) error {
	_, err := d.unlock(ctx, key, d.clearing(key, by, reason), due)
	return err
}

// unlock is clear with an entry of the caller's. It reports whether it cleared
// anything.
func (d *Directory) unlock(ctx context.Context, key lockout.Key, entry lockout.Event, due judge) (bool, error) {
	for range clearTries {
		seen, err := d.Attempts.Read(ctx, key)
		if err != nil {
			return false, fmt.Errorf("reading attempts: %w", err)
		}
		if clears, err := due(ctx, seen); err != nil || !clears {
			return false, err
		}
		entry.ID, entry.At = d.NewID(), d.now()
		result, err := d.Attempts.Apply(ctx, key, lockout.Unlock{Seen: seen, Entry: entry})
		if err != nil {
			return false, fmt.Errorf("clearing attempts: %w", err)
		}
		if result.Outcome == lockout.Applied {
			return true, nil
		}
	}
	return false, fmt.Errorf("clearing attempts: the record kept changing: %w", lockout.ErrUnavailable)
}

// forget clears what is left on the record of a name that is nobody's, and
// reports whether it is somebody's, whose record it leaves alone. It looks for
// the user after it has read the record and clears no other one: so what it
// clears is from before there was a user, whoever creates one meanwhile.
func (d *Directory) forget(
	ctx context.Context, key lockout.Key, by deed, reason string, left func(lockout.Record) bool,
) (there bool, err error) {
	err = d.clear(ctx, key, by, reason, func(ctx context.Context, r lockout.Record) (bool, error) {
		var err error
		_, there, err = d.find(ctx, key)
		return !there && left(r), err
	})
	return there, err
}

// forgetDeleted clears what a user who was deleted has left, so that their lock
// is not among the client's any more. What strangers have tried since is theirs:
// it expires.
func (d *Directory) forgetDeleted(ctx context.Context, key lockout.Key, by deed) error {
	_, err := d.forget(ctx, key, by, reasonDeleted, func(r lockout.Record) bool { return used(r) && !expires(r) })
	return err
}

// used is what a record may hold of a user who is not there: anything.
func used(r lockout.Record) bool {
	return r.Locked() || r.Charged > 0 || r.Failed > 0 || expires(r)
}

// expires is what is a stranger's whenever it is read. A failure sets the time
// to expire if it found nobody, and removes it if it found the user. So a lock
// with such a time was made by an attempt that found nobody, and this never
// clears a lock of the user's own. (A stranger's charge that is given back could
// put the time on one, but only within an attempt's life of the creation.)
func expires(r lockout.Record) bool { return !r.ExpiresAt.IsZero() }

// older is what was left by attempts from before the user was made: on nobody,
// or on another user of that name. Between making a user and a first failure of
// theirs there is a hash at least, so the same millisecond is before.
func older(r lockout.Record, user access.User) bool {
	return len(r.Evidence) > 0 && !r.Evidence[0].At.After(user.CreatedAt)
}

// leftTo judges what is on a user's record and not theirs. Just after the user
// was made, that may be an attempt in flight too, which may have found nobody
// and would settle so. It may be the new user's as well; then one wrong password
// of their first moments is not counted.
func leftTo(user access.User, justMade bool) judge {
	return func(_ context.Context, r lockout.Record) (bool, error) {
		inFlight := justMade && !r.Locked() && len(r.InFlight) > 0
		return expires(r) || older(r, user) || inFlight, nil
	}
}

// clearing is the entry of a clearing or an unlock; when it is written, it gets
// its id and time.
func (d *Directory) clearing(key lockout.Key, by deed, reason string) lockout.Event {
	return lockout.Event{
		Kind: lockout.EventUnlock, Key: key, Actor: by.Actor, SourceIP: by.SourceIP,
		RequestID: by.RequestID, Reason: reason, BreakGlass: by.breakGlass,
	}
}
