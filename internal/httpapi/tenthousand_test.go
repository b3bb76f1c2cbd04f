package httpapi_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/embedded"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// manyUsers is how many users the client of these tests has.
const manyUsers = 10_000

// A counted store tells how much a request has read.
type counted struct {
	users    *embedded.Users
	attempts *embedded.Attempts
	read     reading
}

// A reading is how much a request reads: lists, the rows that came out of them,
// users by name, and records of attempts.
type reading struct{ Lists, Rows, Users, Records int }

type (
	countedUsers    struct{ *counted }
	countedAttempts struct{ *counted }
)

func (c countedUsers) List(ctx context.Context, l access.Listing) ([]access.User, string, error) {
	users, next, err := c.users.List(ctx, l)
	c.read.Lists, c.read.Rows = c.read.Lists+1, c.read.Rows+len(users)
	return users, next, err
}

func (c countedUsers) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error) {
	c.read.Users += len(keys)
	return c.users.ReadMany(ctx, keys)
}

func (c countedAttempts) ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]lockout.Record, error) {
	c.read.Records += len(keys)
	return c.attempts.ReadMany(ctx, keys)
}

func (c countedAttempts) Locked(ctx context.Context, client, after string, limit int) ([]string, bool, error) {
	names, more, err := c.attempts.Locked(ctx, client, after, limit)
	c.read.Lists, c.read.Rows = c.read.Lists+1, c.read.Rows+len(names)
	return names, more, err
}

// openMany returns a store with many users, every thousandth of whom is an
// ITUser, and a hundred of whom are locked.
func openMany(t *testing.T) *counted {
	t.Helper()
	ids := lockouttest.IDs()
	store, err := embedded.Open(filepath.Join(t.TempDir(), "data"), embedded.Options{Now: time.Now, NewID: ids})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	var makers sync.WaitGroup
	for worker := range 100 { // so that many share one commit
		makers.Go(func() {
			for i := worker; i < manyUsers; i += 100 {
				user := access.User{Client: "acme", Username: manyName(i), Role: access.Manager, CreatedAt: start, SessionsSince: start}
				if i%1000 == 999 {
					user.Role = access.ITUser
				}
				entry := audit.Entry{Client: "acme", ID: ids(), At: start, Action: audit.UserCreated, Username: user.Username}
				if err := store.Users.Create(t.Context(), user, "a hash", entry); err != nil {
					t.Error(err)
				}
			}
			lockOut(t, store.Attempts, key("acme", manyName(worker*100+50)), ids)
		})
	}
	makers.Wait()
	return &counted{users: store.Users, attempts: store.Attempts}
}

func manyName(i int) string { return fmt.Sprintf("u%05d", i) }

func lockOut(t *testing.T, attempts *embedded.Attempts, k lockout.Key, ids func() string) {
	id := ids()
	for _, transition := range []lockout.Transition{
		lockout.Charge{AttemptID: id, Maximum: 1, At: start},
		lockout.Fail{
			Maximum: 1, Evidence: lockout.Evidence{AttemptID: id, At: start},
			Lock: lockout.Event{ID: ids(), Kind: lockout.EventLock, At: start, Key: k, Actor: lockout.ActorPortcullis},
		},
	} {
		if result, err := attempts.Apply(t.Context(), k, transition); err != nil || result.Outcome != lockout.Applied {
			t.Errorf("locking %s: %v, %v", k, result.Outcome, err)
		}
	}
}

// TestTenThousandUsersAreListedAPageAtATime reads through all of them and looks
// for a few, and counts what each request reads.
func TestTenThousandUsersAreListedAPageAtATime(t *testing.T) {
	w, store := newWorld(t), openMany(t)
	list := httpapi.ListUsers(w.edge, countedUsers{store}, countedAttempts{store}, lockouttest.FixedMaximum(5), w.cursors())
	all := make([]string, manyUsers)
	for i := range all {
		all[i] = manyName(i)
	}
	isLocked := func(name string) bool { return strings.HasSuffix(name, "50") }
	keep := func(want func(name string) bool) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !want(name) })
	}
	for _, test := range []struct {
		name       string
		parameters []string
		want       []string
		requests   int
		most       reading // of one request
	}{
		{"everybody", []string{"limit", "100"}, all, 100, reading{Lists: 1, Rows: 100, Records: 100}},
		{"a page of few", []string{"limit", "3", "q", "u0123"}, keep(func(n string) bool { return strings.HasPrefix(n, "u0123") }), 5,
			reading{Lists: 1, Rows: 3, Records: 3}},
		{"by role", []string{"role", "ITUser"}, keep(func(n string) bool { return strings.HasSuffix(n, "999") }), 2,
			reading{Lists: 1, Rows: 8, Records: 8}}, // of the first 8,000
		{"by the end of a name", []string{"q", "U09999"}, []string{"u09999"}, 2, reading{Lists: 1, Rows: 1, Records: 1}},
		{"nobody", []string{"q", "nobody"}, nil, 2, reading{Lists: 1}},
		{"the locked", []string{"locked", "true", "limit", "30"}, keep(isLocked), 4,
			reading{Lists: 1, Rows: 30, Users: 30, Records: 30}},
		{"one of the locked", []string{"locked", "true", "q", "09950"}, []string{"u09950"}, 1,
			reading{Lists: 1, Rows: 100, Users: 100, Records: 100}},
		{"the others", []string{"locked", "false", "limit", "100"}, keep(func(n string) bool { return !isLocked(n) }), 100,
			reading{Lists: 2, Rows: 101, Records: 101}},
	} {
		t.Run(test.name, func(t *testing.T) {
			requests, most := 0, reading{}
			got := pagesThrough(t, func(event events.APIGatewayProxyRequest) answer {
				store.read = reading{}
				a := w.answered(t, t.Context(), list, event)
				requests, most = requests+1, most.and(store.read)
				return a
			}, recorded(t, "users/list"), "users", "username", test.parameters...)
			if diff := cmp.Diff(slices.Concat(got...), test.want); diff != "" {
				t.Errorf("users (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(most, test.most); diff != "" || requests != test.requests {
				t.Errorf("%d requests, want %d; one read (-got +want):\n%s", requests, test.requests, diff)
			}
		})
	}
}

// and returns the larger of each number.
func (r reading) and(other reading) reading {
	return reading{
		max(r.Lists, other.Lists), max(r.Rows, other.Rows), max(r.Users, other.Users), max(r.Records, other.Records),
	}
}
