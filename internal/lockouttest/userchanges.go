package lockouttest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// A userChange is one way to change a user.
type userChange struct {
	action audit.Action
	make   func(store Users, before access.User, entry audit.Entry) error
}

// userChanges returns every change of a user who is there, by name. Each can be
// made of any user.
func userChanges(t *testing.T) map[string]userChange {
	phc := usersHash(t)
	return map[string]userChange{
		"an update": {audit.UserUpdated, func(store Users, before access.User, entry audit.Entry) error {
			return store.Update(t.Context(), before, updated(before), entry)
		}},
		"a password": {audit.PasswordSet, func(store Users, before access.User, entry audit.Entry) error {
			return store.SetPassword(t.Context(), before, phc, moved(before.SessionsSince), entry)
		}},
		"a deletion": {audit.UserDeleted, func(store Users, before access.User, entry audit.Entry) error {
			return store.Delete(t.Context(), before, entry)
		}},
	}
}

// updated returns the user with another value in every field that an update
// changes.
func updated(user access.User) access.User {
	user.Role, user.Name, user.Email = access.ITUser, "Ana S. Costa", ""
	user.SessionsSince = moved(user.SessionsSince)
	return user
}

// moved returns the least time that a store can tell from another.
func moved(at time.Time) time.Time { return at.Add(time.Millisecond) }

// setPassword puts the password in the place of the user's, and returns the user
// as they are then.
func setPassword(t *testing.T, store Users, user access.User, password string) access.User {
	t.Helper()
	phc, err := usersHasher().Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	since := moved(user.SessionsSince)
	entry := usersEntry(audit.PasswordSet, user.Client, user.Username)
	if err := store.SetPassword(t.Context(), user, phc, since, entry); err != nil {
		t.Fatal(err)
	}
	user.SessionsSince = since
	return user
}

func deleteUser(t *testing.T, store Users, user access.User) {
	t.Helper()
	if err := store.Delete(t.Context(), user, usersEntry(audit.UserDeleted, user.Client, user.Username)); err != nil {
		t.Fatal(err)
	}
}

func updates(t *testing.T, store UsersFixture) {
	before := person("acme", "ana")
	createUser(t, store, before)
	createUser(t, store, person("acme", "Ana"))
	after := updated(before)
	if err := store.Update(t.Context(), before, after, usersEntry(audit.UserUpdated, "acme", "ana")); err != nil {
		t.Fatal(err)
	}
	wantUser(t, store, usersKey(t, "acme", "ana"), after)
	wantUser(t, store, usersKey(t, "acme", "Ana"), person("acme", "Ana"))
	compares(t, store, usersKey(t, "acme", "ana"), usersPassword, true)
	listing := access.Listing{Client: "acme", Limit: 10, Text: "costa"}
	if diff := cmp.Diff(listAll(t, store, listing), []string{"ana"}); diff != "" {
		t.Errorf("by the new name: got -, want +:\n%s", diff)
	}
	listing.Text = "example.com"
	if diff := cmp.Diff(listAll(t, store, listing), []string{"Ana"}); diff != "" {
		t.Errorf("by the old address: got -, want +:\n%s", diff)
	}
}

func setsPasswords(t *testing.T, store UsersFixture) {
	before := person("acme", "ana")
	createUser(t, store, before)
	after := setPassword(t, store, before, "another-password-1")
	key := usersKey(t, "acme", "ana")
	wantUser(t, store, key, after)
	compares(t, store, key, usersPassword, false)
	compares(t, store, key, "another-password-1", true)
}

// keepsAPasswordThatWasJustSet has a login with the old password upgrade its
// hash after the new one was set.
func keepsAPasswordThatWasJustSet(t *testing.T, store UsersFixture) {
	createUser(t, store, person("acme", "ana"))
	key := usersKey(t, "acme", "ana")
	old := mustCredential(t, store, key)
	setPassword(t, store, person("acme", "ana"), "another-password-1")
	if err := old.Upgrade(t.Context(), usersPassword); err != nil {
		t.Errorf("upgrade of the old hash: got %v, want nil", err)
	}
	compares(t, store, key, usersPassword, false)
	compares(t, store, key, "another-password-1", true)
}

