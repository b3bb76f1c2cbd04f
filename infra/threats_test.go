package infra_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// namedTest is a test or a fuzz target as the threat model names it.
var namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`")

// TestTheThreatModelNamesTestsThatThereAre, and one at least for each threat: a
// defence that nothing shows is a hope.
func TestTheThreatModelNamesTestsThatThereAre(t *testing.T) {
	there := testsThere(t)
	threats := 0
	for line := range strings.Lines(string(readFile(t, "infra/threat-model.md"))) {
		named := namedTest.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| threat ") && !strings.HasPrefix(line, "| --- ") {
			if threats++; len(named) == 0 {
				t.Errorf("nothing shows it: %s", line)
			}
		}
		for _, name := range named {
			if !slices.Contains(there, name[1]) {
				t.Errorf("there is no %s", name[1])
			}
		}
	}
	if threats == 0 {
		t.Error("found no threat; this looks in the wrong place")
	}
}

// testsThere returns the names of all tests and fuzz targets.
func testsThere(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, s := range readSources(t) {
		if !s.isTest() {
			continue
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}
