package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// nothingRenewed is what must hold after a refused renewal.
func nothingRenewed(t *testing.T, w *world) {
	t.Helper()
	if len(w.sessions.renewed) != 0 || len(w.sessions.revoked) != 0 {
		t.Errorf("renewed for %+v, revoked %v", w.sessions.renewed, w.sessions.revoked)
	}
}

func TestASessionIsRenewedWithTheRoleOfNow(t *testing.T) {
	w := newWorld(t)
	w.people.all[0].Role = access.ITUser
	a := w.send(t, recorded(t, "token/plain"))
	want := `{"token_type":"Bearer","access_token":"t0ken new access","id_token":"t0ken new id","expires_in":900}`
	if diff := cmp.Diff(a.Body, want); a.StatusCode != 200 || diff != "" {
		t.Errorf("status %d, body (-got +want):\n%s", a.StatusCode, diff)
	}
	if diff := cmp.Diff(w.sessions.renewed, w.people.all[:1]); diff != "" {
		t.Errorf("renewed for (-got +want):\n%s", diff)
	}
	line := w.log.last(t)
	if line["msg"] != "authn_token_created" || line["client"] != "acme" || line["username"] != "ana.silva" || line["outcome"] != "ok" {
		t.Errorf("logged as %v", line)
	}
}

func TestASessionThatIsOverIsNotRenewed(t *testing.T) {
	for _, name := range []string{
		"not-ours", "of-a-ghost", "of-a-name-that-nobody-can-have", "of-another-client", "from-before", "from-the-future",
		"of-exactly-6-KiB", "plain",
	} {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			w := newWorld(t)
			if name == "plain" {
				w.sessions.revoked[anasToken] = true
			}
			a := w.send(t, recorded(t, "token/"+name))
			if a.StatusCode != 401 || a.kind() != "unauthorized" || a.fields["detail"] != "This session is over. Log in again." {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			if len(w.sessions.renewed) != 0 {
				t.Errorf("renewed for %+v", w.sessions.renewed)
			}
			if line := w.log.last(t); line["msg"] != "request" || line["outcome"] != "unauthorized" || line["error"] != nil {
				t.Errorf("logged as %v", line)
			}
		})
	}
}

// TestALockHoldsOnThisPathToATokenToo also shows the order: whoever's session is
// over is not told whether they are locked.
func TestALockHoldsOnThisPathToATokenToo(t *testing.T) {
	w := lockedWorld(t)
	a := w.send(t, recorded(t, "token/plain"))
	if a.StatusCode != 423 || a.kind() != "user-locked" || a.fields["detail"] != "Ask a Sysadmin of acme to unlock this user." {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if a := w.send(t, recorded(t, "token/from-before")); a.StatusCode != 401 {
		t.Errorf("of a session that is over, got %d %s", a.StatusCode, a.Body)
	}
	nothingRenewed(t, w)
}

func TestALoginFromBeforeAPasswordWasSetIsOver(t *testing.T) {
	w := newWorld(t)
	w.people.all[0].SessionsSince = start
	if a := w.send(t, recorded(t, "token/plain")); a.StatusCode != 401 {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	if a := w.send(t, recorded(t, "token/from-the-future")); a.StatusCode != 200 {
		t.Errorf("of a session under the new password, got %d %s", a.StatusCode, a.Body)
	}
}

func TestARenewalDuringAnOutageIsUnavailable(t *testing.T) {
	tests := map[string]func(*world){
		"the grant cannot be read":                 func(w *world) { w.sessions.fault = failing("grant", errOutage) },
		"the mint does not answer":                 func(w *world) { w.sessions.fault = failing("renew", errors.New("pool on fire")) },
		"the users do not answer":                  func(w *world) { w.people.err = errOutage },
		"the attempts do not answer":               func(w *world) { w.gate.Attempts = outOfOrder(w) },
		"the attempts do not answer for nobody":    func(w *world) { w.people, w.gate.Attempts = people{}, outOfOrder(w) },
		"what the mint refuses is an outage of it": func(w *world) { w.sessions.fault = failing("renew", errors.Join(access.ErrUnauthorized, errOutage)) },
	}
	for name, meddle := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			meddle(w)
			a := w.send(t, recorded(t, "token/plain"))
			if a.StatusCode != 503 || a.Headers["Retry-After"] != "5" || strings.Contains(a.Body, "fire") {
				t.Errorf("got %d %v %s", a.StatusCode, a.Headers, a.Body)
			}
			nothingRenewed(t, w)
		})
	}
}

// failing returns a fault of one kind of call.
func failing(at string, err error) func(string) error {
	return func(call string) error {
		if call != at {
			return nil
		}
		return err
	}
}

func outOfOrder(w *world) lockout.Attempts {
	return &lockouttest.Faulty{Attempts: w.attempts, FailFrom: 1, Fault: lockouttest.FaultBefore}
}

