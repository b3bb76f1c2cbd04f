package users_test

import (
	"context"
	"errors"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

var ana = access.User{Client: "acme", Username: "ana", Role: access.Manager}

func TestUnknownCredentialIsNobodys(t *testing.T) {
	c := users.UnknownCredential(newHasher(cheap))
	if c.Known() || c.User() != (access.User{}) || c.Outdated() {
		t.Errorf("got known %v, user %v, outdated %v", c.Known(), c.User(), c.Outdated())
	}
	if err := c.Upgrade(t.Context(), "secret-1"); err != nil {
		t.Errorf("upgrade: got %v, want nil", err)
	}
}

func TestUpgradeReplacesAHashOfOtherParameters(t *testing.T) {
	h := newHasher(users.Params{Memory: 16, Time: 1, Threads: 1})
	old := mustHash(t, newHasher(cheap), "secret-1")
	var replaced, replacement string
	c := users.NewCredential(h, ana, old, func(_ context.Context, from, to string) error {
		replaced, replacement = from, to
		return nil
	})
	if !c.Outdated() {
		t.Error("the credential should be outdated")
	}
	if err := c.Upgrade(t.Context(), "secret-1"); err != nil {
		t.Fatal(err)
	}
	if replaced != old {
		t.Errorf("replaced: got %q, want %q", replaced, old)
	}
	upgraded := credential(h, replacement)
	if ok, err := upgraded.Compare(t.Context(), "secret-1"); err != nil || !ok || upgraded.Outdated() {
		t.Errorf("upgraded: got %v, %v, outdated %v", ok, err, upgraded.Outdated())
	}
}

func TestUpgradeLeavesACurrentHashAlone(t *testing.T) {
	h := newHasher(cheap)
	if err := credential(h, mustHash(t, h, "secret-1")).Upgrade(t.Context(), "secret-1"); err != nil {
		t.Error(err)
	}
}

func TestUpgradeErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, c := range []struct {
		name     string
		replaced error
		want     error
	}{
		{"a hash that changed meanwhile is left alone", &lockout.ConflictError{}, nil},
		{"a store that fails is told", boom, boom},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHasher(users.Params{Memory: 16, Time: 1, Threads: 1})
			credential := users.NewCredential(h, ana, mustHash(t, newHasher(cheap), "secret-1"),
				func(context.Context, string, string) error { return c.replaced })
			if err := credential.Upgrade(t.Context(), "secret-1"); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
