package users_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/stack"
	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

func TestStore(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	lockouttest.TestUsers(t, func(t *testing.T) lockouttest.UsersFixture { return fixture(t, db) })
}

// propertyShare is small, since each command is a request over HTTP.
const propertyShare = 20

func TestPropertyOfUsers(t *testing.T) {
	lockouttest.TestPropertyOfUsers(t, fixture(t, dynamodb.NewFromConfig(lockouttest.AWS(t))), propertyShare)
}

// fixture returns an empty store with its trail.
func fixture(t *testing.T, db *dynamodb.Client) lockouttest.UsersFixture {
	t.Helper()
	tables := lockouttest.Tables(t)
	trail := audit.New(db, tables.Audit)
	return lockouttest.UsersFixture{
		Users: users.New(db, tables.Users, newHasher(cheap), trail),
		Entries: func(t lockouttest.TB, client string) []audit.Entry {
			entries, _, err := trail.Entries(t.Context(), audit.Query{Client: client, Limit: 4000})
			if err != nil {
				t.Fatal(err)
			}
			return entries
		},
	}
}

// entryOf returns an entry of its own of something done to a user of acme.
func entryOf(action audit.Action, username string) audit.Entry {
	return audit.Entry{Client: "acme", ID: lockouttest.IDs()(), At: ana.CreatedAt, Action: action, Username: username}
}

// wired returns an empty store behind a wire, and its tables.
func wired(t *testing.T) (*users.Store, *lockouttest.Wire, stack.Tables) {
	wire := new(lockouttest.Wire)
	tables := lockouttest.Tables(t)
	db := dynamodb.NewFromConfig(lockouttest.AWS(t), through(wire))
	return users.New(db, tables.Users, newHasher(cheap), audit.New(db, tables.Audit)), wire, tables
}

func TestOnlyCredentialsReadThePasswordHash(t *testing.T) {
	store, wire, _ := wired(t)
	key, err := users.UserKey("acme", "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Create(t.Context(), ana, mustHash(t, newHasher(cheap), "secret-1"), entryOf(audit.UserCreated, "ana")); err != nil {
		t.Fatal(err)
	}
	reads := map[string]func(context.Context) error{
		"User":   func(ctx context.Context) error { _, err := store.User(ctx, key); return err },
		"Exists": func(ctx context.Context) error { _, err := store.Exists(ctx, key); return err },
		"List": func(ctx context.Context) error {
			_, _, err := store.List(ctx, access.Listing{Client: "acme", Limit: 10})
			return err
		},
		"search": func(ctx context.Context) error {
			listing := access.Listing{Client: "acme", Limit: 10, Role: access.Manager, Text: "a"}
			_, _, err := store.List(ctx, listing)
			return err
		},
		"ReadMany": func(ctx context.Context) error {
			_, err := store.ReadMany(ctx, []lockout.Key{key})
			return err
		},
		"ClientExists": func(ctx context.Context) error {
			_, err := store.ClientExists(ctx, "acme")
			return err
		},
	}
	for name, read := range reads {
		wire.Take()
		if err := read(t.Context()); err != nil {
			t.Fatal(err)
		}
		answers := fmt.Sprint(wire.Take())
		if strings.Contains(answers, "password_hash") || strings.Contains(answers, "argon2id") {
			t.Errorf("%s read the password hash: %s", name, answers)
		}
		if name == "Exists" && strings.Contains(answers, "Manager") {
			t.Errorf("%s read more than the key: %s", name, answers)
		}
	}
}

func TestACredentialIsReadTheSameWayForEverybody(t *testing.T) {
	store, wire, tables := wired(t)
	if err := store.Create(t.Context(), ana, mustHash(t, newHasher(cheap), "secret-1"), entryOf(audit.UserCreated, "ana")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ana", "bob", "#client", "\u200b"} {
		key, err := users.LoginKey("acme", name)
		if err != nil {
			t.Fatal(err)
		}
		wire.Take()
		if _, err := store.Credential(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"TableName": tables.Users, "ConsistentRead": true, "Key": map[string]any{
			"client": map[string]any{"S": "acme"}, "username": map[string]any{"S": name},
		}}
		var got map[string]any
		requests := wire.Take()
		if err := json.Unmarshal([]byte(requests[0].Sent), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" || len(requests) != 1 {
			t.Errorf("%+q: %d requests; got -, want +:\n%s", name, len(requests), diff)
		}
	}
}

func TestEveryFailureOfTheTableIsUnavailable(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	store := users.New(db, "no-such-table", newHasher(cheap), audit.New(db, "no-such-table"))
	key, err := users.UserKey("acme", "ana")
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"Credential":   func(ctx context.Context) error { _, err := store.Credential(ctx, key); return err },
		"Exists":       func(ctx context.Context) error { _, err := store.Exists(ctx, key); return err },
		"ClientExists": func(ctx context.Context) error { _, err := store.ClientExists(ctx, "acme"); return err },
		"User":         func(ctx context.Context) error { _, err := store.User(ctx, key); return err },
		"List": func(ctx context.Context) error {
			_, _, err := store.List(ctx, access.Listing{Client: "acme", Limit: 10})
			return err
		},
		"ReadMany": func(ctx context.Context) error {
			_, err := store.ReadMany(ctx, []lockout.Key{key})
			return err
		},
		"Update": func(ctx context.Context) error {
			return store.Update(ctx, ana, ana, entryOf(audit.UserUpdated, "ana"))
		},
		"SetPassword": func(ctx context.Context) error {
			return store.SetPassword(ctx, ana, "", ana.CreatedAt, entryOf(audit.PasswordSet, "ana"))
		},
		"Delete": func(ctx context.Context) error { return store.Delete(ctx, ana, entryOf(audit.UserDeleted, "ana")) },
		"CreateClient": func(ctx context.Context) error {
			return store.CreateClient(ctx, "acme", ana.CreatedAt, entryOf(audit.ClientCreated, ""))
		},
		"Create": func(ctx context.Context) error { return store.Create(ctx, ana, "", entryOf(audit.UserCreated, "ana")) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(t.Context()); !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		})
	}
}

func TestAnItemThatCannotBeReadIsUnavailable(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	table := lockouttest.Tables(t).Users
	_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: map[string]types.AttributeValue{
		"client":   &types.AttributeValueMemberS{Value: "acme"},
		"username": &types.AttributeValueMemberS{Value: "ana"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	store := users.New(db, table, newHasher(cheap), nil)
	key, err := users.UserKey("acme", "ana")
	if err != nil {
		t.Fatal(err)
	}
	if user, err := store.User(t.Context(), key); !errors.Is(err, lockout.ErrUnavailable) || user != (access.User{}) {
		t.Errorf("user: got %v, %v, want ErrUnavailable", user, err)
	}
	if c, err := store.Credential(t.Context(), key); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("credential: got known %v, %v, want ErrUnavailable", c.Known(), err)
	}
	if _, _, err := store.List(t.Context(), access.Listing{Client: "acme", Limit: 10}); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("list: got %v, want ErrUnavailable", err)
	}
}
