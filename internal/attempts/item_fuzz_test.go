package attempts_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/attempts"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// fromTheTable returns a store whose table answers every call with one item,
// given as JSON. A conditional write is refused on it.
func fromTheTable(raw []byte) *attempts.Store {
	db := dynamodb.NewFromConfig(lockouttest.Answered(func(operation string, _ []byte) (int, []byte) {
		switch operation {
		case "BatchGetItem":
			return http.StatusOK, fmt.Appendf(nil, `{"Responses":{"attempts":[%s]}}`, raw)
		case "UpdateItem":
			return http.StatusBadRequest, fmt.Appendf(nil, `{"__type":"ConditionalCheckFailedException","Item":%s}`, raw)
		}
		return http.StatusOK, fmt.Appendf(nil, `{"Item":%s}`, raw)
	}))
	return attempts.New(db, "attempts", nil, lockouttest.NewClock(time.Unix(0, 0)), func() float64 { return 0 })
}

// FuzzItem reads anything as the item of a user. What is no record of ours is an
// outage, and what is read keeps what the rule needs of a record.
func FuzzItem(f *testing.F) {
	key := lockout.NewKey("acme", "ana.silva")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if lockouttest.Ambiguous(raw) {
			return
		}
		store := fromTheTable(raw)
		record, err := store.Read(t.Context(), key)
		if err != nil {
			if !errors.Is(err, lockout.ErrUnavailable) || !cmp.Equal(record, lockout.Record{}) {
				t.Errorf("got %+v, %v; want an outage and nothing else", record, err)
			}
			return
		}
		if broken := brokenRule(record); broken != "" {
			t.Errorf("%s: %+v", broken, record)
		}
		if saysLocked(raw) && !record.Locked() {
			t.Errorf("the item speaks of a lock, and the record is open: %+v", record)
		}
		const written = "2006-01-02T15:04:05.000Z" // a reclaim asks for the time as it stands in the item
		if at, there := chargedAt(raw); there && record.ChargedAt.Format(written) != at {
			t.Errorf("charged at %q is read as %v", at, record.ChargedAt)
		}
		many, err := store.ReadMany(t.Context(), []lockout.Key{key})
		if err == nil && !cmp.Equal(many[key], record) && !cmp.Equal(many[key], lockout.Record{}) {
			t.Errorf("ReadMany: got %+v, want %+v", many[key], record)
		}
		refusesToCharge(t, store, key, record)
	})
}

// brokenRule says what a record breaks of what the rule always keeps; "" if it is
// sound. It is written out here again, and not what the store itself asks.
func brokenRule(r lockout.Record) string {
	inFlight := slices.Sorted(slices.Values(r.InFlight))
	switch {
	case r.Charged != r.Failed+len(r.InFlight):
		return "charged is not failed + in flight"
	case len(slices.Compact(inFlight)) != len(r.InFlight):
		return "an attempt is in flight twice"
	case r.Failed < 0 || r.Failed > lockout.MaxMaximum:
		return "a number of failures that no maximum allows"
	case len(r.Evidence) != r.Failed:
		return "not as much evidence as failures"
	case r.Locked() == r.LockedAt.IsZero():
		return "a lock without a time, or a time without a lock"
	case r.Locked() && r.Failed == 0:
		return "a lock without a failure"
	case r.Generation < 0:
		return "a generation before the first"
	case r.Reclaims < 0:
		return "fewer reclaims than none"
	case len(r.InFlight) > 0 && r.ChargedAt.IsZero():
		return "an attempt in flight that nobody charged"
	}
	return ""
}

// saysLocked reports whether any attribute of a lock is there, whatever its value.
func saysLocked(raw []byte) bool {
	var there map[string]json.RawMessage
	if json.Unmarshal(raw, &there) != nil {
		return false
	}
	for name := range there {
		if slices.Contains([]string{"lock_id", "locked_at", "locked_client"}, name) {
			return true
		}
	}
	return false
}

// chargedAt returns the time of the latest charge as the item has it. It reads
// maps: a struct would also take an attribute whose name differs in case, and that
// is another attribute.
func chargedAt(raw []byte) (at string, there bool) {
	var item map[string]json.RawMessage
	if json.Unmarshal(raw, &item) != nil {
		return "", false
	}
	var value map[string]any
	if json.Unmarshal(item["charged_at"], &value) != nil || len(value) != 1 {
		return "", false
	}
	at, there = value["S"].(string)
	return at, there
}

// refusesToCharge has the item refuse a charge. That is never told as a charge
// that was made, and a locked user is told as one.
func refusesToCharge(t *testing.T, store *attempts.Store, key lockout.Key, record lockout.Record) {
	t.Helper()
	result, err := store.Apply(t.Context(), key, lockout.Charge{AttemptID: "new", Maximum: 5, At: time.Unix(0, 0)})
	if err == nil && result.Outcome == lockout.Applied {
		t.Error("a charge that was refused is told as made")
	}
	if err == nil && (result.Outcome == lockout.RefusedLocked) != record.Locked() {
		t.Errorf("got %q for %+v", result.Outcome, record)
	}
}
