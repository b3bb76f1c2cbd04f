package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/embedded"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// aStep is how far a clock that was wrong is set right.
const aStep = time.Hour

// bySteps runs a test with the clock set forward, and back.
func bySteps(t *testing.T, test func(t *testing.T, step time.Duration)) {
	for _, step := range []time.Duration{aStep, -aStep} {
		t.Run(step.String(), func(t *testing.T) { test(t, step) })
	}
}

// TestAClockThatIsSetLetsNobodyInAndShutsNobodyOut while the store is open.
func TestAClockThatIsSetLetsNobodyInAndShutsNobodyOut(t *testing.T) {
	bySteps(t, func(t *testing.T, step time.Duration) {
		clock := lockouttest.NewClock(at())
		s := open(t, folder(t), clock.Now)
		defer closeStore(t, s)
		g := gate(s, clock, lockouttest.IDs())
		ana, ben := userKey(t, "ana"), userKey(t, "ben")
		for _, name := range []string{"ana", "ben"} {
			add(t, s, access.User{Client: "acme", Username: name, CreatedAt: at(), SessionsSince: at()}, "correct horse 1")
		}
		for range lockout.DefaultMaximum {
			attempt(t, g, ben, "wrong")
		}
		attempt(t, g, ana, "wrong")
		for i := range lockout.DefaultMaximum - 1 { // and the rest of her budget dies in flight
			apply(t, s, ana, lockout.Charge{AttemptID: fmt.Sprint("dead", i), Maximum: lockout.DefaultMaximum, At: clock.Now()})
		}

		clock.Advance(step)
		if got := attempt(t, g, ben, "correct horse 1"); got.Ruling != lockout.Locked {
			t.Errorf("ben, who is locked: got %s", got.Ruling)
		}
		if got := attempt(t, g, ana, "correct horse 1"); got.Ruling != lockout.Welcome || got.FailedBefore != 1 {
			t.Errorf("ana: got %+v, want her in", got)
		}
		clock.Advance(-step)
		for left := lockout.DefaultMaximum - 1; left > 0; left-- {
			if got := attempt(t, g, ana, "wrong"); got.Ruling != lockout.Wrong || got.Remaining != left {
				t.Errorf("with the clock as before: got %s with %d left, want wrong with %d", got.Ruling, got.Remaining, left)
			}
		}
		if got := attempt(t, g, ana, "wrong"); got.Ruling != lockout.Locked {
			t.Errorf("at the last of them: got %s, want locked", got.Ruling)
		}
	})
}

// A stepping store sets the clock when a credential is read from it.
type stepping struct {
	*embedded.Users
	clock *lockouttest.Clock
	step  time.Duration
}

func (s stepping) Credential(ctx context.Context, key lockout.Key) (users.Credential, error) {
	s.clock.Advance(s.step)
	return s.Users.Credential(ctx, key)
}

// TestAnAttemptWhoseClockIsSetIsSettledOrGivenBack: set forward, it seems to have
// outlived itself, and says nothing; set back, it goes on.
func TestAnAttemptWhoseClockIsSetIsSettledOrGivenBack(t *testing.T) {
	bySteps(t, func(t *testing.T, step time.Duration) {
		clock := lockouttest.NewClock(at())
		s := open(t, folder(t), clock.Now)
		defer closeStore(t, s)
		g := gate(s, clock, lockouttest.IDs())
		g.Credentials = stepping{s.Users, clock, step}
		verdict, err := g.Attempt(context.Background(), lockout.Attempt{Key: userKey(t, "ana"), Password: "wrong"})
		record, readErr := s.Attempts.Read(context.Background(), userKey(t, "ana"))
		if readErr != nil || len(record.InFlight) > 0 || record.Charged != record.Failed || record.Locked() {
			t.Errorf("got the record %+v, %v, want nothing in flight", record, readErr)
		}
		heard := verdict.Ruling == lockout.Wrong && err == nil
		silent := verdict.Ruling == "" && errors.Is(err, lockout.ErrUnavailable)
		if heard != (record.Failed == 1) || silent != (record.Failed == 0) {
			t.Errorf("got %q, %v, and %d failures", verdict.Ruling, err, record.Failed)
		}
		if step > 0 && !silent {
			t.Errorf("got %q of an attempt that seems an hour old", verdict.Ruling)
		}
	})
}

// TestATokenOfAnotherHourIsNone: whoever holds it logs in again, and gets one that
// is good by the clock as it is now.
func TestATokenOfAnotherHourIsNone(t *testing.T) {
	bySteps(t, func(t *testing.T, step time.Duration) {
		ctx, clock := context.Background(), lockouttest.NewClock(at())
		s := open(t, folder(t), clock.Now)
		defer closeStore(t, s)
		ana := access.User{Client: "acme", Username: "ana", Role: access.Manager, CreatedAt: at(), SessionsSince: at()}
		verifier := &bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: s.Tokens, Now: clock.Now}
		before, err := s.Tokens.Mint(ctx, ana)
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(step)
		if _, err := verifier.Verify(ctx, before.AccessToken); !errors.Is(err, access.ErrUnauthorized) {
			t.Errorf("the token from before: got %v, want it refused", err)
		}
		after, err := s.Tokens.Renew(ctx, ana, before.RefreshToken)
		if err != nil {
			t.Fatalf("renewing the session: %v", err)
		}
		if _, err := verifier.Verify(ctx, after.AccessToken); err != nil {
			t.Errorf("the new token: %v", err)
		}
	})
}
