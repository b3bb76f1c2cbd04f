package tokens

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"portcullis/internal/access"
)

// between stands between the parts of an envelope. It is in neither alphabet:
// not in base64url, and not in what Cognito makes tokens of ([A-Za-z0-9-_=.],
// the TokenModelType of its API).
const between = "~"

// envelopeLabel tells the envelopes' key from the machine passwords: what those
// are made of has a slash.
const envelopeLabel = "portcullis refresh token envelope"

// An envelope is a refresh token as we hand it out, in three parts: whose it
// is, an HMAC-SHA256 over the two others, and Cognito's own token, which says
// nothing to us. So whose session is to be renewed is known, and can be looked
// into, before Cognito is asked.
type envelope struct {
	stamp string // base64url of a stamp in JSON
	mac   string // base64url
	bare  string // Cognito's token
}

// A stamp says whose a refresh token is.
type stamp struct {
	Client        string `json:"client"`
	Username      string `json:"username"`
	SessionsSince int64  `json:"sessions_since"` // in milliseconds since 1970
}

// seal returns the envelope of a token that the pool made for the user.
func seal(secret []byte, user access.User, bare string) string {
	said, _ := json.Marshal(stamp{user.Client, user.Username, user.SessionsSince.UnixMilli()}) // text and a number: never fails
	e := envelope{stamp: base64.RawURLEncoding.EncodeToString(said), bare: bare}
	return strings.Join([]string{e.stamp, e.sum(secret), e.bare}, between)
}

// parseEnvelope takes a refresh token apart, and reports whether it has the
// parts. It judges nothing else.
func parseEnvelope(refreshToken string) (envelope, bool) {
	if len(refreshToken) > access.MaxRefreshToken {
		return envelope{}, false
	}
	parts := strings.SplitN(refreshToken, between, 3)
	if len(parts) != 3 {
		return envelope{}, false
	}
	return envelope{stamp: parts[0], mac: parts[1], bare: parts[2]}, true
}

// sealedWith reports whether the envelope was sealed with the secret. What is
// compared is text, so that there is one way alone to write an envelope: a
// decoder of base64 would let line breaks pass.
func (e envelope) sealedWith(secret []byte) bool {
	return hmac.Equal([]byte(e.mac), []byte(e.sum(secret)))
}

// sum returns the HMAC over the other parts, of which the first holds nothing
// that stands between them.
func (e envelope) sum(secret []byte) string {
	key := hmacSHA256(secret, envelopeLabel)
	return base64.RawURLEncoding.EncodeToString(hmacSHA256(key, e.stamp+between+e.bare))
}

// grant returns what a sealed envelope stands for.
func (e envelope) grant() (access.Grant, error) {
	said, err := base64.RawURLEncoding.Strict().DecodeString(e.stamp)
	if err != nil {
		return access.Grant{}, unauthorized("the refresh token's stamp is not base64")
	}
	var s stamp
	if err := json.Unmarshal(said, &s); err != nil {
		return access.Grant{}, unauthorized("the refresh token's stamp is not JSON")
	}
	return access.Grant{Client: s.Client, Username: s.Username, SessionsSince: time.UnixMilli(s.SessionsSince).UTC()}, nil
}
