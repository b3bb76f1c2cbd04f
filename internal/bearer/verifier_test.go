package bearer_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/lockout"
)

const (
	issuer   = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aBcD"
	clientID = "4rqk"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// keys makes the two keys of these tests once: ours and somebody else's.
var keys = sync.OnceValues(func() (ours, theirs *rsa.PrivateKey) {
	return newKey(2048), newKey(2048)
})

// curve is a key of ours for ES256.
var curve = sync.OnceValue(func() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
})

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// A keyring is a KeySource of a fixed set.
type keyring map[string]any

func (k keyring) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	switch key := k[kid].(type) {
	case *rsa.PublicKey:
		return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "RS256"}, nil
	case *ecdsa.PublicKey:
		return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "ES256"}, nil
	}
	return jose.JSONWebKey{}, access.ErrUnauthorized
}

func verifier() *bearer.Verifier {
	ours, _ := keys()
	return &bearer.Verifier{
		Issuer: issuer, ClientID: clientID,
		Keys: keyring{"k1": &ours.PublicKey, "k3": &curve().PublicKey}, Now: func() time.Time { return now },
	}
}

// good returns the claims of a token that is accepted.
func good() bearer.Claims {
	return bearer.Claims{
		Issuer: issuer, Subject: "0b5d", TokenUse: bearer.UseAccess, ClientID: clientID,
		Username: "acme/root", Groups: []string{"Sysadmin"}, ID: "1",
		AuthTime: jwt.NewNumericDate(now), IssuedAt: jwt.NewNumericDate(now),
		Expiry: jwt.NewNumericDate(now.Add(15 * time.Minute)),
	}
}

func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, kid string, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerifyTellsWhoIsCalling(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bearer.Claims)
		want   access.Caller
	}{
		{"a Sysadmin", func(*bearer.Claims) {}, access.Caller{Client: "acme", Username: "root", Role: access.Sysadmin}},
		{"a user without a group has no role", func(c *bearer.Claims) { c.Groups = nil },
			access.Caller{Client: "acme", Username: "root"}},
		{"a group that is no role means nothing", func(c *bearer.Claims) { c.Groups = []string{"sysadmin", "Admins"} },
			access.Caller{Client: "acme", Username: "root"}},
		{"a group that is no role beside one that is", func(c *bearer.Claims) { c.Groups = []string{"pool_Google", "ITUser"} },
			access.Caller{Client: "acme", Username: "root", Role: access.ITUser}},
		{"two roles are none", func(c *bearer.Claims) { c.Groups = []string{"Sysadmin", "Manager"} },
			access.Caller{Client: "acme", Username: "root"}},
		{"the client ends at the first slash", func(c *bearer.Claims) { c.Username = "acme/a/b" },
			access.Caller{Client: "acme", Username: "a/b", Role: access.Sysadmin}},
		{"an expiry within the leeway", func(c *bearer.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-4 * time.Second)) },
			access.Caller{Client: "acme", Username: "root", Role: access.Sysadmin}},
		{"an issuer whose clock is a little ahead", func(c *bearer.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(5 * time.Second)) },
			access.Caller{Client: "acme", Username: "root", Role: access.Sysadmin}},
	}
	ours, _ := keys()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claims := good()
			test.change(&claims)
			got, err := verifier().Verify(t.Context(), sign(t, jose.RS256, ours, "k1", claims))
			if err != nil {
				t.Fatal(err)
			}
			test.want.IssuedAt = claims.IssuedAt.Time().UTC()
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("caller: got -, want +:\n%s", diff)
			}
		})
	}
}

func TestVerifyRefusesClaims(t *testing.T) {
	tests := []struct {
		name   string
		change func(*bearer.Claims)
	}{
		{"an ID token", func(c *bearer.Claims) { c.TokenUse, c.Audience = bearer.UseID, jwt.Audience{clientID} }},
		{"a token of no use", func(c *bearer.Claims) { c.TokenUse = "" }},
		{"another issuer", func(c *bearer.Claims) { c.Issuer = issuer + "/" }},
		{"another app client", func(c *bearer.Claims) { c.ClientID = "other" }},
		{"our app client as the audience only", func(c *bearer.Claims) { c.ClientID, c.Audience = "", jwt.Audience{clientID} }},
		{"no expiry", func(c *bearer.Claims) { c.Expiry = nil }},
		{"an expiry the leeway ago", func(c *bearer.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-5 * time.Second)) }},
		{"not yet valid", func(c *bearer.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(6 * time.Second)) }},
		{"issued in the future", func(c *bearer.Claims) { c.IssuedAt = jwt.NewNumericDate(now.Add(6 * time.Second)) }},
		{"no username", func(c *bearer.Claims) { c.Username = "" }},
		{"a username without a client", func(c *bearer.Claims) { c.Username = "root" }},
		{"a username with an empty client", func(c *bearer.Claims) { c.Username = "/root" }},
		{"a username with an empty name", func(c *bearer.Claims) { c.Username = "acme/" }},
	}
	ours, _ := keys()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claims := good()
			test.change(&claims)
			refuses(t, sign(t, jose.RS256, ours, "k1", claims))
		})
	}
}

