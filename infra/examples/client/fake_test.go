package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
)

// A fake is an API with one user, ana.silva of acme, whose password is "right".
// It is its own transport, so that a test may stop the clock.
type fake struct {
	mu       sync.Mutex
	failed   int
	sessions map[string]bool // by refresh token; true while they last
	requests int
	// trouble is asked first, with the number of the request; it returns whether
	// it has answered.
	trouble func(n int, w http.ResponseWriter) bool
}

const maximum = 3

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	f.serve(w, r)
	return w.Result(), r.Context().Err()
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if f.trouble != nil && f.trouble(f.requests, w) {
		return
	}
	var sent map[string]string
	if err := json.NewDecoder(r.Body).Decode(&sent); err != nil || r.Header.Get("Content-Type") != "application/json" {
		problem(w, 400, "invalid-request", `"detail": "not JSON"`)
		return
	}
	switch r.Method + " " + r.URL.String() {
	case "POST https://login.example.com/prod/login":
		f.login(w, sent)
	case "POST https://login.example.com/prod/token":
		if !f.sessions[sent["refresh_token"]] {
			problem(w, 401, "unauthorized", `"detail": "A valid token is needed."`)
			return
		}
		fmt.Fprintf(w, `{"access_token": "access-%d", "id_token": "id-%d", "expires_in": 900}`, f.requests, f.requests)
	case "POST https://login.example.com/prod/logout":
		delete(f.sessions, sent["refresh_token"])
		w.WriteHeader(http.StatusNoContent)
	default:
		problem(w, 404, "not-found", `"detail": "There is no such route."`)
	}
}

func (f *fake) login(w http.ResponseWriter, sent map[string]string) {
	right := sent["client"] == "acme" && sent["username"] == "ana.silva" && sent["password"] == "right"
	if !right && f.failed < maximum {
		f.failed++
	}
	switch {
	case f.failed == maximum:
		problem(w, 423, "user-locked", `"detail": "Ask a Sysadmin of acme to unlock this user."`)
	case !right:
		problem(w, 401, "invalid-credentials", fmt.Sprintf(`"attempts_remaining": %d`, maximum-f.failed))
	default:
		f.failed = 0
		f.sessions = map[string]bool{"refresh": true}
		fmt.Fprintf(w, `{"access_token": "access-%d", "id_token": "id-%d", "refresh_token": "refresh", "expires_in": 900,
			"user": {"client": "acme", "username": "ana.silva", "role": "Manager"}}`, f.requests, f.requests)
	}
}

func problem(w http.ResponseWriter, status int, slug, more string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type": "urn:portcullis:problem:%s", "request_id": "request-1", %s}`, slug, more)
}

// until is trouble that lasts for the first n requests.
func until(n, status int, retryAfter string) func(int, http.ResponseWriter) bool {
	return func(request int, w http.ResponseWriter) bool {
		if request > n {
			return false
		}
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
		return true
	}
}
