package attempts_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockouttest"
)

// linearShare is small: a history is 200 calls over HTTP.
const linearShare = 4

// onLossyWire returns a store behind a wire that loses some answers. A nil
// retryer is that of the SDK.
func onLossyWire(t *testing.T, loses func() bool, retryer aws.Retryer) *attempts.Store {
	t.Helper()
	config, tables := lockouttest.AWS(t), lockouttest.Tables(t)
	config.HTTPClient = &lockouttest.LossyWire{Next: config.HTTPClient, Loses: loses}
	if retryer != nil {
		config.Retryer = func() aws.Retryer { return retryer }
	}
	db := dynamodb.NewFromConfig(config)
	return attempts.New(db, tables.Attempts, audit.New(db, tables.Audit), environ.Clock{}, rand.Float64)
}

func TestLinearizable(t *testing.T) {
	lockouttest.TestLinearizable(t, onLossyWire(t, nil, nil), linearShare)
}

// oneIsLost is the number of answers of which one is lost.
const oneIsLost = 4

// TestLinearizableWhereAnswersAreLost lets the SDK make calls again whose answer
// was lost. Some calls it gives up.
func TestLinearizableWhereAnswersAreLost(t *testing.T) {
	loses := func() bool { return rand.IntN(oneIsLost) == 0 }
	atOnce := retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxBackoff, o.RateLimiter = time.Millisecond, ratelimit.None
	})
	lockouttest.TestLinearizable(t, onLossyWire(t, loses, atOnce), linearShare)
}
