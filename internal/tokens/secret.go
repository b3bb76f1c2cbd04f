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
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/sync/singleflight"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// rereadPause is how soon after reading the secret a refused password may read
// it again. Without it, one broken user would make a request to Parameter Store
// with every login.
const rereadPause = time.Minute

// readTime bounds the reading of the secret, which callers wait for together.
const readTime = 5 * time.Second

// minSecretBytes is the shortest secret taken: as long as the hash, as RFC 2104
// asks of an HMAC's key.
const minSecretBytes = sha256.Size

// passwordPrefix has one character of each kind that a user pool's password
// policy can ask for. It adds nothing to the secrecy.
const passwordPrefix = "Aa1!"

// A secret is the key of all machine passwords. It is read from Parameter Store
// when it is first needed and kept in the process alone.
type secret struct {
	ssm       *ssm.Client
	parameter string
	now       func() time.Time
	flight    singleflight.Group
	held      atomic.Pointer[secretRead] // replaced within the flight only
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

// newer returns the secret that replaced one whose password was refused, and
// false if there is none or it is too soon to look.
func (s *secret) newer(ctx context.Context, refused []byte) ([]byte, bool) {
	key, err := s.read(ctx, refused)
	return key, err == nil && !bytes.Equal(key, refused)
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
		return nil, fmt.Errorf("waiting for the token secret: %w: %w", lockout.ErrUnavailable, ctx.Err())
	}
}

// renew reads the secret, unless it has been read lately or by another caller
// since the password was refused.
func (s *secret) renew(ctx context.Context, refused []byte) error {
	held := s.held.Load()
	if held != nil && (!bytes.Equal(held.key, refused) || s.now().Sub(held.readAt) < rereadPause) {
		return nil
	}
	readAt := s.now()
	key, err := s.fetch(ctx)
	switch {
	case err == nil:
		s.held.Store(&secretRead{key: key, readAt: readAt})
	case held != nil:
		s.held.Store(&secretRead{key: held.key, readAt: readAt})
	}
	return err
}

func (s *secret) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	answer, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{
		Name: aws.String(s.parameter), WithDecryption: aws.Bool(true),
	})
	if err != nil {
		return nil, unavailable("reading the token secret", err)
	}
	if answer.Parameter == nil || len(aws.ToString(answer.Parameter.Value)) < minSecretBytes {
		return nil, unavailable("reading the token secret", errors.New("it is shorter than 32 bytes"))
	}
	return []byte(aws.ToString(answer.Parameter.Value)), nil
}

// machinePassword returns what Cognito takes for the user's password.
func machinePassword(secret []byte, user access.User) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(cognitoName(user)))
	return passwordPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cognitoName returns the user's name in the pool, "client/username".
func cognitoName(user access.User) string { return user.Client + "/" + user.Username }
