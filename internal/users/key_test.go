package users_test

import (
	"errors"
	"strings"
	"testing"

	"portcullis/internal/users"
)

func TestUserKey(t *testing.T) {
	for _, c := range []struct {
		name, username, want string
	}{
		{"a plain name is kept", "ana.silva", "ana.silva"},
		{"the case of a name is kept", "Ana.Silva", "Ana.Silva"},
		{"an address can be a name", "ana+desk@example.com", "ana+desk@example.com"},
		{"full-width letters become the plain ones", "\uff21\uff4e\uff41", "Ana"},
		{"a letter and its combining mark become one letter", "Jose\u0301", "Jos\u00e9"},
		{"the Angstrom sign becomes the letter", "\u212bsa", "\u00c5sa"},
		{"a name from right to left is kept", "\u05d3\u05d5\u05d3", "\u05d3\u05d5\u05d3"},
		{"64 characters of four bytes are allowed", strings.Repeat("\U00020000", 64), strings.Repeat("\U00020000", 64)},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, err := users.UserKey("acme", c.username)
			if err != nil {
				t.Fatal(err)
			}
			if got := key.Username(); got != c.want {
				t.Errorf("got %+q, want %+q", got, c.want)
			}
			again, err := users.UserKey("acme", key.Username())
			if err != nil || again != key {
				t.Errorf("canonical form is not stable: got %v, %v", again, err)
			}
		})
	}
}

// brokenUsernames break a rule each, of which the person who typed one is told.
var brokenUsernames = map[string]struct{ username, says string }{
	"an empty name":                            {"", "must not be empty"},
	"a slash":                                  {"ana/silva", `must not contain any of / \ % ? #`},
	"a backslash":                              {`ana\silva`, "must not contain any of"},
	"a percent sign":                           {"ana%2fsilva", "must not contain any of"},
	"a question mark":                          {"ana?", "must not contain any of"},
	"the item of a client":                     {"#client", "must not contain any of"},
	"a full-width number sign":                 {"\uff03client", "must not contain any of"},
	"a full-width slash":                       {"ana\uff0fsilva", "must not contain any of"},
	"a full-width percent sign":                {"ana\uff052fsilva", "must not contain any of"},
	"one dot":                                  {".", `must not be "." or ".."`},
	"two dots":                                 {"..", `must not be "." or ".."`},
	"two full-width dots":                      {"\uff0e\uff0e", `must not be "." or ".."`},
	"a space":                                  {"ana silva", "must not contain spaces"},
	"a no-break space":                         {"ana\u00a0silva", "must not contain spaces"},
	"a zero-width space":                       {"ana\u200bsilva", "cannot be seen"},
	"a zero-width joiner out of place":         {"ana\u200dsilva", "cannot be seen"},
	"a soft hyphen":                            {"ana\u00adsilva", "cannot be seen"},
	"a byte order mark":                        {"\ufeffana", "cannot be seen"},
	"a right-to-left override":                 {"ana\u202esilva", "cannot be seen"},
	"a variation selector":                     {"ana\ufe0f", "cannot be seen"},
	"a direction that changes within the name": {"ana\u05d3", "must not mix letters written from right to left"},
	"a digit before a letter beyond a to z":    {"1jos\u00e9", "must begin with a letter"},
	"a NUL":                                    {"ana\x00", "cannot be seen"},
	"a line feed":                              {"ana\n", "line breaks"},
	"bytes that are not UTF-8":                 {"ana\xff", "must be UTF-8"},
	"a ligature with a compatibility mapping":  {"\ufb01ona", "must be made of letters, digits and common signs"},
	"an emoji":                                 {"ana\U0001f600", "must be made of letters, digits and common signs"},
	"65 characters":                            {strings.Repeat("a", 65), "at most 64 characters"},
	"more bytes than 64 characters can have":   {strings.Repeat("e\u0301", 200), "at most 64 characters"},
}

func TestUserKeyRefusesNamesThatBreakARule(t *testing.T) {
	for name, broken := range brokenUsernames {
		t.Run(name, func(t *testing.T) {
			key, err := users.UserKey("acme", broken.username)
			var rule *users.RuleError
			if !errors.Is(err, users.ErrInvalidUsername) || !errors.As(err, &rule) || !strings.Contains(rule.Rule, broken.says) {
				t.Errorf("got %v, %v, want ErrInvalidUsername that says %q", key, err, broken.says)
			}
		})
	}
}

func TestLoginKeyKeepsTheExactBytesOfABrokenName(t *testing.T) {
	for name, broken := range brokenUsernames {
		t.Run(name, func(t *testing.T) {
			username := broken.username
			key, err := users.LoginKey("acme", username)
			if err != nil {
				t.Fatal(err)
			}
			if key.Username() != username || key.Client() != "acme" {
				t.Errorf("got %+q, want acme/%+q", key, username)
			}
		})
	}
}

func TestLoginKeyIsTheUserKeyOfAGoodName(t *testing.T) {
	login, err := users.LoginKey("acme", "\uff21na")
	if err != nil {
		t.Fatal(err)
	}
	user, err := users.UserKey("acme", "Ana")
	if err != nil || login != user {
		t.Errorf("got %v, want %v (%v)", login, user, err)
	}
}

func TestKeysRefuseMalformedClients(t *testing.T) {
	for name, client := range map[string]string{
		"an empty name": "", "a capital letter": "Acme", "a leading hyphen": "-acme", "a slash": "acme/x",
		"33 characters": strings.Repeat("a", 33), "a line feed at the end": "acme\n", "a full-width letter": "\uff41cme",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := users.LoginKey(client, "ana"); !errors.Is(err, users.ErrInvalidClient) {
				t.Errorf("login: got %v, want ErrInvalidClient", err)
			}
			if _, err := users.UserKey(client, "ana"); !errors.Is(err, users.ErrInvalidClient) {
				t.Errorf("user: got %v, want ErrInvalidClient", err)
			}
		})
	}
}
