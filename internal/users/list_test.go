package users_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/audit"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// heavy makes a user's item more than a third of the megabyte at which DynamoDB
// ends a page, by their name and its copy that is searched.
const heavy = 180_000

// heavyUsers are as many as fill five pages.
const heavyUsers = 10

// crowd returns a store of heavy users, of whom the last is an ITUser.
func crowd(t *testing.T) (*users.Store, *lockouttest.Wire) {
	t.Helper()
	store, wire, _ := wired(t)
	for i := range heavyUsers {
		user := access.User{
			Client: "acme", Username: fmt.Sprint("u", i), Role: access.Manager,
			Name: strings.Repeat("n", heavy), CreatedAt: ana.CreatedAt,
		}
		if i == heavyUsers-1 {
			user.Role = access.ITUser
		}
		if err := store.Create(t.Context(), user, "hash", entryOf(audit.UserCreated, user.Username)); err != nil {
			t.Fatal(err)
		}
	}
	return store, wire
}

// TestAListReadsTwoPagesOfTheTableAtMost follows lists to their ends, whatever
// they find on the way.
func TestAListReadsTwoPagesOfTheTableAtMost(t *testing.T) {
	store, wire := crowd(t)
	for _, test := range []struct {
		name    string
		listing access.Listing
		want    []int // users on each page
	}{
		{"everybody", access.Listing{Limit: 100}, []int{4, 4, 2}},
		{"everybody, few on a page", access.Listing{Limit: 3}, []int{3, 3, 3, 1}},
		{"a role that the last one has", access.Listing{Limit: 100, Role: access.ITUser}, []int{0, 0, 1}},
		{"a role that all but one have", access.Listing{Limit: 2, Role: access.Manager}, []int{2, 2, 2, 2, 1}},
		{"a text that nobody has", access.Listing{Limit: 100, Text: "nobody"}, []int{0, 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.listing.Client = "acme"
			var got []int
			for next := "start"; next != ""; test.listing.After = next {
				wire.Take()
				page, goOn, err := store.List(t.Context(), test.listing)
				if err != nil {
					t.Fatal(err)
				}
				if requests := len(wire.Take()); requests > 2 {
					t.Errorf("page %d took %d requests, want 2 at most", len(got)+1, requests)
				}
				got, next = append(got, len(page)), goOn
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("users on each page: got -, want +:\n%s", diff)
			}
		})
	}
}

// TestAPageIsOneRequest has the limit of a page without filters count.
func TestAPageIsOneRequest(t *testing.T) {
	store, wire, _ := wired(t)
	for _, name := range []string{"!first", "ana", "bob"} {
		user := ana
		user.Username = name
		if err := store.Create(t.Context(), user, "hash", entryOf(audit.UserCreated, name)); err != nil {
			t.Fatal(err)
		}
	}
	for limit := 1; limit <= 4; limit++ {
		wire.Take()
		if _, _, err := store.List(t.Context(), access.Listing{Client: "acme", Limit: limit}); err != nil {
			t.Fatal(err)
		}
		requests := wire.Take()
		if len(requests) != 1 || !strings.Contains(requests[0].Sent, fmt.Sprintf(`"Limit":%d`, limit+2)) {
			t.Errorf("%d users: got %v, want one request with two more", limit, requests)
		}
	}
}
