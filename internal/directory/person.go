package directory

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
	"portcullis/internal/users"
)

// ErrInvalidPerson says that a role, a name or an email address cannot be; it
// comes in a [*access.FieldError], which says which and why.
var ErrInvalidPerson = errors.New("invalid user")

// The longest name and email address of a user.
const (
	maxNameRunes  = 128
	maxEmailBytes = 254 // RFC 3696, erratum 1690
)

// canonicalUser returns a user who is to be created as they are to be stored,
// and their key, or what is wrong with them: a [*access.FieldError], or
// [lockout.ErrNotFound] for the name of a client that none can have.
func canonicalUser(user access.User, password string) (lockout.Key, access.User, error) {
	key, err := users.UserKey(user.Client, user.Username)
	switch {
	case errors.Is(err, users.ErrInvalidClient):
		return lockout.Key{}, access.User{}, fmt.Errorf("client: %w: %w", lockout.ErrNotFound, err)
	case err != nil:
		return lockout.Key{}, access.User{}, fieldError("username", err)
	}
	user.Username, user.Name, user.Email = key.Username(), canonical(user.Name), canonical(user.Email)
	if err := checkChange(access.Change{Role: &user.Role, Name: &user.Name, Email: &user.Email}); err != nil {
		return lockout.Key{}, access.User{}, err
	}
	return key, user, checkPassword(password, key.Username())
}

// canonicalChange returns a change as it is to be stored, or what is wrong with
// it.
func canonicalChange(c access.Change) (access.Change, error) {
	for _, text := range []**string{&c.Name, &c.Email} {
		if *text != nil {
			spelled := canonical(**text)
			*text = &spelled
		}
	}
	return c, checkChange(c)
}

// canonical returns the one spelling of a name or an address: without blanks
// around it, so that nothing but blanks is none, and in Unicode's form NFC, so
// that what is looked for is found however it was typed.
func canonical(s string) string { return norm.NFC.String(strings.TrimFunc(s, blank)) }

// blank reports whether a character is a space of any width. What else ends a
// line or a word is not taken away but refused.
func blank(r rune) bool { return unicode.Is(unicode.Zs, r) }

func checkPassword(password, username string) error {
	if err := users.CheckPassword(password, username); err != nil {
		return fieldError("password", err)
	}
	return nil
}

// checkChange returns what is wrong with what a user is to become. Name and
// email address may be empty: nothing depends on them.
func checkChange(c access.Change) error {
	if c.Role != nil && !c.Role.Valid() {
		return personError("role", "must be Sysadmin, Superuser, Manager or ITUser")
	}
	if c.Name != nil {
		if rule := ruleOfName(*c.Name); rule != "" {
			return personError("name", rule)
		}
	}
	if c.Email != nil && *c.Email != "" && !isAddress(*c.Email) {
		return personError("email", "must be an email address, without a name beside it")
	}
	return nil
}

func ruleOfName(name string) string {
	switch {
	case !utf8.ValidString(name):
		return "must be UTF-8"
	case strings.ContainsFunc(name, misleading):
		return "must be one line without control characters"
	case utf8.RuneCountInString(name) > maxNameRunes:
		return fmt.Sprintf("must have at most %d characters", maxNameRunes)
	}
	return ""
}

// misleading reports whether a character would break the line in which a name
// is shown, or turn around what stands beside it.
func misleading(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

func isAddress(email string) bool {
	parsed, err := mail.ParseAddress(email)
	return err == nil && parsed.Address == email && len(email) <= maxEmailBytes
}

func personError(field, rule string) error {
	return &access.FieldError{Field: field, Message: rule, Err: ErrInvalidPerson}
}

// fieldError says what package users found wrong with a field.
func fieldError(field string, err error) error {
	message := "is not allowed"
	var broken *users.RuleError
	if errors.As(err, &broken) {
		message = broken.Rule
	}
	return &access.FieldError{Field: field, Message: message, Err: err}
}
