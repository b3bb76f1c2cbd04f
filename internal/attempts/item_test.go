package attempts_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A table is a store and the bare table behind it.
type table struct {
	db    *dynamodb.Client
	name  string
	store *attempts.Store
	now   time.Time
}

func openTable(t *testing.T) table {
	t.Helper()
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	tables := lockouttest.Tables(t)
	now := time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC)
	return table{
		db: db, name: tables.Attempts, now: now,
		store: attempts.New(db, tables.Attempts, audit.New(db, tables.Audit), lockouttest.NewClock(now), func() float64 { return 0 }),
	}
}

func (b table) apply(t *testing.T, key lockout.Key, transitions ...lockout.Transition) {
	t.Helper()
	for _, transition := range transitions {
		result, err := b.store.Apply(t.Context(), key, transition)
		if err != nil || result.Outcome != lockout.Applied {
			t.Fatalf("%T: got %q, %v", transition, result.Outcome, err)
		}
	}
}

// attributes returns the names of what is stored of a user.
func (b table) attributes(t *testing.T, key lockout.Key) []string {
	t.Helper()
	out, err := b.db.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: &b.name, ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"user": &types.AttributeValueMemberS{Value: key.String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range out.Item {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (b table) lockingFailure(id string, key lockout.Key) lockout.Fail {
	return lockout.Fail{
		Maximum: 1, Evidence: lockout.Evidence{AttemptID: id, At: b.now},
		Lock: lockout.Event{ID: lockouttest.IDs()(), Kind: lockout.EventLock, At: b.now, Key: key, Actor: lockout.ActorPortcullis},
	}
}

// TestItem compares what is stored with what the package comment draws.
func TestItem(t *testing.T) {
	b := openTable(t)
	key := lockout.NewKey("acme", "ana.silva")
	charge := lockout.Charge{AttemptID: "a", Maximum: 1, At: b.now}

	t.Run("a charged user", func(t *testing.T) {
		b.apply(t, key, charge)
		want := []string{"charged", "charged_at", "failed", "generation", "in_flight", "user"}
		if diff := cmp.Diff(b.attributes(t, key), want); diff != "" {
			t.Errorf("attributes (-got +want):\n%s", diff)
		}
	})
	t.Run("a user who succeeded keeps the generation alone", func(t *testing.T) {
		b.apply(t, key, lockout.Succeed{AttemptID: "a"})
		if diff := cmp.Diff(b.attributes(t, key), []string{"generation", "user"}); diff != "" {
			t.Errorf("attributes (-got +want):\n%s", diff)
		}
	})
	t.Run("a locked user is in the index with the keys alone", func(t *testing.T) {
		locked := lockout.NewKey("acme", "bela")
		b.apply(t, locked, charge, b.lockingFailure("a", locked))
		if diff := cmp.Diff(b.index(t, "acme"), []string{"locked_client user"}); diff != "" {
			t.Errorf("items of the index (-got +want):\n%s", diff)
		}
	})
	t.Run("the lock of an unknown user is not in the index", func(t *testing.T) {
		nobody := lockout.NewKey("nowhere", "bela")
		failure := b.lockingFailure("a", nobody)
		failure.ExpiresAt = b.now.Add(lockout.UnknownUserRetention)
		b.apply(t, nobody, charge, failure)
		if got := b.index(t, "nowhere"); len(got) != 0 || slices.Contains(b.attributes(t, nobody), "locked_client") {
			t.Errorf("got %v, want nothing", got)
		}
	})
}

// index returns the names of the attributes of each item of a client in the
// index of locked users.
func (b table) index(t *testing.T, client string) []string {
	t.Helper()
	out, err := b.db.Query(t.Context(), &dynamodb.QueryInput{
		TableName: &b.name, IndexName: aws.String("locked-users"),
		KeyConditionExpression: aws.String("locked_client = :client"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":client": &types.AttributeValueMemberS{Value: client},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, it := range out.Items {
		all = append(all, strings.Join(slices.Sorted(maps.Keys(it)), " "))
	}
	return all
}

func TestReadMany(t *testing.T) {
	b := openTable(t)
	const users = 130 // more than one batch
	var keys []lockout.Key
	want := map[lockout.Key]lockout.Record{}
	for i := range users {
		key := lockout.NewKey("acme", fmt.Sprintf("user-%03d", i))
		keys = append(keys, key, key)
		want[key] = lockout.Record{}
		if i%40 == 0 {
			b.apply(t, key, lockout.Charge{AttemptID: "a", Maximum: 5, At: b.now})
			want[key] = lockout.Record{InFlight: []string{"a"}, Charged: 1, ChargedAt: b.now}
		}
	}
	got, err := b.store.ReadMany(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Comparer(func(a, b lockout.Key) bool { return a == b })
	if diff := cmp.Diff(got, want, same); diff != "" {
		t.Errorf("records (-got +want):\n%s", diff)
	}
}

// TestStrangeItem shows that nothing is decided on an item that this package
// did not write.
func TestStrangeItem(t *testing.T) {
	b := openTable(t)
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for _, c := range []struct {
		name      string
		attribute string
		value     types.AttributeValue
	}{
		{"a count that is text", "failed", text("four")},
		{"a count that is no whole number", "charged", &types.AttributeValueMemberN{Value: "1.5"}},
		{"a time that is none", "charged_at", text("yesterday")},
		{"attempts that are one text", "in_flight", text("a")},
		{"evidence that is no list", "evidence", text("seen it")},
		{"evidence that is a list of texts", "evidence", &types.AttributeValueMemberL{Value: []types.AttributeValue{text("a")}}},
		{"a lock that is a number", "lock_id", &types.AttributeValueMemberN{Value: "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			key := lockout.NewKey("acme", c.name)
			_, err := b.db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &b.name, Item: map[string]types.AttributeValue{
				"user": text(key.String()), c.attribute: c.value,
			}})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.store.Read(t.Context(), key); !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("Read: got %+v, %v; want an error that wraps ErrUnavailable", got, err)
			}
			if _, err := b.store.ReadMany(t.Context(), []lockout.Key{key}); !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("ReadMany: got %v; want an error that wraps ErrUnavailable", err)
			}
		})
	}
}
