package httpapi_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/httpapi"
)

type authorizerEvent = events.APIGatewayCustomAuthorizerRequestTypeRequest

// A verifier knows one token, of one caller.
type verifier struct {
	caller access.Caller
	err    error
}

func (v verifier) Verify(_ context.Context, token string) (access.Caller, error) {
	switch {
	case v.err != nil:
		return access.Caller{}, v.err
	case token != "t0ken":
		return access.Caller{}, access.ErrUnauthorized
	}
	return v.caller, nil
}

// unchanged are users among whom a verifier's caller still is who the token
// says.
func unchanged(v httpapi.TokenVerifier) people {
	c := root
	if known, ok := v.(verifier); ok {
		c = known.caller
	}
	return people{all: []access.User{{Client: c.Client, Username: c.Username, Role: c.Role, SessionsSince: c.IssuedAt}}}
}

// effect asks the authorizer, and returns the policy's effect, or the error.
func effect(t *testing.T, w *world, v httpapi.TokenVerifier, event authorizerEvent) string {
	t.Helper()
	answer, err := httpapi.Authorizer(w.edge, v, unchanged(v))(t.Context(), event)
	if err != nil {
		if diff := cmp.Diff(answer, events.APIGatewayCustomAuthorizerResponse{}); diff != "" {
			t.Errorf("answer beside an error: %s", diff)
		}
		return err.Error()
	}
	statements := answer.PolicyDocument.Statement
	if len(statements) != 1 || cmp.Diff(statements[0].Resource, []string{event.MethodArn}) != "" {
		t.Errorf("policy is not for exactly the method: %+v", statements)
	}
	return statements[0].Effect
}

func TestTheAuthorizerReadsOneBearerToken(t *testing.T) {
	want := map[string]string{
		"bearer": "Allow", "scheme-in-lower-case": "Allow",
		"no-header": "Unauthorized", "empty-header": "Unauthorized", "no-scheme": "Unauthorized",
		"another-scheme": "Unauthorized", "no-token": "Unauthorized", "two-headers": "Unauthorized",
		"two-headers-in-different-cases": "Unauthorized", "over-long-header": "Unauthorized",
		"unknown-route": "Deny", "unknown-method": "Deny", "open-route": "Deny", "no-path-parameters": "Deny",
		"another-client": "Deny",
	}
	for _, name := range recordings(t, "authorizer") {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			w := newWorld(t)
			event := decoded[authorizerEvent](t, "authorizer/"+name)
			if got := effect(t, w, verifier{caller: root}, event); got != want[name] {
				t.Errorf("got %s, want %s", got, want[name])
			}
			lines := map[string]string{"Deny": "authz_fail", "Unauthorized": "request"}
			if line := lines[want[name]]; line != "" && w.log.last(t)["msg"] != line {
				t.Errorf("logged as %v", w.log.last(t))
			}
		})
	}
}

