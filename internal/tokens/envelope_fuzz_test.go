package tokens_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// FuzzGrant looks for a refresh token that is granted and was not handed out, for
// one that was and is not, and for one that is granted as something else. The
// envelopes are sealed by this test, with code of its own.
func FuzzGrant(f *testing.F) {
	m := newPool().minter(time.Now)
	f.Fuzz(func(t *testing.T, tried, client, username string, since int64, bare string) {
		if !utf8.ValidString(client) || !utf8.ValidString(username) || since != time.UnixMilli(since).UnixMilli() {
			return // no user has such a name
		}
		want := access.Grant{Client: client, Username: username, SessionsSince: time.UnixMilli(since).UTC()}
		sealed := sealedBy(t, firstSecret, want, bare)
		got, err := m.Grant(t.Context(), sealed)
		if tooLong := len(sealed) > access.MaxRefreshToken; tooLong {
			refusesSession(t, err)
		} else if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("%v; grant: got -, want +:\n%s", err, diff)
		}
		forged := []string{
			tried, sealedBy(t, secondSecret, want, bare), sealed + tried, tried + sealed, strings.Replace(sealed, "~", "~"+tried, 1),
		}
		for _, forged := range forged {
			if forged == sealed {
				continue
			}
			_, err := m.Grant(t.Context(), forged)
			refusesSession(t, err)
			if err != nil && len(tried) > 8 && strings.Contains(err.Error(), tried) {
				t.Errorf("the error tells the token: %v", err)
			}
		}
	})
}

// sealedBy puts a token of the pool into an envelope, as the package's comment
// says.
func sealedBy(t *testing.T, secret string, g access.Grant, bare string) string {
	t.Helper()
	text, err := json.Marshal(struct {
		Client   string `json:"client"`
		Username string `json:"username"`
		Since    int64  `json:"sessions_since"`
	}{g.Client, g.Username, g.SessionsSince.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	sum := func(key, text string) []byte {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	encode := base64.RawURLEncoding.EncodeToString
	key := sum(secret, "portcullis refresh token envelope")
	stamp := encode(text)
	return stamp + "~" + encode(sum(string(key), stamp+"~"+bare)) + "~" + bare
}
