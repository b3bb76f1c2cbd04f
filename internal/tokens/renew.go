package tokens

import (
	"bytes"
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"

	"portcullis/internal/access"
)

// Grant returns what a refresh token stands for, without asking Cognito: also
// of one that has been revoked or has expired. The error wraps
// [access.ErrUnauthorized] if it is none of ours, and [lockout.ErrUnavailable]
// if the token secret cannot be read.
func (m *Minter) Grant(ctx context.Context, refreshToken string) (access.Grant, error) {
	grant, _, err := m.open(ctx, refreshToken)
	return grant, err
}

// open returns what a refresh token stands for and the one of Cognito's that is
// in it. One that the secret did not seal may have been sealed with another
// that replaced it, so the secret is read again then, as Mint does.
func (m *Minter) open(ctx context.Context, refreshToken string) (access.Grant, string, error) {
	sealed, ok := parseEnvelope(refreshToken)
	if !ok {
		return access.Grant{}, "", unauthorized("not a refresh token")
	}
	secret, err := m.secret.Get(ctx)
	if err != nil {
		return access.Grant{}, "", err
	}
	if !sealed.sealedWith(secret) && !sealed.sealedWith(m.secret.Newer(ctx, secret)) {
		return access.Grant{}, "", unauthorized("not a refresh token of ours")
	}
	grant, err := sealed.grant()
	return grant, sealed.bare, err
}

// Renew makes new tokens for a session of the user, with their role as it is
// now, and no refresh token: the one there is stays good until its end. The
// error wraps [access.ErrUnauthorized] if the token is not one of this user's
// present sessions, or Cognito refuses it as revoked or expired, and else
// [lockout.ErrUnavailable].
func (m *Minter) Renew(ctx context.Context, user access.User, refreshToken string) (access.Session, error) {
	grant, bare, err := m.open(ctx, refreshToken)
	if err != nil {
		return access.Session{}, err
	}
	if !covers(grant, user) {
		return access.Session{}, unauthorized("the refresh token is of another session or user")
	}
	var session access.Session
	err = m.asClient(ctx, func(secret []byte) (err error) {
		session, err = m.initiate(ctx, user, types.AuthFlowTypeRefreshTokenAuth, map[string]string{
			"REFRESH_TOKEN": bare,
			"SECRET_HASH":   secretHash(secret, cognitoName(user), m.appClient),
		})
		return err
	})
	session.RefreshToken = ""
	if refused(err) || notThere(err) {
		return access.Session{}, unauthorized("the pool refuses the refresh token")
	}
	return session, wrapped("renewing tokens", err)
}

// covers reports whether a grant is for the sessions that the user has now.
func covers(grant access.Grant, user access.User) bool {
	return grant.Client == user.Client && grant.Username == user.Username &&
		grant.SessionsSince.UnixMilli() == user.SessionsSince.UnixMilli()
}

// Revoke ends the session of a refresh token: Cognito renews it no more. One
// that is not ours is no error, nor one that was revoked before. Errors wrap
// [lockout.ErrUnavailable].
func (m *Minter) Revoke(ctx context.Context, refreshToken string) error {
	_, bare, err := m.open(ctx, refreshToken)
	if errors.Is(err, access.ErrUnauthorized) {
		return nil
	}
	if err != nil {
		return err
	}
	return wrapped("revoking refresh token", m.asClient(ctx, func(secret []byte) error {
		_, err := m.cognito.RevokeToken(ctx, &cognito.RevokeTokenInput{
			ClientId: aws.String(m.appClient), ClientSecret: aws.String(string(secret)), Token: aws.String(bare),
		})
		return err
	}))
}

// asClient does something that takes the app client's secret, and does it again
// if Cognito refuses it and the secret has been replaced. That is looked up at
// most once a minute, and Cognito does not say whether it was the secret.
func (m *Minter) asClient(ctx context.Context, do func(secret []byte) error) error {
	secret, err := m.clientSecret.Get(ctx)
	if err != nil {
		return err
	}
	err = do(secret)
	if !refused(err) {
		return err
	}
	if newer := m.clientSecret.Newer(ctx, secret); !bytes.Equal(newer, secret) {
		return do(newer)
	}
	return err
}

// refused reports whether Cognito does not take what it was sent for good.
func refused(err error) bool {
	var notAuthorized *types.NotAuthorizedException
	var unauthorized *types.UnauthorizedException // what RevokeToken calls it
	return errors.As(err, &notAuthorized) || errors.As(err, &unauthorized)
}
