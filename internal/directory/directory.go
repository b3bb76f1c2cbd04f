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

// Users keeps clients and users. Each write MUST be one transaction with its
// entry of the audit trail, and MUST NOT be a conflict with itself when its
// answer was lost. Errors wrap [lockout.ErrUnavailable] where it is not said
// otherwise.
type Users interface {
	ClientExists(ctx context.Context, client string) (bool, error)
	// CreateClient MUST return a [*lockout.ConflictError] if the client is there.
	CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error
	// User reads what was written last. An unknown user is [lockout.ErrNotFound].
	User(ctx context.Context, key lockout.Key) (access.User, error)
	List(ctx context.Context, listing access.Listing) (users []access.User, next string, err error)
	// Create MUST return a [*lockout.ConflictError] if the user is there.
	Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error
	// Update, SetPassword and Delete MUST return a [*lockout.ConflictError] if
	// the user is not, or no longer, as before. Update and Delete MUST return
	// [access.ErrLastSysadmin] if the client would be left without one.
	Update(ctx context.Context, before, after access.User, entry audit.Entry) error
	SetPassword(ctx context.Context, before access.User, phc string, since time.Time, entry audit.Entry) error
	Delete(ctx context.Context, before access.User, entry audit.Entry) error
}

// Tokens is the mint's side of a user. Each call MUST be idempotent, and MUST
// leave nothing half done when it returns nil. Errors wrap
// [lockout.ErrUnavailable].
type Tokens interface {
	// Enrol makes the user known with their role and no other.
	Enrol(ctx context.Context, user access.User) error
	// Remove makes the user unknown. One who is not known is no error.
	Remove(ctx context.Context, user access.User) error
	// SignOut ends the user's sessions. One who is not known is no error.
	SignOut(ctx context.Context, user access.User) error
}

// A Directory adds, changes and deletes the users of clients. It is safe for
// concurrent use.
type Directory struct {
	Users    Users
	Tokens   Tokens
	Attempts lockout.Attempts
	Hasher   *users.Hasher
	Now      func() time.Time
	NewID    func() string // as in lockout.Gate
}

// A deed is an act with what only IAM can order.
type deed struct {
	access.Act
	breakGlass bool
}

// may asks whether the actor may administer a user of the role.
func (d deed) may(role access.Role) error {
	if d.May == nil {
		return nil
	}
	return d.May(role)
}

// CreateUser adds a user to a client that exists, and returns them as they are
// stored: the names and the address canonical, the times the directory's.
//
// The error is a [*access.FieldError], [lockout.ErrNotFound] for an unknown
// client, [access.ErrForbidden], or a [*lockout.ConflictError] when the user is
// there already, who is then left as they are but for what an earlier run did
// not finish. Anything else wraps [lockout.ErrUnavailable], and the call may be
// made again.
func (d *Directory) CreateUser(ctx context.Context, user access.User, password string, act access.Act) (access.User, error) {
	key, user, err := canonicalUser(user, password)
	if err != nil {
		return access.User{}, fmt.Errorf("creating user: %w", err)
	}
	by := deed{Act: act}
	if err := by.may(user.Role); err != nil {
		return access.User{}, fmt.Errorf("creating user: %w", err)
	}
	if err := d.checkClient(ctx, user.Client); err != nil {
		return access.User{}, fmt.Errorf("creating user: %w", err)
	}
	made, created, err := d.add(ctx, key, user, password, by)
	switch {
	case err != nil:
		return access.User{}, err
	case !created:
		return access.User{}, fmt.Errorf("creating user: %w", &lockout.ConflictError{})
	}
	return made, nil
}

// checkClient returns [lockout.ErrNotFound] if there is no such client.
func (d *Directory) checkClient(ctx context.Context, client string) error {
	exists, err := d.Users.ClientExists(ctx, client)
	switch {
	case err != nil:
		return fmt.Errorf("looking for client: %w", err)
	case !exists:
		return fmt.Errorf("client: %w", lockout.ErrNotFound)
	}
	return nil
}

// add makes a user who is not there, and finishes what an earlier run left
// undone of one who is. It reports whether it created the user, also beside an
// error.
func (d *Directory) add(
	ctx context.Context, key lockout.Key, user access.User, password string, by deed,
) (made access.User, created bool, err error) {
	there, err := d.forget(ctx, key, by, reasonCleared, used)
	if err != nil {
		return access.User{}, false, err
	}
	if there {
		return access.User{}, false, d.finish(ctx, key, by)
	}
	phc, err := d.Hasher.Hash(ctx, password)
	if err != nil {
		return access.User{}, false, fmt.Errorf("hashing password: %w", err)
	}
	user.CreatedAt = d.now()
	user.SessionsSince = user.CreatedAt
	err = d.Users.Create(ctx, user, phc, d.creation(user, by))
	switch {
	case isConflict(err):
		return access.User{}, false, d.finish(ctx, key, by)
	case err != nil && !d.stored(ctx, key, user):
		return access.User{}, false, fmt.Errorf("creating user: %w", err)
	}
	return user, true, errors.Join(d.clear(ctx, key, by, reasonCleared, leftTo(user, true)), d.align(ctx, key))
}

// stored reports whether a user is there as they were to be made: a creation
// without an answer may have taken effect, and then the password is theirs.
func (d *Directory) stored(ctx context.Context, key lockout.Key, user access.User) bool {
	found, err := d.Users.User(ctx, key)
	return err == nil && same(found, user)
}

// finish does for a user who is there what their creation may have left undone.
// The record of one whom the actor may not administer stays as it is.
func (d *Directory) finish(ctx context.Context, key lockout.Key, by deed) error {
	if err := d.align(ctx, key); err != nil {
		return err
	}
	user, found, err := d.find(ctx, key)
	if err != nil || !found || by.may(user.Role) != nil {
		return err
	}
	return d.clear(ctx, key, by, reasonCleared, leftTo(user, false))
}

// find reads a user, and reports whether there is one.
func (d *Directory) find(ctx context.Context, key lockout.Key) (user access.User, found bool, err error) {
	user, err = d.Users.User(ctx, key)
	switch {
	case errors.Is(err, lockout.ErrNotFound):
		return access.User{}, false, nil
	case err != nil:
		return access.User{}, false, fmt.Errorf("reading user: %w", err)
	}
	return user, true, nil
}

func isConflict(err error) bool {
	var conflict *lockout.ConflictError
	return errors.As(err, &conflict)
}

func same(a, b access.User) bool {
	sameTimes := a.CreatedAt.Equal(b.CreatedAt) && a.SessionsSince.Equal(b.SessionsSince)
	a.CreatedAt, b.CreatedAt = time.Time{}, time.Time{}
	a.SessionsSince, b.SessionsSince = time.Time{}, time.Time{}
	return sameTimes && a == b
}

// now returns the time as stores keep it: UTC, to the millisecond.
func (d *Directory) now() time.Time { return d.Now().UTC().Truncate(time.Millisecond) }
