package tokens

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/sync/singleflight"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// rereadPause is how soon after reading a secret a refused session may read it
// again. Without it, one broken user would make a request for the secret with
// every login.
const rereadPause = time.Minute

// readTime bounds the reading of a secret, which callers wait for together.
const readTime = 5 * time.Second

// minSecretBytes is the shortest token secret taken: as long as the hash, as
// RFC 2104 asks of an HMAC's key.
const minSecretBytes = sha256.Size

// passwordPrefix has one character of each kind that a user pool's password
// policy can ask for. It adds nothing to the secrecy.
const passwordPrefix = "Aa1!"

// A secret is a key that is read when it is first needed and kept in the
// process alone.
type secret struct {
	name   string // for errors
	fetch  func(context.Context) ([]byte, error)
	now    func() time.Time
	flight singleflight.Group
	held   atomic.Pointer[secretRead] // replaced within the flight only
}

type secretRead struct {
	key    []byte
	readAt time.Time // also of a later reading that failed
}

// get returns the secret, reading it the first time.
func (s *secret) get(ctx context.Context) ([]byte, error) {
	if held := s.held.Load(); held != nil {
		return held.key, nil
	}
	return s.read(ctx, nil)
}

// newer returns the secret that replaced one that was refused, or that one
// itself if there is none other or it is too soon to look.
func (s *secret) newer(ctx context.Context, refused []byte) []byte {
	key, err := s.read(ctx, refused)
	if err != nil {
		return refused
	}
	return key
}

// read waits for the one reading there is. The reading outlives a caller who
// goes away, since others wait for it.
func (s *secret) read(ctx context.Context, refused []byte) ([]byte, error) {
	done := s.flight.DoChan("", func() (any, error) {
		return nil, s.renew(context.WithoutCancel(ctx), refused)
	})
	select {
	case result := <-done:
		if held := s.held.Load(); held != nil {
			return held.key, nil
		}
		return nil, result.Err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the %s: %w: %w", s.name, lockout.ErrUnavailable, ctx.Err())
	}
}

// renew reads the secret, unless it has been read lately or by another caller
// since it was refused.
func (s *secret) renew(ctx context.Context, refused []byte) error {
	held := s.held.Load()
	if held != nil && (!bytes.Equal(held.key, refused) || s.now().Sub(held.readAt) < rereadPause) {
		return nil
	}
	readAt := s.now()
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	key, err := s.fetch(ctx)
	switch {
	case err == nil:
		s.held.Store(&secretRead{key: key, readAt: readAt})
	case held != nil:
		s.held.Store(&secretRead{key: held.key, readAt: readAt})
	}
	return wrapped("reading the "+s.name, err)
}

// tokenSecret returns the key of all machine passwords, which is in Parameter
// Store.
func tokenSecret(s *ssm.Client, parameter string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		answer, err := s.GetParameter(ctx, &ssm.GetParameterInput{
			Name: aws.String(parameter), WithDecryption: aws.Bool(true),
		})
		if err != nil {
			return nil, err
		}
		if answer.Parameter == nil || len(aws.ToString(answer.Parameter.Value)) < minSecretBytes {
			return nil, errors.New("it is shorter than 32 bytes")
		}
		return []byte(aws.ToString(answer.Parameter.Value)), nil
	}
}

// clientSecret returns the secret that Cognito made for the app client. A
// client without one is refused: anybody could renew its sessions.
func clientSecret(c *cognito.Client, pool, appClient string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		answer, err := c.DescribeUserPoolClient(ctx, &cognito.DescribeUserPoolClientInput{
			UserPoolId: aws.String(pool), ClientId: aws.String(appClient),
		})
		if err != nil {
			return nil, err
		}
		if answer.UserPoolClient == nil || aws.ToString(answer.UserPoolClient.ClientSecret) == "" {
			return nil, errors.New("the app client has none")
		}
		return []byte(aws.ToString(answer.UserPoolClient.ClientSecret)), nil
	}
}

// secretHash proves to Cognito that we know the app client's secret: the
// SECRET_HASH of the Cognito Developer Guide, "Computing secret hash values".
func secretHash(clientSecret []byte, name, appClient string) string {
	mac := hmac.New(sha256.New, clientSecret)
	mac.Write([]byte(name + appClient))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// machinePassword returns what Cognito takes for the user's password.
func machinePassword(secret []byte, user access.User) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(cognitoName(user)))
	return passwordPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cognitoName returns the user's name in the pool, "client/username".
func cognitoName(user access.User) string { return user.Client + "/" + user.Username }
