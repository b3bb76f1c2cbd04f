package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"portcullis/internal/access"
	"portcullis/internal/bearer"
)

// What the tokens of this package say they are from, for bearer.Verifier. Each
// folder's tokens are told from another's by their key.
const (
	Issuer   = "urn:portcullis:embedded"
	ClientID = "portcullis-embedded"
)

// accessTime is how long an access and an ID token are good, as the app client
// in infra/identity.yaml says of Cognito's.
const accessTime = 15 * time.Minute

// Tokens mints sessions with the key of the data folder, and is the
// bearer.KeySource of whoever verifies them.
type Tokens struct {
	store *Store
	key   *signingKey
	now   func() time.Time
	newID func() string
}

// Enrol does nothing: the mint keeps nothing about a user.
func (t *Tokens) Enrol(context.Context, access.User) error { return nil }

// Remove does nothing: a session is renewed only for a user who is there and has
// the mark that it began under, which one who is created anew does not.
func (t *Tokens) Remove(context.Context, access.User) error { return nil }

// SignOut does nothing: the sessions ended when the user's mark moved.
func (t *Tokens) SignOut(context.Context, access.User) error { return nil }

// Key returns the public key with the id. The error wraps
// access.ErrUnauthorized when it is another key's id.
func (t *Tokens) Key(_ context.Context, kid string) (jose.JSONWebKey, error) {
	if kid != t.key.id {
		return jose.JSONWebKey{}, fmt.Errorf("%w: no such key", access.ErrUnauthorized)
	}
	return t.key.public(), nil
}

// Mint makes a session: two signed tokens, and a refresh token, which is stored as
// its hash.
func (t *Tokens) Mint(ctx context.Context, user access.User) (access.Session, error) {
	now := t.now().UTC()
	minted, err := t.signed(user, now, now)
	if err == nil {
		minted.RefreshToken, err = t.begin(ctx, user, now)
	}
	if err != nil {
		return access.Session{}, fmt.Errorf("minting tokens: %w", err)
	}
	return minted, nil
}

// signed returns a session's access and ID token. The user has shown who they are
// at began.
func (t *Tokens) signed(user access.User, began, now time.Time) (access.Session, error) {
	sign := signer{key: t.key, common: t.claims(user, began, now)}
	accessToken, err := sign.access(user)
	if err != nil {
		return access.Session{}, err
	}
	idToken, err := sign.id(user, t.newID())
	return access.Session{AccessToken: accessToken, IDToken: idToken, ExpiresIn: accessTime}, err
}

// claims returns what both tokens of a session say.
func (t *Tokens) claims(user access.User, began, now time.Time) bearer.Claims {
	return bearer.Claims{
		Issuer: Issuer, Subject: subject(user), Groups: []string{string(user.Role)}, ID: t.newID(),
		AuthTime: jwt.NewNumericDate(began), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(accessTime)),
	}
}

// subject returns an identifier of the user that stays the same and says
// nothing, as Cognito's do.
func subject(user access.User) string {
	sum := sha256.Sum256([]byte(user.Client + "/" + user.Username))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// A signer signs the tokens of one session.
type signer struct {
	key    *signingKey
	common bearer.Claims
}

func (s signer) access(user access.User) (string, error) {
	claims := s.common
	claims.TokenUse, claims.ClientID = bearer.UseAccess, ClientID
	claims.Username = user.Client + "/" + user.Username
	return s.sign(claims)
}

func (s signer) id(user access.User, id string) (string, error) {
	claims := s.common
	claims.TokenUse, claims.Audience, claims.ID = bearer.UseID, jwt.Audience{ClientID}, id
	claims.CognitoUsername = user.Client + "/" + user.Username
	return s.sign(claims)
}

func (s signer) sign(claims bearer.Claims) (string, error) {
	key := jose.SigningKey{Algorithm: s.key.algorithm, Key: jose.JSONWebKey{Key: s.key.private, KeyID: s.key.id}}
	made, err := jose.NewSigner(key, new(jose.SignerOptions).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(made).Claims(claims).Serialize()
}
