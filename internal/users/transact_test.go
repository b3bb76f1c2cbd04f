package users_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// root is the other Sysadmin, so that ana need not be the last one.
var root = access.User{Client: "acme", Username: "root", Role: access.Sysadmin, CreatedAt: ana.CreatedAt, SessionsSince: ana.CreatedAt}

// A step is a change of the client acme or its users.
type step struct {
	name string
	make func(ctx context.Context, store *users.Store, entry audit.Entry) error
}

// steps returns every kind of transaction there is, in an order in which all can
// be made.
func steps() []step {
	sysadmin := ana
	sysadmin.Role = access.Sysadmin
	reset := sysadmin
	reset.SessionsSince = reset.SessionsSince.Add(time.Hour)
	manager := reset
	manager.Role = access.Manager
	return []step{
		{"creating a client", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.CreateClient(ctx, "acme", ana.CreatedAt, e)
		}},
		{"creating a Sysadmin", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.Create(ctx, root, "hash", e)
		}},
		{"creating another user", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.Create(ctx, ana, "hash", e)
		}},
		{"making a Sysadmin of them", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.Update(ctx, ana, sysadmin, e)
		}},
		{"setting a password", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.SetPassword(ctx, sysadmin, "another", reset.SessionsSince, e)
		}},
		{"taking the Sysadmin's role away", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.Update(ctx, reset, manager, e)
		}},
		{"deleting a user", func(ctx context.Context, s *users.Store, e audit.Entry) error {
			return s.Delete(ctx, manager, e)
		}},
	}
}

func TestAChangeWhoseAnswerWasLostIsMadeOnce(t *testing.T) {
	store, wire, tables := wired(t)
	for i, step := range steps() {
		wire.Take()
		wire.Lose("TransactWriteItems")
		if err := step.make(t.Context(), store, entryOf(audit.UserUpdated, "ana")); err != nil {
			t.Errorf("%s: got %v, want nil", step.name, err)
		}
		if got := len(wire.Take()); got != 2 {
			t.Errorf("%s: got %d requests, want 2", step.name, got)
		}
		trail := audit.New(dynamodb.NewFromConfig(lockouttest.AWS(t)), tables.Audit)
		entries, _, err := trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 100})
		if err != nil || len(entries) != i+1 {
			t.Errorf("%s: got %d entries, %v, want %d", step.name, len(entries), err, i+1)
		}
	}
}

// TestNoChangeReadsThePasswordHash makes each change, and then again with
// another entry, which is refused for what the items hold.
func TestNoChangeReadsThePasswordHash(t *testing.T) {
	store, wire, _ := wired(t)
	for _, step := range steps() {
		if err := step.make(t.Context(), store, entryOf(audit.UserUpdated, "ana")); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		err := step.make(t.Context(), store, entryOf(audit.UserUpdated, "ana"))
		if !errors.As(err, new(*lockout.ConflictError)) {
			t.Errorf("%s again: got %v, want a ConflictError", step.name, err)
		}
	}
	exchanges := wire.Take()
	if want := 2 * len(steps()); len(exchanges) != want {
		t.Errorf("got %d requests, want %d", len(exchanges), want)
	}
	for _, exchange := range exchanges {
		if strings.Contains(exchange.Received, "password_hash") {
			t.Errorf("%s read the password hash: %s", exchange.Operation, exchange.Received)
		}
	}
}

// A carrier answers requests itself, or has them carried.
type carrier func(r *http.Request) (*http.Response, error)

func (c carrier) Do(r *http.Request) (*http.Response, error) { return c(r) }

// through sends the requests by the client, and again without a wait.
func through(c dynamodb.HTTPClient) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.HTTPClient = c
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
}

// behind returns a store behind the carrier.
func behind(t *testing.T, c carrier) *users.Store {
	t.Helper()
	tables := lockouttest.Tables(t)
	db := dynamodb.NewFromConfig(lockouttest.AWS(t), through(c))
	return users.New(db, tables.Users, newHasher(cheap), audit.New(db, tables.Audit))
}

// cancelled is the answer that a transaction was cancelled for the reasons.
func cancelled(reasons ...string) *http.Response {
	var all []string
	for _, reason := range reasons {
		all = append(all, fmt.Sprintf(`{"Code": %q}`, reason))
	}
	return answered(400, fmt.Sprintf(
		`{"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "CancellationReasons": [%s]}`,
		strings.Join(all, ", ")))
}

