package lockouttest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// Users is what a store of users and clients does. Every failure of its backend
// wraps [lockout.ErrUnavailable], and every read sees each write that was
// answered before. It is safe for concurrent use.
type Users interface {
	// Credential never fails for an unknown user; see [lockout.Credentials].
	Credential(ctx context.Context, key lockout.Key) (users.Credential, error)
	Exists(ctx context.Context, key lockout.Key) (bool, error)
	ClientExists(ctx context.Context, client string) (bool, error)
	// User fails with [lockout.ErrNotFound] if there is no such user.
	User(ctx context.Context, key lockout.Key) (access.User, error)
	// ReadMany returns those who are there.
	ReadMany(ctx context.Context, keys []lockout.Key) (map[lockout.Key]access.User, error)
	// List returns users in the order of the bytes of their names, at most the
	// limit, and the name to go on behind, which is empty at the end. It MAY
	// return fewer, and even nobody, with a name to go on behind, where it looks
	// for few among many.
	List(ctx context.Context, listing access.Listing) (users []access.User, next string, err error)

	// What follows changes something. Each call writes its entry with the
	// change, both or neither. One that finds that very entry in the trail was
	// made before, by a request whose answer was lost: it is no error, and
	// changes nothing.

	// CreateClient fails with a [lockout.ConflictError] if the client is there.
	CreateClient(ctx context.Context, client string, at time.Time, entry audit.Entry) error
	// Create fails with a [lockout.ConflictError] if the user is there, and for a
	// Sysadmin with [lockout.ErrNotFound] if the client is not. A name that is
	// malformed or not canonical is refused, since it would be a key nobody can
	// log in under. SessionsSince begins as CreatedAt.
	Create(ctx context.Context, user access.User, phc string, entry audit.Entry) error
	// Update changes Role, Name, Email and SessionsSince. It and those below fail
	// with a [lockout.ConflictError] if the user is not there or not as before.
	// It and Delete fail with [access.ErrLastSysadmin] if the client would be left
	// without a Sysadmin.
	Update(ctx context.Context, before, after access.User, entry audit.Entry) error
	// SetPassword changes the password's hash and SessionsSince.
	SetPassword(ctx context.Context, before access.User, phc string, since time.Time, entry audit.Entry) error
	Delete(ctx context.Context, before access.User, entry audit.Entry) error
}

// A UsersFixture is a store of users with the trail that it writes to.
type UsersFixture struct {
	Users
	// Entries returns the entries of a client, in any order.
	Entries func(t TB, client string) []audit.Entry
}

