package attempts_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/attempts"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// Items as the table has them.
const (
	chargedItem = `{"user":{"S":"acme/ana.silva"},"generation":{"N":"3"},"in_flight":{"SS":["01J0000000000000000000000A"]},` +
		`"charged":{"N":"1"},"charged_at":{"S":"2026-11-23T10:04:05.123Z"}}`
	failure    = `{"M":{"attempt_id":{"S":"01J000000000000000000000%02d"},"at":{"S":"2026-11-23T10:04:05.123Z"},"source_ip":{"S":"192.0.2.1"},"user_agent":{"S":"Mozilla/5.0"}}}`
	lockedItem = `{"user":{"S":"acme/ana.silva"},"generation":{"N":"3"},"charged":{"N":"5"},"failed":{"N":"5"},` +
		`"charged_at":{"S":"2026-11-23T10:04:05.123Z"},"locked_at":{"S":"2026-11-23T10:04:05.123Z"},"lock_id":{"S":"01J0000000000000000000000L"},` +
		`"locked_client":{"S":"acme"},"evidence":{"L":[%s,%s,%s,%s,%s]}}`
)

func lockedText() string {
	var five []any
	for i := range 5 {
		five = append(five, fmt.Sprintf(failure, i))
	}
	return fmt.Sprintf(lockedItem, five...)
}

// quickTable returns a store whose table answers at once: a write with the item as
// refused, or as written.
func quickTable(item string, refuses bool) *attempts.Store {
	db := dynamodb.NewFromConfig(lockouttest.Answered(func(operation string, _ []byte) (int, []byte) {
		switch {
		case operation == "GetItem" && item == "":
			return http.StatusOK, []byte(`{}`)
		case operation == "GetItem":
			return http.StatusOK, []byte(`{"Item":` + item + `}`)
		case refuses:
			return http.StatusBadRequest, []byte(`{"__type":"ConditionalCheckFailedException","Item":` + item + `}`)
		}
		return http.StatusOK, []byte(`{"Attributes":` + item + `}`)
	}))
	return attempts.New(db, "attempts", nil, lockouttest.NewClock(time.Unix(0, 0)), func() float64 { return 0 })
}

// BenchmarkRead reads the item of a user. All of them pay the SDK; what one costs
// more than nobody's is what it takes to decode it.
func BenchmarkRead(b *testing.B) {
	key := lockout.NewKey("acme", "ana.silva")
	for _, test := range []struct {
		name, item string
		failed     int
	}{{"nobody", "", 0}, {"charged", chargedItem, 0}, {"locked", lockedText(), 5}} {
		b.Run(test.name, func(b *testing.B) {
			store := quickTable(test.item, false)
			b.ReportAllocs()
			for b.Loop() {
				if record, err := store.Read(b.Context(), key); err != nil || record.Failed != test.failed {
					b.Fatalf("got %+v, %v", record, err)
				}
			}
		})
	}
}

// BenchmarkWrite makes the writes of a login, the SDK's part included: the
// expression, the request, and what comes back.
func BenchmarkWrite(b *testing.B) {
	key, at := lockout.NewKey("acme", "ana.silva"), time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC)
	const id = "01J0000000000000000000000A"
	charge := lockout.Charge{AttemptID: id, Maximum: 5, At: at}
	for _, test := range []struct {
		name       string
		store      *attempts.Store
		transition lockout.Transition
		outcome    lockout.Outcome
	}{
		{"charge", quickTable(chargedItem, false), charge, lockout.Applied},
		{"charge of a locked user", quickTable(lockedText(), true), charge, lockout.RefusedLocked},
		{"succeed", quickTable(chargedItem, false), lockout.Succeed{AttemptID: id, Generation: 3}, lockout.Applied},
		{"fail", quickTable(chargedItem, false), lockout.Fail{
			Generation: 3, Maximum: 5, Evidence: lockout.Evidence{AttemptID: id, At: at, SourceIP: "192.0.2.1"},
			Seen: lockout.Record{Generation: 3, InFlight: []string{id}, Charged: 1, ChargedAt: at},
		}, lockout.Applied},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got, err := test.store.Apply(b.Context(), key, test.transition); err != nil || got.Outcome != test.outcome {
					b.Fatalf("got %q, %v; want %q", got.Outcome, err, test.outcome)
				}
			}
		})
	}
}
