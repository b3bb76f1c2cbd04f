package lockouttest

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
)

// sessionTime is how long an access token is good: infra/identity.yaml's
// AccessTokenValidity.
const sessionTime = 15 * time.Minute

// A Mint makes sessions for the users it knows.
type Mint interface {
	// Mint begins a session of a user who is enrolled.
	Mint(ctx context.Context, user access.User) (access.Session, error)
	// Enrol makes the user known with their role. It MUST be idempotent and
	// MUST change the role of one who is known already.
	Enrol(ctx context.Context, user access.User) error
	// Remove makes the user unknown, and SignOut ends what the mint itself knows
	// of their sessions. Both MUST be idempotent, and a user who is not known is
	// no error.
	Remove(ctx context.Context, user access.User) error
	SignOut(ctx context.Context, user access.User) error
	// Grant, Renew and Revoke are httpapi.Sessions.
	Grant(ctx context.Context, refreshToken string) (access.Grant, error)
	Renew(ctx context.Context, user access.User, refreshToken string) (access.Session, error)
	Revoke(ctx context.Context, refreshToken string) error
}

// Tokens is a mint with what verifies its tokens.
type Tokens struct {
	Mint     Mint
	Verifier *bearer.Verifier
	// KeepsUsers is set for a mint that keeps users of its own, which follow
	// those that are the truth: it MUST give no session to one whom it does not
	// have as they are.
	KeepsUsers bool
}

// TestTokens runs the contract of a mint. The users are of clients that no
// other test uses, so that one mint may serve many tests.
func TestTokens(t *testing.T, open func(t *testing.T) Tokens) {
	tests := []struct {
		name string
		run  func(t *testing.T, tokens Tokens)
	}{
		{"a minted token verifies as its user, for every role", mintsForEveryRole},
		{"a token is good for fifteen minutes", expires},
		{"the other tokens of a session are refused", refusesOtherTokens},
		{"another app client's or issuer's verifier refuses the token", refusesElsewhere},
		{"users with alike names are told apart", tellsApart},
		{"enrolling again changes nothing, or the role", enrolsAgain},
		{"every session has its own tokens", mintsDistinctTokens},
		{"a refresh token tells whose it is and the exact mark of their sessions", grantsExactly},
		{"anything but a refresh token as it was handed out is refused", refusesAltered},
		{"a session is renewed, any number of times", renews},
		{"a session is renewed with the role as it is now", renewsWithTheRoleNow},
		{"a role that was taken away is given to no session", givesNoFormerRole},
		{"a session that is revoked ends, alone", revokes},
		{"the sessions of another mark are over, signed out or not", endsByTheMark},
		{"a user who is removed has no sessions", removes},
		{"a user created anew inherits nothing and passes nothing on", tellsIncarnationsApart},
		{"the tokens of two users cannot be mixed", mixesNoTokens},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// tokenUser returns a user of a client nobody has used.
func tokenUser(username string, role access.Role) access.User {
	created := time.Date(2026, 11, 23, 10, 0, 0, 123e6, time.UTC)
	return access.User{
		Client: "t" + strings.ToLower(rand.Text()), Username: username, Role: role,
		Name: "Ana Silva", Email: "ana@example.com", CreatedAt: created, SessionsSince: created.Add(time.Minute),
	}
}

func mint(t *testing.T, m Mint, user access.User) access.Session {
	t.Helper()
	if err := m.Enrol(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	session, err := m.Mint(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func verifiesAs(t *testing.T, v *bearer.Verifier, token string, user access.User) {
	t.Helper()
	got, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	if age := v.Now().Sub(got.IssuedAt); age < -time.Minute || age > time.Minute {
		t.Errorf("the token was issued %v ago, want just now", age)
	}
	want := access.Caller{Client: user.Client, Username: user.Username, Role: user.Role, IssuedAt: got.IssuedAt}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("caller: got -, want +:\n%s", diff)
	}
}

func refusesToken(t *testing.T, v bearer.Verifier, token string) {
	t.Helper()
	if caller, err := v.Verify(t.Context(), token); !errors.Is(err, access.ErrUnauthorized) {
		t.Errorf("got %v, %v; want %v", caller, err, access.ErrUnauthorized)
	}
}

func mintsForEveryRole(t *testing.T, tokens Tokens) {
	for _, role := range access.Roles() {
		user := tokenUser("ana.silva", role)
		verifiesAs(t, tokens.Verifier, mint(t, tokens.Mint, user).AccessToken, user)
	}
}

func expires(t *testing.T, tokens Tokens) {
	session := mint(t, tokens.Mint, tokenUser("ana.silva", access.Manager))
	if session.ExpiresIn != sessionTime {
		t.Errorf("the session says it is good for %v, want %v", session.ExpiresIn, sessionTime)
	}
	now := tokens.Verifier.Now
	later := *tokens.Verifier
	later.Now = func() time.Time { return now().Add(sessionTime - time.Minute) }
	if _, err := later.Verify(t.Context(), session.AccessToken); err != nil {
		t.Errorf("a minute before the end: %v", err)
	}
	later.Now = func() time.Time { return now().Add(sessionTime + time.Minute) }
	refusesToken(t, later, session.AccessToken)
}

func refusesOtherTokens(t *testing.T, tokens Tokens) {
	session := mint(t, tokens.Mint, tokenUser("ana.silva", access.Sysadmin))
	if session.IDToken == "" || session.RefreshToken == "" {
		t.Fatal("the session lacks an ID token or a refresh token")
	}
	refusesToken(t, *tokens.Verifier, session.IDToken)
	refusesToken(t, *tokens.Verifier, session.RefreshToken)
}

func refusesElsewhere(t *testing.T, tokens Tokens) {
	session := mint(t, tokens.Mint, tokenUser("ana.silva", access.Sysadmin))
	other := *tokens.Verifier
	other.ClientID += "x"
	refusesToken(t, other, session.AccessToken)
	other = *tokens.Verifier
	other.Issuer += "/"
	refusesToken(t, other, session.AccessToken)
}

func tellsApart(t *testing.T, tokens Tokens) {
	lower := tokenUser("ana", access.Sysadmin)
	upper, other := lower, tokenUser("ana", access.ITUser)
	upper.Username, upper.Role = "Ana", access.Manager
	var sessions []access.Session
	users := []access.User{lower, upper, other}
	for _, user := range users {
		sessions = append(sessions, mint(t, tokens.Mint, user))
	}
	for i, user := range users {
		verifiesAs(t, tokens.Verifier, sessions[i].AccessToken, user)
	}
}

func enrolsAgain(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Sysadmin)
	for _, role := range []access.Role{access.Sysadmin, access.Sysadmin, access.ITUser, access.Superuser} {
		user.Role = role
		verifiesAs(t, tokens.Verifier, mint(t, tokens.Mint, user).AccessToken, user)
	}
}

func mintsDistinctTokens(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Manager)
	first, second := mint(t, tokens.Mint, user), mint(t, tokens.Mint, user)
	if first.AccessToken == second.AccessToken || first.RefreshToken == second.RefreshToken {
		t.Error("two sessions share a token")
	}
}
