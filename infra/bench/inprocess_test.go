package main

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// nothing is a credential that costs nothing: the password is "right" or it is not.
type nothing struct{}

func (nothing) Credential(context.Context, lockout.Key) (nothing, error) { return nothing{}, nil }
func (nothing) Known() bool                                              { return true }
func (nothing) Upgrade(context.Context, string) error                    { return nil }
func (nothing) User() access.User {
	return access.User{Client: "acme", Username: "ana.silva", Role: access.Manager}
}
func (nothing) Compare(_ context.Context, password string) (bool, error) {
	return password == "right", nil
}

// unsigned is a mint that costs nothing.
type unsigned struct{}

func (unsigned) Mint(context.Context, access.User) (access.Session, error) {
	return access.Session{AccessToken: "a", IDToken: "i", RefreshToken: "r", ExpiresIn: time.Minute}, nil
}

// loginEvent is what the gateway makes of a login.
func loginEvent(password string) events.APIGatewayProxyRequest {
	event := events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Path: "/login", Resource: "/login",
		Headers:           map[string]string{"Content-Type": "application/json"},
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}},
		Body:              `{"client":"acme","username":"ana.silva","password":"` + password + `"}`,
	}
	event.RequestContext.RequestID, event.RequestContext.Identity.SourceIP = environ.NewID(), "192.0.2.1"
	return event
}

// loginOn is the login handler on the store.
func loginOn[C httpapi.Credential](store *embedded.Store, credentials lockout.Credentials[C], mint httpapi.Minter) httpapi.Handler {
	gate := &lockout.Gate[C]{
		Attempts: store.Attempts, Credentials: credentials, Maximums: store.Policies,
		Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: 10 * time.Second,
		Glance: store.Attempts,
	}
	edge := httpapi.Edge{Log: slog.New(slog.DiscardHandler), Now: time.Now, Key: users.UserKey}
	return httpapi.Login(edge, gate, users.LoginKey, mint)
}

// stored opens a store with one user, whose hash costs next to nothing.
func stored(b *testing.B) *embedded.Store {
	b.Helper()
	store, err := embedded.Open(filepath.Join(b.TempDir(), "data"), embedded.Options{Hasher: cheap(), Now: time.Now, NewID: environ.NewID})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	phc, err := cheap().Hash(b.Context(), "right")
	if err == nil {
		now := time.Now()
		err = store.Users.Create(b.Context(), access.User{Client: "acme", Username: "ana.silva", Role: access.Manager, CreatedAt: now, SessionsSince: now},
			phc, audit.Entry{Client: "acme", ID: environ.NewID(), At: now, Action: audit.UserCreated, Username: "ana.silva"})
	}
	if err != nil {
		b.Fatal(err)
	}
	return store
}

// BenchmarkLogin answers logins on the embedded store, with its two writes on the
// disk, so that everything but the hash is there: with a hash of 8 KiB, with none,
// and without the signatures too. A wrong login alternates with a right one, which
// clears the count.
func BenchmarkLogin(b *testing.B) {
	store := stored(b)
	for _, test := range []struct {
		name      string
		handler   httpapi.Handler
		passwords []string
	}{
		{"right/cheap hash", loginOn(store, store.Users, store.Tokens), []string{"right"}},
		{"right/no hash", loginOn(store, nothing{}, store.Tokens), []string{"right"}},
		{"right/no hash, no mint", loginOn(store, nothing{}, unsigned{}), []string{"right"}},
		{"wrong and right/cheap hash", loginOn(store, store.Users, store.Tokens), []string{"wrong", "right"}},
		{"wrong and right/no hash, no mint", loginOn(store, nothing{}, unsigned{}), []string{"wrong", "right"}},
	} {
		b.Run(test.name, func(b *testing.B) {
			status := map[string]int{"right": http.StatusOK, "wrong": http.StatusUnauthorized}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				password := test.passwords[n%len(test.passwords)]
				got, err := test.handler(b.Context(), loginEvent(password))
				if err != nil || got.StatusCode != status[password] {
					b.Fatalf("%s: got %d %s, %v", password, got.StatusCode, got.Body, err)
				}
			}
		})
	}
}

// BenchmarkBareHash is what a login cannot do without, for scale.
func BenchmarkBareHash(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		hashOnce()
	}
}
