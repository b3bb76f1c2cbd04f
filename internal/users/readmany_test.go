package users_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A batch is the request of a BatchGetItem, or what it left undone.
type batch map[string]map[string]any

// stingy carries one key of each BatchGetItem on, at most often times, and says
// that the others are left.
func stingy(t *testing.T, often int, tries *int) carrier {
	return func(r *http.Request) (*http.Response, error) {
		var asked struct{ RequestItems batch }
		sent, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(sent, &asked)
		}
		if err != nil || asked.RequestItems == nil {
			r.Body = io.NopCloser(bytes.NewReader(sent))
			return http.DefaultClient.Do(r)
		}
		*tries++
		return carryOne(t, r, asked.RequestItems, *tries <= often)
	}
}

// carryOne has the first key carried, if it is to be, and puts the others into
// the answer as they were asked for.
func carryOne(t *testing.T, r *http.Request, asked batch, carried bool) (*http.Response, error) {
	for _, table := range asked {
		keys := table["Keys"].([]any)
		if !carried {
			return answered(200, fmt.Sprintf(`{"Responses": {}, "UnprocessedKeys": %s}`, mustJSON(t, asked))), nil
		}
		table["Keys"] = keys[:1]
		first := mustJSON(t, map[string]any{"RequestItems": asked})
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(first)), int64(len(first))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		var got map[string]any
		if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
			return nil, err
		}
		if table["Keys"] = keys[1:]; len(keys) > 1 {
			got["UnprocessedKeys"] = asked
		}
		return answered(200, string(mustJSON(t, got))), nil
	}
	return nil, errors.New("a batch of no table")
}

func mustJSON(t *testing.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Error(err)
	}
	return text
}

// three returns a store with three users, and their keys.
func three(t *testing.T, c carrier) (*users.Store, []lockout.Key) {
	t.Helper()
	store := behind(t, c)
	var keys []lockout.Key
	for _, name := range []string{"ana", "bob", "cid"} {
		user := ana
		user.Username = name
		if err := store.Create(t.Context(), user, "hash", entryOf(audit.UserCreated, name)); err != nil {
			t.Fatal(err)
		}
		key, err := users.UserKey("acme", name)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return store, keys
}

func TestReadManyAsksAgainForWhatIsLeft(t *testing.T) {
	tries := 0
	store, keys := three(t, stingy(t, 3, &tries))
	found, err := store.ReadMany(t.Context(), keys)
	if err != nil || len(found) != 3 || tries != 3 {
		t.Errorf("got %v, %v after %d requests, want three users after as many", found, err, tries)
	}
}

func TestReadManyGivesUp(t *testing.T) {
	tries := 0
	store, keys := three(t, stingy(t, 1, &tries))
	if found, err := store.ReadMany(t.Context(), keys); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, %v, want ErrUnavailable", found, err)
	}
	if tries < 3 || tries > 10 {
		t.Errorf("made %d requests, want a few", tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.ReadMany(ctx, keys); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("after the context ended: got %v, want ErrUnavailable", err)
	}
}
