package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

func TestAnOrderIsTakenOnlyAsItIsWritten(t *testing.T) {
	tests := []struct{ name, event string }{
		{"a member that is misspelt", `{"client": "acme", "user": "root"}`},
		{"a member in another case", `{"Client": "acme", "username": "root"}`},
		{"a member twice", `{"client": "acme", "client": "other", "username": "root"}`},
		{"a number for a name", `{"client": 7, "username": "root"}`},
		{"a list", `["acme", "root"]`},
		{"a string", `"acme"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var o order
			if err := json.Unmarshal([]byte(test.event), &o); err == nil {
				t.Errorf("got %+v, want an error", o)
			} else if strings.Contains(err.Error(), "acme") {
				t.Errorf("the error quotes the event: %v", err)
			}
		})
	}
	var o order
	err := json.Unmarshal([]byte(`{"client": "acme", "username": "root", "name": "Rute", "email": "r@example.com"}`), &o)
	if want := (order{"acme", "root", "Rute", "r@example.com"}); err != nil || o != want {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
}

// trail fails the first so many entries of a user's creation.
type trail struct {
	*embedded.Trail
	fails int
}

func (f *trail) Append(ctx context.Context, e audit.Entry) error {
	if e.Action == audit.UserCreated && f.fails > 0 {
		f.fails--
		return fmt.Errorf("no answer: %w", lockout.ErrUnavailable)
	}
	return f.Trail.Append(ctx, e)
}

// provision makes one client on a fresh store whose trail fails, and returns
// the receipt and the log.
func provision(t *testing.T, fails int) (receipt, string) {
	t.Helper()
	hasher := users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 1)
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"),
		embedded.Options{Hasher: hasher, Now: time.Now, NewID: environ.NewID})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	var log bytes.Buffer
	provision := handler(slog.New(slog.NewTextHandler(&log, nil)), &directory.Directory{
		Users: store.Users, Tokens: store.Tokens, Attempts: store.Attempts, Trail: &trail{store.Trail, fails},
		Hasher: hasher, Now: time.Now, NewID: environ.NewID,
	})
	made, err := provision(t.Context(), order{Client: "acme", Username: "root"})
	if err != nil {
		t.Fatal(err)
	}
	return made, log.String()
}

func TestThePasswordIsToldThoughTheTrailFails(t *testing.T) {
	tests := []struct {
		name  string
		fails int
		log   string
	}{
		{"not at all", 0, "client_provisioned"},
		{"once, and is tried again", 1, "client_provisioned"},
		{"for good, which the log tells", 2, "audit_entry_missing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			made, log := provision(t, test.fails)
			if !made.Created || made.Password == "" || made.Client != "acme" || made.Username != "root" {
				t.Errorf("got %+v, want a Sysadmin with a password", made)
			}
			if !strings.Contains(log, test.log) || strings.Contains(log, made.Password) {
				t.Errorf("the log lacks %s or holds the password: %s", test.log, log)
			}
		})
	}
}
