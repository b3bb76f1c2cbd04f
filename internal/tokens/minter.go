package tokens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// A Minter makes sessions with one app client of one Cognito user pool. It is
// safe for concurrent use.
type Minter struct {
	cognito   *cognito.Client
	pool      string
	appClient string
	secret    *secret
}

// NewMinter returns the mint of an app client that allows
// ALLOW_ADMIN_USER_PASSWORD_AUTH. The secret of the machine passwords is in the
// SSM parameter, a SecureString of 32 bytes or more; it is read when it is
// first needed.
func NewMinter(c *cognito.Client, s *ssm.Client, pool, appClient, secretParameter string, now func() time.Time) *Minter {
	return &Minter{
		cognito: c, pool: pool, appClient: appClient,
		secret: &secret{ssm: s, parameter: secretParameter, now: now},
	}
}

// Mint begins a session of a user whose password has been verified and who is
// enrolled. Errors wrap [lockout.ErrUnavailable]: that Cognito does not take
// the machine password is our fault, never the user's. After such a refusal the
// secret is read again, at most once a minute, since it may have been replaced.
func (m *Minter) Mint(ctx context.Context, user access.User) (access.Session, error) {
	key, err := m.secret.get(ctx)
	if err != nil {
		return access.Session{}, err
	}
	session, err := m.initiate(ctx, user, key)
	var refused *types.NotAuthorizedException
	if !errors.As(err, &refused) {
		return session, wrapped("minting tokens", err)
	}
	if newer, ok := m.secret.newer(ctx, key); ok {
		session, err = m.initiate(ctx, user, newer)
	}
	return session, wrapped("minting tokens", err)
}

func (m *Minter) initiate(ctx context.Context, user access.User, key []byte) (access.Session, error) {
	answer, err := m.cognito.AdminInitiateAuth(ctx, &cognito.AdminInitiateAuthInput{
		UserPoolId: aws.String(m.pool),
		ClientId:   aws.String(m.appClient),
		AuthFlow:   types.AuthFlowTypeAdminUserPasswordAuth,
		AuthParameters: map[string]string{
			"USERNAME": cognitoName(user), "PASSWORD": machinePassword(key, user),
		},
	})
	if err != nil {
		return access.Session{}, err
	}
	result := answer.AuthenticationResult
	if result == nil || aws.ToString(result.AccessToken) == "" {
		return access.Session{}, fmt.Errorf("the pool answers with the challenge %q", answer.ChallengeName)
	}
	return access.Session{
		AccessToken:  aws.ToString(result.AccessToken),
		IDToken:      aws.ToString(result.IdToken),
		RefreshToken: aws.ToString(result.RefreshToken),
		ExpiresIn:    time.Duration(result.ExpiresIn) * time.Second,
	}, nil
}

// wrapped is unavailable for an error that may be nil.
func wrapped(doing string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable(doing, err)
}

// unavailable wraps a backend's failure. What the backend says is left out, but
// for its code: it may quote what it was sent.
func unavailable(doing string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return fmt.Errorf("%s: %w: %s", doing, lockout.ErrUnavailable, api.ErrorCode())
	}
	return fmt.Errorf("%s: %w: %w", doing, lockout.ErrUnavailable, err)
}
