package e2e_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// What a login asks of DynamoDB must not tell who exists: the same operations
// in the same order for a known user, an unknown one and one of no client,
// attempt by attempt through the lock and beyond it. The charge and the read of
// the user run side by side, so the two are one step.
func TestEveryUserCostsTheSameStoreCalls(t *testing.T) {
	gate, wire := gateOnWire(t, "acme", "ana.silva")
	want := callsThroughTheLock(t, gate, wire, "acme", "ana.silva")
	first := []string{"GetItem", "UpdateItem", "UpdateItem"}
	if diff := cmp.Diff(first, want[0]); diff != "" {
		t.Errorf("the first wrong login (-want +got):\n%s", diff)
	}
	for name, stranger := range map[string][2]string{
		"an unknown user":         {"acme", "nobody"},
		"a user of no client":     {"nosuchclient", "ana.silva"},
		"a name against the rule": {"acme", "a/b"},
	} {
		if diff := cmp.Diff(want, callsThroughTheLock(t, gate, wire, stranger[0], stranger[1])); diff != "" {
			t.Errorf("%s (-known +unknown):\n%s", name, diff)
		}
	}
}

const rightPassword = "right horse 1"

// gateOnWire returns the gate of functions/login with one user, and the wire
// that its DynamoDB calls pass.
func gateOnWire(t *testing.T, client, username string) (*lockout.Gate[users.Credential], *lockouttest.Wire) {
	t.Helper()
	wire := new(lockouttest.Wire)
	settings := lockouttest.AWS(t)
	settings.HTTPClient = wire
	return gateOn(t, dynamodb.NewFromConfig(settings), client, username, maximum), wire
}

// gateOn returns the gate of functions/login on tables of its own, with one user
// whose password is rightPassword.
func gateOn(t *testing.T, db *dynamodb.Client, client, username string, maximum int) *lockout.Gate[users.Credential] {
	t.Helper()
	tables := lockouttest.Tables(t)
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 1)
	trail := audit.New(db, tables.Audit)
	people := users.New(db, tables.Users, hasher, trail)
	phc, err := hasher.Hash(t.Context(), rightPassword)
	if err != nil {
		t.Fatal(err)
	}
	user := access.User{Client: client, Username: username, Role: access.Manager}
	entry := audit.Entry{Client: client, ID: environ.NewID(), Action: audit.UserCreated, Username: username}
	if err := people.Create(t.Context(), user, phc, entry); err != nil {
		t.Fatal(err)
	}
	return &lockout.Gate[users.Credential]{
		Attempts:    attempts.New(db, tables.Attempts, trail, environ.Clock{}, environ.Jitter),
		Credentials: people, Maximums: lockouttest.FixedMaximum(maximum),
		Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: 10 * time.Second,
	}
}

// callsThroughTheLock fails two times more than the maximum and returns the
// operations of each attempt. The first operations of an attempt, which run
// side by side, are in the order of their names.
func callsThroughTheLock(t *testing.T, gate *lockout.Gate[users.Credential], wire *lockouttest.Wire, client, username string) [][]string {
	t.Helper()
	key, err := users.LoginKey(client, username)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for range maximum + 2 {
		wire.Take()
		if _, err := gate.Attempt(t.Context(), lockout.Attempt{Key: key, Password: wrong(0)}); err != nil {
			t.Fatal(err)
		}
		var operations []string
		for _, exchange := range wire.Take() {
			operations = append(operations, exchange.Operation)
		}
		if len(operations) > 1 && operations[0] > operations[1] {
			operations[0], operations[1] = operations[1], operations[0]
		}
		all = append(all, operations)
	}
	return all
}
