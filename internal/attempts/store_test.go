package attempts_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockouttest"
)

// open returns a fresh store and what the suite reads its trail with.
func open(t *testing.T) lockouttest.AttemptsFixture {
	t.Helper()
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	tables := lockouttest.Tables(t)
	trail := audit.New(db, tables.Audit)
	store := attempts.New(db, tables.Attempts, trail, environ.Clock{}, rand.Float64)
	return lockouttest.AttemptsFixture{
		Attempts: store, Glance: attempts.NewMemory(store, time.Now),
		Entries: func(t lockouttest.TB, client string) []audit.Entry {
			t.Helper()
			entries, next, err := trail.Entries(t.Context(), audit.Query{Client: client, Limit: 1000})
			if err != nil || next != "" {
				t.Fatalf("reading the trail: next %q, error %v", next, err)
			}
			return entries
		},
	}
}

func TestAttempts(t *testing.T) { lockouttest.TestAttempts(t, open) }
