package announce_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"portcullis/internal/announce"
)

// A silentBus answers nothing before its caller's time is over.
type silentBus struct{}

func (silentBus) Do(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestABusThatHangsIsReportedInTime, and logged: at its timeout, Lambda stops a
// function, which then does neither.
func TestABusThatHangsIsReportedInTime(t *testing.T) {
	const functionTime = 10 * time.Second
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), functionTime)
		defer cancel()
		a := announce.New(eventbridge.NewFromConfig(aws.Config{
			Region: "eu-west-1", HTTPClient: silentBus{}, RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		}), "security", slog.New(slog.DiscardHandler))
		began := time.Now()
		answer, err := a.Handle(ctx, events.DynamoDBEvent{Records: locks(1, "{}")})
		if took := time.Since(began); err != nil || len(answer.BatchItemFailures) != 1 || took != functionTime-500*time.Millisecond {
			t.Errorf("got %v and %v after %v", answer.BatchItemFailures, err, took)
		}
	})
}