func TestVerifyRefusesSignatures(t *testing.T) {
	ours, theirs := keys()
	valid := sign(t, jose.RS256, ours, "k1", good())
	parts := strings.Split(valid, ".")
	public, err := x509.MarshalPKIXPublicKey(&ours.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicCurve, err := x509.MarshalPKIXPublicKey(&curve().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	segment := base64.RawURLEncoding.EncodeToString
	tests := []struct{ name, token string }{
		{"nothing", ""},
		{"no token at all", "Bearer"},
		{"two parts", parts[0] + "." + parts[1]},
		{"algorithm none", segment([]byte(`{"alg":"none","kid":"k1"}`)) + "." + parts[1] + "."},
		{"algorithm none with a signature", segment([]byte(`{"alg":"None","kid":"k1"}`)) + "." + parts[1] + "." + parts[2]},
		{"HMAC under the public key", sign(t, jose.HS256, public, "k1", good())},
		{"a longer hash than RS256", sign(t, jose.RS512, ours, "k1", good())},
		{"another padding than RS256", sign(t, jose.PS256, ours, "k1", good())},
		{"ES256 under an id of RS256", sign(t, jose.ES256, curve(), "k1", good())},
		{"RS256 under an id of ES256", sign(t, jose.RS256, ours, "k3", good())},
		{"another padding under an id of ES256", sign(t, jose.PS256, ours, "k3", good())},
		{"HMAC under the public key of ES256", sign(t, jose.HS256, publicCurve, "k3", good())},
		{"RS256 in the header of ES256", inTheHeaderOf(t, sign(t, jose.ES256, curve(), "k3", good()), `{"alg":"RS256","kid":"k3"}`)},
		{"ES256 of another payload", parts[0] + "." + parts[1] + "." + strings.Split(sign(t, jose.ES256, curve(), "k3", good()), ".")[2]},
		{"another key", sign(t, jose.RS256, theirs, "k1", good())},
		{"another key by its own name", sign(t, jose.RS256, theirs, "k2", good())},
		{"a key that the token brings along", bringsItsKey(t, theirs, good())},
		{"a key id that is a path", sign(t, jose.RS256, theirs, "../../k1", good())},
		{"no key id", sign(t, jose.RS256, ours, "", good())},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"a signature of other claims", parts[0] + "." + segment([]byte(`{"iss":"x"}`)) + "." + parts[2]},
		{"a token that is too long", valid + strings.Repeat("A", 8<<10)},
		{"a time that is no number", sign(t, jose.RS256, ours, "k1", map[string]any{"iss": issuer, "exp": "tomorrow"})},
		{"claims that are not UTF-8", signedBy(t, []byte(`{"alg":"RS256","kid":"k1"}`), claimsWith(t, "acme/root\xff"), byUs)},
		{"claims with half a letter", signedBy(t, []byte(`{"alg":"RS256","kid":"k1"}`), claimsWith(t, `acme/root\ud800`), byUs)},
		{"a header that is not UTF-8", signedBy(t, []byte(`{"alg":"RS256","kid":"k1","x":"`+"\xff"+`"}`), claimsWith(t, "acme/root"), byUs)},
		{"an encrypted token", strings.Repeat("e30.", 4) + "e30"},
		{"a JWS as JSON", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { refuses(t, test.token) })
	}
}

// inTheHeaderOf puts another header before what was signed.
func inTheHeaderOf(t *testing.T, token, header string) string {
	t.Helper()
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

func TestVerifyTakesEachAlgorithmUnderItsKey(t *testing.T) {
	ours, _ := keys()
	for _, token := range []string{sign(t, jose.RS256, ours, "k1", good()), sign(t, jose.ES256, curve(), "k3", good())} {
		if caller, err := verifier().Verify(t.Context(), token); err != nil || caller.Username != "root" {
			t.Errorf("got %v, %v", caller, err)
		}
	}
}

// claimsWith returns good claims with a username as it stands in JSON.
func claimsWith(t *testing.T, username string) []byte {
	t.Helper()
	text, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(text, []byte("acme/root"), []byte(username), 1)
}

// bringsItsKey signs with a key that is in the token's own header.
func bringsItsKey(t *testing.T, key *rsa.PrivateKey, claims bearer.Claims) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithHeader("kid", "k1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// refuses checks that a token is unauthorized and that no part of it is told.
func refuses(t *testing.T, token string) {
	t.Helper()
	caller, err := verifier().Verify(t.Context(), token)
	if !errors.Is(err, access.ErrUnauthorized) || caller != (access.Caller{}) {
		t.Fatalf("got %v, %v; want %v", caller, err, access.ErrUnauthorized)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error holds a part of the token: %v", err)
		}
	}
}

func TestVerifySaysWhenTheKeysCannotBeHad(t *testing.T) {
	ours, _ := keys()
	v := verifier()
	v.Keys = outage{}
	_, err := v.Verify(t.Context(), sign(t, jose.RS256, ours, "k1", good()))
	if !errors.Is(err, lockout.ErrUnavailable) || errors.Is(err, access.ErrUnauthorized) {
		t.Errorf("got %v, want %v alone", err, lockout.ErrUnavailable)
	}
}

type outage struct{}

func (outage) Key(context.Context, string) (jose.JSONWebKey, error) {
	return jose.JSONWebKey{}, fmt.Errorf("fetching keys: %w", lockout.ErrUnavailable)
}
