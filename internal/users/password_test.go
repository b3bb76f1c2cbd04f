package users_test

import (
	"errors"
	"strings"
	"testing"

	"portcullis/internal/users"
)

func TestCheckPassword(t *testing.T) {
	for _, c := range []struct {
		name, password, says string
	}{
		{"letters and digits are enough", "abcdefg1", ""},
		{"spaces are allowed", "ab cd ef 1", ""},
		{"letters and digits of any script count", "\u05d0\u05d1\u05d2\u05d3\u05d4\u05d5\u05d6\u0661", ""},
		{"128 characters are allowed", strings.Repeat("a", 127) + "1", ""},
		{"seven characters are too few", "abcdef1", "at least 8 characters"},
		{"seven characters with a combining mark are too few", "abcde\u03011", "at least 8 characters"},
		{"nothing at all is too few", "", "at least 8 characters"},
		{"129 characters are too many", strings.Repeat("a", 128) + "1", "at most 128 characters"},
		{"more bytes than a login compares", strings.Repeat("\u3042", 100) + "1", "at most 256 bytes"},
		{"no letter", "12345678", "a letter"},
		{"no digit", "abcdefgh", "a digit"},
		{"the username", "ana.silva.1980", "the username"},
		{"a control character", "abcdefg1\x00", "control"},
		{"bytes that are not UTF-8", "abcdefg1\xff", "control"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := users.CheckPassword(c.password, "ana.silva.1980")
			if c.says == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("got nil, want ErrInvalidPassword that says %q", c.says)
			}
			if !errors.Is(err, users.ErrInvalidPassword) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want ErrInvalidPassword that says %q", err, c.says)
			}
			if c.password != "" && c.password != "ana.silva.1980" && strings.Contains(err.Error(), c.password) {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestCanonicalPassword(t *testing.T) {
	for _, c := range []struct {
		name, password, want string
	}{
		{"case is kept", "AbC", "AbC"},
		{"a combining mark joins its letter", "e\u0301", "\u00e9"},
		{"a wide space becomes a plain one", "a\u3000b", "a b"},
		{"full-width letters are kept", "\uff41", "\uff41"},
		{"what is not allowed keeps its bytes", "a\xffe\u0301", "a\xffe\u0301"},
		{"an empty one stays empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := users.CanonicalPassword(c.password); got != c.want {
				t.Errorf("got %+q, want %+q", got, c.want)
			}
		})
	}
}
