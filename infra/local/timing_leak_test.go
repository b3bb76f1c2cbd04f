package main

import (
	"context"
	"testing"
	"time"

	"portcullis/infra/timing"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// A leak is a server that takes another time for some, in one of the two places
// where it would: reading who they are, and comparing.
type leak struct {
	read    func(ctx context.Context, c users.Credential) error
	compare func(ctx context.Context, c users.Credential, password string) (bool, error)
}

// leaking is the login of a server that leaks.
func leaking(l leak) func(*embedded.Store, httpapi.Edge) httpapi.Handler {
	return func(store *embedded.Store, edge httpapi.Edge) httpapi.Handler {
		gate := &lockout.Gate[leaky]{
			Attempts: store.Attempts, Credentials: leakyUsers{store.Users, l}, Maximums: store.Policies,
			Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: functionTime,
		}
		return httpapi.Login(edge, gate, users.LoginKey, store.Tokens)
	}
}

type leakyUsers struct {
	*embedded.Users
	leak leak
}

func (u leakyUsers) Credential(ctx context.Context, key lockout.Key) (leaky, error) {
	found, err := u.Users.Credential(ctx, key)
	if err == nil && u.leak.read != nil {
		err = u.leak.read(ctx, found)
	}
	return leaky{found, u.leak}, err
}

type leaky struct {
	users.Credential
	leak leak
}

func (c leaky) Compare(ctx context.Context, password string) (bool, error) {
	if c.leak.compare == nil {
		return c.Credential.Compare(ctx, password)
	}
	return c.leak.compare(ctx, c.Credential, password)
}

// noDummyHash compares with nothing when there is no such user.
var noDummyHash = leak{compare: func(ctx context.Context, c users.Credential, password string) (bool, error) {
	if !c.Known() {
		return false, nil
	}
	return c.Compare(ctx, password)
}}

// oneCallMore asks a store once more about users who exist. The call takes a
// millisecond, as one to DynamoDB would at the very least.
var oneCallMore = leak{read: func(ctx context.Context, c users.Credential) error {
	if !c.Known() {
		return nil
	}
	return environ.Clock{}.Sleep(ctx, time.Millisecond)
}}

// longestSet is how many characters a password may have that is set.
const longestSet = 128

// noHashOfLong does not compare what cannot be anybody's password.
var noHashOfLong = leak{compare: func(ctx context.Context, c users.Credential, password string) (bool, error) {
	if len(password) > longestSet {
		return false, nil
	}
	return c.Compare(ctx, password)
}}

// The comparison finds servers that tell. A short one will do: an effect beyond
// the bound in each of several samples is not chance.
func TestTimeTellsOfAServerThatLeaks(t *testing.T) {
	hashes, refusals := gateOf(4, 2), gateOf(20, 2)
	for _, test := range []struct {
		name    string
		leak    leak
		gate    timing.Gate
		classes func(*timed, *testing.T, timing.Gate) []timing.Class
		pair    timing.Pair
	}{
		{"without a dummy hash", noDummyHash, hashes, (*timed).hashing, timing.Pair{One: known, Other: unknown}},
		{"with a store call more for users who exist", oneCallMore, refusals, (*timed).refusing, timing.Pair{One: locked, Other: unknownLocked}},
		{"that hashes no password that is too long", noHashOfLong, hashes, (*timed).hashing, timing.Pair{One: known, Other: long}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := serveTimed(t, leaking(test.leak))
			if found := differing(t, test.gate, test.classes(s, t, test.gate), []timing.Pair{test.pair}); len(found) == 0 {
				t.Errorf("%s and %s were not told apart", test.pair.One, test.pair.Other)
			}
		})
	}
}