func answered(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// TestATransactionThatAnotherOneStoodInTheWayOfIsMadeAgain has the first tries
// of each change cancelled for a moment's reason.
func TestATransactionThatAnotherOneStoodInTheWayOfIsMadeAgain(t *testing.T) {
	for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
		t.Run(reason, func(t *testing.T) {
			tries, client := 0, lockouttest.AWS(t).HTTPClient
			store := behind(t, func(r *http.Request) (*http.Response, error) {
				if tries++; tries < 3 {
					return cancelled("None", reason), nil
				}
				return client.Do(r)
			})
			if err := store.CreateClient(t.Context(), "acme", ana.CreatedAt, entryOf(audit.ClientCreated, "")); err != nil {
				t.Errorf("got %v, want nil", err)
			}
			if exists, err := store.ClientExists(t.Context(), "acme"); err != nil || !exists || tries != 4 {
				t.Errorf("the client exists: %v, %v after %d requests, want 4", exists, err, tries)
			}
		})
	}
}

// TestATransactionThatIsNotMadeIsUnavailable has DynamoDB refuse each change for
// reasons that say nothing about the user.
func TestATransactionThatIsNotMadeIsUnavailable(t *testing.T) {
	tests := []struct {
		name  string
		carry carrier
	}{
		{"conflicts without end", func(*http.Request) (*http.Response, error) {
			return cancelled("TransactionConflict", "None"), nil
		}},
		{"a reason that is no refusal", func(*http.Request) (*http.Response, error) {
			return cancelled("ItemCollectionSizeLimitExceeded", "None"), nil
		}},
		{"reasons of other writes than ours", func(*http.Request) (*http.Response, error) {
			return cancelled("ConditionalCheckFailed"), nil
		}},
		{"another exception", func(*http.Request) (*http.Response, error) {
			return answered(400, `{"__type": "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException"}`), nil
		}},
		{"an answer that is none", func(*http.Request) (*http.Response, error) { return answered(200, "<"), nil }},
		{"no answer", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }},
	}
	for _, test := range tests {
		for _, step := range steps() {
			t.Run(step.name+" and "+test.name, func(t *testing.T) {
				config := aws.Config{Region: "eu-west-1", Credentials: aws.AnonymousCredentials{}}
				db := dynamodb.NewFromConfig(config, through(test.carry))
				store := users.New(db, "users", nil, audit.New(db, "audit"))
				err := step.make(t.Context(), store, entryOf(audit.UserUpdated, "ana"))
				if !errors.Is(err, lockout.ErrUnavailable) || errors.As(err, new(*lockout.ConflictError)) {
					t.Errorf("got %v, want ErrUnavailable", err)
				}
			})
		}
	}
}

func TestAChangeIsUnavailableAfterTheContextEnded(t *testing.T) {
	store, _, _ := wired(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, step := range steps() {
		if err := step.make(ctx, store, entryOf(audit.UserUpdated, "ana")); !errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", step.name, err)
		}
	}
}

// TestASysadminWhoIsNotCountedStays has the set of a client lack one of its
// Sysadmins, as nothing here leaves it: who is in it says whether there is
// another one, so nobody goes who is not.
func TestASysadminWhoIsNotCountedStays(t *testing.T) {
	store, _, tables := wired(t)
	if err := store.CreateClient(t.Context(), "acme", ana.CreatedAt, entryOf(audit.ClientCreated, "")); err != nil {
		t.Fatal(err)
	}
	for _, username := range []string{"root", "second", "third"} {
		user := root
		user.Username = username
		if err := store.Create(t.Context(), user, "hash", entryOf(audit.UserCreated, username)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := dynamodb.NewFromConfig(lockouttest.AWS(t)).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &tables.Users,
		Key: map[string]types.AttributeValue{
			"client": &types.AttributeValueMemberS{Value: "acme"}, "username": &types.AttributeValueMemberS{Value: "#client"},
		},
		UpdateExpression: aws.String("DELETE sysadmins :root"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":root": &types.AttributeValueMemberSS{Value: []string{"root"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Delete(t.Context(), root, entryOf(audit.UserDeleted, "root")); !errors.Is(err, access.ErrLastSysadmin) {
		t.Errorf("got %v, want %v", err, access.ErrLastSysadmin)
	}
}
