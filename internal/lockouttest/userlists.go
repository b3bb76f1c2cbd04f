package lockouttest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// listedUsers are in the order of a list: that of the bytes, where "!" comes
// before the client's own item and capitals before small letters.
var listedUsers = []string{"!first", "Bob", "ana", "ana.silva", "ana2", "bob", "\u00e9mile", "\U00020000"}

func listsPages(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	for i := range listedUsers {
		createUser(t, store, person("acme", listedUsers[len(listedUsers)-1-i]))
	}
	createUser(t, store, person("acme-2", "cid"))
	for limit := 1; limit <= len(listedUsers)+1; limit++ {
		after := ""
		for from := 0; from < len(listedUsers); from += limit {
			to := min(from+limit, len(listedUsers))
			wantList(t, store, after, limit, to < len(listedUsers), listedUsers[from:to]...)
			after = listedUsers[to-1]
		}
		wantList(t, store, after, limit, false)
	}
	listed, next, err := store.List(t.Context(), access.Listing{Client: "nowhere", Limit: 10})
	if err != nil || next != "" || len(listed) > 0 {
		t.Errorf("unknown client: got %v, %q, %v, want nobody", listed, next, err)
	}
}

func listsBehindAnyName(t *testing.T, store UsersFixture) {
	for _, username := range []string{"ana", "cid"} {
		createUser(t, store, person("acme", username))
	}
	wantList(t, store, "bob", 10, false, "cid")
	wantList(t, store, "#client", 10, false, "ana", "cid")
}

func wantList(t *testing.T, store Users, after string, limit int, wantMore bool, names ...string) {
	t.Helper()
	var want []access.User
	for _, name := range names {
		want = append(want, person("acme", name))
	}
	got, next, err := store.List(t.Context(), access.Listing{Client: "acme", After: after, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 {
		got = nil
	}
	wantNext := ""
	if wantMore {
		wantNext = names[len(names)-1]
	}
	if diff := cmp.Diff(got, want); diff != "" || next != wantNext {
		t.Errorf("%d behind %q: next %q, want %q; got -, want +:\n%s", limit, after, next, wantNext, diff)
	}
}

// listsSome lists users by every sort of filter, a few and many on a page.
func listsSome(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	for _, user := range []access.User{
		{Username: "ana.silva", Role: access.Manager, Name: "Ana Silva", Email: "ana@example.com"},
		{Username: "bob", Role: access.ITUser, Name: "Bob O'Hara", Email: "bob@SILVA.example"},
		{Username: "Cid", Role: access.Manager, Name: "CID \u00c9MILE", Email: "cid@example.com"},
		{Username: "dora", Role: access.Superuser, Name: "Dora", Email: "dora@example.com"},
		{Username: "\u00e9mile", Role: access.ITUser},
	} {
		user.Client, user.CreatedAt = "acme", usersMadeAt
		createUser(t, store, user)
		user.Client = "acme-2"
		createUser(t, store, user)
	}
	tests := []struct {
		name string
		role access.Role
		text string
		want []string
	}{
		{"by role", access.Manager, "", []string{"Cid", "ana.silva"}},
		{"by a role that nobody has", access.Sysadmin, "", nil},
		{"by a part of the username or of the address", "", "silva", []string{"ana.silva", "bob"}},
		{"by a text in another case", "", "SiLvA", []string{"ana.silva", "bob"}},
		{"by a name with other letters in another case", "", "\u00e9MILE", []string{"Cid", "\u00e9mile"}},
		{"by a text with an apostrophe", "", "o'h", []string{"bob"}},
		{"by role and text", access.ITUser, "silva", []string{"bob"}},
		{"by role and a text of others", access.Superuser, "silva", nil},
		{"by a text of nobody", "", "nobody", nil},
		{"by what is in no field but the key", "", "acme", nil},
		{"by what is across two fields", "", "bobbob", nil},
	}
	for _, test := range tests {
		for _, limit := range []int{1, 2, 10} {
			t.Run(fmt.Sprint(test.name, ", ", limit, " on a page"), func(t *testing.T) {
				listing := access.Listing{Client: "acme", Limit: limit, Role: test.role, Text: test.text}
				if diff := cmp.Diff(listAll(t, store, listing), test.want); diff != "" {
					t.Errorf("got -, want +:\n%s", diff)
				}
			})
		}
	}
}

// listAll follows a listing to its end and returns the usernames.
func listAll(t *testing.T, store Users, listing access.Listing) (names []string) {
	t.Helper()
	for {
		page, next, err := store.List(t.Context(), listing)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > listing.Limit || next != "" && next <= listing.After {
			t.Fatalf("%d users of at most %d, and %q behind %q", len(page), listing.Limit, next, listing.After)
		}
		for _, user := range page {
			names = append(names, user.Username)
		}
		if next == "" {
			return names
		}
		listing.After = next
	}
}

// readsMany asks for more keys than one request of DynamoDB takes, one of them
// twice.
func readsMany(t *testing.T, store UsersFixture) {
	createClient(t, store, "acme")
	want := map[lockout.Key]access.User{}
	for _, user := range []access.User{person("acme", "ana"), person("acme", "zoe"), person("acme-2", "ana")} {
		createUser(t, store, user)
		want[usersKey(t, user.Client, user.Username)] = user
	}
	keys := []lockout.Key{
		usersKey(t, "acme", "ana"), usersKey(t, "acme", "#client"), usersKey(t, "acme", "a\x00"),
		usersKey(t, "acme-2", "ana"), usersKey(t, "acme", "ana"), usersKey(t, "nowhere", "ana"),
	}
	for i := range 220 {
		keys = append(keys, usersKey(t, "acme", fmt.Sprint("nobody", i)))
	}
	keys = append(keys, usersKey(t, "acme", "zoe"))
	got, err := store.ReadMany(t.Context(), keys)
	if diff := cmp.Diff(got, want); err != nil || diff != "" {
		t.Errorf("%v; got -, want +:\n%s", err, diff)
	}
	if got, err := store.ReadMany(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("of nobody: got %v, %v", got, err)
	}
}
