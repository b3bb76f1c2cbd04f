package users

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// The bounds of a password when it is set. Eight characters with letters and
// digits are above the seven of PCI DSS 3.2.1; version 4.0 asks for twelve
// where a system can (8.3.6).
const (
	MinPasswordRunes = 8
	MaxPasswordRunes = 128
	// MaxPasswordBytes is what a login compares at most, in UTF-8. A longer
	// password could be set but never used.
	MaxPasswordBytes = 256
)

// ErrInvalidPassword says that a password cannot be set; it comes in a
// [*RuleError], which says which rule it breaks.
var ErrInvalidPassword = errors.New("invalid password")

// CanonicalPassword returns the form of a password that is hashed and compared:
// RFC 8265 OpaqueString, or its exact bytes when that does not allow it.
func CanonicalPassword(password string) string {
	canonical, err := opaqueString(password)
	if err != nil {
		return password
	}
	return canonical
}

// opaqueString enforces the profile. Package precis puts U+FFFD in the place of
// bytes that are not UTF-8, which would make one password of many.
func opaqueString(password string) (string, error) {
	if !utf8.ValidString(password) {
		return "", errNotUTF8
	}
	return precis.OpaqueString.String(password)
}

// CheckPassword returns nil if the password may be set for the user: RFC 8265
// OpaqueString, 8 to 128 characters, at most 256 bytes, a letter, a digit, and
// not the username itself. The error is a [*RuleError] that wraps
// [ErrInvalidPassword].
func CheckPassword(password, username string) error {
	if rule := brokenRule(password, username); rule != "" {
		return &RuleError{Rule: rule, kind: ErrInvalidPassword}
	}
	return nil
}

func brokenRule(password, username string) string {
	canonical, err := opaqueString(password)
	switch n := utf8.RuneCountInString(canonical); {
	case len(password) > MaxPasswordBytes, len(canonical) > MaxPasswordBytes:
		return fmt.Sprintf("must have at most %d bytes in UTF-8", MaxPasswordBytes)
	case err != nil && password != "":
		return "must be UTF-8 without control or unassigned characters"
	case n < MinPasswordRunes:
		return fmt.Sprintf("must have at least %d characters", MinPasswordRunes)
	case n > MaxPasswordRunes:
		return fmt.Sprintf("must have at most %d characters", MaxPasswordRunes)
	case strings.IndexFunc(canonical, unicode.IsLetter) < 0:
		return "must contain a letter"
	case strings.IndexFunc(canonical, unicode.IsDigit) < 0:
		return "must contain a digit"
	case canonical == username:
		return "must not be the username"
	}
	return ""
}
