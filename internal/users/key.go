package users

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"

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

// ErrInvalidUsername says that a username breaks a rule; it comes in a
// [*RuleError], which says which.
var ErrInvalidUsername = errors.New("invalid username")

var errNotUTF8 = errors.New("not UTF-8")

// A RuleError says which rule a username or a password breaks, in words for the
// person who typed it.
type RuleError struct {
	Rule string // "must …"; nothing of the value
	kind error
}

// Error says what is invalid, and why.
func (e *RuleError) Error() string { return e.kind.Error() + ": " + e.Rule }

// Unwrap returns [ErrInvalidUsername] or [ErrInvalidPassword].
func (e *RuleError) Unwrap() error { return e.kind }

// maxClientBytes is the length of the longest name of a client.
const maxClientBytes = 32

// CheckClient returns nil if the name of a client is 1 to 32 letters from a to z,
// digits and dashes, of which the first is no dash; else [ErrInvalidClient].
func CheckClient(client string) error {
	if client == "" || len(client) > maxClientBytes || client[0] == '-' {
		return ErrInvalidClient
	}
	for _, c := range []byte(client) {
		if lower, digit := 'a' <= c && c <= 'z', '0' <= c && c <= '9'; !lower && !digit && c != '-' {
			return ErrInvalidClient
		}
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
		return lockout.Key{}, usernameError("must be in its canonical spelling")
	}
	return key, err
}

// canonicalUsername returns the one spelling of a name. Enforcing a PRECIS
// profile is not idempotent for every string (RFC 8264, section 7), so a name
// that would change again has no canonical form and is refused.
func canonicalUsername(name string) (string, error) {
	if len(name) > maxUsernameBytes {
		return "", usernameError(ruleUsernameLength)
	}
	if !utf8.ValidString(name) {
		return "", usernameError("must be UTF-8")
	}
	canonical, err := precis.UsernameCasePreserved.String(name)
	if err != nil {
		return "", usernameError(ruleOf(name, err))
	}
	if again, err := precis.UsernameCasePreserved.String(canonical); err != nil || again != canonical {
		return "", usernameError("must not combine characters that have no one spelling together")
	}
	return canonical, checkUsername(canonical)
}

var ruleUsernameLength = fmt.Sprintf("must have at most %d characters", MaxUsernameRunes)

func checkUsername(canonical string) error {
	switch n := utf8.RuneCountInString(canonical); {
	case n == 0:
		return usernameError("must not be empty")
	case n > MaxUsernameRunes:
		return usernameError(ruleUsernameLength)
	case strings.ContainsAny(canonical, forbiddenInUsernames):
		return usernameError(`must not contain any of / \ % ? #`)
	case canonical == ".", canonical == "..":
		return usernameError(`must not be "." or ".."`)
	}
	return nil
}

func usernameError(rule string) error { return &RuleError{Rule: rule, kind: ErrInvalidUsername} }

// ruleOf puts into plain words why the profile does not allow a name. What is
// most likely meant by a rule is said, not what Unicode calls it.
func ruleOf(name string, err error) string {
	switch {
	case name == "":
		return "must not be empty"
	case strings.ContainsFunc(name, unicode.IsSpace):
		return "must not contain spaces or line breaks"
	case strings.ContainsFunc(name, invisible):
		return "must not contain characters that cannot be seen"
	case !errors.Is(err, bidirule.ErrInvalid):
		return ruleUsernameLetters
	}
	return ruleOfDirection(name)
}

const ruleUsernameLetters = "must be made of letters, digits and common signs; symbols and special forms of letters are not allowed"

// anyDirection returns UsernameCasePreserved without its last rule, the one about
// the directions in which letters are written: package precis asks it first, and of
// every name that is not plain ASCII. Few names ask for it, so none is kept.
func anyDirection() *precis.Profile {
	return precis.NewIdentifier(precis.FoldWidth, precis.Norm(norm.NFC))
}

// ruleOfDirection is ruleOf for a name that breaks the rule about directions,
// and perhaps another one that says more.
func ruleOfDirection(name string) string {
	canonical, err := anyDirection().String(name)
	if err != nil {
		return ruleUsernameLetters
	}
	var other *RuleError
	if errors.As(checkUsername(canonical), &other) {
		return other.Rule
	}
	if bidirule.DirectionString(name) == bidi.RightToLeft {
		return "must not mix letters written from right to left with ones written from left to right"
	}
	return "must begin with a letter and end with a letter or a digit if it has letters beyond a to z"
}

// invisible reports whether a character takes no place: control characters,
// zero-width ones, marks of direction, selectors of a form.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
