package httpapi_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	compare "github.com/google/go-cmp/cmp"

	"portcullis/infra"
	"portcullis/internal/access"
	"portcullis/internal/httpapi"
)

// TestTheContractHasEveryProblem compares the table of problems with the schemas
// of the contract. One problem may have several schemas, which differ in what is
// added, and several rows, which differ in what they tell.
func TestTheContractHasEveryProblem(t *testing.T) {
	byType := func(a, b httpapi.Problem) int { return cmp.Compare(a.Type, b.Type) }
	var declared []httpapi.Problem
	for name, schema := range api.Document().Components.Schemas {
		if !strings.HasSuffix(name, "Problem") {
			continue
		}
		only := func(field string) any { return schema.Value.Properties[field].Value.Enum[0] }
		status, _ := only("status").(float64)
		declared = append(declared, httpapi.Problem{
			Type: only("type").(string), Title: only("title").(string), Status: int(status),
		})
	}
	slices.SortFunc(declared, byType)
	table := slices.SortedFunc(slices.Values(httpapi.Problems()), byType)
	if diff := compare.Diff(slices.Compact(declared), slices.Compact(table)); diff != "" {
		t.Errorf("problems (-openapi.yaml +problem.go):\n%s", diff)
	}
}

func TestTheContractIsServedAsItIs(t *testing.T) {
	a := newWorld(t).send(t, bare(access.Route{Method: "GET", Path: "/openapi.yaml"}))
	if a.StatusCode != 200 || a.Body != string(infra.Contract()) {
		t.Errorf("got %d with %d bytes", a.StatusCode, len(a.Body))
	}
}
