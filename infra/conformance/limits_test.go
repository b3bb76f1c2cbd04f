package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// some are cases that show whether the suite counts right.
const some = "^(counting/the last of the allowed|concurrency/50 wrong|unlock/gives|refusals/a body that is too large)"

// TestAServerThatSaysLaterIsAskedLater: each of the ways in which AWS turns a
// request away slows the suite down and fails nothing.
func TestAServerThatSaysLaterIsAskedLater(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"a firewall's page": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<html>403 Forbidden</html>")
		},
		"a firewall behind the gateway's words": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			refuseAs(w, http.StatusForbidden, `{"type":"urn:portcullis:problem:forbidden","title":"Not allowed","status":403,"detail":"The firewall refused this.","request_id":"id"}`)
		},
		"a gateway that throttles": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			refuseAs(w, http.StatusServiceUnavailable, `{"type":"urn:portcullis:problem:unavailable","title":"Unavailable","status":503,"detail":"No.","request_id":"id"}`)
		},
		"a gateway's own 429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "1")
			refuseAs(w, http.StatusTooManyRequests, `{"message":"Too Many Requests"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			var requests atomic.Int64
			s.front = before(func(w http.ResponseWriter, r *seen) bool {
				if requests.Add(1)%40 != 0 {
					return false
				}
				refuse(w)
				return true
			})
			f := s.conform(t, s.serve(t), "-run", some, "-patience", "1m")
			for _, one := range f.results {
				if one.Outcome != passed {
					t.Errorf("%s: %s %q", one.Name, one.Outcome, one.Says)
				}
			}
			if f.code != exitPassed || !strings.Contains(f.stderr, "waiting 1s") {
				t.Errorf("exit code %d, want 0 after some waiting\n%s", f.code, f.stderr)
			}
		})
	}
}

func refuseAs(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestAFirewallThatStaysShutFailsTheCase(t *testing.T) {
	s := newSite(t)
	s.front = before(func(w http.ResponseWriter, r *seen) bool {
		if r.URL.Path != "/login" || strings.Contains(string(r.body), s.password) {
			return false
		}
		refuseAs(w, http.StatusForbidden, `{}`)
		return true
	})
	f := s.conform(t, s.serve(t), "-run", "^counting/the last", "-patience", "1ms")
	if f.code != exitFailed {
		t.Errorf("exit code %d, want %d", f.code, exitFailed)
	}
}

// TestAServerMayBeBelowAPath has the server where API Gateway has a stage, with
// the headers that it adds.
func TestAServerMayBeBelowAPath(t *testing.T) {
	s := newSite(t)
	s.front = func(next http.Handler) http.Handler {
		return http.StripPrefix("/prod", after(func(_ seen, a *httptest.ResponseRecorder) {
			a.Header().Set("X-Amzn-Requestid", fmt.Sprint(time.Now().UnixNano()))
			a.Header().Set("X-Amz-Apigw-Id", "x")
			a.Header().Set("Via", "1.1 x.cloudfront.net")
		})(next))
	}
	f := s.conform(t, s.serve(t)+"/prod/", "-run", "^(strangers|edge|names)/", "-pace", "1ms")
	if f.code != exitPassed || len(f.results) == 0 {
		t.Errorf("exit code %d, want 0\n%s%s", f.code, f.stdout, f.stderr)
	}
}

// TestAnInterruptPutsEverythingBack interrupts at the moment at which most is
// changed: the policy is set, and users are there.
func TestAnInterruptPutsEverythingBack(t *testing.T) {
	s := newSite(t)
	ctx, interrupt := context.WithCancel(t.Context())
	changes := 0
	s.front = after(func(r seen, a *httptest.ResponseRecorder) {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/policy") {
			if changes++; changes == 1 {
				interrupt()
			}
		}
	})
	f := command(ctx, t, s.password, "-url", s.serve(t), "-client", s.client, "-run", "^(policy/lowering|counting/the last)")
	if f.code != exitInterrupted || !strings.Contains(f.stdout, "1 not reached") {
		t.Errorf("exit code %d, want %d\n%s", f.code, exitInterrupted, f.stdout)
	}
	s.expectUntouched(t)
}

func TestAPolicyOfTheClientsOwnIsPutBack(t *testing.T) {
	s := newSite(t)
	if _, err := s.store.Policies.Set(t.Context(), s.client, 2, nil, "test"); err != nil {
		t.Fatal(err)
	}
	f := s.conform(t, s.serve(t), "-run", "^counting/the last")
	policy, err := s.store.Policies.Policy(t.Context(), s.client)
	if f.code != exitPassed || err != nil || policy.Maximum != 2 || policy.Source != "client" {
		t.Errorf("exit code %d, policy %+v, %v; want 0 and the client's own 2\n%s", f.code, policy, err, f.stderr)
	}
}

// TestNoTokenIsTold has the contract complain about every answer to a login.
func TestNoTokenIsTold(t *testing.T) {
	var mu sync.Mutex
	secrets := map[string]bool{}
	s := newSite(t)
	secrets[s.password] = true
	s.front = after(func(r seen, a *httptest.ResponseRecorder) {
		change(a, func(body map[string]any) {
			for _, name := range []string{"access_token", "id_token", "refresh_token"} {
				if token, ok := body[name].(string); ok {
					mu.Lock()
					secrets[token[:20]] = true // the contract quotes the beginning
					mu.Unlock()
					body["more"], body[name] = true, token+" " // which is no token
				}
			}
		})
	})
	f := s.conform(t, s.serve(t), "-run", "^(sessions/a logout|counting/another user's)")
	if f.code == exitPassed || !strings.Contains(f.stdout, "against openapi.yaml") || !strings.Contains(f.stderr, "not as openapi.yaml says") {
		t.Errorf("exit code %d, and the contract does not complain: nothing was tested\n%s", f.code, f.stderr)
	}
	for secret := range secrets {
		if strings.Contains(f.stdout+f.stderr, secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

// TestAnInterruptWaitsForWhatIsUnderWay interrupts while a user is being made. A
// server goes on when its caller leaves, so a user could come after the deletion.
func TestAnInterruptWaitsForWhatIsUnderWay(t *testing.T) {
	s := newSite(t)
	ctx, interrupt := context.WithCancel(t.Context())
	var handled sync.WaitGroup
	s.front = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handled.Add(1)
			defer handled.Done()
			r, body := readWhole(r)
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users") {
				interrupt()
				select {
				case <-r.Context().Done():
					<-time.After(crowdTime) // in which the suite deletes
				case <-time.After(2 * crowdTime):
				}
			}
			next.ServeHTTP(w, withBody(r, body))
		})
	}
	f := command(ctx, t, s.password, "-url", s.serve(t), "-client", s.client, "-run", "^counting/the last")
	handled.Wait()
	if f.code != exitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", f.code, exitInterrupted, f.stderr)
	}
	s.expectUntouched(t)
}
