package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A fault is a way to be wrong, and the cases that must find it.
type fault struct {
	breaks func(t *testing.T, s *site)
	caught []string // names of cases, or their beginnings
	beside string   // a case that has to run too
	flags  func(s *site, dir string) []string
}

// faults are small: each is a line or two of a product that got it wrong.
func faults() map[string]fault {
	all := map[string]fault{}
	for _, some := range []map[string]fault{gateFaults(), recordFaults(), nameFaults(), answerFaults(), unlockFaults(), otherFaults()} {
		for name, f := range some {
			all[name] = f
		}
	}
	return all
}

// TestEachFaultIsFound runs the cases that must find a fault against a server
// that has it.
func TestEachFaultIsFound(t *testing.T) {
	for name, f := range faults() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			f.breaks(t, s)
			flags := []string{"-run", "^(" + strings.Join(quoted(append(f.caught, f.beside)), "|") + ")"}
			if f.flags != nil {
				flags = append(flags, f.flags(s, t.TempDir())...)
			}
			run := s.conform(t, s.serve(t), flags...)
			if run.code != exitFailed {
				t.Errorf("exit code %d, want %d\n%s", run.code, exitFailed, run.stderr)
			}
			for _, c := range f.cases() {
				if one := run.results[c.name]; one.Outcome != failed || !one.saysMoreThanTheContract() {
					t.Errorf("%s: %s %q, and it had to fail by itself", c.name, one.Outcome, one.Says)
				}
			}
		})
	}
}

// cases returns those that must find the fault.
func (f fault) cases() []testCase {
	return slices.DeleteFunc(cases(), func(c testCase) bool {
		return !slices.ContainsFunc(f.caught, func(beginning string) bool { return strings.HasPrefix(c.name, beginning) })
	})
}

// saysMoreThanTheContract: that an answer is not as openapi.yaml says is found in
// every case, and is not what a case is for.
func (r result) saysMoreThanTheContract() bool {
	return slices.ContainsFunc(r.Says, func(text string) bool { return !strings.HasPrefix(text, "against openapi.yaml") })
}

func quoted(names []string) []string {
	var all []string
	for _, name := range names {
		if name != "" {
			all = append(all, regexp.QuoteMeta(name))
		}
	}
	return all
}

// TestEachCaseFindsAFault: a case that no fault fails proves nothing.
func TestEachCaseFindsAFault(t *testing.T) {
	var caught []string
	for name, f := range faults() {
		for _, beginning := range f.caught {
			if !slices.ContainsFunc(cases(), func(c testCase) bool { return strings.HasPrefix(c.name, beginning) }) {
				t.Errorf("%s: no case begins with %q", name, beginning)
			}
		}
		caught = append(caught, f.caught...)
	}
	for _, c := range cases() {
		if !slices.ContainsFunc(caught, func(beginning string) bool { return strings.HasPrefix(c.name, beginning) }) {
			t.Errorf("no fault fails the case %q", c.name)
		}
	}
}
