package httpapi_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// quickAttempts are attempts in memory that remember nothing else, unlike those of the
// tests.
type quickAttempts struct {
	mu  sync.Mutex
	all map[lockout.Key]lockout.Record
}

func (r *quickAttempts) Apply(_ context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result := t.Apply(r.all[key])
	if result.Outcome == lockout.Applied {
		r.all[key] = result.Record
	}
	return result, nil
}

func (r *quickAttempts) Read(_ context.Context, key lockout.Key) (lockout.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[key], nil
}

// posted is the event of a login.
func posted(username, password string) events.APIGatewayProxyRequest {
	event := events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Path: "/login", Resource: "/login",
		Headers: map[string]string{"Content-Type": "application/json", "User-Agent": "Mozilla/5.0"},
		Body:    `{"client":"acme","username":"` + username + `","password":"` + password + `"}`,
	}
	event.MultiValueHeaders = map[string][]string{"Content-Type": {"application/json"}, "User-Agent": {"Mozilla/5.0"}}
	event.RequestContext.RequestID = "01J00000000000000000000000"
	event.RequestContext.Identity.SourceIP = "192.0.2.1"
	return event
}

// BenchmarkLogin answers a login on fakes, so that what is left is the handler and
// the gate.
func BenchmarkLogin(b *testing.B) {
	for _, test := range []struct {
		name, password string
		record         lockout.Record
		status         int
	}{
		{"right", "s3cret right 1", lockout.Record{}, http.StatusOK},
		{"wrong", "s3cret wrong", lockout.Record{}, http.StatusUnauthorized},
		{"locked", "s3cret right 1", lockout.Record{
			Charged: 1, Failed: 1, Evidence: []lockout.Evidence{{AttemptID: "a", At: start}}, LockID: "l", LockedAt: start,
		}, http.StatusLocked},
	} {
		b.Run(test.name, func(b *testing.B) {
			store := &quickAttempts{all: map[lockout.Key]lockout.Record{}}
			gate := &lockout.Gate[lockouttest.Credential]{
				Attempts: store, Credentials: lockouttest.NewCredentials(map[string]string{"acme/ana.silva": "s3cret right 1"}),
				Maximums: lockouttest.FixedMaximum(5), Clock: lockouttest.NewClock(start), NewID: lockouttest.IDs(),
				Jitter: func() float64 { return 0.5 }, Lifetime: 10 * time.Second,
			}
			edge := httpapi.Edge{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start }, Key: users.UserKey}
			handler, event := httpapi.Login(edge, gate, users.LoginKey, &mint{}), posted("ana.silva", test.password)
			b.ReportAllocs()
			for b.Loop() {
				store.all[ana] = test.record
				if got, err := handler(b.Context(), event); err != nil || got.StatusCode != test.status {
					b.Fatalf("got %d %s, %v; want %d", got.StatusCode, got.Body, err, test.status)
				}
			}
		})
	}
}
