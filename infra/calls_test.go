package infra_test

import (
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// unneeded are calls that want no right: the SDK itself could look for endpoints,
// which nobody switches on, and whoever holds a refresh token may revoke it.
var unneeded = []string{"dynamodb:DescribeEndpoints", "cognito-idp:RevokeToken"}

// ofLambda are the actions that Lambda takes itself in a function's name, and so
// no code does: reading a stream, putting aside what a function gave up on, and
// writing the log.
var ofLambda = []string{
	"dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream", "dynamodb:ListStreams",
	"sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents",
}

// inTransactions are the actions that IAM asks for where the call is a transaction
// of them.
var inTransactions = []string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}

const transaction = "dynamodb:TransactWriteItems"

// rights says where calls and granted actions differ.
func rights(calls, granted []string) (lacking, idle []string) {
	transacts := slices.Contains(calls, transaction)
	for _, c := range calls {
		if !slices.Contains(granted, c) && !slices.Contains(unneeded, c) && c != transaction {
			lacking = append(lacking, c)
		}
	}
	written := false
	for _, g := range granted {
		written = written || slices.Contains(inTransactions, g)
		member := transacts && slices.Contains(inTransactions, g)
		if !slices.Contains(calls, g) && !slices.Contains(ofLambda, g) && !member {
			idle = append(idle, g)
		}
	}
	if transacts && !written {
		lacking = append(lacking, transaction)
	}
	return lacking, idle
}

// TestEachRoleAllowsWhatItsCodeCalls, and nothing that its code never calls. It
// reads the compiled functions, so it sees what is deployed, and sees it without
// running every branch.
func TestEachRoleAllowsWhatItsCodeCalls(t *testing.T) {
	for _, f := range readTemplate(t).functions(t) {
		calls, err := callsIn(bootstrap(f))
		if err != nil {
			t.Errorf("%s: %v (`make functions` builds it)", f.folder(), err)
			continue
		}
		granted := map[string]bool{}
		for _, s := range f.statements() {
			for _, a := range s.Action {
				granted[string(a)] = true
			}
		}
		lacking, idle := rights(calls, slices.Sorted(maps.Keys(granted)))
		if len(lacking)+len(idle) > 0 {
			t.Errorf("%s: its role lacks %q, and allows %q for nothing", f.folder(), lacking, idle)
		}
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
		if !slices.Contains(calls, "cognito-idp:AdminInitiateAuth") || !slices.Contains(calls, transaction) {
			t.Errorf("login calls %q", calls)
		}
	}
	if _, err := callsIn("calls_test.go"); err == nil {
		t.Error("a text has been taken for a program")
	}
}

func TestRights(t *testing.T) {
	for _, c := range []struct {
		name                  string
		calls, granted        string
		wantLacking, wantIdle string
	}{
		{"what is called is granted", "ssm:GetParameter", "ssm:GetParameter logs:PutLogEvents", "", ""},
		{"a call without a right", "ssm:GetParameter ssm:PutParameter", "ssm:GetParameter", "ssm:PutParameter", ""},
		{"a right without a call", "ssm:GetParameter", "ssm:GetParameter dynamodb:Scan", "", "dynamodb:Scan"},
		{"a transaction wants the rights of its members", transaction, "dynamodb:PutItem dynamodb:UpdateItem", "", ""},
		{"a transaction without any", transaction, "dynamodb:GetItem", transaction, "dynamodb:GetItem"},
		{"a write without a transaction", "dynamodb:GetItem", "dynamodb:GetItem dynamodb:PutItem", "", "dynamodb:PutItem"},
	} {
		lacking, idle := rights(strings.Fields(c.calls), strings.Fields(c.granted))
		got := []string{strings.Join(lacking, " "), strings.Join(idle, " ")}
		if diff := cmp.Diff(got, []string{c.wantLacking, c.wantIdle}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", c.name, diff)
		}
	}
}
