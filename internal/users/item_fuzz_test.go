package users_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// fromTheTable returns a store whose table answers every read with one item,
// given as JSON.
func fromTheTable(h *users.Hasher, raw []byte) *users.Store {
	db := dynamodb.NewFromConfig(lockouttest.Answered(func(operation string, _ []byte) (int, []byte) {
		if operation == "Query" {
			return http.StatusOK, fmt.Appendf(nil, `{"Items":[%s]}`, raw)
		}
		return http.StatusOK, fmt.Appendf(nil, `{"Item":%s}`, raw)
	}))
	return users.New(db, "users", h, nil)
}

// FuzzItem reads anything as the item of a user. What is read says what the item
// says, in the types and the spellings in which it is written, or it is an outage;
// and no error tells a password hash.
func FuzzItem(f *testing.F) {
	h := newHasher(cheap)
	key, err := users.UserKey("acme", "ana.silva")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if lockouttest.Ambiguous(raw) {
			return
		}
		store := fromTheTable(h, raw)
		user, err := store.User(t.Context(), key)
		if err == nil {
			says(t, raw, user)
		} else {
			tellsAnOutage(t, raw, err)
		}
		found, _, listErr := store.List(t.Context(), access.Listing{Client: "acme", Limit: 10})
		if listErr != nil {
			tellsAnOutage(t, raw, listErr)
		} else if len(found) == 1 && !cmp.Equal(found[0], user) {
			t.Errorf("listed as %+v, and read as %+v", found[0], user)
		}
		readsACredential(t, store, key, raw, err)
	})
}

// readsACredential checks that a credential is there exactly where a user is, and
// opens for nobody without a good hash.
func readsACredential(t *testing.T, store *users.Store, key lockout.Key, raw []byte, userErr error) {
	t.Helper()
	c, err := store.Credential(t.Context(), key)
	if err != nil {
		tellsAnOutage(t, raw, err)
		return
	}
	if c.Known() != (userErr == nil) {
		t.Errorf("known %v, where reading the user gives %v", c.Known(), userErr)
	}
	hash := attributeOf(raw, "password_hash")
	if _, good := readReference(hash); good || !c.Known() {
		return // FuzzPHC compares
	}
	if same, err := c.Compare(t.Context(), "secret-1"); same || !errors.Is(err, users.ErrCorruptHash) {
		t.Errorf("comparing with %q: got %v, %v", hash, same, err)
	}
}

// says checks that a user is what the item says.
func says(t *testing.T, raw []byte, user access.User) {
	t.Helper()
	const layout = "2006-01-02T15:04:05.000Z"
	got := map[string]string{
		"client": user.Client, "username": user.Username, "role": string(user.Role), "name": user.Name, "email": user.Email,
		"created_at": user.CreatedAt.Format(layout), "sessions_since": user.SessionsSince.Format(layout),
	}
	var item map[string]map[string]any
	if err := json.Unmarshal(raw, &item); err != nil {
		return // the SDK's decoder forgives more than JSON allows
	}
	for name, value := range got {
		attribute, there := item[name]
		if want := attribute["S"]; there && want != value && strings.ToValidUTF8(value, "\ufffd") != want {
			t.Errorf("%s: got %+q, want %+v", name, value, attribute)
		}
	}
}

// attributeOf returns a string of an item in JSON.
func attributeOf(raw []byte, name string) string {
	var item map[string]map[string]any
	_ = json.Unmarshal(raw, &item)
	s, _ := item[name]["S"].(string)
	return s
}

func tellsAnOutage(t *testing.T, raw []byte, err error) {
	t.Helper()
	if !errors.Is(err, lockout.ErrUnavailable) && !errors.Is(err, lockout.ErrNotFound) {
		t.Errorf("got %v, want an outage", err)
	}
	if hash := attributeOf(raw, "password_hash"); len(hash) > 20 && strings.Contains(err.Error(), hash) {
		t.Errorf("the error tells the hash: %v", err)
	}
}
