package contract

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// Main runs the tests of a package for its TestMain, and returns the exit code:
// not zero if they fail, or if they leave a case unseen for which must is true.
// Where only some of the tests are run, nothing is asked of them.
func (c *Contract) Main(m *testing.M, must func(Case) bool) int {
	code := m.Run()
	if code != 0 || !wholeRun() {
		return code
	}
	unseen := c.Unseen(must)
	for _, one := range unseen {
		fmt.Fprintf(os.Stderr, "openapi.yaml: no test of this package has seen %s\n", one)
	}
	return min(len(unseen), 1)
}

// wholeRun reports whether no flag leaves tests out.
func wholeRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz", "test.bench"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}
