package directory

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"portcullis/internal/access"
	"portcullis/internal/users"
)

// ErrInvalidPerson says that a role, a name or an email address cannot be; the
// text around it says which rule it breaks.
var ErrInvalidPerson = errors.New("invalid user")

// The longest name and email address of a user.
const (
	maxNameRunes  = 128
	maxEmailBytes = 254 // RFC 3696, erratum 1690
)

// check returns what is wrong with a user who is to be created. Name and email
// address may be empty: nothing depends on them.
func check(user access.User, password string) error {
	switch {
	case !user.Role.Valid():
		return fmt.Errorf("%w: there is no such role", ErrInvalidPerson)
	case !utf8.ValidString(user.Name) || strings.IndexFunc(user.Name, unicode.IsControl) >= 0:
		return fmt.Errorf("%w: the name must be UTF-8 without control characters", ErrInvalidPerson)
	case utf8.RuneCountInString(user.Name) > maxNameRunes:
		return fmt.Errorf("%w: the name must have at most %d characters", ErrInvalidPerson, maxNameRunes)
	case user.Email != "" && !isAddress(user.Email):
		return fmt.Errorf("%w: the email address must be one, without a name", ErrInvalidPerson)
	}
	return users.CheckPassword(password, user.Username)
}

func isAddress(email string) bool {
	parsed, err := mail.ParseAddress(email)
	return err == nil && parsed.Address == email && len(email) <= maxEmailBytes
}
