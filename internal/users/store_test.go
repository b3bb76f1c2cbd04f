package users_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

func TestStore(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	lockouttest.TestUsers(t, func(t *testing.T) lockouttest.Users {
		return users.New(db, lockouttest.Tables(t).Users, newHasher(cheap))
	})
}

// A wire keeps the bodies that pass, and loses the answer to one request after
// it took effect.
type wire struct {
	mu       sync.Mutex
	lose     string // the operation whose next answer is lost
	sent     []string
	received []string
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.received = append(w.sent, string(body)), append(w.received, string(answer))
	if w.lose != "" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+w.lose) {
		w.lose = ""
		return nil, io.ErrUnexpectedEOF
	}
	return response, nil
}

// wired returns an empty store behind a wire, and its table.
func wired(t *testing.T) (*users.Store, *wire, string) {
	w := new(wire)
	table := lockouttest.Tables(t).Users
	db := dynamodb.NewFromConfig(lockouttest.AWS(t), func(o *dynamodb.Options) { o.HTTPClient = w })
	return users.New(db, table, newHasher(cheap)), w, table
}

func TestCreateWhoseAnswerWasLostIsNoConflict(t *testing.T) {
	store, w, _ := wired(t)
	w.lose = "PutItem"
	if err := store.Create(t.Context(), ana, mustHash(t, newHasher(cheap), "secret-1")); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if len(w.sent) != 2 {
		t.Errorf("requests: got %d, want 2", len(w.sent))
	}
}

func TestOnlyCredentialsReadThePasswordHash(t *testing.T) {
	store, w, _ := wired(t)
	key, err := users.UserKey("acme", "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Create(t.Context(), ana, mustHash(t, newHasher(cheap), "secret-1")); err != nil {
		t.Fatal(err)
	}
	reads := map[string]func(context.Context) error{
		"User":   func(ctx context.Context) error { _, err := store.User(ctx, key); return err },
		"Exists": func(ctx context.Context) error { _, err := store.Exists(ctx, key); return err },
		"List":   func(ctx context.Context) error { _, _, err := store.List(ctx, "acme", "", 10); return err },
		"ClientExists": func(ctx context.Context) error {
			_, err := store.ClientExists(ctx, "acme")
			return err
		},
	}
	for name, read := range reads {
		w.received = nil
		if err := read(t.Context()); err != nil {
			t.Fatal(err)
		}
		answers := strings.Join(w.received, "\n")
		if strings.Contains(answers, "password_hash") || strings.Contains(answers, "argon2id") {
			t.Errorf("%s read the password hash: %s", name, answers)
		}
		if name == "Exists" && strings.Contains(answers, "Manager") {
			t.Errorf("%s read more than the key: %s", name, answers)
		}
	}
}

func TestACredentialIsReadTheSameWayForEverybody(t *testing.T) {
	store, w, table := wired(t)
	if err := store.Create(t.Context(), ana, mustHash(t, newHasher(cheap), "secret-1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ana", "bob", "#client", "\u200b"} {
		key, err := users.LoginKey("acme", name)
		if err != nil {
			t.Fatal(err)
		}
		w.sent = nil
		if _, err := store.Credential(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"TableName": table, "ConsistentRead": true, "Key": map[string]any{
			"client": map[string]any{"S": "acme"}, "username": map[string]any{"S": name},
		}}
		var got map[string]any
		if err := json.Unmarshal([]byte(w.sent[0]), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want); diff != "" || len(w.sent) != 1 {
			t.Errorf("%+q: %d requests; got -, want +:\n%s", name, len(w.sent), diff)
		}
	}
}

func TestEveryFailureOfTheTableIsUnavailable(t *testing.T) {
	store := users.New(dynamodb.NewFromConfig(lockouttest.AWS(t)), "no-such-table", newHasher(cheap))
	key, err := users.UserKey("acme", "ana")
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(context.Context) error{
		"Credential":   func(ctx context.Context) error { _, err := store.Credential(ctx, key); return err },
		"Exists":       func(ctx context.Context) error { _, err := store.Exists(ctx, key); return err },
		"ClientExists": func(ctx context.Context) error { _, err := store.ClientExists(ctx, "acme"); return err },
		"User":         func(ctx context.Context) error { _, err := store.User(ctx, key); return err },
		"List":         func(ctx context.Context) error { _, _, err := store.List(ctx, "acme", "", 10); return err },
		"CreateClient": func(ctx context.Context) error { return store.CreateClient(ctx, "acme", ana.CreatedAt) },
		"Create":       func(ctx context.Context) error { return store.Create(ctx, ana, "") },
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
	store := users.New(db, table, newHasher(cheap))
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
	if _, _, err := store.List(t.Context(), "acme", "", 10); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("list: got %v, want ErrUnavailable", err)
	}
}
