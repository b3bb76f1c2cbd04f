package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"portcullis/internal/httpapi"
)

// withBodies are the events of the routes that take a body.
var withBodies = []string{
	"login/accepted/plain", "policy/put-7", "manage/create", "manage/update-all", "manage/password",
	"token/plain", "logout/plain", "unlock/reason", "unlocks/one-of-each",
}

// FuzzBody sends anything as the body of a request. What the contract does not allow
// is refused (the contract itself is asked, as with every answer of these tests); a
// login that is refused as a bad request was not charged, and every other once;
// and neither the answer nor the log tells a password or a token.
func FuzzBody(f *testing.F) {
	f.Fuzz(func(t *testing.T, route byte, body []byte, encoded bool) {
		w := quietWorld()
		name := withBodies[int(route)%len(withBodies)]
		event := recorded(t, name)
		event.Body, event.IsBase64Encoded = string(body), encoded
		a := w.answered(t, t.Context(), httpapi.Mux(w.edge, w.handlers()), event)
		isAnAnswer(t, a.APIGatewayProxyResponse)
		refused := slices.Contains([]int{400, 413, 415}, a.StatusCode)
		switch charged := len(w.charges()); {
		case name != "login/accepted/plain" && charged > 0:
			t.Errorf("%s charges an attempt", name)
		case name == "login/accepted/plain" && (charged == 1) == refused:
			t.Errorf("status %d, charged %d times: %s", a.StatusCode, charged, a.Body)
		}
		if text := plain(event); !refused && len(text) > 0 && !jsontext.Value(text).IsValid() {
			t.Errorf("%d for what is not JSON in UTF-8 with each name once: %q", a.StatusCode, text)
		}
		if a.StatusCode == 200 && name == "policy/put-7" && w.policies.stored.Maximum != maximumOf(plain(event)) {
			t.Errorf("%s set %+v", plain(event), w.policies.stored)
		}
		for _, field := range refusalOf(a).fields {
			if !aName.MatchString(field) {
				t.Errorf("what does not look like a field's name is told: %q", field)
			}
		}
		tellsNoSecret(t, w, a, plain(event))
	})
}

// aName is what the name of a field looks like; empty for the whole body.
var aName = regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)

// plain returns the body as it was meant.
func plain(event events.APIGatewayProxyRequest) []byte {
	if !event.IsBase64Encoded {
		return []byte(event.Body)
	}
	text, _ := base64.StdEncoding.DecodeString(event.Body)
	return text
}

// maximumOf reads a policy strictly; 0 if it is none.
func maximumOf(body []byte) int {
	var sent struct {
		Maximum int   `json:"max_failed_login_attempts_portal"`
		Version int64 `json:"version"`
	}
	if jsonv2.Unmarshal(body, &sent, jsonv2.RejectUnknownMembers(true)) != nil || sent.Maximum < 1 || sent.Maximum > 9 {
		return 0
	}
	return sent.Maximum
}

// tellsNoSecret looks in the answer and the log for what was sent as a password or
// a token. One that is short, or is in another place of the request too, may be
// found by chance.
func tellsNoSecret(t *testing.T, w *world, a answer, body []byte) {
	t.Helper()
	var sent map[string]any
	if json.Unmarshal(body, &sent) != nil {
		return
	}
	told := fmt.Sprint(a.Body, w.log.lines(t))
	for _, field := range []string{"password", "refresh_token"} {
		secret, _ := sent[field].(string)
		delete(sent, field)
		if len(secret) < 8 || strings.Contains(fmt.Sprint(sent)+ordinary, secret) {
			continue
		}
		if strings.Contains(told, secret) {
			t.Errorf("the %s %q is told: %s", field, secret, told)
		}
	}
}

// ordinary is what answers and log lines hold anyhow.
const ordinary = "acme ana.silva portcullis username password refresh_token is required must be a string " +
	"c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
