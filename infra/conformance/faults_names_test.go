package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

func nameFaults() map[string]fault {
	under := func(as func(lockout.Key) lockout.Key) func(*testing.T, *site) {
		return func(_ *testing.T, s *site) { s.records = keyed{s.records, as} }
	}
	typed := func(as func(client, username string) (string, string)) func(*testing.T, *site) {
		return func(_ *testing.T, s *site) {
			s.loginKey = func(client, username string) (lockout.Key, error) { return users.LoginKey(as(client, username)) }
		}
	}
	return map[string]fault{
		"a client has one count": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey(k.Client(), "everybody") }),
			caught: []string{"counting/one user's lock"},
		},
		"each spelling has a count of its own": {
			breaks: func(_ *testing.T, s *site) {
				s.loginKey = func(client, username string) (lockout.Key, error) { return lockout.NewKey(client, username), nil }
				s.credentials = canonical{s.credentials}
			},
			caught: []string{"names/spellings that Unicode holds"},
		},
		"names are lower case at the login": {
			breaks: typed(func(client, username string) (string, string) { return client, strings.ToLower(username) }),
			caught: []string{"names/spellings that are other names", "names/two users"},
		},
		"blanks around a name are dropped": {
			breaks: typed(func(client, username string) (string, string) { return client, strings.TrimSpace(username) }),
			caught: []string{"names/spellings that are other names"},
		},
		"counts are kept in lower case": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey(k.Client(), strings.ToLower(k.Username())) }),
			caught: []string{"names/two users"},
		},
		"counts are kept under 64 bytes of a name": {
			breaks: under(func(k lockout.Key) lockout.Key {
				return lockout.NewKey(k.Client(), k.Username()[:min(64, len(k.Username()))])
			}),
			caught: []string{"names/two long names"},
		},
		"clients are lower case without blanks": {
			breaks: typed(func(client, username string) (string, string) {
				return strings.ToLower(strings.TrimSpace(client)), username
			}),
			caught: []string{"names/the name of the client"},
		},
		"counts are kept without the client": {
			breaks: under(func(k lockout.Key) lockout.Key { return lockout.NewKey("all", k.Username()) }),
			caught: []string{"names/a client that is not there", "names/the same name in two clients"},
		},
		"a path is not decoded": {
			breaks: func(_ *testing.T, s *site) {
				s.front = before(func(_ http.ResponseWriter, r *seen) bool {
					if strings.Contains(r.URL.EscapedPath(), "%6") {
						r.URL = &url.URL{Path: "/nothing"}
					}
					return false
				})
			},
			caught: []string{"names/a name percent-encoded"},
		},
	}
}

// canonical finds the credential of whoever a spelling means.
type canonical struct {
	lockout.Credentials[users.Credential]
}

func (c canonical) Credential(ctx context.Context, key lockout.Key) (users.Credential, error) {
	return c.Credentials.Credential(ctx, keyOf(key.Client(), key.Username()))
}
