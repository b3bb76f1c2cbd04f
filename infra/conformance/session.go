package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// A session is a Sysadmin who is logged in for the whole run. It is safe for
// concurrent use.
type session struct {
	wire    *wire
	account account
	refresh string

	mu     sync.Mutex
	token  string
	expiry time.Time // of the token, with time to spare
}

// enter logs an account in, once: a wrong password must not lock a Sysadmin.
func (u *suite) enter(ctx context.Context, a account) (*session, error) {
	who := person{client: a.client, username: a.username}
	got, err := u.wire.send(ctx, loginRequest(who, a.password))
	if err != nil {
		return nil, err
	}
	if got.status != http.StatusOK || got.text("access_token") == "" {
		return nil, fmt.Errorf("logging %s/%s in: got %s, want 200", a.client, a.username, got)
	}
	for _, fault := range got.faults {
		u.told.note("the first login is not as openapi.yaml says: %s", u.hidden(fault, got))
	}
	s := &session{wire: u.wire, account: a, refresh: got.text("refresh_token")}
	s.keep(got)
	return s, nil
}

// keep takes the access token of an answer.
func (s *session) keep(a answer) {
	seconds, _ := a.body["expires_in"].(float64)
	s.token, s.expiry = a.text("access_token"), time.Now().Add(time.Duration(seconds/2)*time.Second)
}

// send sends a request as the Sysadmin.
func (s *session) send(ctx context.Context, r request) (answer, error) {
	token, err := s.good(ctx)
	if err != nil {
		return answer{}, err
	}
	r.token = token
	return s.wire.send(ctx, r)
}

// good returns an access token that is good for a while.
func (s *session) good(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.expiry) {
		return s.token, nil
	}
	a, err := s.wire.send(ctx, tokenRequest("/token", s.refresh))
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", fmt.Errorf("renewing the session of %s/%s: got %s, want 200", s.account.client, s.account.username, a)
	}
	s.keep(a)
	return s.token, nil
}

// tokenInText is a token within an answer, which may be cut off.
var tokenInText = regexp.MustCompile(`"(access_token|id_token|refresh_token)": ?"[^"]*"?`)

// hidden is what the contract has against an answer, without what nobody may
// read: the contract quotes requests and answers.
func (s *settings) hidden(fault error, a answer) string {
	text := tokenInText.ReplaceAllString(fault.Error(), `"$1":"…"`)
	for _, secret := range []string{
		a.text("access_token"), a.text("id_token"), a.text("refresh_token"), s.root.password, s.other.password,
	} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}
