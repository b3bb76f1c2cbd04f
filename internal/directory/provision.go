package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// ErrHasUsers says that a client has users already, and not the one named.
var ErrHasUsers = errors.New("the client has users, and none of that name: break the glass, or let a Sysadmin add one by the API")

// ErrNotSysadmin says that a user is none, whom breaking the glass would unlock.
var ErrNotSysadmin = errors.New("breaking the glass helps Sysadmins alone, and the user is none")

// ErrNoReason says that the glass is to be broken for no reason.
var ErrNoReason = errors.New("breaking the glass needs a reason")

// Provision says which client to create, and who its first Sysadmin is.
type Provision struct {
	Client   string
	Username string
	Name     string
	Email    string
	Password string // generated when empty
	// By, RequestID and Reason are an [access.Act]'s.
	By        string
	RequestID string
	Reason    string
	// BreakGlass asks for a Sysadmin of a client that is there: the one named is
	// unlocked, or created if there is no such user. Every entry that comes of it
	// says so. It needs a reason.
	BreakGlass bool
}

// Provisioned is what came of it.
type Provisioned struct {
	Client   string
	Username string // canonical
	// Password is the user's, and empty unless Created. It is kept nowhere.
	Password string
	Created  bool // the user was not there before
	Unlocked bool // the user was locked, or had failed attempts, and is let in again
}

// Provision creates a client and its first Sysadmin, or whichever of the two is
// missing. It may be run again at any time: a user who is there keeps their
// password and role. Errors are those of [Directory.CreateUser], except that
// neither a missing client nor a user who is there is one; a client that has
// users, but not this one, is [ErrHasUsers].
//
// With BreakGlass the client MUST be there ([lockout.ErrNotFound]); the errors
// are [ErrNoReason] and [ErrNotSysadmin] besides.
//
// An error with Created set says that the user is there with the password
// returned and that only the mint does not know them, or attempts from before
// are left on their record; running it again puts both right.
func (d *Directory) Provision(ctx context.Context, p Provision) (Provisioned, error) {
	if p.Password == "" {
		p.Password = generatePassword(p.Username)
	}
	key, first, err := p.sysadmin()
	if err != nil {
		return Provisioned{}, fmt.Errorf("provisioning client: %w", err)
	}
	by := deed{access.Act{Actor: p.By, RequestID: p.RequestID, Reason: p.Reason}, p.BreakGlass}
	result := Provisioned{Client: first.Client, Username: first.Username}
	if p.BreakGlass {
		result.Unlocked, err = d.rescue(ctx, key, by)
	} else {
		err = d.openClient(ctx, key, by)
	}
	if err != nil {
		return result, fmt.Errorf("provisioning client: %w", err)
	}
	if _, result.Created, err = d.add(ctx, key, first, p.Password, by); result.Created {
		result.Password = p.Password
	}
	return result, err
}

// sysadmin returns who is to be there, or what is wrong with them.
func (p Provision) sysadmin() (lockout.Key, access.User, error) {
	user := access.User{Client: p.Client, Username: p.Username, Role: access.Sysadmin, Name: p.Name, Email: p.Email}
	if err := users.CheckClient(p.Client); err != nil { // there is none yet to be found
		return lockout.Key{}, access.User{}, err
	}
	if p.BreakGlass && p.Reason == "" {
		return lockout.Key{}, access.User{}, ErrNoReason
	}
	return canonicalUser(user, p.Password)
}

// openClient creates the client if it is not there. One that is there must have
// no users yet, since an earlier run did not come to its first Sysadmin, or the
// user named.
func (d *Directory) openClient(ctx context.Context, key lockout.Key, by deed) error {
	at := d.now()
	err := d.Users.CreateClient(ctx, key.Client(), at, d.clientCreation(key.Client(), at, by))
	switch {
	case err == nil:
		return nil
	case !isConflict(err):
		return fmt.Errorf("creating client: %w", err)
	}
	if _, there, err := d.find(ctx, key); err != nil || there {
		return err
	}
	listed, next, err := d.Users.List(ctx, access.Listing{Client: key.Client(), Limit: 1})
	switch {
	case err != nil:
		return fmt.Errorf("looking for users: %w", err)
	case len(listed) > 0 || next != "":
		return ErrHasUsers
	}
	return nil
}

// rescue lets a Sysadmin of a client that is there in again, if there is the
// one named, and reports whether that was needed.
func (d *Directory) rescue(ctx context.Context, key lockout.Key, by deed) (bool, error) {
	if err := d.checkClient(ctx, key.Client()); err != nil {
		return false, err
	}
	user, there, err := d.find(ctx, key)
	switch {
	case err != nil || !there:
		return false, err
	case user.Role != access.Sysadmin:
		return false, ErrNotSysadmin
	}
	return d.unlock(ctx, key, d.clearing(key, by, by.Reason), func(_ context.Context, r lockout.Record) (bool, error) {
		return r.Locked() || r.Failed > 0, nil
	})
}

// generatePassword returns a password of 128 bits or more from crypto/rand that
// the user may have. One in two hundred has no digit and is made anew.
func generatePassword(username string) string {
	for {
		password := rand.Text()
		if users.CheckPassword(password, username) == nil {
			return password
		}
	}
}
