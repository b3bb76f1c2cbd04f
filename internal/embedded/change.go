package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// Every change of a user or client is one bbolt transaction with its audit
// entry. One that finds its own entry in the trail was made before, by a call
// whose answer was lost, and is no conflict.

type clientItem struct {
	CreatedAt time.Time `json:"created_at"`
}

// CreateClient adds a client, or returns a *lockout.ConflictError if it is
// there, and users.ErrInvalidClient if the name is malformed.
func (u *Users) CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error {
	err := users.CheckClient(client)
	if err == nil {
		err = u.change(ctx, entry, func(tx *bbolt.Tx) error {
			return create(tx, clientsBucket, client, clientItem{at.UTC().Truncate(time.Millisecond)})
		})
	}
	if err != nil {
		return fmt.Errorf("creating client: %w", err)
	}
	return nil
}

// Create adds a user with the hash of their password, whose sessions begin as
// they do. The error is a *lockout.ConflictError if they are there, and
// users.ErrInvalidClient or users.ErrInvalidUsername if a name is malformed or
// not in its one spelling. Of a Sysadmin it is lockout.ErrNotFound if there is no
// such client; of the others nobody asks.
func (u *Users) Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error {
	user.SessionsSince = user.CreatedAt
	made := account{profile(inMilliseconds(user)), phc}
	key, err := users.StoredKey(user)
	if err == nil {
		err = u.change(ctx, entry, func(tx *bbolt.Tx) error {
			there := has(tx, usersBucket, key.String())
			if !there && user.Role == access.Sysadmin && !has(tx, clientsBucket, user.Client) {
				return lockout.ErrNotFound
			}
			return create(tx, usersBucket, key.String(), made)
		})
	}
	if err != nil {
		return fmt.Errorf("creating user: %w", err)
	}
	return nil
}

// create puts a value under a key that is free.
func create(tx *bbolt.Tx, bucket, key string, v any) error {
	if has(tx, bucket, key) {
		return &lockout.ConflictError{}
	}
	return put(tx, bucket, key, v)
}

// Update changes the role, the name, the email address and the mark of the
// sessions of a user to those of after; the rest stays. The error is a
// *lockout.ConflictError if the user is not there or not as before, and
// access.ErrLastSysadmin if the client would be left without one.
func (u *Users) Update(ctx context.Context, before, after access.User, entry audit.Entry) error {
	key, after := keyOf(before), inMilliseconds(after)
	err := u.change(ctx, entry, func(tx *bbolt.Tx) error {
		found, err := asBefore(tx, key, before)
		if err == nil {
			err = staysGoverned(tx, before, after.Role)
		}
		if err != nil {
			return err
		}
		found.Role, found.Name, found.Email = after.Role, after.Name, after.Email
		found.SessionsSince = after.SessionsSince
		return put(tx, usersBucket, key, found)
	})
	if err != nil {
		return fmt.Errorf("updating user: %w", err)
	}
	return nil
}

// SetPassword puts another hash in the place of the user's, and moves the mark
// of the sessions. The error is a *lockout.ConflictError if the user is not
// there or not as before.
func (u *Users) SetPassword(ctx context.Context, before access.User, phc string, since time.Time, entry audit.Entry) error {
	key := keyOf(before)
	err := u.change(ctx, entry, func(tx *bbolt.Tx) error {
		found, err := asBefore(tx, key, before)
		if err != nil {
			return err
		}
		found.PasswordHash, found.SessionsSince = phc, since.UTC().Truncate(time.Millisecond)
		return put(tx, usersBucket, key, found)
	})
	if err != nil {
		return fmt.Errorf("setting password: %w", err)
	}
	return nil
}

// Delete takes a user out. The error is a *lockout.ConflictError if the user is
// not there or not as before, and access.ErrLastSysadmin if the client would be
// left without one.
func (u *Users) Delete(ctx context.Context, before access.User, entry audit.Entry) error {
	key := keyOf(before)
	err := u.change(ctx, entry, func(tx *bbolt.Tx) error {
		_, err := asBefore(tx, key, before)
		if err == nil {
			err = staysGoverned(tx, before, "")
		}
		if err != nil {
			return err
		}
		return tx.Bucket([]byte(usersBucket)).Delete([]byte(key))
	})
	if err != nil {
		return fmt.Errorf("deleting user: %w", err)
	}
	return nil
}

// change makes a change and adds its entry, both or neither. A do that refuses
// MUST have written nothing: others share the transaction.
func (u *Users) change(ctx context.Context, entry audit.Entry, do func(*bbolt.Tx) error) error {
	var refusal error
	err := u.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		refusal = nil
		recorded, err := hasEntry(tx, entry)
		if err == nil && !recorded {
			err = do(tx)
		}
		if refuses(err) {
			refusal = err
			return false, nil
		}
		if err != nil || recorded {
			return false, err
		}
		return true, appendEntry(tx, entry)
	})
	if err == nil {
		err = refusal
	}
	return err
}

// refuses reports whether the error is an answer rather than an outage.
func refuses(err error) bool {
	return errors.As(err, new(*lockout.ConflictError)) ||
		errors.Is(err, access.ErrLastSysadmin) || errors.Is(err, lockout.ErrNotFound)
}

// inMilliseconds returns the user as they are stored and read: with times in
// UTC, to the millisecond.
func inMilliseconds(user access.User) access.User {
	user.CreatedAt = user.CreatedAt.UTC().Truncate(time.Millisecond)
	user.SessionsSince = user.SessionsSince.UTC().Truncate(time.Millisecond)
	return user
}

// keyOf returns the key of a user as they were read.
func keyOf(user access.User) string { return string(ofClient(user.Client)) + user.Username }

// asBefore returns what is stored of a user who must be as they were read.
func asBefore(tx *bbolt.Tx, key string, before access.User) (account, error) {
	var found account
	known, err := get(tx, usersBucket, key, &found)
	if err == nil && (!known || found.user() != inMilliseconds(before)) {
		err = &lockout.ConflictError{}
	}
	return found, err
}

// staysGoverned returns access.ErrLastSysadmin if a user who turns into the role
// would leave their client without a Sysadmin. The empty role is that of nobody.
func staysGoverned(tx *bbolt.Tx, user access.User, turnsInto access.Role) error {
	if user.Role != access.Sysadmin || turnsInto == access.Sysadmin {
		return nil
	}
	prefix := ofClient(user.Client)
	c := tx.Bucket([]byte(usersBucket)).Cursor()
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		var other profile
		if err := decode(v, &other); err != nil {
			return fmt.Errorf("%q: %w: %w", k, ErrDamaged, err)
		}
		if other.Role == access.Sysadmin && other.Username != user.Username {
			return nil
		}
	}
	return access.ErrLastSysadmin
}
