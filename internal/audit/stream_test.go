package audit_test

import (
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
)

func TestFromStream(t *testing.T) {
	image := func() map[string]events.DynamoDBAttributeValue {
		return map[string]events.DynamoDBAttributeValue{
			"client": events.NewStringAttribute("acme"), "id": events.NewStringAttribute("01"),
			"at": events.NewStringAttribute("2026-11-23T10:04:05.123Z"), "action": events.NewStringAttribute("authn_login_lock"),
			"actor": events.NewStringAttribute("portcullis"), "username": events.NewStringAttribute("nobody"),
			"details": events.NewStringAttribute(`{"failed_attempts":5}`), "expires_at": events.NewNumberAttribute("1803204245"),
		}
	}
	t.Run("an item is the entry it was made of", func(t *testing.T) {
		got, err := audit.FromStream(image())
		want := audit.Entry{
			Client: "acme", ID: "01", At: time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC), Action: audit.Lock,
			Actor: "portcullis", Username: "nobody", Details: audit.Details{FailedAttempts: 5}, ExpiresAt: time.Unix(1803204245, 0).UTC(),
		}
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("error %v, entry (-got +want):\n%s", err, diff)
		}
	})
	for name, spoil := range map[string]struct {
		attribute string
		value     events.DynamoDBAttributeValue
	}{
		"a time that is none":          {"at", events.NewStringAttribute("yesterday")},
		"details that are no text":     {"details", events.NewBinaryAttribute([]byte("{}"))},
		"an expiry that is no integer": {"expires_at", events.NewNumberAttribute("1e99")},
	} {
		t.Run(name+" is an error", func(t *testing.T) {
			item := image()
			item[spoil.attribute] = spoil.value
			if got, err := audit.FromStream(item); err == nil {
				t.Errorf("got %+v and no error", got)
			}
		})
	}
}
