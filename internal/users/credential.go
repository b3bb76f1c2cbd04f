package users

import (
	"context"
	"errors"
	"fmt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// A Credential is a user with what their password is compared with, as it was
// read. The zero Credential is nobody's and must not be compared.
type Credential struct {
	hasher  *Hasher
	known   bool
	user    access.User
	phc     string
	replace func(ctx context.Context, old, new string) error
}

// NewCredential returns the credential of a user with the stored hash phc.
// replace must put a new hash in the place of the old one on condition that the
// old one is still there, and otherwise return a [lockout.ConflictError].
func NewCredential(h *Hasher, user access.User, phc string, replace func(ctx context.Context, old, new string) error) Credential {
	return Credential{hasher: h, known: true, user: user, phc: phc, replace: replace}
}

// UnknownCredential returns the credential of nobody: it costs as much to
// compare as a new one, and never matches.
func UnknownCredential(h *Hasher) Credential {
	return Credential{hasher: h, phc: h.dummy}
}

// Known reports whether there is such a user.
func (c Credential) Known() bool { return c.known }

// User returns the user; the zero User if there is none.
func (c Credential) User() access.User { return c.user }

// Compare reports whether the password is the user's, in constant time. Known
// and unknown users take the same path. The error is [ErrCorruptHash], or wraps
// [lockout.ErrUnavailable] when the context ended before there was room to hash.
func (c Credential) Compare(ctx context.Context, password string) (bool, error) {
	same, err := c.hasher.compare(ctx, c.phc, password)
	if err != nil {
		return false, fmt.Errorf("comparing password: %w", err)
	}
	return same && c.known, nil
}

// Outdated reports whether the user's hash was made with other parameters than
// a new one would be.
func (c Credential) Outdated() bool { return c.known && !c.hasher.current(c.phc) }

// Upgrade hashes the password again and stores that, if the credential is
// outdated. The password MUST be the one that Compare has just found right. If
// the stored hash has changed since it was read, it is left alone.
func (c Credential) Upgrade(ctx context.Context, password string) error {
	if !c.Outdated() {
		return nil
	}
	phc, err := c.hasher.Hash(ctx, password)
	if err != nil {
		return fmt.Errorf("hashing password again: %w", err)
	}
	err = c.replace(ctx, c.phc, phc)
	if conflict := (*lockout.ConflictError)(nil); errors.As(err, &conflict) {
		return nil
	}
	return err
}
