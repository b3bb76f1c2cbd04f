package httpapi_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A silent store answers nothing before its caller's time is over.
type silent struct{}

func (silent) Policy(ctx context.Context, _ string) (lockout.Policy, error) {
	<-ctx.Done()
	return lockout.Policy{}, ctx.Err()
}

func (silent) User(ctx context.Context, _ lockout.Key) (access.User, error) {
	<-ctx.Done()
	return access.User{}, ctx.Err()
}

func (silent) Mint(ctx context.Context, _ access.User) (access.Session, error) {
	<-ctx.Done()
	return access.Session{}, ctx.Err()
}

// functionTime is the timeout of a function, at which Lambda stops it: what it
// has not said and logged by then, it never does, and the next event is a cold
// start.
const functionTime = 10 * time.Second

func TestAStoreThatHangsIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), functionTime)
		defer cancel()
		began := time.Now()
		response, err := httpapi.GetPolicy(newWorld(t).edge, silent{})(ctx, recorded(t, "policy/get"))
		if took := time.Since(began); err != nil || response.StatusCode != 503 || took != functionTime-500*time.Millisecond {
			t.Errorf("got %d after %v, %v: %s", response.StatusCode, took, err, response.Body)
		}
	})
}

func TestAMintThatHangsIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), functionTime)
		defer cancel()
		w, began := newWorld(t), time.Now()
		response, err := httpapi.Login(w.edge, w.gate, users.LoginKey, silent{})(ctx, recorded(t, "login/accepted/plain"))
		if took := time.Since(began); err != nil || response.StatusCode != 503 || took != functionTime-500*time.Millisecond {
			t.Errorf("got %d after %v, %v: %s", response.StatusCode, took, err, response.Body)
		}
	})
}

func TestAnAuthorizersStoreThatHangsIsToldInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), functionTime)
		defer cancel()
		began := time.Now()
		event := decoded[authorizerEvent](t, "authorizer/bearer")
		_, err := httpapi.Authorizer(newWorld(t).edge, verifier{caller: root}, silent{})(ctx, event)
		if took := time.Since(began); err == nil || took != functionTime-500*time.Millisecond {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
