package environ_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"portcullis/internal/environ"
)

// A single is a configuration of one variable: the others would be most of what a
// fuzzer runs.
type single[T any] struct {
	Value T `env:"PORTCULLIS_VALUE"`
}

// A kind parses a value and returns how it reads then.
type kind func(value string) (reads string, err error)

// of is the kind of a type of this package, with how its values read.
func of[T any](read func(T) string) kind {
	return func(value string) (string, error) {
		parsed, err := environ.Parse[single[T]]([]string{"PORTCULLIS_VALUE=" + value})
		return read(parsed.Value), err
	}
}

// The places of the kinds that have more than one spelling, and of plain text,
// which is never refused.
const (
	lifetimes = iota
	origins
	texts
)

// kinds are those of all variables.
var kinds = []kind{
	lifetimes: of(func(l environ.Lifetime) string { return time.Duration(l).String() }),
	origins:   of(func(o environ.Origins) string { return strings.Join(o, ",") }),
	texts:     of(func(s string) string { return s }),
	3:         of(func(n environ.Name) string { return string(n) }),
	4:         of(func(s environ.Stage) string { return string(s) }),
	5:         of(func(t environ.Table) string { return string(t) }),
	6:         of(func(p environ.Parameter) string { return string(p) }),
	7:         of(func(b environ.EventBus) string { return string(b) }),
	8:         of(func(u environ.URL) string { return string(u) }),
}

// refused is a value that none of them takes but plain text.
const refused = "\x00 no value of anything"

// FuzzEnvironment sets a variable to anything. What is taken is taken as it is
// written, in the one spelling it has; what is not is told in the same words as
// every other bad value, so that none of it is told.
func FuzzEnvironment(f *testing.F) {
	f.Fuzz(func(t *testing.T, which byte, value string) {
		place := int(which) % len(kinds)
		parse := kinds[place]
		reads, err := parse(value)
		if err != nil {
			_, other := parse(refused)
			if other == nil || other.Error() != err.Error() || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q: got %v, want %v", value, err, other)
			}
			return
		}
		if value == "" {
			return // as if it were not set
		}
		again, err := parse(reads)
		if err != nil || again != reads || place >= texts && reads != value {
			t.Errorf("%q reads as %q, and that as %q (%v)", value, reads, again, err)
		}
		switch place {
		case origins:
			for origin := range strings.SplitSeq(reads, ",") {
				isAnOrigin(t, origin)
			}
		case lifetimes:
			if d, err := time.ParseDuration(reads); err != nil || d < 3*time.Second || d > 15*time.Minute {
				t.Errorf("%q is a lifetime of %v, %v", value, d, err)
			}
		}
	})
}

// isAnOrigin checks an origin against what RFC 6454 lets a browser send, put
// together anew from its parts.
func isAnOrigin(t *testing.T, origin string) {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatalf("%q: %v", origin, err)
	}
	sent := u.Scheme + "://" + strings.ToLower(u.Hostname())
	defaults := map[string]string{"https": "443", "http": "80"}
	if port := u.Port(); port != "" && port != defaults[u.Scheme] {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			t.Errorf("%q has a port that is none: %v", origin, err)
		}
		sent += ":" + strconv.FormatUint(n, 10)
	}
	local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"
	if sent != origin || u.Scheme != "https" && (u.Scheme != "http" || !local) || strings.ContainsAny(origin, "*, ") || origin == "null" {
		t.Errorf("%q is no origin, or anybody's; a browser sends %q", origin, sent)
	}
}
