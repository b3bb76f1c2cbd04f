package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func otherFaults() map[string]fault {
	return map[string]fault{
		"a new password unlocks": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if strings.HasSuffix(r.URL.Path, "/password") && a.Code == http.StatusNoContent {
						s.forget(s.userInPath(r))
					}
				})
			},
			caught: []string{"sessions/a new password does not unlock"},
		},
		"a session never ends": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if r.URL.Path == "/token" && a.Code == http.StatusUnauthorized {
						replace(a, http.StatusOK, map[string]any{"token_type": "Bearer", "access_token": "a.b.c", "id_token": "a.b.c", "expires_in": 900})
					}
				})
			},
			caught: []string{
				"sessions/a new password ends", "sessions/whoever is created under a deleted name", "sessions/refresh tokens that are not good", "sessions/a logout",
			},
		},
		"a number may be text": {
			breaks: bodiesOfPolicy(`"(\d)"`, `$1`),
			caught: []string{"policy/nothing but a whole number"},
		},
		"a fraction is cut off": {
			breaks: bodiesOfPolicy(`7\.\d`, `7`),
			caught: []string{"policy/nothing but a whole number"},
		},
		"a version is not looked at": {
			breaks: bodiesOfPolicy(`,"version":\d+`, ``),
			caught: []string{"policy/a version that is not"},
		},
		"nine is eight": {
			breaks: bodiesOfPolicy(`portal":9}`, `portal":8}`),
			caught: []string{"policy/1 and 9"},
		},
		"a new policy unlocks": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if strings.HasSuffix(r.URL.Path, "/policy") && r.Method == http.MethodPut {
						names, _, _ := s.store.Attempts.Locked(far(), s.client, "", 100)
						for _, name := range names {
							s.forget(keyOf(s.client, name))
						}
					}
				})
			},
			caught: []string{"policy/raising it"},
		},
		"a restart forgets": {
			breaks: func(t *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if os.Remove(restartFile(s)) == nil {
						names, _, _ := s.store.Attempts.Locked(far(), s.client, "", 100)
						for _, name := range names {
							s.forget(keyOf(s.client, name))
						}
					}
					return false
				})
				t.Cleanup(func() { _ = os.Remove(restartFile(s)) })
			},
			caught: []string{"counting/a lock and a count outlive"},
			flags:  func(s *site, _ string) []string { return []string{"-restart", "touch '" + restartFile(s) + "'"} },
		},
	}
}

// restartFile is there when the site was restarted and has not noticed.
func restartFile(s *site) string { return filepath.Join(os.TempDir(), "portcullis-restart-"+s.client) }

// bodiesOfPolicy rewrites what is sent to change a policy.
func bodiesOfPolicy(pattern, to string) func(*testing.T, *site) {
	return func(_ *testing.T, s *site) {
		s.front = before(func(_ http.ResponseWriter, r *seen) bool {
			if strings.HasSuffix(r.URL.Path, "/policy") {
				r.body = regexp.MustCompile(pattern).ReplaceAll(r.body, []byte(to))
			}
			return false
		})
	}
}
