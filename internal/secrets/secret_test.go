package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/lockout"
	"portcullis/internal/secrets"
)

const (
	first  = "first-secret-of-thirty-two-bytes-or-more"
	second = "other-secret-of-thirty-two-bytes-or-more"
)

// A store holds one secret and counts its readings.
type store struct {
	secret   string
	err      error
	takes    time.Duration
	readings int
}

func (s *store) fetch(context.Context) ([]byte, error) {
	s.readings++
	time.Sleep(s.takes) // only where time is synctest's
	return []byte(s.secret), s.err
}

// want checks what a secret is, and how often it has been read.
func (s *store) want(t *testing.T, got []byte, secret string, readings int) {
	t.Helper()
	if string(got) != secret || s.readings != readings {
		t.Errorf("got %q after %d readings, want %q after %d", got, s.readings, secret, readings)
	}
}

func TestASecretIsReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{secret: first, takes: time.Second}
		secret := secrets.New("key", s.fetch, time.Now)
		if s.readings != 0 {
			t.Errorf("read %d times before it was asked for", s.readings)
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got, err := secret.Get(t.Context()); err != nil || string(got) != first {
					t.Errorf("got %q, %v", got, err)
				}
			})
		}
		all.Wait()
		got, _ := secret.Get(t.Context())
		s.want(t, got, first, 1)
	})
}

func TestASecretThatCannotBeReadIsReadAgain(t *testing.T) {
	s := &store{secret: first, err: errors.New("away")}
	secret := secrets.New("key", s.fetch, time.Now)
	if _, err := secret.Get(t.Context()); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, lockout.ErrUnavailable)
	}
	s.err = nil
	got, err := secret.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.want(t, got, first, 2)
}

func TestARefusedSecretIsReadAgainAfterAMinute(t *testing.T) {
	s, now := &store{secret: first}, time.Now()
	secret := secrets.New("key", s.fetch, func() time.Time { return now })
	refused, err := secret.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.secret = second
	s.want(t, secret.Newer(t.Context(), refused), first, 1)

	now = now.Add(time.Minute)
	s.err = errors.New("away")
	s.want(t, secret.Newer(t.Context(), refused), first, 2)
	s.err = nil
	s.want(t, secret.Newer(t.Context(), refused), first, 2) // too soon after the one that failed

	now = now.Add(time.Minute)
	s.want(t, secret.Newer(t.Context(), refused), second, 3)
	s.want(t, secret.Newer(t.Context(), refused), second, 3) // somebody else has looked
}

func TestWhoGoesAwayDoesNotEndTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{secret: first, takes: 2 * time.Second}
		secret := secrets.New("key", s.fetch, time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := secret.Get(ctx); !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, lockout.ErrUnavailable)
		}
		got, err := secret.Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.want(t, got, first, 1)
	})
}

// A parameterStore answers GetParameter with a status and a body.
type parameterStore struct {
	status int
	answer string
	asked  string
}

func (p *parameterStore) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	p.asked = string(body)
	return &http.Response{
		StatusCode: p.status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(bytes.NewReader([]byte(p.answer))),
	}, err
}

func (p *parameterStore) secret() *secrets.Secret {
	client := ssm.NewFromConfig(aws.Config{
		Region: "eu-west-1", HTTPClient: p, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
	})
	return secrets.New("key", secrets.Parameter(client, "/portcullis/dev/key"), time.Now)
}

func TestAParameterIsReadDecrypted(t *testing.T) {
	p := &parameterStore{status: http.StatusOK, answer: fmt.Sprintf(`{"Parameter": {"Value": %q}}`, first)}
	got, err := p.secret().Get(t.Context())
	if err != nil || string(got) != first {
		t.Errorf("got %q, %v", got, err)
	}
	for _, want := range []string{`"/portcullis/dev/key"`, `"WithDecryption":true`} {
		if !strings.Contains(p.asked, want) {
			t.Errorf("asked %s, want %s in it", p.asked, want)
		}
	}
}

func TestAParameterThatIsNoSecretIsTakenForAnOutage(t *testing.T) {
	const short = "short-secret"
	for name, p := range map[string]*parameterStore{
		"one that is too short":         {status: http.StatusOK, answer: fmt.Sprintf(`{"Parameter": {"Value": %q}}`, short)},
		"one that is not there":         {status: http.StatusBadRequest, answer: `{"__type": "ParameterNotFound", "message": "short-secret"}`},
		"an answer without a parameter": {status: http.StatusOK, answer: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.secret().Get(t.Context())
			if !errors.Is(err, lockout.ErrUnavailable) || strings.Contains(err.Error(), short) {
				t.Errorf("got %v, want one that wraps %v and tells nothing", err, lockout.ErrUnavailable)
			}
		})
	}
}
