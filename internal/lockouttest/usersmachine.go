package lockouttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// TestPropertyOfUsers makes random changes of the users of a client, from what
// is stored or from what was, some of them late or twice. What is answered, read,
// listed and told by the trail must be what a map of the users says. Of the
// sequences that rapid is asked for, so many per cent are tried.
func TestPropertyOfUsers(t *testing.T, store UsersFixture, percent int) {
	checks, done := share(t, percent), counts{}
	hashes := map[string]string{}
	for _, password := range []string{usersPassword, "another-password-1"} {
		phc, err := usersHasher().Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		hashes[password] = phc
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newUsersMachine(t, store, hashes, done)
		t.Repeat(map[string]func(*rapid.T){
			"create": m.create, "update": m.update, "set password": m.setPassword, "delete": m.delete,
			"again": m.again, "list": m.list, "look": func(*rapid.T) { m.look() },
		})
		m.look()
	})
	t.Logf("%d sequences, %d changes:\n%s", checks, done.sum(), done)
}

// A usersMachine is a client with a few users.
type usersMachine struct {
	t       *rapid.T
	store   UsersFixture
	hashes  map[string]string // by password
	done    counts
	client  string
	nextID  func() string
	now     time.Time
	stored  map[string]account // by username
	was     []access.User      // every state that a user had
	calls   []change           // every change that was asked for
	entries []string           // the ids of those that were made
}

// An account is a user with their password.
type account struct {
	access.User
	password string
}

// A change is a call that changes something.
type change struct {
	what  string
	entry audit.Entry
	make  func(context.Context) error
	due   func() error // what it must end with, unless it was made before
	then  func()       // changes what must be stored
}

func newUsersMachine(t *rapid.T, store UsersFixture, hashes map[string]string, done counts) *usersMachine {
	next := IDs()
	m := &usersMachine{
		t: t, store: store, hashes: hashes, done: done, client: "c" + next()[2:], nextID: next, now: usersMadeAt,
		stored: map[string]account{},
	}
	entry := m.entry(audit.ClientCreated, "")
	if err := store.CreateClient(t.Context(), m.client, m.now, entry); err != nil {
		t.Fatal(err)
	}
	m.entries = append(m.entries, entry.ID)
	return m
}

func (m *usersMachine) entry(action audit.Action, username string) audit.Entry {
	e := usersEntry(action, m.client, username)
	e.ID = m.nextID()
	return e
}

// later returns a time that was not before.
func (m *usersMachine) later() time.Time {
	m.now = moved(m.now)
	return m.now
}

// send makes a change, or makes it again, and compares what it ends with.
func (m *usersMachine) send(c change) {
	due := c.due()
	if slices.Contains(m.entries, c.entry.ID) {
		due = nil
	} else if due == nil {
		c.then()
		m.entries = append(m.entries, c.entry.ID)
	}
	err := c.make(m.t.Context())
	m.t.Logf("%s of %q: %v", c.what, c.entry.Username, err)
	m.done[fmt.Sprintf("%s: %s", c.what, outcomeOf(due))]++
	if outcomeOf(err) != outcomeOf(due) {
		m.t.Fatalf("%s of %q: got %v, want %s", c.what, c.entry.Username, err, outcomeOf(due))
	}
}

// ask makes a change for the first time.
func (m *usersMachine) ask(c change) {
	m.calls = append(m.calls, c)
	m.send(c)
}

func (m *usersMachine) again(t *rapid.T) {
	if len(m.calls) == 0 {
		t.Skip("nothing was asked for")
	}
	m.send(m.calls[rapid.IntRange(0, len(m.calls)-1).Draw(t, "call")])
}

// outcomeOf says which of the errors of the contract it is.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "made"
	case errors.Is(err, access.ErrLastSysadmin):
		return "the last Sysadmin"
	case conflicts(err):
		return "conflict"
	}
	return err.Error()
}

func (m *usersMachine) put(user access.User, password string) {
	m.stored[user.Username] = account{user, password}
	m.was = append(m.was, user)
}

// as is the error of a change that takes a user for somebody else than they are
// or, if it leaves them no Sysadmin, ends the last one.
func (m *usersMachine) as(before access.User, after access.Role) error {
	if m.stored[before.Username].User != before {
		return &lockout.ConflictError{}
	}
	others := 0
	for _, a := range m.stored {
		if a.Role == access.Sysadmin && a.Username != before.Username {
			others++
		}
	}
	if before.Role == access.Sysadmin && after != access.Sysadmin && others == 0 {
		return access.ErrLastSysadmin
	}
	return nil
}

// list reads a list to its end, page by page.
func (m *usersMachine) list(t *rapid.T) {
	listing := access.Listing{
		Client: m.client, Limit: rapid.IntRange(1, 5).Draw(t, "limit"),
		Role: rapid.SampledFrom([]access.Role{"", access.Sysadmin, access.Manager}).Draw(t, "role"),
		Text: rapid.SampledFrom([]string{"", "reis", "ana"}).Draw(t, "text"),
	}
	var got, want []access.User
	for page := 0; ; page++ {
		users, next, err := m.store.List(t.Context(), listing)
		if err != nil || len(users) > listing.Limit || page > 100 {
			t.Fatalf("page %d of %d users: %v", page, len(users), err)
		}
		got = append(got, users...)
		if next == "" {
			break
		}
		listing.After = next
	}
	for _, a := range m.stored {
		if listing.Of(a.User) {
			want = append(want, a.User)
		}
	}
	slices.SortFunc(want, func(a, b access.User) int { return strings.Compare(a.Username, b.Username) })
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("%+v (-got +want):\n%s", listing, diff)
	}
}

// look compares all that is stored, and the trail.
func (m *usersMachine) look() {
	for _, a := range m.stored {
		key, err := users.UserKey(m.client, a.Username)
		if err != nil {
			m.t.Fatal(err)
		}
		credential, err := m.store.Credential(m.t.Context(), key)
		if err != nil {
			m.t.Fatal(err)
		}
		if diff := cmp.Diff(credential.User(), a.User); diff != "" {
			m.t.Errorf("stored (-got +want):\n%s", diff)
		}
		if right, err := credential.Compare(m.t.Context(), a.password); err != nil || !right {
			m.t.Errorf("the password of %q: got %v, %v", a.Username, right, err)
		}
	}
	var got []string
	for _, e := range m.store.Entries(m.t, m.client) {
		got = append(got, e.ID)
	}
	slices.Sort(got)
	if diff := cmp.Diff(got, slices.Sorted(slices.Values(m.entries))); diff != "" {
		m.t.Errorf("entries (-got +want):\n%s", diff)
	}
}
