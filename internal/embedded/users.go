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

type clientItem struct {
	CreatedAt time.Time `json:"created_at"`
}

// Credential returns what a password is compared with. Of a user who is not
// there, it is one that costs as much and never matches.
func (u *Users) Credential(ctx context.Context, key lockout.Key) (users.Credential, error) {
	var found account
	known, err := u.read(ctx, key, &found)
	switch {
	case err != nil:
		return users.Credential{}, fmt.Errorf("reading credential: %w", err)
	case !known:
		return users.UnknownCredential(u.hasher), nil
	}
	replace := func(ctx context.Context, before, after string) error {
		return u.replaceHash(ctx, key, before, after)
	}
	return users.NewCredential(u.hasher, access.User(found.profile), found.PasswordHash, replace), nil
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
	return access.User(found), nil
}

// List returns a client's users by username, the bytes compared, at most limit
// of them, from the first one after the given name; and whether there are more.
func (u *Users) List(ctx context.Context, client, after string, limit int) ([]access.User, bool, error) {
	listing := page[profile]{limit: limit}
	err := u.store.view(ctx, func(tx *bbolt.Tx) error {
		return listing.upwards(tx, usersBucket, client, after)
	})
	if err != nil {
		return nil, false, fmt.Errorf("listing users: %w", err)
	}
	all := make([]access.User, 0, len(listing.items))
	for _, stored := range listing.items {
		all = append(all, access.User(stored))
	}
	return all, listing.more, nil
}

// CreateClient adds a client, or returns a *lockout.ConflictError if it is
// there, and users.ErrInvalidClient if the name is malformed.
func (u *Users) CreateClient(ctx context.Context, client string, at time.Time) error {
	err := users.CheckClient(client)
	if err == nil {
		err = u.create(ctx, clientsBucket, client, clientItem{at.UTC().Truncate(time.Millisecond)})
	}
	if err != nil {
		return fmt.Errorf("creating client: %w", err)
	}
	return nil
}

// Create adds a user with the hash of their password, or returns a
// *lockout.ConflictError if they are there, and users.ErrInvalidClient or
// users.ErrInvalidUsername if a name is malformed or not in its one spelling.
func (u *Users) Create(ctx context.Context, user access.User, phc string) error {
	key, err := users.StoredKey(user)
	if err == nil {
		err = u.create(ctx, usersBucket, key.String(), account{profile(user), phc})
	}
	if err != nil {
		return fmt.Errorf("creating user: %w", err)
	}
	return nil
}

// create puts a value under a key that is free.
func (u *Users) create(ctx context.Context, bucket, key string, v any) error {
	taken := false
	err := u.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		if taken = has(tx, bucket, key); taken {
			return false, nil
		}
		return true, put(tx, bucket, key, v)
	})
	if err == nil && taken {
		return &lockout.ConflictError{}
	}
	return err
}
