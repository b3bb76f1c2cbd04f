package lockouttest

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"portcullis/internal/lockout"
)

// checksFlag is the flag by which rapid is told how many random cases to try.
// Its default is 100 or, if it is set, the variable RAPID_CHECKS.
const checksFlag = "rapid.checks"

// share makes the properties of a test try out only so many per cent of the
// cases that were asked for, at least one, and returns their number. A store
// behind a socket takes a hundred times as long for one as a store in memory, so
// one number cannot suit both.
func share(t *testing.T, percent int) int {
	t.Helper()
	asked := flag.Lookup(checksFlag).Value.String()
	n, err := strconv.Atoi(asked)
	if err != nil {
		t.Fatal(err)
	}
	checks := max(1, n*percent/100)
	setChecks(t, strconv.Itoa(checks))
	t.Cleanup(func() { setChecks(t, asked) })
	return checks
}

func setChecks(t *testing.T, n string) {
	t.Helper()
	if err := flag.Set(checksFlag, n); err != nil {
		t.Fatal(err)
	}
}

// A counts counts what a test did, by its name.
type counts map[string]int

func (c counts) sum() int {
	sum := 0
	for _, n := range c {
		sum += n
	}
	return sum
}

// kindOf names a transition with its outcome.
func kindOf(t lockout.Transition, r lockout.Result) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", t), "lockout.")
	if _, fails := t.(lockout.Fail); fails && r.Event != nil {
		kind = "Fail that locks"
	}
	return fmt.Sprintf("%s: %s", kind, r.Outcome)
}

// ending sums up the counts whose name ends so.
func (c counts) ending(suffix string) int {
	sum := 0
	for name, n := range c {
		if strings.HasSuffix(name, suffix) {
			sum += n
		}
	}
	return sum
}

// String lists the counts by name.
func (c counts) String() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		lines = append(lines, fmt.Sprintf("%6d %s", c[name], name))
	}
	return strings.Join(lines, "\n")
}
