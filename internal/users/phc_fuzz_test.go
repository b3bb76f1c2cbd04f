package users_test

import (
	"context"
	"encoding/base64"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// phcShape is a PHC string of Argon2id, digit by digit: the reference that the
// parser is held against.
var phcShape = regexp.MustCompile(
	`^\$argon2id\$v=19\$m=([1-9][0-9]{0,5}),t=([1-9]|10),p=([1-4])\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)

// A reference is a PHC string as the test reads it.
type reference struct {
	memory, time, threads int
	salt, digest          []byte
}

func readReference(phc string) (reference, bool) {
	parts := phcShape.FindStringSubmatch(phc)
	if parts == nil {
		return reference{}, false
	}
	var r reference
	for i, into := range []*int{&r.memory, &r.time, &r.threads} {
		*into, _ = strconv.Atoi(parts[i+1])
	}
	var saltErr, digestErr error
	r.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	r.digest, digestErr = base64.RawStdEncoding.DecodeString(parts[5])
	again := base64.RawStdEncoding.EncodeToString(r.salt) + "$" + base64.RawStdEncoding.EncodeToString(r.digest)
	good := saltErr == nil && digestErr == nil && strings.HasSuffix(phc, "$"+again) &&
		8 <= len(r.salt) && len(r.salt) <= 64 && 16 <= len(r.digest) && len(r.digest) <= 64 &&
		8*r.threads <= r.memory && r.memory <= 128<<10
	return r, good
}

// FuzzPHC reads anything as a stored hash. It is taken exactly if it is in the
// one spelling of a hash within the bounds; then it opens for the password that it
// was made of and no other, and else it opens for nobody and is told as corrupt.
func FuzzPHC(f *testing.F) {
	h := newHasher(cheap)
	f.Fuzz(func(t *testing.T, phc, password string) {
		ended, end := context.WithCancel(t.Context())
		end() // so that nothing is computed: a hash may cost 128 MiB
		same, err := credential(h, phc).Compare(ended, password)
		want, good := readReference(phc)
		wantErr := users.ErrCorruptHash
		if good {
			wantErr = lockout.ErrUnavailable
		}
		if same || !errors.Is(err, wantErr) {
			t.Errorf("%q: got %v, %v; want %v", phc, same, err, wantErr)
		}
		if len(phc) > 8 && err != nil && strings.Contains(err.Error(), phc) {
			t.Errorf("the error tells the hash: %v", err)
		}
		if good && want.memory <= 64 && want.time <= 2 {
			comparesAs(t, h, phc, password, want)
		}
	})
}

// comparesAs compares with a hash that is cheap enough to compute.
func comparesAs(t *testing.T, h *users.Hasher, phc, password string, r reference) {
	t.Helper()
	key := argon2.IDKey([]byte(users.CanonicalPassword(password)), r.salt,
		uint32(r.time), uint32(r.memory), uint8(r.threads), uint32(len(r.digest)))
	same, err := credential(h, phc).Compare(t.Context(), password)
	if want := string(key) == string(r.digest); err != nil || same != want {
		t.Errorf("comparing with %q: got %v, %v; want %v", phc, same, err, want)
	}
	rightful := strings.TrimSuffix(phc, base64.RawStdEncoding.EncodeToString(r.digest)) + base64.RawStdEncoding.EncodeToString(key)
	if same, err := credential(h, rightful).Compare(t.Context(), password); err != nil || !same {
		t.Errorf("comparing with the password's own hash: got %v, %v", same, err)
	}
}
