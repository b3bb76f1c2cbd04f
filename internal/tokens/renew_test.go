package tokens_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/tokens"
)

// begun enrols ana and returns the refresh token of a session of hers.
func (p *pool) begun(t testing.TB) string {
	t.Helper()
	m := p.minter(time.Now)
	if err := m.Enrol(t.Context(), ana); err != nil {
		t.Fatal(err)
	}
	session, err := m.Mint(t.Context(), ana)
	if err != nil {
		t.Fatal(err)
	}
	p.calls, p.sent = nil, nil
	return session.RefreshToken
}

func refusesSession(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, access.ErrUnauthorized) || errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want %v alone", err, access.ErrUnauthorized)
	}
}

func TestARefreshTokenIsAnEnvelope(t *testing.T) {
	p := newPool()
	token := p.begun(t)
	stamp, rest, _ := strings.Cut(token, "~")
	mac, bare, _ := strings.Cut(rest, "~")
	// printf '{"client":"acme","username":"ana.silva","sessions_since":1795431600123}' | basenc --base64url | tr -d =
	wantStamp := "eyJjbGllbnQiOiJhY21lIiwidXNlcm5hbWUiOiJhbmEuc2lsdmEiLCJzZXNzaW9uc19zaW5jZSI6MTc5NTQzMTYwMDEyM30"
	if stamp != wantStamp || len(mac) != 43 || bare != poolToken {
		t.Errorf("got %s ~ %d bytes ~ %s; want %s ~ 43 bytes ~ %s", stamp, len(mac), bare, wantStamp, poolToken)
	}
}

func TestAGrantAsksNobodyButForTheSecret(t *testing.T) {
	p := newPool()
	token := p.begun(t)
	got, err := p.minter(time.Now).Grant(t.Context(), token)
	want := access.Grant{Client: "acme", Username: "ana.silva", SessionsSince: ana.SessionsSince}
	if diff := cmp.Diff(got, want); err != nil || diff != "" {
		t.Errorf("grant: %v, got -, want +:\n%s", err, diff)
	}
	if diff := cmp.Diff(p.calls, []string{"GetParameter"}); diff != "" {
		t.Errorf("calls: got -, want +:\n%s", diff)
	}
}

// The pool of these tests ends no session by itself, so what refuses is ours.
func TestRenewAsksThePoolOnlyForThePresentSessionsOfTheUser(t *testing.T) {
	for name, change := range map[string]func(*access.User){
		"another client":   func(u *access.User) { u.Client = "other" },
		"another username": func(u *access.User) { u.Username = "Ana.Silva" },
		"a later mark":     func(u *access.User) { u.SessionsSince = u.SessionsSince.Add(time.Millisecond) },
		"an earlier mark":  func(u *access.User) { u.SessionsSince = u.SessionsSince.Add(-time.Millisecond) },
		"no mark":          func(u *access.User) { u.SessionsSince = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			p, user := newPool(), ana
			token := p.begun(t)
			change(&user)
			_, err := p.minter(time.Now).Renew(t.Context(), user, token)
			refusesSession(t, err)
			if p.count("AdminInitiateAuth") != 0 {
				t.Error("asked the pool")
			}
		})
	}
}

func TestThePoolGetsItsOwnTokenAndTheProofOfTheClient(t *testing.T) {
	p := newPool()
	token := p.begun(t)
	if _, err := p.minter(time.Now).Renew(t.Context(), ana, token); err != nil {
		t.Fatal(err)
	}
	if err := p.minter(time.Now).Revoke(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if p.session {
		t.Error("the pool still has the session")
	}
	var got map[string]any
	must(nil, json.Unmarshal([]byte(p.sent[slices.Index(p.calls, "AdminInitiateAuth")]), &got))
	want := map[string]any{
		"UserPoolId": "p_1", "ClientId": "c1", "AuthFlow": "REFRESH_TOKEN_AUTH",
		"AuthParameters": map[string]any{"REFRESH_TOKEN": poolToken, "SECRET_HASH": secretHashes[firstClientSecret]},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("sent: got -, want +:\n%s", diff)
	}
}

func TestASessionThatThePoolRefusesIsOver(t *testing.T) {
	for name, end := range map[string]func(*pool){
		"revoked, expired or of one who is gone": func(p *pool) { p.session = false },
		"of one whom the pool does not know":     func(p *pool) { p.password = "" },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool()
			token := p.begun(t)
			end(p)
			_, err := p.minter(time.Now).Renew(t.Context(), ana, token)
			refusesSession(t, err)
			if strings.Contains(err.Error(), poolToken) {
				t.Errorf("the error tells a token: %v", err)
			}
		})
	}
}

func TestTheTokensOfSomebodyElseAreHandedToNobody(t *testing.T) {
	for name, owner := range map[string]string{
		"another client's": "other/ana.silva", "another user's": "acme/Ana.Silva", "nobody's": "", "no client's": "ana.silva",
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool()
			token := p.begun(t)
			p.owner = owner
			m := p.minter(time.Now)
			_, err := m.Mint(t.Context(), ana)
			unavailable(t, err, p)
			_, err = m.Renew(t.Context(), ana, token)
			unavailable(t, err, p)
		})
	}
}

