package users

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// MaxUsernameRunes is the length of the longest canonical username, in
// characters. It fits into one path segment and into the 128 characters that
// Cognito allows for "client/username".
const MaxUsernameRunes = 64

// maxUsernameBytes bounds what is looked at before the name is canonical: 64
// characters of four bytes each.
const maxUsernameBytes = MaxUsernameRunes * utf8.UTFMax

// forbiddenInUsernames would let a path segment mean one thing decoded once
// and another decoded twice; "#" also marks the item of a client.
const forbiddenInUsernames = `/\%?#`

// ErrInvalidClient says that a client's name is malformed.
var ErrInvalidClient = errors.New("invalid client")

// ErrInvalidUsername says that a username breaks a rule; the text around it
// says which.
var ErrInvalidUsername = errors.New("invalid username")

var errNotUTF8 = errors.New("not UTF-8")

var clientPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// CheckClient returns nil if the name of a client is well-formed, else
// [ErrInvalidClient].
func CheckClient(client string) error {
	if !clientPattern.MatchString(client) {
		return ErrInvalidClient
	}
	return nil
}

// UserKey returns the key of a user whose name follows the rules: RFC 8265
// UsernameCasePreserved, 1 to 64 characters, none of / \ % ? #, and neither "."
// nor "..", which every URL library would fold away. The error is
// [ErrInvalidClient] or wraps [ErrInvalidUsername].
func UserKey(client, username string) (lockout.Key, error) {
	if err := CheckClient(client); err != nil {
		return lockout.Key{}, err
	}
	canonical, err := canonicalUsername(username)
	if err != nil {
		return lockout.Key{}, err
	}
	return lockout.NewKey(client, canonical), nil
}

// LoginKey returns the key under which a login is charged. A username that
// breaks the rules is kept as its exact bytes: nobody can have it, and it never
// equals a canonical name, since a name that equals one is canonical. The error
// is [ErrInvalidClient]; there is no other.
func LoginKey(client, username string) (lockout.Key, error) {
	key, err := UserKey(client, username)
	if errors.Is(err, ErrInvalidUsername) {
		return lockout.NewKey(client, username), nil
	}
	return key, err
}

// StoredKey returns the key of a user who is about to be stored. Besides the
// errors of [UserKey], a name that is not in its canonical spelling is an
// [ErrInvalidUsername]: the item would show another name than the one that its
// user logs in under.
func StoredKey(user access.User) (lockout.Key, error) {
	key, err := UserKey(user.Client, user.Username)
	if err == nil && key.Username() != user.Username {
		return lockout.Key{}, fmt.Errorf("%w: must be in its canonical spelling", ErrInvalidUsername)
	}
	return key, err
}

// canonicalUsername returns the one spelling of a name. Enforcing a PRECIS
// profile is not idempotent for every string (RFC 8264, section 7), so a name
// that would change again has no canonical form and is refused.
func canonicalUsername(name string) (string, error) {
	if len(name) > maxUsernameBytes {
		return "", fmt.Errorf("%w: must have at most %d characters", ErrInvalidUsername, MaxUsernameRunes)
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: %w", ErrInvalidUsername, errNotUTF8)
	}
	canonical, err := precis.UsernameCasePreserved.String(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidUsername, err)
	}
	if again, err := precis.UsernameCasePreserved.String(canonical); err != nil || again != canonical {
		return "", fmt.Errorf("%w: has no stable spelling", ErrInvalidUsername)
	}
	return canonical, checkUsername(canonical)
}

func checkUsername(canonical string) error {
	switch n := utf8.RuneCountInString(canonical); {
	case n == 0:
		return fmt.Errorf("%w: must not be empty", ErrInvalidUsername)
	case n > MaxUsernameRunes:
		return fmt.Errorf("%w: must have at most %d characters", ErrInvalidUsername, MaxUsernameRunes)
	case strings.ContainsAny(canonical, forbiddenInUsernames):
		return fmt.Errorf("%w: must not contain any of %s", ErrInvalidUsername, forbiddenInUsernames)
	case canonical == ".", canonical == "..":
		return fmt.Errorf("%w: must not be %q", ErrInvalidUsername, canonical)
	}
	return nil
}
