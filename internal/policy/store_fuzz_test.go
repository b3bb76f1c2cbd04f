package policy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/policy"
)

// oneDigit is what the parameter may hold.
var oneDigit = regexp.MustCompile(`^[1-9]$`)

// FuzzParameter has Parameter Store hold anything. The maximum is the digit, or
// else the default with an error that does not repeat all of a long value; there is
// no value under which anybody has more tries than nine, or none.
func FuzzParameter(f *testing.F) {
	f.Fuzz(func(t *testing.T, value, description string, version int64) {
		if !utf8.ValidString(value) || !utf8.ValidString(description) {
			return // SSM holds text
		}
		store := policy.New(ssm.NewFromConfig(lockouttest.Answered(holding(value, description, version))), "prod")
		want, good := lockout.DefaultMaximum, oneDigit.MatchString(value) && !strings.HasSuffix(value, "\n")
		if good {
			want = int(value[0] - '0')
		}
		got, err := store.Maximum(t.Context(), "acme")
		if got != want || (err == nil) != good || !good && !errors.Is(err, policy.ErrOutOfRange) {
			t.Errorf("%q: got %d, %v; want %d", value, got, err, want)
		}
		if len(value) > 64 && err != nil && strings.Contains(err.Error(), value) {
			t.Errorf("the error repeats the whole value: %v", err)
		}
		shown, err := store.Policy(t.Context(), "acme")
		if err != nil || version > 0 && (shown.Maximum != want || shown.Version != version || shown.Source != lockout.SourceClient) ||
			version <= 0 && shown != lockout.DefaultPolicy() {
			t.Errorf("%q as version %d: shown as %+v, %v; want %d", value, version, shown, err, want)
		}
		if cached := cacheOver(store).Maximum(t.Context(), "acme"); cached != want {
			t.Errorf("%q: cached as %d, want %d", value, cached, want)
		}
	})
}

// holding answers as SSM does that holds one version of one parameter.
func holding(value, description string, version int64) func(string, []byte) (int, []byte) {
	return func(operation string, _ []byte) (int, []byte) {
		parameter := map[string]any{"Value": value, "Version": version, "Description": description, "LastModifiedDate": 1.5}
		answer := map[string]any{"Parameter": parameter, "Parameters": []any{parameter}}
		body, err := json.Marshal(answer)
		if err != nil {
			return http.StatusInternalServerError, nil
		}
		return http.StatusOK, body
	}
}

func cacheOver(source policy.Source) *policy.Cache {
	exists := func(context.Context, string) (bool, error) { return true, nil }
	return policy.NewCache(source, exists, func() time.Time { return time.Unix(0, 0) },
		func() float64 { return 0.5 }, func(string, error) {})
}
