package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// changeTries bounds how often a change starts over because somebody else
// changed the user between reading and writing.
const changeTries = 5

// UpdateUser gives a user another role, name or email address, and returns them
// as they are then. Another role ends the user's sessions. What is theirs
// already is no change: it gets no entry and ends nothing.
//
// The error is a [*access.FieldError], [lockout.ErrNotFound],
// [access.ErrForbidden] or [access.ErrLastSysadmin]; anything else wraps
// [lockout.ErrUnavailable], and the call may be made again.
func (d *Directory) UpdateUser(ctx context.Context, key lockout.Key, change access.Change, act access.Act) (access.User, error) {
	change, err := canonicalChange(change)
	if err != nil {
		return access.User{}, fmt.Errorf("updating user: %w", err)
	}
	by := deed{Act: act}
	var before, after access.User
	err = d.onCurrent(ctx, key, by, func(user access.User) error {
		before, after = user, d.changed(user, change)
		if err := by.may(after.Role); err != nil || same(before, after) {
			return err
		}
		return d.Users.Update(ctx, before, after, d.update(before, after, by))
	})
	if err == nil {
		err = d.follows(ctx, key, !after.SessionsSince.Equal(before.SessionsSince))
	}
	if err != nil {
		return access.User{}, fmt.Errorf("updating user: %w", err)
	}
	return after, nil
}

// changed returns the user as the change makes them.
func (d *Directory) changed(user access.User, change access.Change) access.User {
	if change.Role != nil && *change.Role != user.Role {
		user.Role = *change.Role
		user.SessionsSince = d.since(user)
	}
	if change.Name != nil {
		user.Name = *change.Name
	}
	if change.Email != nil {
		user.Email = *change.Email
	}
	return user
}

// since returns the mark of the sessions that begin from now on. It always
// moves, also where the clock of whoever set it last was ahead.
func (d *Directory) since(user access.User) time.Time {
	now, next := d.now(), user.SessionsSince.Add(time.Millisecond)
	if now.Before(next) {
		return next
	}
	return now
}

// SetPassword gives a user another password, which ends their sessions and
// unlocks nothing. Errors are those of [Directory.UpdateUser], without the last
// Sysadmin.
func (d *Directory) SetPassword(ctx context.Context, key lockout.Key, password string, act access.Act) error {
	if err := checkPassword(password, key.Username()); err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	by, phc := deed{Act: act}, ""
	err := d.onCurrent(ctx, key, by, func(user access.User) (err error) {
		if phc == "" {
			phc, err = d.Hasher.Hash(ctx, password)
		}
		if err != nil {
			return fmt.Errorf("hashing password: %w", err)
		}
		return d.Users.SetPassword(ctx, user, phc, d.since(user), d.passwordSet(user, by))
	})
	if err == nil {
		err = d.follows(ctx, key, true)
	}
	if err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	return nil
}

// DeleteUser makes a user nobody: their sessions end, and what is left on the
// record of their attempts is cleared. Errors are those of
// [Directory.UpdateUser], and [access.ErrLocked] where act says so.
func (d *Directory) DeleteUser(ctx context.Context, key lockout.Key, act access.Act) error {
	by := deed{Act: act}
	err := d.onCurrent(ctx, key, by, func(user access.User) error {
		if err := d.keepsLock(ctx, key, act); err != nil {
			return err
		}
		return d.Users.Delete(ctx, user, d.deletion(user, by))
	})
	if err == nil {
		err = errors.Join(d.follows(ctx, key, true), d.forgetDeleted(ctx, key, by))
	}
	if err != nil {
		return fmt.Errorf("deleting user: %w", err)
	}
	return nil
}

// keepsLock refuses an actor who may not unlock if the user is locked. A lock
// that comes between this and the deletion goes with the user.
func (d *Directory) keepsLock(ctx context.Context, key lockout.Key, act access.Act) error {
	if !act.KeepsLocks {
		return nil
	}
	record, err := d.Attempts.Read(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("reading attempts: %w", err)
	case record.Locked():
		return access.ErrLocked
	}
	return nil
}

// onCurrent reads the user, asks whether the actor may administer them, and has
// a write made that takes effect only on a user who is as they were read; it
// starts over when they are not. So a user who becomes a Sysadmin in between is
// asked about again. Of a user who is not there, or stays, it finishes what an
// earlier run may have left undone.
func (d *Directory) onCurrent(ctx context.Context, key lockout.Key, by deed, write func(access.User) error) error {
	for range changeTries {
		user, found, err := d.find(ctx, key)
		switch {
		case err != nil:
			return err
		case !found:
			return d.refused(ctx, key, by, lockout.ErrNotFound)
		}
		if err := by.may(user.Role); err != nil {
			return err
		}
		err = write(user)
		switch {
		case errors.Is(err, access.ErrLastSysadmin):
			return d.refused(ctx, key, by, err)
		case !isConflict(err):
			return err
		}
	}
	return fmt.Errorf("the user kept changing: %w", lockout.ErrUnavailable)
}

// refused returns why nothing was changed, once there is nothing left to mend.
func (d *Directory) refused(ctx context.Context, key lockout.Key, by deed, why error) error {
	err := d.align(ctx, key)
	if errors.Is(why, lockout.ErrNotFound) {
		err = errors.Join(err, d.forgetDeleted(ctx, key, by))
	}
	if err != nil {
		return err
	}
	return why
}

// follows lets the mint follow a change of the user. It signs the user out
// before it enrols or removes them, so that no session of Cognito's outlives
// one who is deleted and created anew meanwhile. Each is done though the other
// fails: neither is what ends a session, the mark is.
func (d *Directory) follows(ctx context.Context, key lockout.Key, signOut bool) error {
	var signedOut error
	if signOut {
		if err := d.Tokens.SignOut(ctx, nobody(key)); err != nil {
			signedOut = fmt.Errorf("signing user out: %w", err)
		}
	}
	return errors.Join(signedOut, d.align(ctx, key))
}