func TestALogoutEndsTheSession(t *testing.T) {
	w := newWorld(t)
	if a := w.send(t, recorded(t, "logout/plain")); a.StatusCode != 204 || !w.sessions.revoked[anasToken] {
		t.Errorf("got %d %s, revoked %v", a.StatusCode, a.Body, w.sessions.revoked)
	}
	line := w.log.last(t)
	if line["msg"] != "authn_token_revoked" || line["client"] != "acme" || line["username"] != "ana.silva" {
		t.Errorf("logged as %v", line)
	}
	if a := w.send(t, recorded(t, "token/plain")); a.StatusCode != 401 {
		t.Errorf("a renewal after it: got %d %s", a.StatusCode, a.Body)
	}
	if a := w.send(t, recorded(t, "logout/plain")); a.StatusCode != 204 {
		t.Errorf("a second time: got %d %s", a.StatusCode, a.Body)
	}
}

func TestALogoutOfNothingIsAnsweredTheSame(t *testing.T) {
	for _, name := range []string{"not-ours", "of-exactly-6-KiB"} {
		w := newWorld(t)
		if a := w.send(t, recorded(t, "logout/"+name)); a.StatusCode != 204 {
			t.Errorf("%s: got %d %s", name, a.StatusCode, a.Body)
		}
		nothingRenewed(t, w)
		if line := w.log.last(t); line["msg"] != "request" || line["outcome"] != "ok" {
			t.Errorf("%s: logged as %v", name, line)
		}
	}
}

func TestALogoutDuringAnOutageIsUnavailable(t *testing.T) {
	for _, call := range []string{"grant", "revoke"} {
		w := newWorld(t)
		w.sessions.fault = failing(call, errors.New("pool on fire"))
		a := w.send(t, recorded(t, "logout/plain"))
		if a.StatusCode != 503 || a.Headers["Retry-After"] != "5" || w.log.last(t)["level"] != "ERROR" {
			t.Errorf("%s: got %d %s, logged as %v", call, a.StatusCode, a.Body, w.log.last(t))
		}
	}
}

func TestABadRefreshTokenIsRefused(t *testing.T) {
	token := wrongField("refresh_token")
	for _, route := range []string{"token", "logout"} {
		refuses(t, route+"/refused", map[string]aRefusal{
			"no-token": token, "empty-token": token, "over-long-token": token, "token-of-the-wrong-type": token,
			"null-token": token, "duplicate-field": token, "NUL-byte-in-the-token": token, "query-parameter": token,
			"unknown-field": wrongField("client"),
			"no-body":       notJSON, "not-JSON": notJSON, "null": notJSON, "an-array": notJSON, "trailing-JSON": notJSON,
			"form": unsupported, "9-KiB-body": tooLarge,
		}, nothingRenewed)
	}
}

// sessions is a mint's sessions in memory.
type sessions struct {
	grants  map[string]access.Grant // by refresh token
	revoked map[string]bool
	renewed []access.User
	// fault, if not nil, is what each call begins with.
	fault func(call string) error
}

// anasToken is the refresh token of ana.silva in the recorded events.
const anasToken = "t0ken of ana"

func newSessions() *sessions {
	return &sessions{revoked: map[string]bool{}, grants: map[string]access.Grant{
		anasToken:                 {Client: "acme", Username: "ana.silva", SessionsSince: start.Add(-time.Hour)},
		"t0ken of a ghost":        {Client: "acme", Username: "ghost", SessionsSince: start.Add(-time.Hour)},
		"t0ken of nobody's name":  {Client: "acme", Username: "a/b", SessionsSince: start.Add(-time.Hour)},
		"t0ken from before":       {Client: "acme", Username: "ana.silva", SessionsSince: start.Add(-time.Hour - time.Millisecond)},
		"t0ken from the future":   {Client: "acme", Username: "ana.silva", SessionsSince: start},
		"t0ken of another client": {Client: "other", Username: "ana.silva", SessionsSince: start.Add(-time.Hour)},
	}}
}

func (s *sessions) asked(call string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(call)
}

func (s *sessions) Grant(_ context.Context, refreshToken string) (access.Grant, error) {
	grant, ours := s.grants[refreshToken]
	if !ours {
		return access.Grant{}, access.ErrUnauthorized
	}
	return grant, s.asked("grant")
}

func (s *sessions) Renew(_ context.Context, user access.User, refreshToken string) (access.Session, error) {
	if err := s.asked("renew"); err != nil {
		return access.Session{}, err
	}
	grant := s.grants[refreshToken]
	if s.revoked[refreshToken] || grant.Client != user.Client || grant.Username != user.Username {
		return access.Session{}, access.ErrUnauthorized
	}
	s.renewed = append(s.renewed, user)
	return access.Session{AccessToken: "t0ken new access", IDToken: "t0ken new id", ExpiresIn: 15 * time.Minute}, nil
}

func (s *sessions) Revoke(_ context.Context, refreshToken string) error {
	if err := s.asked("revoke"); err != nil {
		return err
	}
	s.revoked[refreshToken] = true
	return nil
}
