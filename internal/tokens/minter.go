package tokens

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/secrets"
)

// A Minter makes, renews and ends sessions with one app client of one Cognito
// user pool, and is the pool's [Enroller] too. It is safe for concurrent use.
type Minter struct {
	*Enroller
	appClient    string
	clientSecret *secrets.Secret // of the app client
}

// NewMinter returns the mint of an app client that has a secret and allows
// ALLOW_ADMIN_USER_PASSWORD_AUTH and ALLOW_REFRESH_TOKEN_AUTH. The token secret,
// of the machine passwords and the refresh tokens' envelopes, is in the SSM
// parameter, a SecureString of 32 bytes or more; the app client's is asked of
// Cognito. Each is read when it is first needed, and the latter by Mint, Renew
// and Revoke only.
func NewMinter(c *cognito.Client, s *ssm.Client, pool, appClient, secretParameter string, now func() time.Time) *Minter {
	return &Minter{
		Enroller:     NewEnroller(c, s, pool, secretParameter, now),
		appClient:    appClient,
		clientSecret: secrets.New("app client's secret", clientSecret(c, pool, appClient), now),
	}
}

// Mint begins a session of a user whose password has been verified and who is
// enrolled, as the one they are now: who was enrolled under another CreatedAt
// is somebody else. Errors wrap [lockout.ErrUnavailable]: that Cognito does not
// take the machine password is our fault, never the user's. After such a
// refusal the secrets are read again, at most once a minute, since they may
// have been replaced.
func (m *Minter) Mint(ctx context.Context, user access.User) (access.Session, error) {
	held, err := m.keys(ctx)
	if err != nil {
		return access.Session{}, err
	}
	session, err := m.begin(ctx, user, held)
	if !refused(err) {
		return session, wrapped("minting tokens", err)
	}
	if newer := m.newer(ctx, held); !newer.equal(held) {
		session, err = m.begin(ctx, user, newer)
	}
	return session, wrapped("minting tokens", err)
}

// keys are what a session is asked for with: the secret of the machine
// passwords and the app client's.
type keys struct {
	machine, client []byte
}

func (k keys) equal(other keys) bool {
	return bytes.Equal(k.machine, other.machine) && bytes.Equal(k.client, other.client)
}

// keys returns both secrets, which are read beside each other the first time.
func (m *Minter) keys(ctx context.Context) (keys, error) {
	var held keys
	var reads errgroup.Group
	reads.Go(func() (err error) { held.machine, err = m.secret.Get(ctx); return err })
	reads.Go(func() (err error) { held.client, err = m.clientSecret.Get(ctx); return err })
	return held, reads.Wait()
}

// newer looks for secrets that replaced refused ones. Cognito does not say
// which of the two it refused.
func (m *Minter) newer(ctx context.Context, refused keys) keys {
	var found keys
	var reads sync.WaitGroup
	reads.Go(func() { found.machine = m.secret.Newer(ctx, refused.machine) })
	reads.Go(func() { found.client = m.clientSecret.Newer(ctx, refused.client) })
	reads.Wait()
	return found
}

// begin asks for a session with the machine password, and puts its refresh
// token in the envelope.
func (m *Minter) begin(ctx context.Context, user access.User, with keys) (access.Session, error) {
	session, err := m.initiate(ctx, user, types.AuthFlowTypeAdminUserPasswordAuth, map[string]string{
		"USERNAME":    cognitoName(user),
		"PASSWORD":    machinePassword(with.machine, user),
		"SECRET_HASH": secretHash(with.client, cognitoName(user), m.appClient),
	})
	switch {
	case err != nil:
		return access.Session{}, err
	case session.RefreshToken == "":
		return access.Session{}, errors.New("the pool answers without a refresh token")
	}
	session.RefreshToken = seal(with.machine, user, session.RefreshToken)
	return session, nil
}

// initiate asks the pool for tokens of the user, with a refresh token as the
// pool made it, if any.
func (m *Minter) initiate(
	ctx context.Context, user access.User, flow types.AuthFlowType, parameters map[string]string,
) (access.Session, error) {
	answer, err := m.cognito.AdminInitiateAuth(ctx, &cognito.AdminInitiateAuthInput{
		UserPoolId: aws.String(m.pool), ClientId: aws.String(m.appClient), AuthFlow: flow, AuthParameters: parameters,
	})
	if err != nil {
		return access.Session{}, err
	}
	result := answer.AuthenticationResult
	if result == nil || aws.ToString(result.AccessToken) == "" {
		return access.Session{}, fmt.Errorf("the pool answers with the challenge %q", answer.ChallengeName)
	}
	if !speaksOf(aws.ToString(result.AccessToken), user) {
		return access.Session{}, errors.New("the pool does not have the user with the role they have now")
	}
	return access.Session{
		AccessToken:  aws.ToString(result.AccessToken),
		IDToken:      aws.ToString(result.IdToken),
		RefreshToken: aws.ToString(result.RefreshToken),
		ExpiresIn:    time.Duration(result.ExpiresIn) * time.Second,
	}, nil
}

// speaksOf reports whether an access token that the pool has just answered with
// is the user's, with their role. The pool follows the store of users: after a
// change of role it may be a moment behind, or for longer if whoever was
// aligning it was stopped. Until then there is no session, rather than one with
// the role that was taken away. The token comes from the pool itself, so that it
// is signed is for those to check who get it from somebody else.
func speaksOf(accessToken string, user access.User) bool {
	_, rest, _ := strings.Cut(accessToken, ".")
	payload, _, _ := strings.Cut(rest, ".")
	said, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return false
	}
	var claims struct {
		Username string   `json:"username"`
		Groups   []string `json:"cognito:groups"`
	}
	if err := json.Unmarshal(said, &claims); err != nil {
		return false
	}
	return claims.Username == user.Client+"/"+user.Username && access.RoleOf(claims.Groups) == user.Role
}

// wrapped is unavailable for an error that may be nil, or wrapped already.
func wrapped(doing string, err error) error {
	if err == nil || errors.Is(err, lockout.ErrUnavailable) {
		return err
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
