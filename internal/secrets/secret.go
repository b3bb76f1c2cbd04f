package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go"
	"golang.org/x/sync/singleflight"

	"portcullis/internal/lockout"
)

// rereadPause is how soon after reading a secret one that was refused may be
// read again. Without it, one broken user would make a request for the secret
// with every login.
const rereadPause = time.Minute

// readTime bounds the reading of a secret, which callers wait for together.
const readTime = 5 * time.Second

// A Fetch reads a secret from where it is kept. Its error MUST NOT hold the
// secret, unless it is one of an AWS service, of which only the code is told.
type Fetch func(context.Context) ([]byte, error)

// A Secret is a key that is read when it is first needed. It is safe for
// concurrent use, and whoever asks for it MUST NOT change the bytes.
type Secret struct {
	name   string // for errors
	fetch  Fetch
	now    func() time.Time
	flight singleflight.Group
	held   atomic.Pointer[reading] // replaced within the flight only
}

type reading struct {
	key []byte
	at  time.Time // also of a later reading that failed
}

// New returns the secret that fetch reads. It reads nothing yet. Errors call it
// by the name, such as "token secret".
func New(name string, fetch Fetch, now func() time.Time) *Secret {
	return &Secret{name: name, fetch: fetch, now: now}
}

// Get returns the secret, reading it the first time. Errors wrap
// [lockout.ErrUnavailable].
func (s *Secret) Get(ctx context.Context) ([]byte, error) {
	if held := s.held.Load(); held != nil {
		return held.key, nil
	}
	return s.read(ctx, nil)
}

// Newer returns the secret that replaced one that was refused, or that one
// itself if there is none other or it is too soon to look.
func (s *Secret) Newer(ctx context.Context, refused []byte) []byte {
	key, err := s.read(ctx, refused)
	if err != nil {
		return refused
	}
	return key
}

// read waits for the one reading there is. The reading outlives a caller who
// goes away, since others wait for it.
func (s *Secret) read(ctx context.Context, refused []byte) ([]byte, error) {
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
func (s *Secret) renew(ctx context.Context, refused []byte) error {
	held := s.held.Load()
	if held != nil && (!bytes.Equal(held.key, refused) || s.now().Sub(held.at) < rereadPause) {
		return nil
	}
	at := s.now()
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	key, err := s.fetch(ctx)
	switch {
	case err == nil:
		s.held.Store(&reading{key: key, at: at})
		return nil
	case held != nil:
		s.held.Store(&reading{key: held.key, at: at})
	}
	return fmt.Errorf("reading the %s: %w: %w", s.name, lockout.ErrUnavailable, told(err))
}

// told leaves out what a service says, but for its code: it may quote what it
// was sent.
func told(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(api.ErrorCode())
	}
	return err
}
