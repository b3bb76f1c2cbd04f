package bearer

import (
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"

	"portcullis/internal/access"
)

// The uses of a token, as Cognito names them.
const (
	UseAccess = "access"
	UseID     = "id"
)

// Claims are what a token says, with Cognito's names. An access token has
// ClientID and Username, an ID token has Audience and CognitoUsername. Times
// are to the second.
type Claims struct {
	Issuer          string           `json:"iss"`
	Subject         string           `json:"sub"`
	TokenUse        string           `json:"token_use"`
	ClientID        string           `json:"client_id,omitempty"`
	Audience        jwt.Audience     `json:"aud,omitempty"`
	Username        string           `json:"username,omitempty"` // "client/username"
	CognitoUsername string           `json:"cognito:username,omitempty"`
	Groups          []string         `json:"cognito:groups,omitempty"`
	AuthTime        *jwt.NumericDate `json:"auth_time,omitempty"`
	NotBefore       *jwt.NumericDate `json:"nbf,omitempty"`
	IssuedAt        *jwt.NumericDate `json:"iat,omitempty"`
	Expiry          *jwt.NumericDate `json:"exp,omitempty"`
	ID              string           `json:"jti,omitempty"`
}

// caller returns who the claims speak of, and false if they name nobody.
func (c Claims) caller() (access.Caller, bool) {
	client, username, ok := strings.Cut(c.Username, "/")
	if !ok || client == "" || username == "" {
		return access.Caller{}, false
	}
	return access.Caller{Client: client, Username: username, Role: access.RoleOf(c.Groups)}, true
}
