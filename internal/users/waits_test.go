package users_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/users"
)

// TestAnotherTransactionIsWaitedFor: with the waits of a function, a change that
// others stand in the way of is made again for some tenths of a second. One stands
// there for some 10 ms, and a table that is busy for longer.
func TestAnotherTransactionIsWaitedFor(t *testing.T) {
	const rounds = 100
	synctest.Test(t, func(t *testing.T) {
		config := environ.AWS{Region: "eu-west-1", AccessKeyID: "k", SecretAccessKey: "s"}.Config()
		tries, began := 0, time.Now()
		for range rounds {
			// Each with a client of its own: the SDK has an allowance of tries for each.
			db := dynamodb.NewFromConfig(config, func(o *dynamodb.Options) {
				o.HTTPClient = carrier(func(*http.Request) (*http.Response, error) {
					tries++
					return cancelled("TransactionConflict", "None"), nil
				})
			})
			store := users.New(db, "users", nil, audit.New(db, "audit"))
			if err := store.CreateClient(t.Context(), "acme", ana.CreatedAt, entryOf(audit.ClientCreated, "")); err == nil {
				t.Fatal("got no error")
			}
		}
		if mean := time.Since(began) / rounds; mean < 200*time.Millisecond || mean > time.Second || tries != 4*rounds {
			t.Errorf("waited %v on the mean of %d rounds, %d tries", mean, rounds, tries)
		}
	})
}