func deletes(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	createUser(t, store, person("acme", "ana"))
	createUser(t, store, person("acme", "bob"))
	deleteUser(t, store, person("acme", "ana"))
	wantUser(t, store, usersKey(t, "acme", "ana"), access.User{})
	compares(t, store, usersKey(t, "acme", "ana"), usersPassword, false)
	wantList(t, store, "", 10, false, "bob")
}

// createsAgain creates somebody under the name of a user who was deleted: they
// have nothing of theirs, and nobody who knew those changes them.
func createsAgain(t *testing.T, store UsersFixture) {
	first, second := person("acme", "ana"), person("acme", "ana")
	createUser(t, store, first)
	first = setPassword(t, store, first, "another-password-1")
	old := mustCredential(t, store, usersKey(t, "acme", "ana"))
	deleteUser(t, store, first)

	second.CreatedAt = usersMadeAt.Add(time.Hour)
	second.SessionsSince = second.CreatedAt
	createUser(t, store, second)
	key := usersKey(t, "acme", "ana")
	if err := old.Upgrade(t.Context(), "another-password-1"); err != nil {
		t.Errorf("upgrade of a hash that is gone: got %v, want nil", err)
	}
	for name, change := range userChanges(t) {
		if !conflicts(change.make(store, first, usersEntry(change.action, "acme", "ana"))) {
			t.Errorf("%s of the first: want a ConflictError", name)
		}
	}
	wantUser(t, store, key, second)
	compares(t, store, key, usersPassword, true)
	compares(t, store, key, "another-password-1", false)
}

func conflicts(err error) bool { return errors.As(err, new(*lockout.ConflictError)) }

// changesNobodyElse changes a user whom another request has changed meanwhile,
// in each way there is, or who is not there.
func changesNobodyElse(t *testing.T, store UsersFixture) {
	stored := person("acme", "ana")
	createUser(t, store, stored)
	for name, differ := range map[string]func(*access.User){
		"another role":     func(u *access.User) { u.Role = access.Manager },
		"another name":     func(u *access.User) { u.Name = "Ana" },
		"no name":          func(u *access.User) { u.Name = "" },
		"another address":  func(u *access.User) { u.Email = "Ana@example.com" },
		"another creation": func(u *access.User) { u.CreatedAt = moved(u.CreatedAt) },
		"other sessions":   func(u *access.User) { u.SessionsSince = moved(u.SessionsSince) },
		"another client":   func(u *access.User) { u.Client = "acme-2" },
		"another username": func(u *access.User) { u.Username = "Ana" },
	} {
		before := stored
		differ(&before)
		for what, change := range userChanges(t) {
			if err := change.make(store, before, usersEntry(change.action, "acme", "ana")); !conflicts(err) {
				t.Errorf("%s of a user with %s: got %v, want a ConflictError", what, name, err)
			}
		}
		wantUser(t, store, usersKey(t, before.Client, before.Username), whoIsThere(before, stored))
	}
	wantUser(t, store, usersKey(t, "acme", "ana"), stored)
	compares(t, store, usersKey(t, "acme", "ana"), usersPassword, true)
	if got := store.Entries(t, "acme"); len(got) != 1 {
		t.Errorf("got %d entries, want that of the creation: %+v", len(got), got)
	}
}

// whoIsThere returns the stored user if they have the names, else nobody.
func whoIsThere(named, stored access.User) access.User {
	if named.Client != stored.Client || named.Username != stored.Username {
		return access.User{}
	}
	return stored
}

func changesOnceInARace(t *testing.T, store UsersFixture) {
	before := person("acme", "ana")
	createUser(t, store, before)
	var made atomic.Int32
	var wait sync.WaitGroup
	for range 8 {
		for name, change := range userChanges(t) {
			wait.Go(func() {
				switch err := change.make(store, before, usersEntry(change.action, "acme", "ana")); {
				case err == nil:
					made.Add(1)
				case !conflicts(err):
					t.Errorf("%s: got %v, want a ConflictError", name, err)
				}
			})
		}
	}
	wait.Wait()
	if entries := len(store.Entries(t, "acme")); made.Load() != 1 || entries != 2 {
		t.Errorf("got %d changes and %d entries, want one and two", made.Load(), entries)
	}
}

