package users_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"portcullis/internal/access"
	"portcullis/internal/users"
)

// FuzzKey looks for two names that share a key and are not two spellings of one
// name, for one name that has two keys, and for a key that could be read in two
// ways. A broken name is charged under its bytes, which no user can have.
func FuzzKey(f *testing.F) {
	for _, broken := range brokenUsernames {
		f.Add("acme", broken.username, "ana")
	}
	f.Fuzz(func(t *testing.T, client, username, other string) {
		key, err := users.LoginKey(client, username)
		if (err == nil) != isClient(client) || (err == nil) != (users.CheckClient(client) == nil) ||
			err != nil && !errors.Is(err, users.ErrInvalidClient) {
			t.Fatalf("%+q: got %v", client, err)
		}
		if err != nil {
			return
		}
		before, behind, _ := strings.Cut(key.String(), "/")
		if before != client || behind != key.Username() || key.Client() != client {
			t.Errorf("%+q reads as %+q and %+q, and was made of %+q", key, before, behind, client)
		}
		hasOneSpelling(t, client, username)
		againstAnother(t, client, username, other)
	})
}

// clientPattern is the rule for the name of a client.
var clientPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// isClient reads the name of a client by the pattern.
func isClient(name string) bool { return clientPattern.MatchString(name) }

// hasOneSpelling checks that a name that somebody may have is a fixed point once
// it is canonical, and that no other name is charged under one.
func hasOneSpelling(t *testing.T, client, username string) {
	t.Helper()
	charged, err := users.LoginKey(client, username)
	if err != nil {
		t.Fatal(err)
	}
	own, broken := users.UserKey(client, username)
	again, err := users.UserKey(client, charged.Username())
	switch {
	case broken != nil && (err == nil || charged.Username() != username):
		t.Errorf("broken %+q is charged under %+q", username, charged)
	case broken == nil && (err != nil || again != charged || own != charged):
		t.Errorf("%+q is canonical, and then becomes %+q (%v)", charged, again, err)
	}
	if broken != nil && len(username) > 8 && strings.Contains(broken.Error(), username) {
		t.Errorf("the error tells the name: %v", broken)
	}
	stored, err := users.StoredKey(access.User{Client: client, Username: username})
	if want := broken == nil && own.Username() == username; (err == nil) != want || err == nil && stored != own {
		t.Errorf("%+q may be stored: got %+q, %v, want %v", username, stored, err, want)
	}
}

// againstAnother compares two names' keys with what Unicode says of the names.
func againstAnother(t *testing.T, client, username, other string) {
	t.Helper()
	one, oneErr := users.LoginKey(client, username)
	two, twoErr := users.LoginKey(client, other)
	_, oneBroken := users.UserKey(client, username)
	_, twoBroken := users.UserKey(client, other)
	if oneErr != nil || twoErr != nil {
		t.Fatal(oneErr, twoErr)
	}
	want := username == other
	if oneBroken == nil && twoBroken == nil {
		want = folded(username) == folded(other)
	}
	if got := one == two; got != want || got != (one.String() == two.String()) {
		t.Errorf("%+q and %+q share a key: got %v, want %v", username, other, got, want)
	}
}

// folded is a name in the spelling that RFC 8265, section 3.4, gives it: its
// wide and narrow letters are the plain ones, and its form is NFC.
func folded(username string) string { return norm.NFC.String(width.Fold.String(username)) }
