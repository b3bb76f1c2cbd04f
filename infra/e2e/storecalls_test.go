package e2e_test

import (
	"crypto/rand"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/stack"
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
// attempt by attempt through the lock and beyond it, on the same tables. The
// charge and the read of the user run side by side, so the two are one step.
func TestEveryUserCostsTheSameStoreCalls(t *testing.T) {
	gate := gateOnWire(t, "ana.silva", "ben.okafor")
	want := gate.callsThroughTheLock(t, "acme", "ana.silva", "wrong")
	first := []string{"GetItem users", "UpdateItem attempts", "UpdateItem attempts"}
	if diff := cmp.Diff(first, want[0]); diff != "" {
		t.Errorf("the first wrong login (-want +got):\n%s", diff)
	}
	lock := []string{"GetItem users", "UpdateItem attempts", "TransactWriteItems attempts audit"}
	if diff := cmp.Diff(lock, want[maximum-1]); diff != "" {
		t.Errorf("the login that locks (-want +got):\n%s", diff)
	}
	again := []string{"GetItem attempts"}
	if diff := cmp.Diff(again, want[maximum]); diff != "" {
		t.Errorf("a login of a user whom this process has locked (-want +got):\n%s", diff)
	}
	for name, other := range map[string][3]string{
		"an unknown user":                  {"acme", "nobody", "wrong"},
		"a user of no client":              {"nosuchclient", "ana.silva", "wrong"},
		"a user of another client":         {"other", "ben.okafor", rightPassword},
		"the client's own item":            {"acme", "#client", "wrong"},
		"a name against the rule":          {"acme", "a/b", "wrong"},
		"a name of 256 bytes":              {"acme", strings.Repeat("é", 128), "wrong"},
		"a known user and 256 bytes":       {"acme", "ben.okafor", strings.Repeat("x", 256)},
		"an unknown user and a byte":       {"acme", "nobody.else", "x"},
		"an unknown user, a real password": {"acme", "nobody.at.all", rightPassword},
		"a user whose name is in capitals": {"acme", "ANA.SILVA", rightPassword},
	} {
		if diff := cmp.Diff(want, gate.callsThroughTheLock(t, other[0], other[1], other[2])); diff != "" {
			t.Errorf("%s (-known +other):\n%s", name, diff)
		}
	}
}

const rightPassword = "right horse 1"

// A wiredGate is the gate of functions/login with the wire that its DynamoDB
// calls pass, and what storage.yaml calls the tables.
type wiredGate struct {
	*lockout.Gate[users.Credential]
	wire   *lockouttest.Wire
	tables *strings.Replacer
}

// gateOnWire returns the gate with users of acme.
func gateOnWire(t *testing.T, usernames ...string) wiredGate {
	t.Helper()
	tables, wire := lockouttest.Tables(t), new(lockouttest.Wire)
	settings := lockouttest.AWS(t)
	settings.HTTPClient = wire
	names := strings.NewReplacer(tables.Attempts, "attempts", tables.Users, "users", tables.Audit, "audit")
	return wiredGate{gateOn(t, dynamodb.NewFromConfig(settings), tables, "acme", maximum, usernames...), wire, names}
}

// gateOn returns the gate of functions/login on tables, with users whose password
// is rightPassword.
func gateOn(
	t *testing.T, db *dynamodb.Client, tables stack.Tables, client string, maximum int, usernames ...string,
) *lockout.Gate[users.Credential] {
	t.Helper()
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, 1)
	trail := audit.New(db, tables.Audit)
	people := users.New(db, tables.Users, hasher, trail)
	phc, err := hasher.Hash(t.Context(), rightPassword)
	if err != nil {
		t.Fatal(err)
	}
	for _, username := range usernames {
		user := access.User{Client: client, Username: username, Role: access.Manager}
		entry := audit.Entry{Client: client, ID: environ.NewID(), Action: audit.UserCreated, Username: username}
		if err := people.Create(t.Context(), user, phc, entry); err != nil {
			t.Fatal(err)
		}
	}
	records := attempts.New(db, tables.Attempts, trail, environ.Clock{}, environ.Jitter)
	return &lockout.Gate[users.Credential]{
		Attempts: records, Glance: attempts.NewMemory(records, time.Now),
		Credentials: people, Maximums: lockouttest.FixedMaximum(maximum),
		Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: 10 * time.Second,
	}
}

// tableName finds the tables of a request.
var tableName = regexp.MustCompile(`"TableName":"([^"]*)"`)

// callsThroughTheLock fails two times more than the maximum and returns the
// operations of each attempt, with their tables. The first operations of an
// attempt, which run side by side, are in the order of their names.
func (g wiredGate) callsThroughTheLock(t *testing.T, client, username, password string) [][]string {
	t.Helper()
	key, err := users.LoginKey(client, username)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for range maximum + 2 {
		g.wire.Take()
		if _, err := g.Attempt(t.Context(), lockout.Attempt{Key: key, Password: password}); err != nil {
			t.Fatal(err)
		}
		var operations []string
		for _, exchange := range g.wire.Take() {
			operation := exchange.Operation
			for _, table := range tableName.FindAllStringSubmatch(exchange.Sent, -1) {
				operation += " " + g.tables.Replace(table[1])
			}
			operations = append(operations, operation)
		}
		if len(operations) > 1 && operations[0] > operations[1] {
			operations[0], operations[1] = operations[1], operations[0]
		}
		all = append(all, operations)
	}
	return all
}
