package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

func answerFaults() map[string]fault {
	return map[string]fault{
		"a lock knows the right password": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code == http.StatusLocked && s.right(s.userInBody(r), firstOf(passwordInBody, r.body)) {
						change(a, func(body map[string]any) { body["detail"] = "Your password is right, but you are locked." })
					}
				})
			},
			caught: []string{"strangers/a lock answers"},
		},
		"whoever may not see users hears who exists": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if known, _ := s.store.Users.Exists(far(), s.userInPath(r)); a.Code == http.StatusForbidden && !known {
						change(a, func(body map[string]any) { body["detail"] = "There is no such user." })
					}
				})
			},
			caught: []string{"strangers/whoever may not see"},
		},
		"what is refused is counted": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if r.URL.Path == "/login" && slices.Contains([]int{400, 413, 415}, a.Code) {
						s.fail(s.userInBody(r))
					}
				})
			},
			caught: []string{
				"refusals/a body that is not", "refusals/a field that is empty", "refusals/a field that is there twice", "refusals/a NUL",
				"refusals/a body that is too large", "refusals/another content type", "refusals/a query", "edge/a body that never comes whole",
			},
		},
		"the last of two fields counts": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					var body map[string]any
					if r.URL.Path == "/login" && json.Unmarshal(r.body, &body) == nil {
						r.body, _ = json.Marshal(body)
					}
					return false
				})
			},
			caught: []string{"refusals/a field that is there twice"},
		},
		"a lock is told before the request is looked at": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code == http.StatusBadRequest && s.locked(s.userInBody(r)) {
						replace(a, http.StatusLocked, problem(423, "user-locked", "User is locked"))
					}
				})
			},
			caught: []string{"refusals/a lock is not told"},
		},
		"the evidence holds what a header says": {
			breaks: func(_ *testing.T, s *site) { s.front = before(believeHeader) },
			caught: []string{"edge/the evidence"},
		},
		"another path compares and does not count": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(w http.ResponseWriter, r *seen) bool {
					if r.Method != "POST" || r.URL.EscapedPath() != "/login/" {
						return false
					}
					w.WriteHeader(http.StatusUnauthorized)
					return true
				})
			},
			caught: []string{"edge/other paths"},
		},
		"an attempt ends when its sender leaves": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if r.Header.Get("Connection") != "close" {
						return false
					}
					select {
					case <-r.Context().Done():
						return true
					case <-time.After(time.Second):
						return false
					}
				})
			},
			caught: []string{"edge/hanging up"},
		},
		"what comes slowly is sent twice": {
			breaks: func(_ *testing.T, s *site) {
				s.front = func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						began := time.Now()
						r, body := readWhole(r)
						if time.Since(began) > slowPause && r.URL.Path == "/login" {
							next.ServeHTTP(httptest.NewRecorder(), withBody(r, body))
						}
						next.ServeHTTP(w, withBody(r, body))
					})
				}
			},
			caught: []string{"edge/a body that comes slowly"},
		},
		"every request has the same id": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					a.Header().Set("X-Request-Id", "id")
					change(a, func(body map[string]any) {
						if _, ok := body["request_id"]; ok {
							body["request_id"] = "id"
						}
					})
				})
			},
			caught: []string{"edge/no answer may be stored"},
		},
		"an answer may be stored": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) { a.Header().Set("Cache-Control", "private") })
			},
			caught: []string{"edge/no answer may be stored"},
		},
		"a 429 does not say when": {
			breaks: func(_ *testing.T, s *site) {
				var once sync.Once
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if a.Code != http.StatusUnauthorized {
						return
					}
					once.Do(func() { replace(a, http.StatusTooManyRequests, problem(429, "too-many-attempts", "Too many attempts")) })
				})
			},
			caught: []string{"whole run/every answer"}, beside: "counting/one user's lock keeps nobody else out",
		},
	}
}

// problem is a problem document as the contract has it.
func problem(status int, slug, title string) map[string]any {
	return map[string]any{"type": "urn:portcullis:problem:" + slug, "title": title, "status": status, "detail": "No.", "request_id": "id"}
}
