package lockouttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// endsSession checks that a session is over for the user.
func endsSession(t *testing.T, m Mint, user access.User, refreshToken string) {
	t.Helper()
	if _, err := m.Renew(t.Context(), user, refreshToken); !isUnauthorized(err) {
		t.Errorf("renewing: got %v, want %v", err, access.ErrUnauthorized)
	}
}

// isUnauthorized tells a refusal from an outage.
func isUnauthorized(err error) bool {
	return errors.Is(err, access.ErrUnauthorized) && !errors.Is(err, lockout.ErrUnavailable)
}

// reborn returns the user who is created under the name after this one.
func reborn(user access.User) access.User {
	user.CreatedAt = user.CreatedAt.Add(time.Hour)
	user.SessionsSince = user.CreatedAt
	return user
}

func grantsExactly(t *testing.T, tokens Tokens) {
	for _, username := range []string{"ana.silva", "Ana~Silva", "żółć", `"<ana>&'`, strings.Repeat("𝒶", 64)} {
		user := tokenUser(username, access.Manager)
		user.SessionsSince = time.Date(2026, 11, 23, 10, 4, 5, 999e6, time.UTC)
		got, err := tokens.Mint.Grant(t.Context(), mint(t, tokens.Mint, user).RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		want := access.Grant{Client: user.Client, Username: username, SessionsSince: user.SessionsSince}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("grant: got -, want +:\n%s", diff)
		}
	}
}

// refusesAltered also checks that what is refused is never an outage, and that
// ending a session that is none is no error.
func refusesAltered(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Manager)
	session := mint(t, tokens.Mint, user)
	for name, token := range altered(session) {
		if grant, err := tokens.Mint.Grant(t.Context(), token); !isUnauthorized(err) {
			t.Errorf("%s: got %v, %v; want %v", name, grant, err, access.ErrUnauthorized)
		}
		endsSession(t, tokens.Mint, user, token)
		if err := tokens.Mint.Revoke(t.Context(), token); err != nil {
			t.Errorf("revoking %s: %v", name, err)
		}
	}
	if _, err := tokens.Mint.Renew(t.Context(), user, session.RefreshToken); err != nil {
		t.Errorf("the session itself: %v", err)
	}
}

// altered returns what may be taken for a session's refresh token and is not.
func altered(session access.Session) map[string]string {
	token := session.RefreshToken
	all := map[string]string{
		"nothing":                "",
		"an access token":        session.AccessToken,
		"an ID token":            session.IDToken,
		"the token twice":        token + token,
		"an over-long token":     token + strings.Repeat("A", 8<<10),
		"a very long token":      strings.Repeat("A", 1<<20),
		"separators":             "~~",
		"many separators":        strings.Repeat("~", 100),
		"the token with padding": token + "=",
	}
	for i := range token {
		other := "A"
		if token[i] == 'A' {
			other = "B"
		}
		all[fmt.Sprintf("another byte %d", i)] = token[:i] + other + token[i+1:]
		all[fmt.Sprintf("the first %d bytes", i)] = token[:i]
		all[fmt.Sprintf("a line break at byte %d", i)] = token[:i] + "\n" + token[i:]
		if i > 0 {
			all[fmt.Sprintf("all but the first %d bytes", i)] = token[i:]
		}
	}
	return all
}

func renews(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.ITUser)
	session := mint(t, tokens.Mint, user)
	seen := map[string]bool{session.AccessToken: true}
	for range 3 {
		renewed, err := tokens.Mint.Renew(t.Context(), user, session.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		verifiesAs(t, tokens.Verifier, renewed.AccessToken, user)
		refusesToken(t, *tokens.Verifier, renewed.IDToken)
		if renewed.IDToken == "" || renewed.RefreshToken != "" || renewed.ExpiresIn != sessionTime || seen[renewed.AccessToken] {
			t.Errorf("want new tokens, good for %v, and no refresh token; got them good for %v and a refresh token of %d bytes",
				sessionTime, renewed.ExpiresIn, len(renewed.RefreshToken))
		}
		seen[renewed.AccessToken] = true
	}
}

// renewsWithTheRoleNow has a role change that does not end the session, so that
// what is looked at is the role alone.
func renewsWithTheRoleNow(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Sysadmin)
	session := mint(t, tokens.Mint, user)
	user.Role = access.Manager
	if err := tokens.Mint.Enrol(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	renewed, err := tokens.Mint.Renew(t.Context(), user, session.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	verifiesAs(t, tokens.Verifier, renewed.AccessToken, user)
}

// givesNoFormerRole: whoever changes a role stores it first and tells the mint
// after, and may be stopped between the two.
func givesNoFormerRole(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Sysadmin)
	session := mint(t, tokens.Mint, user)
	user.Role = access.ITUser
	minted, mintErr := tokens.Mint.Mint(t.Context(), user)
	renewed, renewErr := tokens.Mint.Renew(t.Context(), user, session.RefreshToken)
	if tokens.KeepsUsers {
		if !errors.Is(mintErr, lockout.ErrUnavailable) || !errors.Is(renewErr, lockout.ErrUnavailable) {
			t.Errorf("got %v and %v, want both to wrap %v", mintErr, renewErr, lockout.ErrUnavailable)
		}
		return
	}
	if err := errors.Join(mintErr, renewErr); err != nil {
		t.Fatal(err)
	}
	verifiesAs(t, tokens.Verifier, minted.AccessToken, user)
	verifiesAs(t, tokens.Verifier, renewed.AccessToken, user)
}

