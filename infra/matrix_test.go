package infra_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/matrix"
)

// TestTheMatrixHasARowForEachRoute compares the rows of infra/matrix with the
// template's events, with what SAM makes of them, and with the contract: a route
// without a row would be tried by nobody, and a row without a route tries nothing.
func TestTheMatrixHasARowForEachRoute(t *testing.T) {
	rows := map[string]bool{} // and whether they ask for no token
	for _, row := range matrix.Rows() {
		if _, twice := rows[row.Name()]; twice {
			t.Errorf("%s has two rows", row.Name())
		}
		rows[row.Name()] = row.May == nil
	}
	if diff := cmp.Diff(rows, templateRoutes(t)); diff != "" {
		t.Errorf("open, by route (-infra/matrix +template.yaml):\n%s", diff)
	}
	if diff := cmp.Diff(rows, expandedRoutes(t)); diff != "" {
		t.Errorf("open, by route (-infra/matrix +template.yaml as SAM expands it):\n%s", diff)
	}
	maps.DeleteFunc(rows, func(name string, _ bool) bool { return slices.Contains(pages(), name) })
	if diff := cmp.Diff(rows, contractRoutes(t)); diff != "" {
		t.Errorf("open, by route (-infra/matrix +openapi.yaml):\n%s", diff)
	}
}

// pages are the routes of the console, whose answers are files and no API's.
func pages() []string { return []string{"GET /console", "GET /console/{proxy+}"} }

func templateRoutes(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, r := range eventRoutes(t, readTemplate(t)) {
		all[r.Method+" "+r.Path] = r.Open
	}
	return all
}

func contractRoutes(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for name, operation := range operations(t) {
		all[name] = operation.Security != nil && len(*operation.Security) == 0
	}
	return all
}

func expandedRoutes(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for path, methods := range expandMain(t).body(t).Paths {
		for method, m := range methods {
			all[strings.ToUpper(method)+" "+path] = slices.Equal(m.guards(), []string{"NONE"})
		}
	}
	return all
}
