package environ_test

import (
	"regexp"
	"strings"
	"testing"

	"portcullis/internal/environ"
)

// TestNamesAreOfTheirPattern compares what is taken with a pattern of the same
// rule, on texts of every length up to beyond the bounds and with every byte at
// the beginning, within and at the end.
func TestNamesAreOfTheirPattern(t *testing.T) {
	for name, test := range map[string]struct {
		pattern string
		take    func(string) error
		texts   []string // beside those of every kind
	}{
		"name":  {`^[A-Za-z0-9_+-]{1,128}$`, func(s string) error { return new(environ.Name).UnmarshalText([]byte(s)) }, nil},
		"stage": {`^[a-z0-9][a-z0-9-]{0,31}$`, func(s string) error { return new(environ.Stage).UnmarshalText([]byte(s)) }, nil},
		"table": {`^[A-Za-z0-9_.-]{3,255}$`, func(s string) error { return new(environ.Table).UnmarshalText([]byte(s)) }, nil},
		"bus":   {`^[A-Za-z0-9._-]{1,256}$`, func(s string) error { return new(environ.EventBus).UnmarshalText([]byte(s)) }, nil},
		"parameter": {`^(/[A-Za-z0-9_.-]+){1,15}$`, func(s string) error { return new(environ.Parameter).UnmarshalText([]byte(s)) }, []string{
			"/a", "/a/", "//a", "/a//b", "/a/b", "a/b", "/", strings.Repeat("/a", 15), strings.Repeat("/a", 16), "/" + strings.Repeat("a", 1010), "/é", "/a b",
		}},
		"host": {`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`, func(s string) error { return new(environ.Origins).UnmarshalText([]byte("https://" + s)) }, []string{
			"a.b", "a-", "-a", "a.", ".a", "a..b", "127.0.0.1",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pattern := regexp.MustCompile(test.pattern)
			taken, texts := 0, append(everyText(), test.texts...)
			for _, text := range texts {
				if name == "host" && strings.ContainsAny(text, ":, \t\n\v\f\r") {
					continue // a port, another origin, or blanks that go
				}
				err := test.take(text)
				if want := pattern.MatchString(text); (err == nil) != want {
					t.Errorf("%q: got %v, want it taken: %v", text, err, want)
				}
				if err == nil {
					taken++
				}
			}
			if taken == 0 || taken == len(texts) {
				t.Errorf("%d of %d texts were taken; this compares nothing", taken, len(texts))
			}
		})
	}
}

// everyText returns texts of all lengths from 0 to 300, and three with each byte.
func everyText() []string {
	var all []string
	for n := range 301 {
		all = append(all, strings.Repeat("a", n))
	}
	for b := range 256 {
		c := string([]byte{byte(b)})
		all = append(all, c, c+"aa", "a"+c+"a", "aa"+c, "/"+c, "/a"+c+"a")
	}
	return all
}
