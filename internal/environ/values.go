package environ

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A malformedError says what a value must be. It never holds the value.
type malformedError string

func (e malformedError) Error() string { return string(e) }

// A Name is what AWS calls a thing that has one: a region, a user pool, an app
// client, an access key.
type Name string

// UnmarshalText takes 1 to 128 letters, digits and the signs _ + -.
func (n *Name) UnmarshalText(text []byte) error {
	return set((*string)(n), text, isMade(text, 1, 128, "_+-"), "must be 1 to 128 letters, digits, _, + or -")
}

// A Stage is one deployment of Portcullis, such as "prod". It is a part of the
// names of parameters.
type Stage string

// UnmarshalText takes 1 to 32 lower case letters, digits and dashes, of which the
// first is no dash.
func (s *Stage) UnmarshalText(text []byte) error {
	ok := isMade(text, 1, 32, "-") && isLower(text) && text[0] != '-'
	return set((*string)(s), text, ok, "must be 1 to 32 lower case letters, digits and dashes")
}

// A Table is the name of a DynamoDB table.
type Table string

// UnmarshalText takes what DynamoDB's naming rules take: 3 to 255 letters,
// digits, dots, dashes and underscores.
func (t *Table) UnmarshalText(text []byte) error {
	return set((*string)(t), text, isMade(text, 3, 255, "_.-"), "must be a DynamoDB table name of 3 to 255 characters")
}

// A Parameter is the full name of an SSM parameter.
type Parameter string

// maxLevels is how many levels the name of a parameter may have.
const maxLevels = 15

// UnmarshalText takes a path from the root: Parameter Store allows 1,011
// characters with fifteen levels.
func (p *Parameter) UnmarshalText(text []byte) error {
	return set((*string)(p), text, isPath(text), "must be a parameter name that starts with a slash")
}

// EventBus is the name of an event bus of EventBridge.
type EventBus string

// UnmarshalText takes a name of 1 to 256 letters, digits, points, underscores
// and hyphens, and no ARN. A partner's bus, whose name has slashes, takes no
// events of ours.
func (b *EventBus) UnmarshalText(text []byte) error {
	return set((*string)(b), text, isMade(text, 1, 256, "._-"), "must be the name of an event bus")
}

// set takes a value that is well-formed, and says the rule to any other.
func set(to *string, text []byte, ok bool, rule string) error {
	if !ok {
		return malformedError(rule)
	}
	*to = string(text)
	return nil
}

// isMade reports whether a text has so many bytes, which are all ASCII letters,
// digits or one of the signs. Patterns with such bounds say the same in a line, and
// compiling them for every variable was half of what a function did before its
// first event.
func isMade(text []byte, least, most int, signs string) bool {
	for _, c := range text {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if digit := '0' <= c && c <= '9'; !letter && !digit && strings.IndexByte(signs, c) < 0 {
			return false
		}
	}
	return least <= len(text) && len(text) <= most
}

// isLower reports whether no letter is a capital.
func isLower(text []byte) bool {
	return !bytes.ContainsFunc(text, func(r rune) bool { return 'A' <= r && r <= 'Z' })
}

// isPath reports whether a text is names of any length, each after a slash.
func isPath(text []byte) bool {
	levels := bytes.Split(text, []byte("/"))
	if len(levels[0]) > 0 || len(levels)-1 > maxLevels {
		return false
	}
	for _, name := range levels[1:] {
		if !isMade(name, 1, len(text), "_.-") {
			return false
		}
	}
	return len(levels) > 1
}

// Origins are web origins, separated by commas; none where the variable is
// empty. Each is as a browser spells it in Origin (RFC 6454, section 6.2): in
// lower case, without a path and without the port that goes without saying.
// Plain http is for this machine alone, and "*" and "null" are nobody's origin.
type Origins []string

// UnmarshalText refuses anything else.
func (o *Origins) UnmarshalText(text []byte) error {
	*o = nil
	for origin := range strings.SplitSeq(string(text), ",") {
		origin = strings.TrimSpace(origin)
		if !isOrigin(origin) {
			return malformedError("must be origins such as https://portal.example.com, separated by commas, without a path or *; " +
				"plain http is for localhost and 127.0.0.1 alone")
		}
		*o = append(*o, origin)
	}
	return nil
}

// isHost reports whether a text is a host name in lower case, or an IPv4 address.
func isHost(text []byte) bool {
	return isMade(text, 1, len(text), ".-") && isLower(text) && !bytes.ContainsAny(text[:1], ".-") && !bytes.ContainsAny(text[len(text)-1:], ".-")
}

func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || !isHost([]byte(u.Hostname())) {
		return false
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && err != nil {
		return false
	}
	if strings.HasSuffix(u.Host, ":") || strings.HasPrefix(u.Port(), "0") {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Port() != "443"
	case "http":
		return u.Port() != "80" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
	}
	return false
}

// A URL is an absolute http or https address, as it was written.
type URL string

// UnmarshalText takes an address with a host and without a user, a query or a
// fragment.
func (u *URL) UnmarshalText(text []byte) error {
	parsed, err := url.Parse(string(text))
	switch {
	case err != nil, parsed.Scheme != "https" && parsed.Scheme != "http", parsed.Host == "",
		parsed.User != nil, strings.ContainsAny(string(text), "?#"):
		return malformedError("must be an http or https address without a user, query or fragment")
	}
	*u = URL(text)
	return nil
}

// The bounds of a function's time: the gate keeps a second of it for cleaning
// up, and Lambda lets no function run longer than 15 minutes.
const (
	minLifetime = 3 * time.Second
	maxLifetime = 15 * time.Minute
)

// A Lifetime is how long a function may run.
type Lifetime time.Duration

// UnmarshalText takes a Go duration from 3 seconds to 15 minutes.
func (l *Lifetime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < minLifetime || d > maxLifetime {
		return malformedError("must be a duration such as 10s, from 3s to 15m")
	}
	*l = Lifetime(d)
	return nil
}
