package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// The defaults. The client and the Sysadmin are those of make run.
const (
	defaultClient   = "demo"
	defaultUsername = "root"
	defaultCases    = 4
	defaultParallel = 200
	defaultBurst    = 200
	defaultFlood    = 100
	// defaultSettle is how long a policy may take to be in force everywhere
	// (API.md).
	defaultSettle = 60 * time.Second
	// defaultPatience outlasts the window of the firewall's rate rule, of five
	// minutes.
	defaultPatience = 6 * time.Minute
)

// An account is whom the suite logs in as.
type account struct {
	client, username string
	passwordFile     string
	password         string
}

// settings are what the command line says.
type settings struct {
	url             *url.URL
	root, other     account        // other is of a second client; its client may be empty
	match, skip     *regexp.Regexp // skip may be nil
	list, json      bool
	junit           string
	cases, parallel int
	burst, flood    int
	pace            time.Duration
	settle          time.Duration
	patience        time.Duration
	restart         string
}

// parse reads the command line. The usage goes to stderr when it is asked for.
func parse(arguments []string, stderr io.Writer) (*settings, error) {
	s := &settings{match: regexp.MustCompile("")}
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("url", "`URL` of the server, such as http://127.0.0.1:8480; one with a path is fine", s.setURL)
	flags.StringVar(&s.root.client, "client", defaultClient, "the `name` of the client to work in")
	flags.StringVar(&s.root.username, "username", defaultUsername, "the `name` of a Sysadmin of the client")
	flags.StringVar(&s.root.passwordFile, "password-file", "", "`file` with the Sysadmin's password")
	flags.StringVar(&s.other.client, "other-client", "", "the `name` of a second client, for the one case that wants two")
	flags.StringVar(&s.other.username, "other-username", defaultUsername, "the `name` of a Sysadmin of the second client")
	flags.StringVar(&s.other.passwordFile, "other-password-file", "", "`file` with the second Sysadmin's password")
	flags.Func("run", "try only the cases whose names match this regular `expression`", expression(&s.match))
	flags.Func("skip", "leave out the cases whose names match this regular `expression`", expression(&s.skip))
	flags.BoolVar(&s.list, "list", false, "list the cases and what each stands for, and try none")
	flags.BoolVar(&s.json, "json", false, "print JSON, one object a line")
	flags.StringVar(&s.junit, "junit", "", "write a JUnit report to this `file` besides")
	flags.IntVar(&s.cases, "cases", defaultCases, "how many cases to try at once")
	flags.IntVar(&s.parallel, "parallel", defaultParallel, "the most requests under way at once")
	flags.IntVar(&s.burst, "burst", defaultBurst, "how many guesses the large burst has")
	flags.IntVar(&s.flood, "flood", defaultFlood, "how many other names the flood of names has")
	flags.DurationVar(&s.pace, "pace", 0, "the least time between two requests, for a server with a rate limit: 3s is 100 in five minutes")
	flags.DurationVar(&s.settle, "settle", defaultSettle, "how long a changed policy may take to be in force everywhere; less for a server on this machine, which is asked")
	flags.DurationVar(&s.patience, "patience", defaultPatience, "how long to go on asking where the server or its firewall says: later")
	flags.StringVar(&s.restart, "restart", "", "shell `command` that restarts the server, for the one case that wants it")
	switch err := flags.Parse(arguments); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		usage(flags)
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w (-help lists the flags)", err)
	}
	return s, s.check(flags.Args())
}

func usage(flags *flag.FlagSet) {
	fmt.Fprint(flags.Output(), "Conformance tries a server for what lockout products get wrong, by its HTTP API alone.\n\n"+
		"Usage: make conformance URL=http://127.0.0.1:8480 ARGS=\"FLAGS\"\n"+
		"       go run ./infra/conformance -url URL FLAGS\n\n"+
		"The Sysadmin's password comes from -password-file, else from the variable "+passwordVariable+",\n"+
		"else it is asked for. That of the second client comes from -other-password-file or "+otherPasswordVariable+".\n\n"+
		"It makes users named "+namePrefix+"… and deletes them at the end, and changes the client's policy\n"+
		"and puts it back: do not run it where people are logging in. What it leaves is entries in the audit trail,\n"+
		"and counters of names that nobody has, which end by themselves.\n\n"+
		"It ends with 0 when no case failed, 1 when one did, and 2 when it could not begin.\n\n")
	flags.PrintDefaults()
}

// check refuses values out of range.
func (s *settings) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case s.list:
		return nil
	case s.url == nil:
		return errors.New("-url must name the server, such as -url http://127.0.0.1:8480")
	case s.root.client == "" || s.root.username == "":
		return errors.New("-client and -username must not be empty")
	case s.cases < 1 || s.parallel < 1 || s.burst < 1 || s.flood < 1:
		return errors.New("-cases, -parallel, -burst and -flood must be 1 or more")
	case s.pace < 0 || s.settle < 0 || s.patience < 0:
		return errors.New("-pace, -settle and -patience must not be negative")
	case len(s.chosen()) == 0:
		return errors.New("-run and -skip leave no case (-list lists them)")
	}
	return nil
}

func (s *settings) setURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("must begin with http:// or https:// and a host")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("must have no user, no query and no fragment")
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	s.url = u
	return nil
}

// expression reads a flag that is a regular expression.
func expression(into **regexp.Regexp) func(string) error {
	return func(text string) (err error) {
		*into, err = regexp.Compile(text)
		return err
	}
}

// chosen returns the cases to try.
func (s *settings) chosen() []testCase {
	var all []testCase
	for _, c := range cases() {
		if s.match.MatchString(c.name) && (s.skip == nil || !s.skip.MatchString(c.name)) {
			all = append(all, c)
		}
	}
	return all
}

// onThisMachine reports whether the server is behind a loopback address.
func (s *settings) onThisMachine() bool {
	ip := net.ParseIP(s.url.Hostname())
	return s.url.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// reporter returns what tells of the cases.
func (s *settings) reporter(t terminal) (*report, error) {
	r := &report{out: t.stdout, progress: t.stderr, json: s.json, total: len(s.chosen())}
	if s.junit == "" {
		return r, nil
	}
	var err error
	if r.junit, err = os.Create(s.junit); err != nil {
		return nil, fmt.Errorf("-junit: %w", err)
	}
	return r, nil
}
