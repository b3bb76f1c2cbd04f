package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// A finished is a run that is over.
type finished struct {
	code           int
	stdout, stderr string
	results        map[string]result // of -json
}

// command runs the command, with the password in the environment.
func command(ctx context.Context, t *testing.T, password string, arguments ...string) finished {
	t.Helper()
	var stdout, stderr bytes.Buffer
	environment := map[string]string{passwordVariable: password, otherPasswordVariable: password}
	code := run(ctx, arguments, terminal{func(name string) string { return environment[name] }, nil, &stdout, &stderr})
	return finished{code: code, stdout: stdout.String(), stderr: stderr.String()}
}

// conform runs cases against a site, and returns their results.
func (s *site) conform(t *testing.T, url string, arguments ...string) finished {
	t.Helper()
	arguments = append([]string{
		"-url", url, "-client", s.client, "-other-client", s.other, "-json", "-flood", "40", "-burst", "100", "-restart", "true", "-patience", "10s",
	}, arguments...)
	f := command(t.Context(), t, s.password, arguments...)
	f.results = map[string]result{}
	for line := range strings.Lines(f.stdout) {
		var one result
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if one.Name != "" {
			f.results[one.Name] = one
		}
	}
	return f
}

func TestAServerThatIsRightPasses(t *testing.T) {
	s := newSite(t)
	report := filepath.Join(t.TempDir(), "junit.xml")
	f := s.conform(t, s.serve(t), "-junit", report)
	if f.code != exitPassed || len(f.results) != len(cases()) {
		t.Errorf("exit code %d with %d results of %d cases, want 0 with all\n%s", f.code, len(f.results), len(cases()), f.stderr)
	}
	for name, one := range f.results {
		// A 429 comes by chance.
		if one.Outcome != passed && name != "whole run/every answer that says later says when" {
			t.Errorf("%s: %s: %q", name, one.Outcome, one.Says)
		}
	}
	if text, err := os.ReadFile(report); err != nil || strings.Count(string(text), "<testcase ") != len(cases()) {
		t.Errorf("the JUnit report: %v\n%s", err, text)
	}
	s.expectUntouched(t)
}

// expectUntouched looks for what a run left.
func (s *site) expectUntouched(t *testing.T) {
	t.Helper()
	for _, client := range []string{s.client, s.other} {
		if names := s.names(t, client); !slices.Equal(names, []string{"root"}) {
			t.Errorf("the users of %s are %q after the run, want root alone", client, names)
		}
	}
	policy, err := s.store.Policies.Policy(t.Context(), s.client)
	if err != nil || policy.Maximum != 5 || policy.Source != "default" {
		t.Errorf("the policy is %+v, %v after the run, want the default", policy, err)
	}
}

func TestTheCasesAreListed(t *testing.T) {
	f := command(t.Context(), t, "", "-list")
	if f.code != exitPassed || !strings.Contains(f.stdout, "CVE-2023-47111, ZITADEL: ") {
		t.Errorf("got %d, %s", f.code, f.stdout)
	}
	f = command(t.Context(), t, "", "-list", "-run", "^policy/", "-skip", "raising")
	for line := range strings.Lines(f.stdout) {
		if strings.Contains(line, "/") && (!strings.HasPrefix(line, "policy/") || strings.Contains(line, "raising")) {
			t.Errorf("-run ^policy/ -skip raising lists %q", line)
		}
	}
}

// TestTheCasesHaveNamesOfTheirOwn: a group, a slash and a sentence without a full
// stop, each once.
func TestTheCasesHaveNamesOfTheirOwn(t *testing.T) {
	form := regexp.MustCompile(`^[a-z ]+/[^/.]+$`)
	var names []string
	for _, c := range cases() {
		if !form.MatchString(c.name) {
			t.Errorf("%q is not a group and a sentence", c.name)
		}
		names = append(names, c.name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Compact(slices.Clone(names))); diff != "" {
		t.Errorf("names that are there twice:\n%s", diff)
	}
}

func TestArgumentsThatCannotBeAreRefused(t *testing.T) {
	s := newSite(t)
	url := s.serve(t)
	for name, test := range map[string]struct {
		arguments []string
		says      string
	}{
		"no URL":                     {nil, "-url must name"},
		"a URL that is none":         {[]string{"-url", "localhost:80"}, "http://"},
		"a URL with a password":      {[]string{"-url", "http://a:b@127.0.0.1"}, "no user"},
		"an argument too many":       {[]string{"-url", url, "x"}, `unexpected argument "x"`},
		"a flag that is not there":   {[]string{"-password", "x"}, "-help lists"},
		"a pattern that is none":     {[]string{"-url", url, "-run", "("}, "missing closing"},
		"a pattern of nothing":       {[]string{"-url", url, "-run", "nothing at all"}, "leave no case"},
		"no case at once":            {[]string{"-url", url, "-cases", "0"}, "1 or more"},
		"a password file not there":  {[]string{"-url", url, "-password-file", "/nonexistent"}, "password file"},
		"a server that is not there": {[]string{"-url", "http://127.0.0.1:1"}, "cannot begin"},
		"a wrong password":           {[]string{"-url", url, "-client", s.client, "-username", "nobody"}, "401 invalid-credentials"},
		"a report that cannot be":    {[]string{"-url", url, "-junit", "/nonexistent/x"}, "-junit"},
		"a client that is not there": {[]string{"-url", url, "-client", s.client, "-other-client", "nobody"}, "the second client"},
	} {
		t.Run(name, func(t *testing.T) {
			f := command(t.Context(), t, s.password, test.arguments...)
			if f.code != exitUsage || !strings.Contains(f.stderr, test.says) {
				t.Errorf("got %d, %q; want %d and %q", f.code, f.stderr, exitUsage, test.says)
			}
			if strings.Contains(f.stdout+f.stderr, s.password) {
				t.Error("the password is told")
			}
		})
	}
}

func (s *site) names(t *testing.T, client string) []string {
	t.Helper()
	all, _, err := s.store.Users.List(context.Background(), access.Listing{Client: client, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, u := range all {
		names = append(names, u.Username)
	}
	return names
}
