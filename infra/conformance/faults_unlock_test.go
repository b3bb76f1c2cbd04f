package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
)

func unlockFaults() map[string]fault {
	unlocks := regexp.MustCompile(`/unlocks?$`)
	return map[string]fault{
		"a Superuser is a Sysadmin": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, client string, r authorizing) (access.Role, string) {
					if role == access.Superuser {
						role = access.Sysadmin
					}
					return role, client
				})
			},
			caught: []string{
				"unlock/only a Sysadmin may", "unlock/the trail is for Sysadmins", "policy/only a Sysadmin changes", "sessions/a Superuser opens no lock",
			},
		},
		"a token is read and not verified": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, client string, _ authorizing) (access.Role, string) { return role, client })
			},
			caught: []string{"unlock/only a good access token"},
		},
		"a token opens any client": {
			breaks: func(_ *testing.T, s *site) {
				s.authorizer = readsTokens(func(role access.Role, _ string, r authorizing) (access.Role, string) {
					return role, r.PathParameters["client"]
				})
			},
			caught: []string{"unlock/not in another client"},
		},
		"what is refused is unlocked all the same": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					if !unlocks.MatchString(r.URL.Path) || a.Code == http.StatusUnauthorized {
						return
					}
					var body struct{ Usernames any }
					_ = json.Unmarshal(r.body, &body)
					names, _ := body.Usernames.([]any)
					if one, ok := body.Usernames.(string); ok {
						names = []any{one}
					}
					s.forget(s.userInPath(r))
					for _, name := range names {
						if text, ok := name.(string); ok {
							s.forget(keyOf(s.client, text))
						}
					}
				})
			},
			caught: []string{
				"unlock/nobody unlocks themselves", "unlock/a name that nobody has", "unlock/a body that is wrong", "unlock/many at once is refused",
				"unlock/another lock's id", "unlock/only a Sysadmin may",
			},
		},
		"a lock_id is not looked at": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if unlocks.MatchString(r.URL.Path) {
						r.body = regexp.MustCompile(`"lock_id":"[^"]+",?`).ReplaceAll(r.body, nil)
					}
					return false
				})
			},
			caught: []string{"unlock/another lock's id"},
		},
		"an unlock always finds a lock": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(r seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if _, ok := body["was_locked"]; ok {
							body["was_locked"] = true
						}
					})
				})
			},
			caught: []string{"unlock/twice", "unlock/clears a count", "concurrency/of two unlocks"},
		},
		"the rows are in another order": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if rows, ok := body["results"].([]any); ok {
							slices.Reverse(rows)
						}
					})
				})
			},
			caught: []string{"unlock/many at once says"},
		},
		"the Sysadmin sees no evidence": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						if _, ok := body["evidence"]; ok {
							body["evidence"] = []any{}
						}
					})
				})
			},
			caught: []string{"unlock/the lock is seen"},
		},
		"the trail has no evidence": {
			breaks: func(_ *testing.T, s *site) {
				s.front = after(func(_ seen, a *httptest.ResponseRecorder) {
					change(a, func(body map[string]any) {
						entries, _ := body["entries"].([]any)
						for _, e := range entries {
							if details, ok := e.(map[string]any)["details"].(map[string]any); ok {
								delete(details, "evidence")
							}
						}
					})
				})
			},
			caught: []string{"unlock/the lock and the unlock are in the trail"},
		},
	}
}

type authorizing = events.APIGatewayCustomAuthorizerRequestTypeRequest

// readsTokens is an authorizer that believes whatever a token says, and lets in
// whom the table allows as the one that become makes of them.
func readsTokens(become func(role access.Role, client string, r authorizing) (access.Role, string)) func(httpapi.AuthorizerFunc) httpapi.AuthorizerFunc {
	return func(next httpapi.AuthorizerFunc) httpapi.AuthorizerFunc {
		return func(ctx context.Context, r authorizing) (events.APIGatewayCustomAuthorizerResponse, error) {
			var claims struct {
				Username string   `json:"username"`
				Groups   []string `json:"cognito:groups"`
			}
			parts := strings.Split(r.Headers["Authorization"], ".")
			if len(parts) == 3 {
				text, _ := base64.RawURLEncoding.DecodeString(parts[1])
				_ = json.Unmarshal(text, &claims)
			}
			client, username, _ := strings.Cut(claims.Username, "/")
			if username == "" || len(claims.Groups) != 1 {
				return next(ctx, r)
			}
			role, client := become(access.Role(claims.Groups[0]), client, r)
			route, _ := access.FindRoute(r.HTTPMethod, r.Resource)
			answer := events.APIGatewayCustomAuthorizerResponse{Context: map[string]any{"client": client, "username": username, "role": string(role)}}
			effect := "Allow"
			if (access.Caller{Client: client, Username: username, Role: role}).Check(route.Action, r.PathParameters["client"]) != nil {
				effect = "Deny"
			}
			answer.PolicyDocument.Statement = []events.IAMPolicyStatement{{Effect: effect}}
			return answer, nil
		}
	}
}