func revokes(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Manager)
	ended, other := mint(t, tokens.Mint, user), mint(t, tokens.Mint, user)
	for range 2 {
		if err := tokens.Mint.Revoke(t.Context(), ended.RefreshToken); err != nil {
			t.Fatal(err)
		}
		endsSession(t, tokens.Mint, user, ended.RefreshToken)
	}
	if _, err := tokens.Mint.Renew(t.Context(), user, other.RefreshToken); err != nil {
		t.Errorf("another session of the user: %v", err)
	}
}

// endsByTheMark holds whatever a mint makes of SignOut: with the mark moved, the
// sessions from before are over, and new ones are not.
func endsByTheMark(t *testing.T, tokens Tokens) {
	before := tokenUser("ana.silva", access.Manager)
	session := mint(t, tokens.Mint, before)
	for _, by := range []time.Duration{time.Millisecond, -time.Millisecond, time.Hour} {
		after := before
		after.SessionsSince = after.SessionsSince.Add(by)
		endsSession(t, tokens.Mint, after, session.RefreshToken)
	}
	after := before
	after.SessionsSince = after.SessionsSince.Add(time.Minute)
	for range 2 {
		if err := tokens.Mint.SignOut(t.Context(), after); err != nil {
			t.Fatal(err)
		}
	}
	endsSession(t, tokens.Mint, after, session.RefreshToken)
	if tokens.KeepsUsers {
		endsSession(t, tokens.Mint, before, session.RefreshToken)
	}
	verifiesAs(t, tokens.Verifier, mint(t, tokens.Mint, after).AccessToken, after)
}

func removes(t *testing.T, tokens Tokens) {
	user := tokenUser("ana.silva", access.Manager)
	session := mint(t, tokens.Mint, user)
	for range 2 {
		if err := tokens.Mint.Remove(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if err := tokens.Mint.SignOut(t.Context(), user); err != nil {
			t.Errorf("signing out one who is not there: %v", err)
		}
	}
	if tokens.KeepsUsers {
		endsSession(t, tokens.Mint, user, session.RefreshToken)
		mintsNoMore(t, tokens.Mint, user)
	}
	if err := tokens.Mint.Revoke(t.Context(), session.RefreshToken); err != nil {
		t.Errorf("revoking a session of one who is not there: %v", err)
	}
}

func mintsNoMore(t *testing.T, m Mint, user access.User) {
	t.Helper()
	if _, err := m.Mint(t.Context(), user); !errors.Is(err, lockout.ErrUnavailable) || errors.Is(err, access.ErrUnauthorized) {
		t.Errorf("minting: got %v, want %v: it is no fault of the person", err, lockout.ErrUnavailable)
	}
}

// tellsIncarnationsApart: what a login or a session read before the user was
// removed is of no use with the one who has the name now.
func tellsIncarnationsApart(t *testing.T, tokens Tokens) {
	old := tokenUser("ana.silva", access.Sysadmin)
	session, now := mint(t, tokens.Mint, old), reborn(old)
	if err := tokens.Mint.Remove(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	present := mint(t, tokens.Mint, now)
	endsSession(t, tokens.Mint, now, session.RefreshToken)
	endsSession(t, tokens.Mint, old, present.RefreshToken)
	if tokens.KeepsUsers {
		endsSession(t, tokens.Mint, old, session.RefreshToken)
		mintsNoMore(t, tokens.Mint, old)
	}
	if _, err := tokens.Mint.Renew(t.Context(), now, present.RefreshToken); err != nil {
		t.Errorf("the session of the user who is there: %v", err)
	}
}

func mixesNoTokens(t *testing.T, tokens Tokens) {
	ana, other := tokenUser("ana", access.Sysadmin), tokenUser("ana", access.ITUser)
	bea := ana
	bea.Username, bea.Role = "bea", access.Manager
	users := []access.User{ana, bea, other}
	var refreshTokens []string
	for _, user := range users {
		refreshTokens = append(refreshTokens, mint(t, tokens.Mint, user).RefreshToken)
	}
	for i, user := range users {
		for j, token := range refreshTokens {
			if i != j {
				endsSession(t, tokens.Mint, user, token)
			}
		}
	}
	for _, token := range spliced(refreshTokens[0], refreshTokens[1]) {
		if grant, err := tokens.Mint.Grant(t.Context(), token); !isUnauthorized(err) {
			t.Errorf("of parts of two: got %v, %v; want %v", grant, err, access.ErrUnauthorized)
		}
	}
}

// spliced returns the tokens that take some parts of one and the others of
// another; what has no parts is taken for having two halves.
func spliced(a, b string) []string {
	partsA, partsB, joint := strings.SplitN(a, "~", 3), strings.SplitN(b, "~", 3), "~"
	if len(partsA) == 1 || len(partsA) != len(partsB) {
		partsA, partsB, joint = []string{a[:len(a)/2], a[len(a)/2:]}, []string{b[:len(b)/2], b[len(b)/2:]}, ""
	}
	var all []string
	for choice := 1; choice < 1<<len(partsA)-1; choice++ {
		mixed := make([]string, len(partsA))
		for i := range mixed {
			mixed[i] = partsA[i]
			if choice>>i&1 == 1 {
				mixed[i] = partsB[i]
			}
		}
		all = append(all, strings.Join(mixed, joint))
	}
	return all
}
