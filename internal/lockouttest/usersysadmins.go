package lockouttest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// sysadmin creates a Sysadmin of acme.
func sysadmin(t *testing.T, store Users, username string) access.User {
	t.Helper()
	user := person("acme", username)
	user.Role = access.Sysadmin
	createUser(t, store, user)
	return user
}

// endings are the ways in which somebody ceases to be a Sysadmin, by name.
func endings(t *testing.T) map[string]func(store Users, user access.User) error {
	return map[string]func(store Users, user access.User) error{
		"deletion": func(store Users, user access.User) error {
			return store.Delete(t.Context(), user, usersEntry(audit.UserDeleted, user.Client, user.Username))
		},
		"demotion": func(store Users, user access.User) error {
			after := updated(user)
			after.Role = access.Superuser
			return store.Update(t.Context(), user, after, usersEntry(audit.UserUpdated, user.Client, user.Username))
		},
	}
}

// setRole gives a user another role and returns them as they are then.
func setRole(t *testing.T, store Users, user access.User, role access.Role) access.User {
	t.Helper()
	after := user
	after.Role, after.SessionsSince = role, moved(user.SessionsSince)
	if err := store.Update(t.Context(), user, after, usersEntry(audit.UserUpdated, user.Client, user.Username)); err != nil {
		t.Fatal(err)
	}
	return after
}

func createsSysadminsOfClients(t *testing.T, store UsersFixture) {
	user := person("acme", "root")
	user.Role = access.Sysadmin
	if err := store.Create(t.Context(), user, usersHash(t), creation(user)); !errors.Is(err, lockout.ErrNotFound) {
		t.Errorf("without the client: got %v, want ErrNotFound", err)
	}
	wantUser(t, store, usersKey(t, "acme", "root"), access.User{})
	wantEntries(t, store)
	if exists, err := store.ClientExists(t.Context(), "acme"); err != nil || exists {
		t.Errorf("the client exists: got %v, %v, want false", exists, err)
	}
	createClient(t, store, "acme")
	wantUser(t, store, usersKey(t, "acme", "root"), sysadmin(t, store, "root"))
}

// keepsTheLastSysadmin ends the only Sysadmin of a client that has other users,
// beside another client that has Sysadmins.
func keepsTheLastSysadmin(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	createClient(t, store, "acme-2")
	createUser(t, store, person("acme", "ana"))
	for _, username := range []string{"root", "Root"} {
		theirs := person("acme-2", username)
		theirs.Role = access.Sysadmin
		createUser(t, store, theirs)
	}
	root := sysadmin(t, store, "root")
	entries := len(store.Entries(t, "acme"))
	for name, end := range endings(t) {
		if err := end(store, root); !errors.Is(err, access.ErrLastSysadmin) {
			t.Errorf("%s: got %v, want ErrLastSysadmin", name, err)
		}
		stale := root
		stale.Name = "somebody else"
		wantConflict(t, end(store, stale))
	}
	wantUser(t, store, usersKey(t, "acme", "root"), root)
	if got := len(store.Entries(t, "acme")); got != entries {
		t.Errorf("got %d entries, want %d", got, entries)
	}
	root = setPassword(t, store, root, "another-password-1")
	renamed := updated(root)
	renamed.Role = access.Sysadmin
	if err := store.Update(t.Context(), root, renamed, usersEntry(audit.UserUpdated, "acme", "root")); err != nil {
		t.Errorf("another name and password: got %v, want nil", err)
	}
	wantUser(t, store, usersKey(t, "acme", "root"), renamed)
}

// countsSysadmins has Sysadmins come and go in every way: as long as there is
// another one, any of them may.
func countsSysadmins(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	root, ana := sysadmin(t, store, "root"), person("acme", "ana")
	createUser(t, store, ana)
	ana = setRole(t, store, ana, access.Sysadmin)
	root = setRole(t, store, root, access.Manager)
	mustBeLast(t, store, ana)
	root = setRole(t, store, root, access.Sysadmin)
	deleteUser(t, store, ana)
	mustBeLast(t, store, root)
	ana = sysadmin(t, store, "ana")
	deleteUser(t, store, root)
	mustBeLast(t, store, ana)
	root = sysadmin(t, store, "root")
	ana = setRole(t, store, ana, access.ITUser)
	deleteUser(t, store, ana)
	mustBeLast(t, store, root)
}

func mustBeLast(t *testing.T, store Users, user access.User) {
	t.Helper()
	for name, end := range endings(t) {
		if err := end(store, user); !errors.Is(err, access.ErrLastSysadmin) {
			t.Errorf("%s of %s: got %v, want ErrLastSysadmin", name, user.Username, err)
		}
	}
}

// endRounds is how often Sysadmins end each other. The loser of a round is as
// good as new for the next.
const endRounds = 25

// keepsOneSysadminInARace has two Sysadmins end each other at once, in every
// pair of ways.
func keepsOneSysadminInARace(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	left := sysadmin(t, store, "ana")
	for round := range endRounds {
		for first, endFirst := range endings(t) {
			for second, endSecond := range endings(t) {
				other := sysadmin(t, store, fmt.Sprint(first, "-", second, "-", round))
				left = endBoth(t, store, left, other, endFirst, endSecond)
				wantSysadmins(t, store, left.Username)
			}
		}
	}
}

// endBoth ends two Sysadmins at once and returns the one who is left.
func endBoth(t *testing.T, store Users, a, b access.User, endA, endB func(Users, access.User) error) access.User {
	t.Helper()
	var errA, errB error
	var wait sync.WaitGroup
	wait.Go(func() { errA = endA(store, a) })
	wait.Go(func() { errB = endB(store, b) })
	wait.Wait()
	switch {
	case errA == nil && errors.Is(errB, access.ErrLastSysadmin):
		return b
	case errB == nil && errors.Is(errA, access.ErrLastSysadmin):
		return a
	}
	t.Fatalf("got %v and %v, want one ErrLastSysadmin", errA, errB)
	return access.User{}
}

func wantSysadmins(t *testing.T, store Users, names ...string) {
	t.Helper()
	got := listAll(t, store, access.Listing{Client: "acme", Limit: 100, Role: access.Sysadmin})
	if diff := cmp.Diff(got, names); diff != "" {
		t.Errorf("Sysadmins: got -, want +:\n%s", diff)
	}
}
