package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/examples/client"
)

const base = "https://login.example.com/prod/"

func TestASessionIsOpenedRenewedAndEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client.New(base, &fake{})
		s, err := c.Login(t.Context(), "acme", "ana.silva", "right")
		if err != nil {
			t.Fatal(err)
		}
		want := client.Session{
			AccessToken: "access-1", IDToken: "id-1", RefreshToken: "refresh", Expires: time.Now().Add(900 * time.Second),
			User: client.User{Client: "acme", Username: "ana.silva", Role: "Manager"},
		}
		if diff := cmp.Diff(s, want); diff != "" {
			t.Errorf("session (-got +want):\n%s", diff)
		}
		time.Sleep(time.Minute)
		s, err = c.Renew(t.Context(), s)
		want.AccessToken, want.IDToken, want.Expires = "access-2", "id-2", time.Now().Add(900*time.Second)
		if diff := cmp.Diff(s, want); diff != "" || err != nil {
			t.Errorf("renewed session: %v (-got +want):\n%s", err, diff)
		}
		if err := c.Logout(t.Context(), s); err != nil {
			t.Error(err)
		}
		if _, err := c.Renew(t.Context(), s); !errors.Is(err, client.ErrSessionOver) {
			t.Errorf("got %v, want that the session is over", err)
		}
	})
}

func TestWrongLoginsTellWhatIsLeftAndThenWhomToAsk(t *testing.T) {
	c := client.New(base, &fake{})
	for left := maximum - 1; left > 0; left-- {
		_, err := c.Login(t.Context(), "acme", "ana.silva", "wrong")
		if wrong := (*client.WrongCredentials)(nil); !errors.As(err, &wrong) || wrong.Remaining != left {
			t.Errorf("got %v, want %d left", err, left)
		}
	}
	for _, password := range []string{"wrong", "right"} {
		_, err := c.Login(t.Context(), "acme", "ana.silva", password)
		if locked := (*client.Locked)(nil); !errors.As(err, &locked) || locked.Detail != "Ask a Sysadmin of acme to unlock this user." {
			t.Errorf("%s password: got %v, want whom to ask", password, err)
		}
	}
}

func TestARequestIsSentAgainOnlyWhereThatIsSafe(t *testing.T) {
	busy := func(pause time.Duration) error { return &client.Busy{RetryAfter: pause} }
	away := func(pause time.Duration) error { return &client.Unavailable{RetryAfter: pause} }
	tests := []struct {
		name     string
		trouble  func(int, http.ResponseWriter) bool
		want     error
		requests int
		waited   time.Duration
	}{
		{"after a 429 that passes", until(1, 429, "1"), nil, 2, time.Second},
		{"after two 503 that pass", until(2, 503, "4"), nil, 3, 8 * time.Second},
		{"after a 503 that says no time", until(1, 503, ""), nil, 2, 5 * time.Second},
		{"after a 503 that says a date", until(1, 503, "Mon, 23 Nov 2026 21:00:00 GMT"), nil, 2, 5 * time.Second},
		{"three times at most", until(9, 429, "2"), busy(2 * time.Second), 3, 4 * time.Second},
		{"not after a long pause", until(1, 503, "11"), away(11 * time.Second), 1, 0},
		{"not after a 500", until(1, 500, "1"), &client.Refused{Status: 500}, 1, 0},
		{"not after the gateway gave up", until(1, 504, "1"), &client.Refused{Status: 504}, 1, 0},
		{"not where it was sent elsewhere", until(1, 307, ""), &client.Refused{Status: 307}, 1, 0},
		{"not where the answer is none", until(1, 200, ""), &client.Refused{Status: 200, Detail: "an answer without a token"}, 1, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				api := &fake{trouble: test.trouble}
				began := time.Now()
				_, err := client.New(base, api).Login(t.Context(), "acme", "ana.silva", "right")
				if diff := cmp.Diff(err, test.want); diff != "" {
					t.Errorf("error (-got +want):\n%s", diff)
				}
				if waited := time.Since(began); api.requests != test.requests || waited != test.waited {
					t.Errorf("got %d requests in %s, want %d in %s", api.requests, waited, test.requests, test.waited)
				}
			})
		})
	}
}

func TestAPauseEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := client.New(base, &fake{trouble: until(9, 429, "5")}).Login(ctx, "acme", "ana.silva", "right")
		if busy := (*client.Busy)(nil); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &busy) {
			t.Errorf("got %v, want the deadline and why it was waited for", err)
		}
	})
}

// A network is a transport that only a function is.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func TestALostAnswerIsNotAskedForAgain(t *testing.T) {
	requests := 0
	_, err := client.New(base, network(func(*http.Request) (*http.Response, error) {
		requests++
		return nil, io.ErrUnexpectedEOF
	})).Login(t.Context(), "acme", "ana.silva", "right")
	if !errors.Is(err, io.ErrUnexpectedEOF) || requests != 1 {
		t.Errorf("got %v after %d requests, want the network's error after one", err, requests)
	}
}

// An endless is an answer's body that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }
func (e *endless) Close() error               { return nil }

func TestAnEndlessAnswerIsNotReadToItsEnd(t *testing.T) {
	body := new(endless)
	_, err := client.New(base, network(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: body}, nil
	})).Login(t.Context(), "acme", "ana.silva", "right")
	if err == nil || body.read > 128<<10 {
		t.Errorf("got %v after %d bytes", err, body.read)
	}
}

func TestNoErrorHoldsThePassword(t *testing.T) {
	_, err := client.New("http://%", nil).Login(t.Context(), "acme", "ana.silva", "s3cret")
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func Example() {
	api := client.New("https://login.example.com/prod", &fake{}) // nil instead of the fake
	for _, password := range []string{"wrong", "right"} {
		session, err := api.Login(context.Background(), "acme", "ana.silva", password)
		var wrong *client.WrongCredentials
		var locked *client.Locked
		switch {
		case errors.As(err, &wrong):
			fmt.Println("Wrong. Attempts left:", wrong.Remaining)
		case errors.As(err, &locked):
			fmt.Println(locked.Detail)
		case err != nil:
			fmt.Println("No login:", err)
		default:
			fmt.Println("Hello", session.User.Username)
		}
	}
	// Output:
	// Wrong. Attempts left: 2
	// Hello ana.silva
}
