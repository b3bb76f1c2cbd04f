package embedded

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// Users keeps the clients and their users. It implements lockout.Credentials.
type Users struct {
	store  *Store
	hasher *users.Hasher
}

// profile is an access.User as it is stored, next to the password's hash.
type profile struct {
	Client    string      `json:"client"`
	Username  string      `json:"username"`
	Role      access.Role `json:"role"`
	Name      string      `json:"name,omitempty"`
	Email     string      `json:"email,omitempty"`
	CreatedAt time.Time   `json:"created_at"`

	SessionsSince time.Time `json:"sessions_since,omitzero"`
}

// account is all that is stored of a user. Only what compares or replaces the
// hash reads one.
type account struct {
	profile
	PasswordHash string `json:"password_hash"`
}

// user returns the user. One whom an earlier version stored has no mark of the
// sessions, which began when they did.
func (p profile) user() access.User {
	if p.SessionsSince.IsZero() {
		p.SessionsSince = p.CreatedAt
	}
	return access.User(p)
}

// nobody is an account as it is stored, as long as most are.
const nobody = `{"client":"acme","username":"nobody.is","role":"Manager","name":"Nobody Is","email":"nobody.is@acme.example",` +
	`"created_at":"2026-11-23T10:04:05.123Z","sessions_since":"2026-11-23T10:04:05.123Z",` +
	`"password_hash":"$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`

// Credential returns what a password is compared with. Of a user who is not
// there, it is one that costs as much and never matches, and as much to read: each
// decodes an account.
func (u *Users) Credential(ctx context.Context, key lockout.Key) (users.Credential, error) {
	var found account
	known, err := u.read(ctx, key, &found)
	switch {
	case err != nil:
		return users.Credential{}, fmt.Errorf("reading credential: %w", err)
	case !known:
		if err := decode([]byte(nobody), &found); err != nil {
			return users.Credential{}, fmt.Errorf("reading credential: %w", err)
		}
		return users.UnknownCredential(u.hasher), nil
	}
	replace := func(ctx context.Context, before, after string) error {
		return u.replaceHash(ctx, key, before, after)
	}
	return users.NewCredential(u.hasher, found.user(), found.PasswordHash, replace), nil
}

// read fills v with what is stored of a user, and reports whether there is one.
func (u *Users) read(ctx context.Context, key lockout.Key, v any) (known bool, err error) {
	err = u.store.view(ctx, func(tx *bbolt.Tx) (err error) {
		known, err = get(tx, usersBucket, key.String(), v)
		return err
	})
	return known, err
}

// replaceHash stores a new hash if the old one is still there, and returns a
// *lockout.ConflictError if it is not.
func (u *Users) replaceHash(ctx context.Context, key lockout.Key, before, after string) error {
	replaced := false
	err := u.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		var found account
		known, err := get(tx, usersBucket, key.String(), &found)
		if replaced = known && found.PasswordHash == before; err != nil || !replaced {
			return false, err
		}
		found.PasswordHash = after
		return true, put(tx, usersBucket, key.String(), found)
	})
	if err == nil && !replaced {
		err = &lockout.ConflictError{}
	}
	if err != nil {
		return fmt.Errorf("replacing password hash: %w", err)
	}
	return nil
}

// Exists reports whether there is such a user.
func (u *Users) Exists(ctx context.Context, key lockout.Key) (bool, error) {
	return u.holds(ctx, usersBucket, key.String())
}

// ClientExists reports whether there is such a client.
func (u *Users) ClientExists(ctx context.Context, client string) (bool, error) {
	return u.holds(ctx, clientsBucket, client)
}

func (u *Users) holds(ctx context.Context, bucket, key string) (found bool, err error) {
	err = u.store.view(ctx, func(tx *bbolt.Tx) error {
		found = has(tx, bucket, key)
		return nil
	})
	return found, err
}

// User returns a user without anything secret, or lockout.ErrNotFound.
func (u *Users) User(ctx context.Context, key lockout.Key) (access.User, error) {
	var found profile
	known, err := u.read(ctx, key, &found)
	switch {
	case err != nil:
		return access.User{}, fmt.Errorf("reading user: %w", err)
	case !known:
		return access.User{}, fmt.Errorf("user %s: %w", key, lockout.ErrNotFound)
	}
	return found.user(), nil
}

// ReadMany returns those of several users who are there.
func (u *Users) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error) {
	found := make(map[lockout.Key]access.User, len(keys))
	err := u.store.view(ctx, func(tx *bbolt.Tx) error {
		for _, key := range keys {
			var stored profile
			known, err := get(tx, usersBucket, key.String(), &stored)
			if err != nil {
				return err
			}
			if known {
				found[key] = stored.user()
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading users: %w", err)
	}
	return found, nil
}
