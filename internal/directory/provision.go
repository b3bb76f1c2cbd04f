package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// ErrHasUsers says that a client has users already, and not the one named.
var ErrHasUsers = errors.New("the client has users, and none of that name: break the glass, or let a Sysadmin add one by the API")

// ErrNotSysadmin says that a user is none, whom breaking the glass would unlock.
var ErrNotSysadmin = errors.New("breaking the glass helps Sysadmins alone, and the user is none")

// ErrTaken says that a user is there, whom breaking the glass would create.
var ErrTaken = errors.New("there is a user of that name: break the glass to unlock them, or to create one of another name")

// ErrBreakGlass says that a [BreakGlass] is not one of those there are.
var ErrBreakGlass = errors.New(`the glass is broken to "unlock" or to "create"`)

// ErrNoReason says that the glass is to be broken for no reason.
var ErrNoReason = errors.New("breaking the glass needs a reason")

// BreakGlass says what the glass is broken for: help for a client that is there,
// whose Sysadmins cannot help. The empty one leaves it whole. One word cannot
// stand for both acts: a misspelt name to unlock would be a new Sysadmin.
type BreakGlass string

// What the glass is broken for.
const (
	BreakToUnlock BreakGlass = "unlock" // a Sysadmin who is there
	BreakToCreate BreakGlass = "create" // a Sysadmin of a name that is free
)

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
	// BreakGlass, unless empty, needs a reason, and every entry that comes of it
	// says so.
	BreakGlass BreakGlass
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
// With BreakGlass the client MUST be there, and the user too if they are to be
// unlocked ([lockout.ErrNotFound]); the errors are [ErrBreakGlass],
// [ErrNoReason], [ErrNotSysadmin] and [ErrTaken] besides.
//
// An error with Created set says that the user is there with the password
// returned and that only the mint does not know them, or attempts from before
// are left on their record; running it again puts both right. That gives
// ErrTaken to BreakToCreate, once it is done.
//
// Where the answers to the creation and to the look after it are both lost, the
// user may be there with a password that nobody was told, and Created is not
// set. Then BreakToCreate under another name makes a Sysadmin, who can set the
// password of the first.
func (d *Directory) Provision(ctx context.Context, p Provision) (Provisioned, error) {
	if p.Password == "" {
		p.Password = generatePassword(p.Username)
	}
	key, first, err := p.sysadmin()
	if err != nil {
		return Provisioned{}, fmt.Errorf("provisioning client: %w", err)
	}
	by := deed{access.Act{Actor: p.By, RequestID: p.RequestID, Reason: p.Reason}, p.BreakGlass != ""}
	result := Provisioned{Client: first.Client, Username: first.Username}
	switch p.BreakGlass {
	case BreakToUnlock:
		result.Unlocked, err = d.rescue(ctx, key, by)
	case BreakToCreate:
		result.Created, err = d.addSysadmin(ctx, key, first, p.Password, by)
	default:
		result.Created, err = d.openClient(ctx, key, first, p.Password, by)
	}
	if result.Created {
		result.Password = p.Password
	}
	if err != nil {
		return result, fmt.Errorf("provisioning client: %w", err)
	}
	return result, nil
}

// sysadmin returns who is to be there, or what is wrong with them.
func (p Provision) sysadmin() (lockout.Key, access.User, error) {
	user := access.User{Client: p.Client, Username: p.Username, Role: access.Sysadmin, Name: p.Name, Email: p.Email}
	if err := users.CheckClient(p.Client); err != nil { // there is none yet to be found
		return lockout.Key{}, access.User{}, err
	}
	switch {
	case !slices.Contains([]BreakGlass{"", BreakToUnlock, BreakToCreate}, p.BreakGlass):
		return lockout.Key{}, access.User{}, ErrBreakGlass
	case p.BreakGlass != "" && strings.TrimSpace(p.Reason) == "":
		return lockout.Key{}, access.User{}, ErrNoReason
	}
	return canonicalUser(user, p.Password)
}

// openClient makes the client and its first Sysadmin, as far as they are not
// there, and reports whether it created the user.
func (d *Directory) openClient(
	ctx context.Context, key lockout.Key, first access.User, password string, by deed,
) (created bool, err error) {
	if err := d.addClient(ctx, key, by); err != nil {
		return false, err
	}
	_, created, err = d.add(ctx, key, first, password, by)
	return created, err
}

// addClient creates the client if it is not there. One that is there must have
// no users yet, since an earlier run did not come to its first Sysadmin, or the
// user named.
func (d *Directory) addClient(ctx context.Context, key lockout.Key, by deed) error {
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

// addSysadmin creates another Sysadmin of a client that is there, under a name
// that is free, and reports whether it did.
func (d *Directory) addSysadmin(
	ctx context.Context, key lockout.Key, user access.User, password string, by deed,
) (created bool, err error) {
	if err := d.checkClient(ctx, key.Client()); err != nil {
		return false, err
	}
	_, created, err = d.add(ctx, key, user, password, by)
	if err == nil && !created {
		err = ErrTaken
	}
	return created, err
}

// rescue lets a Sysadmin of a client that is there in again, and reports whether
// that was needed.
func (d *Directory) rescue(ctx context.Context, key lockout.Key, by deed) (bool, error) {
	if err := d.checkClient(ctx, key.Client()); err != nil {
		return false, err
	}
	user, there, err := d.find(ctx, key)
	switch {
	case err != nil:
		return false, err
	case !there:
		return false, d.refused(ctx, key, by, fmt.Errorf("user: %w", lockout.ErrNotFound))
	case user.Role != access.Sysadmin:
		return false, ErrNotSysadmin
	}
	unlocked, err := d.unlock(ctx, key, d.clearing(key, by, by.Reason), func(_ context.Context, r lockout.Record) (bool, error) {
		return r.Locked() || r.Failed > 0, nil
	})
	if err != nil {
		return false, err
	}
	return unlocked, d.finish(ctx, key, by)
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
