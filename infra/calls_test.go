package infra_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/calls"
	"portcullis/infra/faults"
)

// callsNotShown says where the calls that a program can make and those that are on
// record differ.
func callsNotShown(function string, can []string, record []faults.Access) []string {
	recorded := map[string]bool{}
	for _, a := range record {
		service, _, _ := strings.Cut(a.Action, ":")
		recorded[service+":"+a.Operation] = true
	}
	var problems []string
	for _, c := range can {
		if !recorded[c] && !calls.NeverMade(function, c) {
			problems = append(problems, "it can call "+c+", which is not on record")
		}
		delete(recorded, c)
	}
	for c := range recorded {
		problems = append(problems, "it cannot call "+c+", which is on record")
	}
	slices.Sort(problems)
	return problems
}

// TestEachRoleAllowsWhatItsCodeCalls, on just those tables, parameters and pools,
// and nothing that its code never calls. What the code asks for is on record; that
// the record is whole is seen in the compiled functions, without running every
// branch.
func TestEachRoleAllowsWhatItsCodeCalls(t *testing.T) {
	record := callsOnRecord(t)
	for _, f := range readTemplate(t).functions(t) {
		can, err := calls.In(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		for _, problem := range callsNotShown(f.folder(), can, record[f.folder()]) {
			t.Errorf("%s: %s (infra/local/calls_test.go makes the record)", f.folder(), problem)
		}
	}
	for _, problem := range rolesDiffer(t, readTemplate(t), record) {
		t.Error(problem)
	}
}

// TestCallsAreFound: a program whose calls could not be seen would have none, and
// a role with nothing would do.
func TestCallsAreFound(t *testing.T) {
	for _, f := range readTemplate(t).functions(t) {
		if f.folder() != "login" {
			continue
		}
		can, err := calls.In(bootstrap(f))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(can, "cognito-idp:AdminInitiateAuth") || !slices.Contains(can, "dynamodb:TransactWriteItems") {
			t.Errorf("login calls %q", can)
		}
	}
	if _, err := calls.In("calls_test.go"); err == nil {
		t.Error("a text has been taken for a program")
	}
}

func TestCallsNotShown(t *testing.T) {
	record := []faults.Access{
		{Action: "ssm:GetParameter", Operation: "GetParameter"}, {Action: "dynamodb:PutItem", Operation: "TransactWriteItems"},
	}
	for _, c := range []struct{ name, calls, want string }{
		{"what is called is on record", "dynamodb:TransactWriteItems ssm:GetParameter dynamodb:DescribeEndpoints", ""},
		{"a call that nobody has seen", "dynamodb:PutItem dynamodb:TransactWriteItems ssm:GetParameter", "it can call dynamodb:PutItem, which is not on record"},
		{"a record of what is gone", "ssm:GetParameter", "it cannot call dynamodb:TransactWriteItems, which is on record"},
	} {
		if diff := cmp.Diff(strings.Join(callsNotShown("login", strings.Fields(c.calls), record), "; "), c.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}
