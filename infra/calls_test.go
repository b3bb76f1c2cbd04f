package infra_test

import (
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/faults"
)

// clientMethod is an operation of a client of the AWS SDK.
var clientMethod = regexp.MustCompile(`^github\.com/aws/aws-sdk-go-v2/service/([a-z]+)\.\(\*Client\)\.([A-Z][A-Za-z]+)$`)

// iamNames are the services that IAM has another name for than the SDK.
var iamNames = map[string]string{"cognitoidentityprovider": "cognito-idp", "eventbridge": "events"}

// callsIn returns what a compiled function can ask of AWS, as IAM's actions. The
// linker leaves out what nothing can reach, and a table of all that it kept is in
// every Go program, also in one without symbols: panics are printed by it.
func callsIn(path string) ([]string, error) {
	lines, text, err := lineTable(path)
	if err != nil {
		return nil, err
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text))
	if err != nil {
		return nil, err
	}
	var calls []string
	for _, f := range table.Funcs {
		m := clientMethod.FindStringSubmatch(f.Name)
		if m == nil {
			continue
		}
		service := m[1]
		if name, ok := iamNames[service]; ok {
			service = name
		}
		calls = append(calls, service+":"+m[2])
	}
	slices.Sort(calls)
	return calls, nil
}

// lineTable returns the table of a program's functions, and where its code begins.
func lineTable(path string) (lines []byte, text uint64, err error) {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		if s, code := f.Section(".gopclntab"), f.Section(".text"); s != nil && code != nil {
			lines, err := s.Data()
			return lines, code.Addr, err
		}
	}
	if f, err := macho.Open(path); err == nil {
		defer f.Close()
		if s, code := f.Section("__gopclntab"), f.Section("__text"); s != nil && code != nil {
			lines, err := s.Data()
			return lines, code.Addr, err
		}
	}
	return nil, 0, errors.New("no Go program of Linux or macOS")
}

// neverMade are calls that the linker keeps and nothing makes, each with its
// reason, and the functions of which that is so; of all, where none is named.
var neverMade = []struct{ call, because, functions string }{
	{"dynamodb:DescribeEndpoints", "the SDK could look for endpoints, which nobody switches on", ""},
	{"dynamodb:UpdateItem", "an unlock comes with its entry, in a transaction; the store's plain update is for attempts", "manage-user provision-client unlock-user"},
}

// isNeverMade tells whether a function makes a call by no means.
func isNeverMade(function, call string) bool {
	for _, n := range neverMade {
		if n.call == call && (n.functions == "" || slices.Contains(strings.Fields(n.functions), function)) {
			return true
		}
	}
	return false
}

// callsNotShown says where the calls that a program can make and those that are on
// record differ.
func callsNotShown(function string, calls []string, record []faults.Access) []string {
	recorded := map[string]bool{}
	for _, a := range record {
		service, _, _ := strings.Cut(a.Action, ":")
		recorded[service+":"+a.Operation] = true
	}
	var problems []string
	for _, c := range calls {
		if !recorded[c] && !isNeverMade(function, c) {
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
		calls, err := callsIn(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		for _, problem := range callsNotShown(f.folder(), calls, record[f.folder()]) {
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
		calls, err := callsIn(bootstrap(f))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(calls, "cognito-idp:AdminInitiateAuth") || !slices.Contains(calls, "dynamodb:TransactWriteItems") {
			t.Errorf("login calls %q", calls)
		}
	}
	if _, err := callsIn("calls_test.go"); err == nil {
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
