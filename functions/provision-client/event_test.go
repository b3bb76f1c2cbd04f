package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"portcullis/internal/access"
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
		{"yes for a word", `{"client": "acme", "username": "root", "break_glass": true}`},
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
		"by": "ops@example.com", "reason": "ticket 7", "break_glass": "unlock"}`), &o)
	want := order{"acme", "root", "Rute", "r@example.com", "ops@example.com", "ticket 7", directory.BreakToUnlock}
	if err != nil || o != want {
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
			made, entries, err := newStage(t, 0).give(t, o)
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
	_, entries, err := newStage(t, 0).give(t, byOlga)
	if err != nil || len(entries) != 2 {
		t.Fatalf("got %d entries, %v; want 2", len(entries), err)
	}
	for _, e := range entries {
		if e.Actor != "iam:olga" || e.Reason != "ticket 7" || e.RequestID != "8476a536-e9f4-11e8-9739-2dfe598c3fcd" {
			t.Errorf("entry %+v", e)
		}
	}
}

// enrolling fails so many times to let the mint follow.
type enrolling struct {
	*embedded.Tokens
	fails int
}

func (f *enrolling) Enrol(ctx context.Context, user access.User) error {
	if f.fails > 0 {
		f.fails--
		return fmt.Errorf("no answer: %w", lockout.ErrUnavailable)
	}
	return f.Tokens.Enrol(ctx, user)
}

// byOlga is an order that may be given.
var byOlga = order{Client: "acme", Username: "root", By: "olga", Reason: "ticket 7"}

// rescue is byOlga with the glass broken for somebody.
func rescue(username string, to directory.BreakGlass) order {
	o := byOlga
	o.Username, o.BreakGlass = username, to
	return o
}

// A stage is where orders are carried out.
type stage struct {
	store *embedded.Store
	mint  *enrolling
	log   bytes.Buffer
	order func(context.Context, order) (receipt, error)
}

// newStage is a fresh store whose mint fails so many times.
func newStage(t *testing.T, fails int) *stage {
	t.Helper()
	hasher := users.NewHasher(users.Params{Memory: 8, Time: 1, Threads: 1}, rand.Reader, 1)
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"),
		embedded.Options{Hasher: hasher, Now: time.Now, NewID: environ.NewID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{store: store, mint: &enrolling{store.Tokens, fails}}
	s.order = handler(slog.New(slog.NewTextHandler(&s.log, nil)), &directory.Directory{
		Users: store.Users, Tokens: s.mint, Attempts: store.Attempts,
		Hasher: hasher, Now: time.Now, NewID: environ.NewID,
	})
	return s
}

// give gives an order, and returns what came of it and the trail.
func (s *stage) give(t *testing.T, o order) (receipt, []audit.Entry, error) {
	t.Helper()
	invoked := &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"}
	made, failed := s.order(lambdacontext.NewContext(t.Context(), invoked), o)
	entries, _, err := s.store.Trail.Entries(t.Context(), audit.Query{Client: "acme", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	return made, entries, failed
}

func TestThePasswordIsToldThoughTheMintFails(t *testing.T) {
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
			s := newStage(t, test.fails)
			made, _, err := s.give(t, byOlga)
			if err != nil {
				t.Fatal(err)
			}
			if !made.Created || made.Password == "" || made.Client != "acme" || made.Username != "root" {
				t.Errorf("got %+v, want a Sysadmin with a password", made)
			}
			if log := s.log.String(); !strings.Contains(log, test.log) || strings.Contains(log, made.Password) {
				t.Errorf("the log lacks %s or holds the password: %s", test.log, log)
			}
		})
	}
}

// TestWhoIsMadeByASecondTryIsNotTaken has the mint fail once for a Sysadmin who
// is made by breaking the glass: the second try finds them there.
func TestWhoIsMadeByASecondTryIsNotTaken(t *testing.T) {
	s := newStage(t, 0)
	if _, _, err := s.give(t, byOlga); err != nil {
		t.Fatal(err)
	}
	s.mint.fails = 1
	made, _, err := s.give(t, rescue("second", directory.BreakToCreate))
	if err != nil || !made.Created || made.Password == "" {
		t.Errorf("got %+v, %v; want a Sysadmin with a password", made, err)
	}
	if log := s.log.String(); strings.Contains(log, "provisioning_unfinished") {
		t.Errorf("the log: %s", log)
	}
}

// TestBreakingTheGlassIsLoud tells of each order to break it: in the log whether
// or not anything came of it, and in each entry that did.
func TestBreakingTheGlassIsLoud(t *testing.T) {
	elsewhere := rescue("root", directory.BreakToUnlock)
	elsewhere.Client = "other"
	tests := []struct {
		name    string
		order   order
		created bool
		err     error
	}{
		{"for a Sysadmin who is not locked", rescue("root", directory.BreakToUnlock), false, nil},
		{"for a new Sysadmin", rescue("second", directory.BreakToCreate), true, nil},
		{"for a name that is misspelt", rescue("roott", directory.BreakToUnlock), false, lockout.ErrNotFound},
		{"for a name that is taken", rescue("root", directory.BreakToCreate), false, directory.ErrTaken},
		{"for an unknown client", elsewhere, false, lockout.ErrNotFound},
		{"for what there is not", rescue("root", "yes"), false, directory.ErrBreakGlass},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t, 0)
			_, before, err := s.give(t, byOlga)
			if err != nil || strings.Contains(s.log.String(), "break_glass") {
				t.Fatalf("without breaking it: %v, %s", err, s.log.String())
			}
			made, entries, err := s.give(t, test.order)
			if !errors.Is(err, test.err) || made.Created != test.created || (made.Password != "") != test.created {
				t.Errorf("got %+v, %v", made, err)
			}
			for _, e := range entries[:len(entries)-len(before)] {
				if !e.Details.BreakGlass || e.Actor != "iam:olga" {
					t.Errorf("entry %+v", e)
				}
			}
			wantLine(t, s.log.String(), "level=WARN msg=break_glass", fmt.Sprint("to=", test.order.BreakGlass), "by=iam:olga", `reason="ticket 7"`, "request_id=8476a536")
		})
	}
}

// wantLine looks for a line that has all of it.
func wantLine(t *testing.T, log string, parts ...string) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			return
		}
	}
	t.Errorf("no line has %q:\n%s", parts, log)
}

// TestWhoMayNotBreakTheGlass refuses an order without a reason, and one for
// somebody who is no Sysadmin.
func TestWhoMayNotBreakTheGlass(t *testing.T) {
	s := newStage(t, 0)
	if _, _, err := s.give(t, byOlga); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"", "  "} {
		o := rescue("root", directory.BreakToUnlock)
		o.Reason = reason
		if _, _, err := s.give(t, o); !errors.Is(err, directory.ErrNoReason) {
			t.Errorf("for the reason %q: got %v, want %v", reason, err, directory.ErrNoReason)
		}
	}
	second := byOlga
	second.Username = "second"
	_, entries, err := s.give(t, second)
	if !errors.Is(err, directory.ErrHasUsers) || len(entries) != 2 {
		t.Errorf("a second Sysadmin without it: got %d entries, %v; want %v", len(entries), err, directory.ErrHasUsers)
	}
}