func TestATokenIsAsGoodAsItsCallerIsNow(t *testing.T) {
	issued := start.Truncate(time.Second)
	caller := root
	caller.IssuedAt = issued
	now := access.User{Client: "acme", Username: "root", Role: access.Sysadmin, SessionsSince: issued.Add(-time.Hour)}
	for _, c := range []struct {
		name   string
		change func(*people)
		want   string
	}{
		{"as they were", func(*people) {}, "Allow"},
		{"deleted", func(p *people) { p.all = nil }, "Unauthorized"},
		{"with less of a role", func(p *people) { p.all[0].Role = access.ITUser }, "Unauthorized"},
		{"with more of a role than the token", func(p *people) { p.all[0].Role = "" }, "Unauthorized"},
		{"with sessions that begin later", func(p *people) { p.all[0].SessionsSince = issued.Add(3 * time.Second) }, "Unauthorized"},
		{"with sessions that begin in the token's second", func(p *people) { p.all[0].SessionsSince = issued.Add(999 * time.Millisecond) }, "Allow"},
		{"behind a store that does not answer", func(p *people) { p.err = errOutage }, "the token could not be checked"},
	} {
		t.Run("a caller "+c.name, func(t *testing.T) {
			w, users := newWorld(t), people{all: []access.User{now}}
			c.change(&users)
			event := decoded[authorizerEvent](t, "authorizer/bearer")
			answer, err := httpapi.Authorizer(w.edge, verifier{caller: caller}, users)(t.Context(), event)
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			case len(answer.PolicyDocument.Statement) == 1:
				got = answer.PolicyDocument.Statement[0].Effect
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheAuthorizerPassesTheCallerOn(t *testing.T) {
	event := decoded[authorizerEvent](t, "authorizer/bearer")
	v := verifier{caller: root}
	got, err := httpapi.Authorizer(newWorld(t).edge, v, unchanged(v))(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	want := events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: "acme/root",
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version: "2012-10-17",
			Statement: []events.IAMPolicyStatement{{
				Action: []string{"execute-api:Invoke"}, Effect: "Allow",
				Resource: []string{"arn:aws:execute-api:eu-west-1:123456789012:wt6mne2s9k/prod/POST/clients/acme/users/ana.silva/unlock"},
			}},
		},
		Context: map[string]any{"client": "acme", "username": "root", "role": "Sysadmin"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("answer (-got +want):\n%s", diff)
	}
}

func TestTheAuthorizerAllowsWhatTheTableOfAccessAllows(t *testing.T) {
	for _, route := range access.Routes() {
		for _, role := range access.Roles() {
			for _, client := range []string{"acme", "other"} {
				caller := access.Caller{Client: client, Username: "x", Role: role}
				event := decoded[authorizerEvent](t, "authorizer/bearer")
				event.HTTPMethod, event.Resource = route.Method, route.Path
				want := "Deny"
				if route.Action != access.Anybody && caller.Check(route.Action, "acme") == nil {
					want = "Allow"
				}
				if got := effect(t, newWorld(t), verifier{caller: caller}, event); got != want {
					t.Errorf("%s %s for %s %s: %s, want %s", route.Method, route.Path, role, caller, got, want)
				}
			}
		}
	}
}

func TestAnOutageOfTheVerifierIsNotUnauthorized(t *testing.T) {
	for _, err := range []error{errOutage, errors.New("nil map"), errors.Join(access.ErrUnauthorized, errOutage)} {
		w := newWorld(t)
		event := decoded[authorizerEvent](t, "authorizer/bearer")
		got := effect(t, w, verifier{err: err}, event)
		if got == "Unauthorized" || got == "Allow" || got == "Deny" || strings.Contains(got, "nil map") {
			t.Errorf("%v: got %q", err, got)
		}
		if line := w.log.last(t); line["level"] != "ERROR" || line["error"] == nil {
			t.Errorf("%v: logged as %v", err, line)
		}
	}
}

// A keyring is a bearer.KeySource of one key.
type keyring struct{ *rsa.PublicKey }

func (k keyring) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	return jose.JSONWebKey{Key: k.PublicKey, KeyID: kid, Algorithm: "RS256"}, nil
}

const (
	issuer    = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcD"
	appClient = "4rqk"
)

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

// signed returns a token of the claims, as Cognito signs them.
func signed(t *testing.T, private *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: "k1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// accessClaims are those of an access token, with some changed.
func accessClaims(username, group string, changed map[string]any) map[string]any {
	claims := map[string]any{
		"iss": issuer, "sub": "d0b1", "client_id": appClient, "token_use": "access", "username": username,
		"cognito:groups": []string{group}, "auth_time": start.Unix(), "iat": start.Unix(),
		"exp": start.Add(15 * time.Minute).Unix(), "jti": "j1",
	}
	for name, value := range changed {
		claims[name] = value
	}
	return claims
}

func TestOnlyTheTokenOfASysadminOfTheClientUnlocks(t *testing.T) {
	ours, theirs := newKey(t), newKey(t)
	past := start.Add(-time.Hour).Unix()
	tests := []struct {
		name   string
		key    *rsa.PrivateKey
		claims map[string]any
		want   string
	}{
		{"a Sysadmin", ours, accessClaims("acme/root", "Sysadmin", nil), "Allow"},
		{"a Superuser", ours, accessClaims("acme/sue", "Superuser", nil), "Deny"},
		{"a Manager", ours, accessClaims("acme/ana.silva", "Manager", nil), "Deny"},
		{"an ITUser", ours, accessClaims("acme/ivo", "ITUser", nil), "Deny"},
		{"a Sysadmin of another client", ours, accessClaims("other/root", "Sysadmin", nil), "Deny"},
		{"a foreign key", theirs, accessClaims("acme/root", "Sysadmin", nil), "Unauthorized"},
		{"an ID token", ours, accessClaims("acme/root", "Sysadmin", map[string]any{
			"token_use": "id", "aud": appClient, "cognito:username": "acme/root",
		}), "Unauthorized"},
		{"an expired token", ours, accessClaims("acme/root", "Sysadmin", map[string]any{"exp": past}), "Unauthorized"},
		{"another issuer's", ours, accessClaims("acme/root", "Sysadmin", map[string]any{"iss": "https://example.com"}), "Unauthorized"},
		{"another app client's", ours, accessClaims("acme/root", "Sysadmin", map[string]any{"client_id": "other"}), "Unauthorized"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			v := &bearer.Verifier{Issuer: issuer, ClientID: appClient, Keys: keyring{&ours.PublicKey}, Now: w.clock.Now}
			token := signed(t, test.key, test.claims)
			event := decoded[authorizerEvent](t, "authorizer/bearer")
			event.MultiValueHeaders["Authorization"] = []string{"Bearer " + token}
			if got := effect(t, w, v, event); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if strings.Contains(fmt.Sprint(w.log.lines(t)), token) {
				t.Error("the log holds the token")
			}
		})
	}
}