// TestUsers runs the contract of a store of users. Each open returns an empty
// store, whose own hasher has other parameters than m=16,t=1,p=1.
func TestUsers(t *testing.T, open func(t *testing.T) UsersFixture) {
	tests := []struct {
		name string
		run  func(t *testing.T, store UsersFixture)
	}{
		{"a created user is found as they were made", findsUsers},
		{"nobody is found who was not created", findsNobody},
		{"the names of users are case-sensitive and their clients apart", tellsUsersApart},
		{"a user who is there is not created again", createsOnce},
		{"of many who create a user at once, one does", createsOnceInARace},
		{"a name that is not canonical is not created", createsCanonicalNamesOnly},
		{"a client is created once", createsClientsOnce},
		{"the client's own item is not a user", hidesTheClientsItem},
		{"a credential matches the right password only", comparesPasswords},
		{"the credential of an unknown user never matches", comparesForUnknownUsers},
		{"a hash of other parameters is replaced once", upgradesOnce},
		{"users are listed by name, page by page", listsPages},
		{"a list goes on behind a name that is gone", listsBehindAnyName},
		{"a list is of those who have the role and the text", listsSome},
		{"several users are read at once", readsMany},
		{"an update is found as it was made", updates},
		{"a password that is set is the only one that matches", setsPasswords},
		{"a password that was just set is not upgraded away", keepsAPasswordThatWasJustSet},
		{"a user who is deleted is nobody", deletes},
		{"a user who is deleted can be created again", createsAgain},
		{"nobody is changed who is not as before", changesNobodyElse},
		{"of many who change a user at once, one does", changesOnceInARace},
		{"a change and its entry are written both or neither", writesTheEntryWithTheChange},
		{"a change that is made again is the same change", changesOnce},
		{"a change whose entry has another's id is not made", refusesTakenIDs},
		{"a Sysadmin is created in a client who is there", createsSysadminsOfClients},
		{"the last Sysadmin is neither deleted nor demoted", keepsTheLastSysadmin},
		{"whoever was a Sysadmin is none that is left", countsSysadmins},
		{"two Sysadmins who end each other at once leave one", keepsOneSysadminInARace},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

var usersMadeAt = time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC)

const usersPassword = "portcullis-1"

// usersHasher makes hashes that cost almost nothing.
func usersHasher() *users.Hasher {
	return users.NewHasher(users.Params{Memory: 16, Time: 1, Threads: 1}, rand.Reader, 0)
}

func usersHash(t *testing.T) string {
	t.Helper()
	phc, err := usersHasher().Hash(t.Context(), usersPassword)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func person(client, username string) access.User {
	return access.User{
		Client: client, Username: username, Role: access.Superuser,
		Name: "Ana Silva", Email: "ana@example.com", CreatedAt: usersMadeAt, SessionsSince: usersMadeAt,
	}
}

// usersEntry returns an entry of its own of something done to a user, or to the
// client itself if there is no username.
func usersEntry(action audit.Action, client, username string) audit.Entry {
	return audit.Entry{
		Client: client, ID: IDs()(), At: usersMadeAt, Action: action, Actor: "acme/root", Username: username,
		SourceIP: "192.0.2.9", RequestID: "request-1", Reason: "new contract",
	}
}

// creation returns an entry of the user's creation.
func creation(user access.User) audit.Entry {
	return usersEntry(audit.UserCreated, user.Client, user.Username)
}

// usersKey is the key under which a login is charged, which may be nobody's.
func usersKey(t *testing.T, client, username string) lockout.Key {
	t.Helper()
	key, err := users.LoginKey(client, username)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func createUser(t *testing.T, store Users, user access.User) {
	t.Helper()
	if err := store.Create(t.Context(), user, usersHash(t), creation(user)); err != nil {
		t.Fatal(err)
	}
}

func createClient(t *testing.T, store Users, client string) {
	t.Helper()
	if err := store.CreateClient(t.Context(), client, usersMadeAt, usersEntry(audit.ClientCreated, client, "")); err != nil {
		t.Fatal(err)
	}
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	if conflict := (*lockout.ConflictError)(nil); !errors.As(err, &conflict) {
		t.Errorf("got %v, want a ConflictError", err)
	}
}

// wantUser checks every way in which a user can be read; the zero User stands
// for nobody.
func wantUser(t *testing.T, store Users, key lockout.Key, want access.User) {
	t.Helper()
	known := want != access.User{}
	if exists, err := store.Exists(t.Context(), key); err != nil || exists != known {
		t.Errorf("%v exists: got %v, %v, want %v", key, exists, err, known)
	}
	got, err := store.User(t.Context(), key)
	if diff := cmp.Diff(got, want); diff != "" || known != (err == nil) {
		t.Errorf("user %v: %v; got -, want +:\n%s", key, err, diff)
	}
	if !known && !errors.Is(err, lockout.ErrNotFound) {
		t.Errorf("user %v: got %v, want ErrNotFound", key, err)
	}
	credential, err := store.Credential(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(credential.User(), want); diff != "" || credential.Known() != known {
		t.Errorf("credential of %v: known %v; got -, want +:\n%s", key, credential.Known(), diff)
	}
}

func findsUsers(t *testing.T, store UsersFixture) {
	nameless := person("acme", "nameless")
	nameless.Name, nameless.Email = "", ""
	for _, user := range []access.User{person("acme", "ana.silva"), person("acme", "Jos\u00e9"), nameless} {
		createUser(t, store, user)
		wantUser(t, store, usersKey(t, "acme", user.Username), user)
	}
}

func findsNobody(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	createUser(t, store, person("acme", "ana"))
	for _, username := range []string{"bob", "an", "ana.", "ana/silva", "a\x00", "an\u0430", "ana\u200b"} {
		wantUser(t, store, usersKey(t, "acme", username), access.User{})
	}
	wantUser(t, store, usersKey(t, "nowhere", "ana"), access.User{})
}

func tellsUsersApart(t *testing.T, store UsersFixture) {
	all := []access.User{person("acme", "ana"), person("acme", "Ana"), person("acme-2", "ana")}
	for i := range all {
		all[i].Name = fmt.Sprint(i)
		createUser(t, store, all[i])
	}
	for _, user := range all {
		wantUser(t, store, usersKey(t, user.Client, user.Username), user)
	}
}

func createsOnce(t *testing.T, store UsersFixture) {
	first, second := person("acme", "ana"), person("acme", "ana")
	createUser(t, store, first)
	second.Role = access.Sysadmin
	wantConflict(t, store.Create(t.Context(), second, usersHash(t), creation(second)))
	wantUser(t, store, usersKey(t, "acme", "ana"), first)
}

func createsOnceInARace(t *testing.T, store UsersFixture) {
	const racers = 16
	var created atomic.Int32
	var wait sync.WaitGroup
	for range racers {
		phc := usersHash(t)
		wait.Go(func() {
			user := person("acme", "ana")
			if err := store.Create(t.Context(), user, phc, creation(user)); err == nil {
				created.Add(1)
			} else {
				wantConflict(t, err)
			}
		})
	}
	wait.Wait()
	if got := created.Load(); got != 1 {
		t.Errorf("created: got %d times, want once", got)
	}
}

func createsCanonicalNamesOnly(t *testing.T, store UsersFixture) {
	for _, username := range []string{"", "#client", "ana/silva", "Jose\u0301", "\uff21na", "ana silva"} {
		user := person("acme", username)
		err := store.Create(t.Context(), user, usersHash(t), creation(user))
		if !errors.Is(err, users.ErrInvalidUsername) {
			t.Errorf("%+q: got %v, want ErrInvalidUsername", username, err)
		}
	}
	for _, client := range []string{"", "Acme", "acme/x"} {
		user := person(client, "ana")
		if err := store.Create(t.Context(), user, usersHash(t), creation(user)); !errors.Is(err, users.ErrInvalidClient) {
			t.Errorf("user of %q: got %v, want ErrInvalidClient", client, err)
		}
		err := store.CreateClient(t.Context(), client, usersMadeAt, usersEntry(audit.ClientCreated, client, ""))
		if !errors.Is(err, users.ErrInvalidClient) {
			t.Errorf("client %q: got %v, want ErrInvalidClient", client, err)
		}
	}
}

func createsClientsOnce(t *testing.T, store UsersFixture) {
	createUser(t, store, person("acme", "ana"))
	for _, want := range []bool{false, true} {
		if exists, err := store.ClientExists(t.Context(), "acme"); err != nil || exists != want {
			t.Errorf("exists: got %v, %v, want %v", exists, err, want)
		}
		if !want {
			createClient(t, store, "acme")
		}
	}
	wantConflict(t, store.CreateClient(t.Context(), "acme", usersMadeAt, usersEntry(audit.ClientCreated, "acme", "")))
	for _, client := range []string{"acm", "acme-2", "Acme", "acme/ana", ""} {
		if exists, err := store.ClientExists(t.Context(), client); err != nil || exists {
			t.Errorf("%q exists: got %v, %v, want false", client, exists, err)
		}
	}
}

func hidesTheClientsItem(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	wantUser(t, store, usersKey(t, "acme", "#client"), access.User{})
	wantList(t, store, "", 10, false)
}

func comparesPasswords(t *testing.T, store UsersFixture) {
	createUser(t, store, person("acme", "ana"))
	for _, password := range []string{usersPassword, "portcullis-2", "Portcullis-1", "x"} {
		compares(t, store, usersKey(t, "acme", "ana"), password, password == usersPassword)
	}
}

func comparesForUnknownUsers(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	for _, key := range []lockout.Key{
		usersKey(t, "acme", "nobody"), usersKey(t, "nowhere", "ana"), usersKey(t, "acme", "#client"),
	} {
		compares(t, store, key, usersPassword, false)
	}
}

func compares(t *testing.T, store Users, key lockout.Key, password string, want bool) {
	t.Helper()
	credential, err := store.Credential(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := credential.Compare(t.Context(), password); err != nil || got != want {
		t.Errorf("%v with %q: got %v, %v, want %v", key, password, got, err, want)
	}
}

func upgradesOnce(t *testing.T, store UsersFixture) {
	createUser(t, store, person("acme", "ana"))
	key := usersKey(t, "acme", "ana")
	first, second := mustCredential(t, store, key), mustCredential(t, store, key)
	if !first.Outdated() {
		t.Fatal("the hash should be outdated: the store's hasher must not have the suite's parameters")
	}
	if err := first.Upgrade(t.Context(), usersPassword); err != nil {
		t.Fatal(err)
	}
	if err := second.Upgrade(t.Context(), "another-password-1"); err != nil {
		t.Errorf("upgrade of a hash that was replaced: got %v, want nil", err)
	}
	if mustCredential(t, store, key).Outdated() {
		t.Error("the hash is outdated after the upgrade")
	}
	compares(t, store, key, usersPassword, true)
	compares(t, store, key, "another-password-1", false)
	wantUser(t, store, key, person("acme", "ana"))
}

func mustCredential(t *testing.T, store Users, key lockout.Key) users.Credential {
	t.Helper()
	credential, err := store.Credential(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}
