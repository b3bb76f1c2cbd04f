package directory

import (
	"context"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// alignTries bounds how often aligning starts over because the user changed
// meanwhile. Each further try needs another change of the same user's role, or
// a deletion and a creation, within the time of a few calls.
const alignTries = 5

// align makes the mint agree with the users: it enrols the user as they are
// stored, or removes one who is not there. It reads the user once more
// afterwards and starts over if they are another by then. So of those who write
// to the mint at once, whoever writes last has seen the last state, or does not
// stop there.
func (d *Directory) align(ctx context.Context, key lockout.Key) error {
	user, found, err := d.find(ctx, key)
	for range alignTries {
		if err != nil {
			return err
		}
		failed := d.follow(ctx, key, user, found)
		seen, there := user, found
		user, found, err = d.find(ctx, key)
		if err == nil && found == there && alike(user, seen) {
			return failed
		}
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("aligning the mint: the user kept changing: %w", lockout.ErrUnavailable)
}

// follow does to the mint what was done to the user.
func (d *Directory) follow(ctx context.Context, key lockout.Key, user access.User, found bool) error {
	if !found {
		if err := d.Tokens.Remove(ctx, nobody(key)); err != nil {
			return fmt.Errorf("removing user from the mint: %w", err)
		}
		return nil
	}
	if err := d.Tokens.Enrol(ctx, user); err != nil {
		return fmt.Errorf("enrolling user: %w", err)
	}
	return nil
}

// nobody is a user of whom no more is known than the name.
func nobody(key lockout.Key) access.User {
	return access.User{Client: key.Client(), Username: key.Username()}
}

// alike reports whether two users are one to the mint, which knows whom it
// enrolled by name and creation, and their role.
func alike(a, b access.User) bool { return a.CreatedAt.Equal(b.CreatedAt) && a.Role == b.Role }
