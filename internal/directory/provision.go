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

// Provision says which client to create, and who its first Sysadmin is.
type Provision struct {
	Client   string
	Username string
	Name     string
	Email    string
	Password string // generated when empty
	// By, RequestID and Reason are an [Act]'s.
	By        string
	RequestID string
	Reason    string
}

// Provisioned is what came of it.
type Provisioned struct {
	Client   string
	Username string // canonical
	// Password is the user's, and empty unless Created. It is kept nowhere.
	Password string
	Created  bool // the user was not there before
}

// Provision creates a client and its first Sysadmin, or whichever of the two is
// missing. It may be run again at any time: a user who is there keeps their
// password and role. Errors are those of [Directory.CreateUser], except that
// neither a missing client nor a user who is there is one.
//
// An error with Created set says that the user is there with the password
// returned and that only the audit entry is missing, or attempts from before
// are left on their record; running it again puts both right.
func (d *Directory) Provision(ctx context.Context, p Provision) (Provisioned, error) {
	key, err := users.UserKey(p.Client, p.Username)
	if err != nil {
		return Provisioned{}, fmt.Errorf("provisioning client: %w", err)
	}
	if p.Password == "" {
		p.Password = generatePassword(key.Username())
	}
	first := access.User{
		Client: key.Client(), Username: key.Username(), Role: access.Sysadmin,
		Name: p.Name, Email: p.Email, CreatedAt: d.now(),
	}
	first.SessionsSince = first.CreatedAt
	if err := check(first, p.Password); err != nil {
		return Provisioned{}, fmt.Errorf("provisioning client: %w", err)
	}
	act := Act{Actor: p.By, RequestID: p.RequestID, Reason: p.Reason}
	if err := d.createClient(ctx, first.Client, act); err != nil {
		return Provisioned{}, err
	}
	created, err := d.add(ctx, key, first, p.Password, act)
	result := Provisioned{Client: first.Client, Username: first.Username, Created: created}
	if created {
		result.Password = p.Password
	}
	return result, err
}

// createClient creates the client, if it is not there.
func (d *Directory) createClient(ctx context.Context, client string, act Act) error {
	at := d.now()
	err := d.Users.CreateClient(ctx, client, at, clientEntry(client, at, act))
	var conflict *lockout.ConflictError
	if err != nil && !errors.As(err, &conflict) {
		return fmt.Errorf("creating client: %w", err)
	}
	return nil
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
