package embedded

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/access"
)

// refreshTime is how long a refresh token is good, as the app client in
// infra/identity.yaml says of Cognito's.
const refreshTime = 12 * time.Hour

// refreshBytes is the size of a refresh token: 256 bits cannot be guessed, so
// one round of SHA-256 is enough to keep it by.
const refreshBytes = 32

// session is what is stored of a refresh token, under its SHA-256. One that an
// earlier version stored has no mark, and no user has such sessions.
type session struct {
	Client        string    `json:"client"`
	Username      string    `json:"username"`
	SessionsSince time.Time `json:"sessions_since"` // the user's, when it began
	IssuedAt      time.Time `json:"issued_at"`
	ExpiresAt     time.Time `json:"expires_at"`
}

func (s session) grant() access.Grant {
	return access.Grant{Client: s.Client, Username: s.Username, SessionsSince: s.SessionsSince}
}

// isOf reports whether it is one of the sessions that the user has now.
func (s session) isOf(user access.User) bool {
	return s.Client == user.Client && s.Username == user.Username && s.SessionsSince.Equal(user.SessionsSince)
}

// begin stores a new session and returns its refresh token.
func (t *Tokens) begin(ctx context.Context, user access.User, now time.Time) (string, error) {
	secret := make([]byte, refreshBytes)
	_, _ = rand.Read(secret) // never fails; see crypto/rand
	token := base64.RawURLEncoding.EncodeToString(secret)
	begun := session{
		Client: user.Client, Username: user.Username, SessionsSince: user.SessionsSince,
		IssuedAt: now, ExpiresAt: now.Add(refreshTime),
	}
	err := t.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		return true, put(tx, sessionsBucket, sessionKey(token), begun)
	})
	return token, err
}

// Grant returns what a refresh token stands for. The error wraps
// access.ErrUnauthorized if it is none of ours, has expired or is revoked.
func (t *Tokens) Grant(ctx context.Context, refreshToken string) (access.Grant, error) {
	found, err := t.session(ctx, refreshToken)
	return found.grant(), err
}

// Renew makes new tokens for a session of the user, with their role as it is
// now, and no refresh token: the one there is stays good until its end. The
// error wraps access.ErrUnauthorized as Grant's does, and if the token is not
// one of this user's present sessions.
func (t *Tokens) Renew(ctx context.Context, user access.User, refreshToken string) (access.Session, error) {
	found, err := t.session(ctx, refreshToken)
	switch {
	case err != nil:
		return access.Session{}, err
	case !found.isOf(user):
		return access.Session{}, fmt.Errorf("%w: the refresh token is of another session or user", access.ErrUnauthorized)
	}
	renewed, err := t.signed(user, found.IssuedAt, t.now().UTC())
	if err != nil {
		return access.Session{}, fmt.Errorf("renewing tokens: %w", err)
	}
	return renewed, nil
}

// Revoke forgets the session of a refresh token. One that is not ours is no
// error, and costs no write: anybody may send one.
func (t *Tokens) Revoke(ctx context.Context, refreshToken string) error {
	_, err := t.session(ctx, refreshToken)
	if errors.Is(err, access.ErrUnauthorized) {
		return nil
	}
	if err == nil {
		err = t.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
			return true, tx.Bucket([]byte(sessionsBucket)).Delete([]byte(sessionKey(refreshToken)))
		})
	}
	if err != nil {
		return fmt.Errorf("revoking refresh token: %w", err)
	}
	return nil
}

// session returns the session of a refresh token. The error wraps
// access.ErrUnauthorized if there is none, or none any more.
func (t *Tokens) session(ctx context.Context, refreshToken string) (session, error) {
	var found session
	var known bool
	err := t.store.view(ctx, func(tx *bbolt.Tx) (err error) {
		known, err = get(tx, sessionsBucket, sessionKey(refreshToken), &found)
		return err
	})
	switch {
	case err != nil:
		return session{}, fmt.Errorf("reading session: %w", err)
	case !known:
		return session{}, fmt.Errorf("%w: not a refresh token of ours", access.ErrUnauthorized)
	case !t.now().Before(found.ExpiresAt):
		return session{}, fmt.Errorf("%w: the refresh token has expired", access.ErrUnauthorized)
	}
	return found, nil
}

func sessionKey(refreshToken string) string {
	sum := sha256.Sum256([]byte(refreshToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
