package users_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"portcullis/internal/users"
)

// FuzzPassword looks for two passwords that open for each other and are not two
// spellings of one text, and for a password that can be set and not be used.
func FuzzPassword(f *testing.F) {
	h := newHasher(cheap)
	f.Fuzz(func(t *testing.T, password, other, username string) {
		canonical := users.CanonicalPassword(password)
		same := canonical == users.CanonicalPassword(other)
		if same != (password == other) && spelled(password) != spelled(other) {
			t.Errorf("%+q and %+q open for each other", password, other)
		}
		err := users.CheckPassword(password, username)
		if err != nil {
			saysNothingOf(t, err, password)
			return
		}
		if problem := unusable(password, canonical, username); problem != "" {
			t.Errorf("%+q may be set: %s", password, problem)
		}
		phc, err := h.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		for _, tried := range []string{password, canonical, other} {
			opens, err := credential(h, phc).Compare(t.Context(), tried)
			if want := users.CanonicalPassword(tried) == canonical; err != nil || opens != want {
				t.Errorf("%+q set, %+q tried: got %v, %v; want %v", password, tried, opens, err, want)
			}
		}
	})
}

// spelled is a text in the one spelling that RFC 8265 gives a password: its blanks
// are spaces, and its form is NFC. Bytes that are no text have their own.
func spelled(password string) string {
	if !utf8.ValidString(password) {
		return password
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}

// unusable says which promise a password breaks that was let through.
func unusable(password, canonical, username string) string {
	switch n := utf8.RuneCountInString(canonical); {
	case users.CanonicalPassword(canonical) != canonical:
		return "its canonical spelling has another one"
	case !utf8.ValidString(password):
		return "it is no text"
	case len(password) > users.MaxPasswordBytes || len(canonical) > users.MaxPasswordBytes:
		return "no login takes it"
	case strings.ContainsRune(password, 0):
		return "no login takes a NUL"
	case n < users.MinPasswordRunes || n > users.MaxPasswordRunes:
		return "its length"
	case canonical == username:
		return "it is the username"
	}
	return ""
}

// saysNothingOf checks that a refusal is a rule, and tells no password.
func saysNothingOf(t *testing.T, err error, password string) {
	t.Helper()
	var rule *users.RuleError
	if !errors.As(err, &rule) || !errors.Is(err, users.ErrInvalidPassword) {
		t.Errorf("got %v, want a rule", err)
	}
	if len(password) > 8 && strings.Contains(err.Error(), password) {
		t.Errorf("the error tells the password: %v", err)
	}
}
