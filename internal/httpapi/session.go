package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// errSessionOver refuses a refresh token that is not ours, is revoked or
// expired, or whose user is gone or has changed. Which of these, nobody who
// holds a token needs to know.
var errSessionOver = &detailedError{
	"This session is over. Log in again.",
	fmt.Errorf("session is over: %w", access.ErrUnauthorized),
}

// Token answers POST /token: new tokens for a session that goes on. The mint
// is asked last, and never decides alone: it knows neither locks nor what has
// become of the user since they logged in.
func Token(e Edge, sessions Sessions, users UserReader, attempts lockout.Attempts) Handler {
	return serve(e, endpoint{route: "POST /token", body: requiredBody}, func(ctx context.Context, r *request[tokenBody]) (any, error) {
		grant, err := sessions.Grant(ctx, r.Body.RefreshToken.value)
		if err != nil {
			return nil, mintError("reading grant", err)
		}
		r.note.Client, r.note.Username = grant.Client, grant.Username
		user, err := entitled(ctx, e.Key, grant, users, attempts)
		if err != nil {
			return nil, err
		}
		session, err := sessions.Renew(ctx, user, r.Body.RefreshToken.value)
		if err != nil {
			return nil, mintError("renewing session", err)
		}
		r.note.Event = tokenCreated
		return tokenAnswer{
			TokenType: "Bearer", AccessToken: session.AccessToken, IDToken: session.IDToken,
			ExpiresIn: int64(session.ExpiresIn.Seconds()),
		}, nil
	})
}

// Logout answers POST /logout: the session of the refresh token ends. A token
// that means nothing is answered as one that did (RFC 7009, section 2.2).
func Logout(e Edge, sessions Sessions) Handler {
	return serve(e, endpoint{route: "POST /logout", body: requiredBody}, func(ctx context.Context, r *request[tokenBody]) (any, error) {
		grant, err := sessions.Grant(ctx, r.Body.RefreshToken.value)
		if errors.Is(err, access.ErrUnauthorized) {
			return done{}, nil
		}
		if err != nil {
			return nil, mintError("reading grant", err)
		}
		r.note.Client, r.note.Username = grant.Client, grant.Username
		if err := sessions.Revoke(ctx, r.Body.RefreshToken.value); err != nil {
			return nil, mintError("revoking session", err)
		}
		r.note.Event = tokenRevoked
		return done{}, nil
	})
}

type tokenBody struct {
	RefreshToken text `json:"refresh_token"`
}

func (b tokenBody) check() []fault {
	return b.RefreshToken.need("refresh_token", access.MaxRefreshToken)
}

type tokenAnswer struct {
	TokenType   string `json:"token_type"`
	AccessToken string `json:"access_token"`
	IDToken     string `json:"id_token"`
	ExpiresIn   int64  `json:"expires_in"` // in seconds
}

// mintError is what an error of the mint is to a caller: a session that is
// over, or an outage.
func mintError(doing string, err error) error {
	if errors.Is(err, access.ErrUnauthorized) && !errors.Is(err, lockout.ErrUnavailable) {
		return errSessionOver
	}
	return fmt.Errorf("%s: %w: %w", doing, lockout.ErrUnavailable, err)
}

// entitled returns the user of a grant as they are now, or an error if they
// are gone, have other sessions than that of the grant, or are locked. The
// marks are compared for being the same, not for which is later: no clock is
// asked, and a user created anew is another user.
func entitled(
	ctx context.Context, makeKey KeyFunc, grant access.Grant, users UserReader, attempts lockout.Attempts,
) (access.User, error) {
	key, err := makeKey(grant.Client, grant.Username)
	if err != nil {
		return access.User{}, errSessionOver
	}
	user, record, err := sideBySide(
		func() (access.User, error) { return grantee(ctx, users, key) },
		func() (lockout.Record, error) { return attempts.Read(ctx, key) },
	)
	switch {
	case err != nil:
		return access.User{}, fmt.Errorf("reading user and attempts: %w", err)
	case !user.SessionsSince.Equal(grant.SessionsSince):
		return access.User{}, errSessionOver
	case record.Locked():
		return access.User{}, lockedIn(grant.Client)
	}
	return user, nil
}

// grantee returns a grant's user. That there is none says only that the session
// is over.
func grantee(ctx context.Context, users UserReader, key lockout.Key) (access.User, error) {
	user, err := users.User(ctx, key)
	if errors.Is(err, lockout.ErrNotFound) {
		return access.User{}, errSessionOver
	}
	return user, err
}

// sideBySide makes two reads at the same time. A panic of either is an error.
func sideBySide[A, B any](first func() (A, error), second func() (B, error)) (A, B, error) {
	var (
		a      A
		failed error
		work   sync.WaitGroup
	)
	work.Go(func() { a, failed = guarded(first) })
	b, err := guarded(second)
	work.Wait()
	return a, b, errors.Join(failed, err)
}
