package embedded_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"portcullis/internal/access"
	"portcullis/internal/embedded"
	"portcullis/internal/lockouttest"
)

// refuses checks that a refresh token renews nothing for ana, and whether it is
// granted.
func refuses(t *testing.T, s *embedded.Store, refreshToken string, granted bool) {
	t.Helper()
	if _, err := s.Tokens.Renew(context.Background(), ana(), refreshToken); !errors.Is(err, access.ErrUnauthorized) {
		t.Errorf("renewing: got %v, want %v", err, access.ErrUnauthorized)
	}
	if _, err := s.Tokens.Grant(context.Background(), refreshToken); errors.Is(err, access.ErrUnauthorized) == granted {
		t.Errorf("the grant: got %v", err)
	}
}

func TestASessionOutlivesItsStoreAndEndsInTime(t *testing.T) {
	ctx, dir, clock := context.Background(), folder(t), lockouttest.NewClock(at())
	now := clock.Now
	s := open(t, dir, now)
	session, err := s.Tokens.Mint(ctx, ana())
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)

	clock.Advance(12*time.Hour - time.Millisecond)
	s = open(t, dir, now)
	defer closeStore(t, s)
	grant, err := s.Tokens.Grant(ctx, session.RefreshToken)
	want := access.Grant{Client: "acme", Username: "ana.silva", SessionsSince: at()}
	if diff := cmp.Diff(grant, want); err != nil || diff != "" {
		t.Errorf("grant: %v, got -, want +:\n%s", err, diff)
	}
	if _, err := s.Tokens.Renew(ctx, ana(), session.RefreshToken); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	clock.Advance(time.Millisecond)
	refuses(t, s, session.RefreshToken, false)
}

// As Cognito has it: a session is renewed now, by one who has shown who they are
// when it began.
func TestRenewedTokensTellWhenTheSessionBegan(t *testing.T) {
	ctx, clock := context.Background(), lockouttest.NewClock(at())
	s := open(t, folder(t), clock.Now)
	defer closeStore(t, s)
	session, err := s.Tokens.Mint(ctx, ana())
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	renewed, err := s.Tokens.Renew(ctx, ana(), session.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{renewed.AccessToken, renewed.IDToken} {
		claims := claimsOf(t, s, token)
		got := []*jwt.NumericDate{claims.AuthTime, claims.IssuedAt, claims.Expiry}
		want := []*jwt.NumericDate{jwt.NewNumericDate(at()), jwt.NewNumericDate(clock.Now()), jwt.NewNumericDate(clock.Now().Add(15 * time.Minute))}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("auth_time, iat and exp: got -, want +:\n%s", diff)
		}
	}
}

func TestASessionFromBeforeThereWereMarksIsOver(t *testing.T) {
	ctx, dir := context.Background(), folder(t)
	s := open(t, dir, at)
	session, err := s.Tokens.Mint(ctx, ana())
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	edit(t, dir, func(tx *bbolt.Tx) error {
		sessions := tx.Bucket([]byte("sessions"))
		key, _ := sessions.Cursor().First()
		return sessions.Put(key, []byte(`{"client": "acme", "username": "ana.silva",
			"issued_at": "2026-11-23T10:00:00Z", "expires_at": "2026-11-23T22:00:00Z"}`))
	})
	s = open(t, dir, at)
	defer closeStore(t, s)
	refuses(t, s, session.RefreshToken, true)
}
