package users_test

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// cheap is as little as Argon2id can cost.
var cheap = users.Params{Memory: 8, Time: 1, Threads: 1}

func newHasher(params users.Params) *users.Hasher { return users.NewHasher(params, rand.Reader, 2) }

func mustHash(t *testing.T, h *users.Hasher, password string) string {
	t.Helper()
	phc, err := h.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

func keep(context.Context, string, string) error { return errors.New("replaced unexpectedly") }

func credential(h *users.Hasher, phc string) users.Credential {
	return users.NewCredential(h, access.User{Client: "acme", Username: "ana"}, phc, keep)
}

func TestHashIsAPHCStringOfTheDefaultParameters(t *testing.T) {
	phc := mustHash(t, newHasher(users.DefaultParams()), "secret-1")
	want := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)
	if !want.MatchString(phc) {
		t.Errorf("got %q, want %v", phc, want)
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	h := newHasher(cheap)
	first, second := mustHash(t, h, "secret-1"), mustHash(t, h, "secret-1")
	if first == second {
		t.Error("two hashes share a salt")
	}
}

func TestHashNeedsParametersWithinBoundsAndRandomness(t *testing.T) {
	for name, h := range map[string]*users.Hasher{
		"too much memory": newHasher(users.Params{Memory: 1 << 30, Time: 1, Threads: 1}),
		"no passes":       newHasher(users.Params{Memory: 8, Threads: 1}),
		"no threads":      newHasher(users.Params{Memory: 8, Time: 1}),
		"no randomness":   users.NewHasher(cheap, strings.NewReader("short"), 1),
	} {
		t.Run(name, func(t *testing.T) {
			if phc, err := h.Hash(t.Context(), "secret-1"); err == nil {
				t.Errorf("got %q, want an error", phc)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	h := newHasher(cheap)
	known := credential(h, mustHash(t, h, "caf\u00e9 1234"))
	for _, c := range []struct {
		name       string
		credential users.Credential
		password   string
		want       bool
	}{
		{"the right password matches", known, "caf\u00e9 1234", true},
		{"the right password in another spelling matches", known, "cafe\u0301\u00a01234", true},
		{"another password does not", known, "caf\u00e9 1235", false},
		{"another case does not", known, "Caf\u00e9 1234", false},
		{"the empty password does not", known, "", false},
		{"nothing matches an unknown user", users.UnknownCredential(h), "caf\u00e9 1234", false},
		{"nor does the empty password", users.UnknownCredential(h), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.credential.Compare(t.Context(), c.password)
			if err != nil || got != c.want {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// The vector is that of the Argon2 reference implementation's test.c for
// Argon2id, version 19: t=2, m=65536, p=1, password "password", salt
// "somesalt".
func TestCompareReadsTheHashOfAnotherImplementation(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := credential(newHasher(cheap), phc).Compare(t.Context(), "password"); err != nil || !ok {
		t.Errorf("got %v, %v, want true", ok, err)
	}
}

func TestCompareRefusesACorruptHash(t *testing.T) {
	salt, digest := strings.Repeat("A", 22), strings.Repeat("A", 43)
	tail := "$" + salt + "$" + digest
	for name, phc := range map[string]string{
		"empty":                         "",
		"only dollars":                  "$$$$$",
		"another variant":               "$argon2i$v=19$m=8,t=1,p=1" + tail,
		"another version":               "$argon2id$v=16$m=8,t=1,p=1" + tail,
		"no version":                    "$argon2id$m=8,t=1,p=1" + tail,
		"memory that exhausts":          "$argon2id$v=19$m=4294967295,t=1,p=1" + tail,
		"memory above the bound":        "$argon2id$v=19$m=131073,t=1,p=1" + tail,
		"memory beyond 32 bits":         "$argon2id$v=19$m=4294967304,t=1,p=1" + tail,
		"memory below 8 KiB a thread":   "$argon2id$v=19$m=15,t=1,p=2" + tail,
		"passes without end":            "$argon2id$v=19$m=8,t=4294967295,p=1" + tail,
		"no passes":                     "$argon2id$v=19$m=8,t=0,p=1" + tail,
		"no threads":                    "$argon2id$v=19$m=8,t=1,p=0" + tail,
		"threads beyond a byte":         "$argon2id$v=19$m=8,t=1,p=257" + tail,
		"a leading zero":                "$argon2id$v=19$m=08,t=1,p=1" + tail,
		"a sign":                        "$argon2id$v=19$m=+8,t=1,p=1" + tail,
		"another order":                 "$argon2id$v=19$t=1,m=8,p=1" + tail,
		"a parameter more":              "$argon2id$v=19$m=8,t=1,p=1,data=AA" + tail,
		"no salt":                       "$argon2id$v=19$m=8,t=1,p=1$$" + digest,
		"a short salt":                  "$argon2id$v=19$m=8,t=1,p=1$AAAA$" + digest,
		"a long salt":                   "$argon2id$v=19$m=8,t=1,p=1$" + strings.Repeat("A", 88) + "$" + digest,
		"no digest":                     "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$",
		"a digest of four bytes":        "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$AAAAAA",
		"a digest that is very long":    "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + strings.Repeat("A", 4000),
		"padding":                       "$argon2id$v=19$m=8,t=1,p=1$" + salt + "==$" + digest,
		"the URL alphabet":              "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$_" + digest[1:],
		"a salt with stray bits":        "$argon2id$v=19$m=8,t=1,p=1$" + salt[1:] + "B$" + digest,
		"a line feed within the digest": "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$\n" + digest,
		"a line feed at the end":        "$argon2id$v=19$m=8,t=1,p=1" + tail + "\n",
		"a field more":                  "$argon2id$v=19$m=8,t=1,p=1" + tail + "$",
		"text before":                   "x$argon2id$v=19$m=8,t=1,p=1" + tail,
	} {
		t.Run(name, func(t *testing.T) {
			ok, err := credential(newHasher(cheap), phc).Compare(t.Context(), "password")
			if ok || !errors.Is(err, users.ErrCorruptHash) {
				t.Errorf("got %v, %v, want ErrCorruptHash", ok, err)
			}
		})
	}
}

func TestWaitingToHashEndsWithTheContext(t *testing.T) {
	h := users.NewHasher(users.Params{Memory: 64 << 10, Time: 10, Threads: 1}, rand.Reader, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	var wait sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wait.Go(func() { _, errs[i] = h.Hash(ctx, "secret-1") })
	}
	wait.Wait()
	refused := 0
	for _, err := range errs {
		if errors.Is(err, lockout.ErrUnavailable) && errors.Is(err, context.DeadlineExceeded) {
			refused++
		} else if err != nil {
			t.Errorf("got %v, want ErrUnavailable and DeadlineExceeded", err)
		}
	}
	if refused < len(errs)-1 {
		t.Errorf("refused: got %d of %d, want all but at most the first", refused, len(errs))
	}
}

func TestCompareAfterTheContextEndedIsUnavailable(t *testing.T) {
	h := newHasher(cheap)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := users.UnknownCredential(h).Compare(ctx, "x"); !errors.Is(err, lockout.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