func TestARoleThatThePoolHasLateIsAnOutage(t *testing.T) {
	for name, groups := range map[string][]string{
		"the former role": {"Sysadmin"}, "none": nil, "two": {"Manager", "Sysadmin"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool()
			token := p.begun(t)
			p.groups = groups
			m := p.minter(time.Now)
			_, err := m.Mint(t.Context(), ana)
			unavailable(t, err, p)
			_, err = m.Renew(t.Context(), ana, token)
			unavailable(t, err, p)
		})
	}
}

// A calling is one thing that a minter does by calling backends.
type calling struct {
	do         func(ctx context.Context, m *tokens.Minter, refreshToken string) error
	operations []string
}

var callings = map[string]calling{
	"Grant": {func(ctx context.Context, m *tokens.Minter, token string) error {
		_, err := m.Grant(ctx, token)
		return err
	}, []string{"GetParameter"}},
	"Renew": {func(ctx context.Context, m *tokens.Minter, token string) error {
		_, err := m.Renew(ctx, ana, token)
		return err
	}, []string{"GetParameter", "DescribeUserPoolClient", "AdminInitiateAuth"}},
	"Revoke": {func(ctx context.Context, m *tokens.Minter, token string) error {
		return m.Revoke(ctx, token)
	}, []string{"GetParameter", "DescribeUserPoolClient", "RevokeToken"}},
	"Remove": {func(ctx context.Context, m *tokens.Minter, _ string) error {
		return m.Remove(ctx, ana)
	}, []string{"AdminDeleteUser"}},
	"SignOut": {func(ctx context.Context, m *tokens.Minter, _ string) error {
		return m.SignOut(ctx, ana)
	}, []string{"AdminUserGlobalSignOut"}},
}

func TestAFailureOfTheBackendTellsNoSecretAndIsMendedByTryingAgain(t *testing.T) {
	for name, c := range callings {
		for _, operation := range c.operations {
			for _, when := range []string{"before", "after"} {
				t.Run(name+" with "+operation+" that fails "+when+" its effect", func(t *testing.T) {
					p := newPool()
					token := p.begun(t)
					if p.fail = operation; when == "after" {
						p.fail, p.lost = "", operation
					}
					m := p.minter(time.Now)
					unavailable(t, c.do(t.Context(), m, token), p)
					p.fail, p.lost = "", ""
					if err := c.do(t.Context(), m, token); err != nil {
						t.Errorf("trying again: %v", err)
					}
				})
			}
		}
	}
}

func TestAMinterCallsNothingBesides(t *testing.T) {
	for name, c := range callings {
		t.Run(name, func(t *testing.T) {
			p := newPool()
			token := p.begun(t)
			if err := c.do(t.Context(), p.minter(time.Now), token); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p.calls, c.operations); diff != "" {
				t.Errorf("calls: got -, want +:\n%s", diff)
			}
		})
	}
}

func TestAReplacedClientSecretIsFoundWhenRenewingAndRevoking(t *testing.T) {
	for _, name := range []string{"Renew", "Revoke"} {
		t.Run(name, func(t *testing.T) {
			p, clock := newPool(), time.Now()
			token := p.begun(t)
			m := p.minter(func() time.Time { return clock })
			if _, err := m.Renew(t.Context(), ana, token); err != nil {
				t.Fatal(err)
			}
			p.client = secondClientSecret
			clock = clock.Add(time.Minute)
			if err := callings[name].do(t.Context(), m, token); err != nil {
				t.Errorf("after a minute: %v", err)
			}
			if got := p.count("DescribeUserPoolClient"); got != 2 {
				t.Errorf("read the secret %d times, want 2", got)
			}
		})
	}
}

// A session that began under a new token secret is not refused by a process that
// holds the one before.
func TestAReplacedTokenSecretIsFoundByAGrant(t *testing.T) {
	p, clock := newPool(), time.Now()
	old := p.begun(t)
	m := p.minter(func() time.Time { return clock })
	if _, err := m.Grant(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	p.secret = secondSecret
	token := p.begun(t)
	clock = clock.Add(time.Minute)
	if _, err := m.Grant(t.Context(), token); err != nil {
		t.Error(err)
	}
	_, err := m.Grant(t.Context(), old)
	refusesSession(t, err)
}

func TestForgedTokensReadTheSecretOnceAMinute(t *testing.T) {
	p, clock := newPool(), time.Now()
	forged := p.begun(t) + "x"
	m := p.minter(func() time.Time { return clock })
	for range 5 {
		clock = clock.Add(30 * time.Second)
		_, err := m.Grant(t.Context(), forged)
		refusesSession(t, err)
		_, err = m.Grant(t.Context(), "not even an envelope")
		refusesSession(t, err)
	}
	if got := p.count("GetParameter"); got != 3 {
		t.Errorf("read the secret %d times in two minutes, want 3", got)
	}
}
