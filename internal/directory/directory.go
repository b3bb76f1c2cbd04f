package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// Users keeps clients and users. Create and CreateClient MUST write the entry
// with what they create, or neither, and return a [*lockout.ConflictError] when
// there is one already.
type Users interface {
	ClientExists(ctx context.Context, client string) (bool, error)
	CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error
	User(ctx context.Context, key lockout.Key) (access.User, error)
	Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error
}

// Tokens makes users known to the mint. Enrol MUST be idempotent.
type Tokens interface {
	Enrol(ctx context.Context, user access.User) error
}

// Trail is the audit trail. Append MUST change nothing when there is an entry
// with the id already, and return nil or a [*lockout.ConflictError].
type Trail interface {
	Append(ctx context.Context, entry audit.Entry) error
}

// A Directory adds clients and users to the stores. It is safe for concurrent
// use.
type Directory struct {
	Users    Users
	Tokens   Tokens
	Attempts lockout.Attempts
	Trail    Trail
	Hasher   *users.Hasher
	Now      func() time.Time
	NewID    func() string // as in lockout.Gate
}

// An Act says who does something, and from where.
type Act struct {
	Actor     string // "client/username", "iam:" and a name, or lockout.ActorPortcullis
	SourceIP  string
	RequestID string
	Reason    string
}

// CreateUser adds a user to a client that exists. The time of creation is the
// directory's, the username becomes canonical.
//
// The error wraps users.ErrInvalidClient, users.ErrInvalidUsername,
// users.ErrInvalidPassword or [ErrInvalidPerson], or [lockout.ErrNotFound] for
// an unknown client; it
// is a [*lockout.ConflictError] when the user is there already, who is then
// left as they are but for what an earlier run did not finish. Anything else
// wraps [lockout.ErrUnavailable], and the call may be made again.
func (d *Directory) CreateUser(ctx context.Context, user access.User, password string, act Act) error {
	key, err := users.UserKey(user.Client, user.Username)
	if err != nil {
		return fmt.Errorf("creating user: %w", err)
	}
	user.Username, user.CreatedAt = key.Username(), d.now()
	user.SessionsSince = user.CreatedAt
	if err := check(user, password); err != nil {
		return fmt.Errorf("creating user: %w", err)
	}
	exists, err := d.Users.ClientExists(ctx, user.Client)
	switch {
	case err != nil:
		return fmt.Errorf("looking for client: %w", err)
	case !exists:
		return fmt.Errorf("client %s: %w", user.Client, lockout.ErrNotFound)
	}
	created, err := d.add(ctx, key, user, password, act)
	if err == nil && !created {
		return &lockout.ConflictError{}
	}
	return err
}

// add makes all the writes of a user who is not there, and those that an
// earlier run left undone of one who is. It reports whether it created the
// user, also beside an error.
func (d *Directory) add(ctx context.Context, key lockout.Key, user access.User, password string, act Act) (bool, error) {
	found, err := d.finish(ctx, key, act)
	if err != nil || found {
		return false, err
	}
	phc, err := d.Hasher.Hash(ctx, password)
	if err != nil {
		return false, fmt.Errorf("hashing password: %w", err)
	}
	if err := d.clear(ctx, key, act, used); err != nil {
		return false, err
	}
	if err := d.Tokens.Enrol(ctx, user); err != nil {
		return false, fmt.Errorf("enrolling user: %w", err)
	}
	if err := d.Users.Create(ctx, user, phc, userEntry(user, act)); err != nil {
		return d.refused(ctx, key, user, act, err)
	}
	return true, d.clear(ctx, key, act, passing)
}

// refused goes on after a write of the user that gave an error. The user may
// be there all the same: one with the same time and attributes is our own,
// whose answer was lost, and another belongs to somebody who was quicker.
func (d *Directory) refused(ctx context.Context, key lockout.Key, user access.User, act Act, cause error) (bool, error) {
	stored, err := d.Users.User(ctx, key)
	if err == nil && same(stored, user) {
		return true, d.clear(ctx, key, act, passing)
	}
	var conflict *lockout.ConflictError
	if !errors.As(cause, &conflict) {
		return false, fmt.Errorf("creating user: %w", cause)
	}
	_, err = d.finish(ctx, key, act)
	return false, err
}

func same(a, b access.User) bool {
	sameTime := a.CreatedAt.Equal(b.CreatedAt) && a.SessionsSince.Equal(b.SessionsSince)
	a.CreatedAt, b.CreatedAt = time.Time{}, time.Time{}
	a.SessionsSince, b.SessionsSince = time.Time{}, time.Time{}
	return sameTime && a == b
}

// finish does for a user who exists what an earlier run may have left undone,
// and reports whether there is such a user.
func (d *Directory) finish(ctx context.Context, key lockout.Key, act Act) (bool, error) {
	user, err := d.Users.User(ctx, key)
	switch {
	case errors.Is(err, lockout.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading user: %w", err)
	}
	if err := d.Tokens.Enrol(ctx, user); err != nil {
		return true, fmt.Errorf("enrolling user: %w", err)
	}
	return true, d.clear(ctx, key, act, expires)
}

// now returns the time as stores keep it: UTC, to the millisecond.
func (d *Directory) now() time.Time { return d.Now().UTC().Truncate(time.Millisecond) }
