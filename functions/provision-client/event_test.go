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

	"github.com/aws/aws-lambda-go/lambdacontext"

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
	err := json.Unmarshal([]byte(`{"client": "acme", "username": "root", "name": "Rute", "email": "r@example.com",
		"by": "ops@example.com", "reason": "ticket 7"}`), &o)
	if want := (order{"acme", "root", "Rute", "r@example.com", "ops@example.com", "ticket 7"}); err != nil || o != want {
		t.Errorf("got %+v, %v; want %+v", o, err, want)
	}
}

func TestAnOrderSaysWhoGivesIt(t *testing.T) {
	tests := []struct {
		name       string
		by, reason string
		want       string // part of the error; empty for none
	}{
		{"a name", "Olga Pires", "", ""},
		{"a role's name and a reason", "arn:aws:sts::123456789012:assumed-role/ops/olga", "the last Sysadmin is locked out", ""},
		{"the longest name", strings.Repeat("é", 64), "", ""},
		{"the longest reason", "olga", strings.Repeat("r", 500), ""},
		{"nobody", "", "", `"by" must`},
		{"blanks", "  ", "", `"by" must`},
		{"a name that is too long", strings.Repeat("é", 64) + "e", "", `"by" must`},
		{"a name of two lines", "olga\nportcullis", "", `"by" must`},
		{"a name with an escape sequence", "olga\x1b[2J", "", `"by" must`},
		{"a reason that is too long", "olga", strings.Repeat("r", 501), `"reason" must`},
		{"a reason of two lines", "olga", "because\nof this", `"reason" must`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := order{Client: "acme", Username: "root", By: test.by, Reason: test.reason}
			made, _, entries, err := provision(t, o, 0)
			if test.want == "" {
				if err != nil || len(entries) != 2 {
					t.Errorf("got %d entries, %v", len(entries), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || made.Created || len(entries) != 0 {
				t.Errorf("got %+v, %d entries, %v; want %s", made, len(entries), err, test.want)
			}
		})
	}
}

func TestTheTrailTellsWhoGaveTheOrder(t *testing.T) {
	_, _, entries, err := provision(t, byOlga, 0)
	if err != nil || len(entries) != 2 {
		t.Fatalf("got %d entries, %v; want 2", len(entries), err)
	}
	for _, e := range entries {
		if e.Actor != "iam:olga" || e.Reason != "ticket 7" || e.RequestID != "8476a536-e9f4-11e8-9739-2dfe598c3fcd" {
			t.Errorf("entry %+v", e)
		}
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

// byOlga is an order that may be given.
var byOlga = order{Client: "acme", Username: "root", By: "olga", Reason: "ticket 7"}

// provision carries an order out on a fresh store whose trail fails, and
// returns the receipt, the log and the trail.
func provision(t *testing.T, o order, fails int) (receipt, string, []audit.Entry, error) {
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
	invoked := &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"}
	made, failed := provision(lambdacontext.NewContext(t.Context(), invoked), o)
	entries, _, err := store.Trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return made, log.String(), entries, failed
}

func TestThePasswordIsToldThoughTheTrailFails(t *testing.T) {
	tests := []struct {
		name  string
		fails int
		log   string
	}{
		{"not at all", 0, "client_provisioned"},
		{"once, and is tried again", 1, "client_provisioned"},
		{"for good, which the log tells", 2, "provisioning_unfinished"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			made, log, _, err := provision(t, byOlga, test.fails)
			if err != nil {
				t.Fatal(err)
			}
			if !made.Created || made.Password == "" || made.Client != "acme" || made.Username != "root" {
				t.Errorf("got %+v, want a Sysadmin with a password", made)
			}
			if !strings.Contains(log, test.log) || strings.Contains(log, made.Password) {
				t.Errorf("the log lacks %s or holds the password: %s", test.log, log)
			}
		})
	}
}
