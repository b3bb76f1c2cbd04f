package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// samples make events for the functions, out of the ones for "sam local invoke".
// Those hold no secrets and are for stores with nothing but the demo client in
// them. So a password, a token or a name that is still free takes the place of
// what they have there, and the functions do what they are for.
type samples struct {
	folder   string
	password string // of the user in the login's sample
	session  session
	made     int // names so far
}

// An event is what a function is given, and a part of what it answers.
type event struct {
	text []byte
	want string
}

// A change is what takes the place of what in a sample, and a part of the answer.
type change struct{ old, new, want string }

// next returns an event for a function. A wrong login has the sample's own
// password; for every other function, wrong makes no difference.
func (s *samples) next(function string, wrong bool) (event, error) {
	if function == empty {
		return event{[]byte("{}"), "null"}, nil
	}
	s.made++
	c, known := s.changes(strconv.Itoa(s.made))[function]
	if !known {
		return event{}, fmt.Errorf("nothing is known about the answer of %s; add it in samples.go", function)
	}
	if function == "login" && wrong {
		c = change{want: `"statusCode":401`}
	}
	text, err := s.read(function, c.old, c.new)
	return event{text, c.want}, err
}

// login returns the event of somebody's login.
func (s *samples) login(username, password string) ([]byte, error) {
	return s.read("login", "not-her-password-1", password, "ana.silva", username)
}

// changes returns what is changed in the samples, with a text that makes a name
// new.
func (s *samples) changes(fresh string) map[string]change {
	return map[string]change{
		"authorizer":       {"not-a-token", s.session.Access, `"Effect":"Allow"`},
		"console":          {want: `"statusCode":200`},
		"login":            {"not-her-password-1", s.password, `"statusCode":200`},
		"manage-user":      {"eva.lund", "eva.lund-" + fresh, `"statusCode":201`},
		"provision-client": {"acme", "acme-" + fresh, `"created":true`},
		"publish-events":   {want: `"batchItemFailures":null`},
		"query":            {want: `"statusCode":200`},
		"refresh-token":    {"not-one-of-ours", s.session.Refresh, `"statusCode":200`},
		"unlock-user":      {want: `"statusCode":200`},
		"update-policy":    {want: `"statusCode":200`},
	}
}

// read returns a sample with some of its text replaced, pair by pair.
func (s *samples) read(function string, pairs ...string) ([]byte, error) {
	path := filepath.Join(s.folder, function+".json")
	bytes, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(bytes)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			return nil, fmt.Errorf("%s has no %q to change", path, pairs[i])
		}
		if pairs[i] != "" {
			text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
		}
	}
	return []byte(text), nil
}