// wantEntries checks the trail of acme, in any order.
func wantEntries(t *testing.T, store UsersFixture, want ...audit.Entry) {
	t.Helper()
	sorted := cmpopts.SortSlices(func(a, b audit.Entry) bool { return a.ID < b.ID })
	if diff := cmp.Diff(store.Entries(t, "acme"), want, sorted, asStored); diff != "" {
		t.Errorf("entries: got -, want +:\n%s", diff)
	}
}

func writesTheEntryWithTheChange(t *testing.T, store UsersFixture) {
	client := usersEntry(audit.ClientCreated, "acme", "")
	if err := store.CreateClient(t.Context(), "acme", usersMadeAt, client); err != nil {
		t.Fatal(err)
	}
	wantConflict(t, store.CreateClient(t.Context(), "acme", usersMadeAt, usersEntry(audit.ClientCreated, "acme", "")))
	want := []audit.Entry{client}
	for name, change := range userChanges(t) {
		user := person("acme", "ana")
		created, refused, made := creation(user), creation(user), usersEntry(change.action, "acme", "ana")
		made.Details = audit.Details{Role: "ITUser", PreviousRole: "Superuser", Changed: []string{"role", "name"}}
		if err := store.Create(t.Context(), user, usersHash(t), created); err != nil {
			t.Fatal(err)
		}
		wantConflict(t, store.Create(t.Context(), user, usersHash(t), refused))
		if err := change.make(store, user, made); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if change.action != audit.UserDeleted {
			wantConflict(t, change.make(store, user, usersEntry(change.action, "acme", "ana")))
			left := mustCredential(t, store, usersKey(t, "acme", "ana")).User()
			deleted := usersEntry(audit.UserDeleted, "acme", "ana")
			if err := store.Delete(t.Context(), left, deleted); err != nil {
				t.Fatal(err)
			}
			want = append(want, deleted)
		}
		want = append(want, created, made)
	}
	wantEntries(t, store, want...)
}

// changesOnce makes each change twice, as after an answer that was lost.
func changesOnce(t *testing.T, store UsersFixture) {
	client, user := usersEntry(audit.ClientCreated, "acme", ""), person("acme", "ana")
	created, phc := creation(user), usersHash(t)
	want := []audit.Entry{client, created}
	for range 2 {
		if err := store.CreateClient(t.Context(), "acme", usersMadeAt, client); err != nil {
			t.Errorf("creating the client: %v", err)
		}
		if err := store.Create(t.Context(), user, phc, created); err != nil {
			t.Errorf("creating the user: %v", err)
		}
	}
	changes := userChanges(t)
	for _, name := range []string{"an update", "a password", "a deletion"} {
		change := changes[name]
		before := mustCredential(t, store, usersKey(t, "acme", "ana")).User()
		entry := usersEntry(change.action, "acme", "ana")
		want = append(want, entry)
		for range 2 {
			if err := change.make(store, before, entry); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	wantUser(t, store, usersKey(t, "acme", "ana"), access.User{})
	wantEntries(t, store, want...)
}

func refusesTakenIDs(t *testing.T, store UsersFixture) {
	user := person("acme", "ana")
	created := creation(user)
	if err := store.Create(t.Context(), user, usersHash(t), created); err != nil {
		t.Fatal(err)
	}
	taken := created
	taken.Actor = "acme/mallory"
	for name, change := range userChanges(t) {
		if err := change.make(store, user, taken); !conflicts(err) {
			t.Errorf("%s: got %v, want a ConflictError", name, err)
		}
	}
	wantConflict(t, store.Create(t.Context(), person("acme", "bob"), usersHash(t), taken))
	wantConflict(t, store.CreateClient(t.Context(), "acme", usersMadeAt, taken))
	wantUser(t, store, usersKey(t, "acme", "ana"), user)
	wantUser(t, store, usersKey(t, "acme", "bob"), access.User{})
	wantEntries(t, store, created)
}
