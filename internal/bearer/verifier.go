package bearer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/go-json-experiment/json/jsontext"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// leeway is how far the issuer's clock and ours may differ. Both are kept by
// the Amazon Time Sync Service.
const leeway = 5 * time.Second

// maxTokenBytes bounds what is parsed. API Gateway allows 10,240 bytes for all
// headers together; Cognito's access tokens take about one thousand.
const maxTokenBytes = 8 << 10

// A KeySource finds the key that signed a token.
type KeySource interface {
	// Key returns the key whose id is kid. The error wraps
	// [access.ErrUnauthorized] when there is no such key, and
	// [lockout.ErrUnavailable] when the keys cannot be had. The id comes from
	// whoever sent the token. Implementations MUST be safe for concurrent use
	// and MUST return a public key with the one algorithm that it is used for:
	// RS256 with at least 2048 bits, or ES256.
	Key(ctx context.Context, kid string) (jose.JSONWebKey, error)
}

// A Verifier tells good access tokens from others. It is safe for concurrent
// use.
type Verifier struct {
	Issuer   string // exactly as in the token
	ClientID string // of the app client
	Keys     KeySource
	Now      func() time.Time
}

// Verify returns whom a token speaks of. The error wraps
// [access.ErrUnauthorized] with the reason, or [lockout.ErrUnavailable] when
// the keys cannot be had; it never holds a part of the token. A caller whose
// Role is empty is known and may do nothing.
func (v *Verifier) Verify(ctx context.Context, token string) (access.Caller, error) {
	claims, err := v.signed(ctx, token)
	if err != nil {
		return access.Caller{}, err
	}
	if reason := v.reject(claims); reason != "" {
		return access.Caller{}, unauthorized(reason)
	}
	caller, ok := claims.caller()
	if !ok {
		return access.Caller{}, unauthorized("the username is not client/username")
	}
	caller.IssuedAt = claims.IssuedAt.Time().UTC()
	return caller, nil
}

// algorithms are what any key of ours is used for.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// signed returns the claims of a token that a key of ours signed. The
// algorithm is the key's and not the token's to choose (RFC 8725, 3.1): "none"
// and HMAC under the public key are not even parsed, and a key that the token
// brings along is not used.
func (v *Verifier) signed(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxTokenBytes {
		return Claims{}, unauthorized("the token is too long")
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return Claims{}, unauthorized("not a token signed with RS256 or ES256")
	}
	key, err := v.key(ctx, parsed.Headers[0].KeyID)
	if err != nil {
		return Claims{}, err
	}
	if parsed.Headers[0].Algorithm != key.Algorithm {
		return Claims{}, unauthorized("another algorithm than its key's")
	}
	var claims Claims
	if err := parsed.Claims(key.Key, &claims); err != nil || !strict(token) {
		return Claims{}, unauthorized("the signature or the claims are not good")
	}
	return claims, nil
}

// strict reports whether a token's header and claims are JSON as RFC 7493 wants it,
// in UTF-8 and with each name once. RFC 7519, 7.2, asks for UTF-8; the library would
// put U+FFFD in the place of other bytes, and so make one username of many.
func strict(token string) bool {
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	for _, part := range []string{header, payload} {
		text, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || !jsontext.Value(text).IsValid() {
			return false
		}
	}
	return true
}

func (v *Verifier) key(ctx context.Context, kid string) (jose.JSONWebKey, error) {
	if kid == "" {
		return jose.JSONWebKey{}, unauthorized("the token names no key")
	}
	key, err := v.Keys.Key(ctx, kid)
	switch {
	case errors.Is(err, lockout.ErrUnavailable):
		return jose.JSONWebKey{}, fmt.Errorf("finding the token's key: %w", err)
	case err != nil:
		return jose.JSONWebKey{}, unauthorized("no key of the issuer signed the token")
	}
	return key, nil
}

// reject returns what is wrong with claims that were signed, or "".
func (v *Verifier) reject(c Claims) string {
	now := v.Now()
	switch {
	case c.Issuer != v.Issuer:
		return "another issuer"
	case c.TokenUse != UseAccess:
		return "not an access token"
	case c.ClientID != v.ClientID:
		return "another app client"
	case c.Expiry == nil:
		return "no expiry"
	case !now.Before(c.Expiry.Time().Add(leeway)):
		return "expired"
	case c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.Time()):
		return "not yet valid"
	case c.IssuedAt == nil:
		return "no time of issue"
	case now.Add(leeway).Before(c.IssuedAt.Time()):
		return "issued in the future"
	}
	return ""
}

func unauthorized(reason string) error {
	return fmt.Errorf("%w: %s", access.ErrUnauthorized, reason)
}
