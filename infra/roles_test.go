package infra_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/faults"
)

// callsOnRecord returns what each function asks of AWS, by its folder. A test of
// infra/local makes the record, and fails when it is not so any more.
func callsOnRecord(t *testing.T) map[string][]faults.Access {
	t.Helper()
	record := map[string][]faults.Access{}
	for line := range strings.Lines(string(readFile(t, "infra/testdata/calls.txt"))) {
		a, err := faults.ParseAccess(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		record[a.Function] = append(record[a.Function], a)
	}
	if len(record) == 0 {
		t.Fatal("nothing is on record")
	}
	return record
}

// openToAll are calls that want no right: whoever holds a refresh token may
// revoke it.
var openToAll = []string{"cognito-idp:RevokeToken"}

// An offRecord is a right that no call of the code uses, and who uses it.
type offRecord struct{ actions, resource, because string }

// ofLambda are the rights that Lambda takes in a function's name.
func ofLambda(f functionResource) []offRecord {
	logs := strings.TrimSuffix(f.id, "Function") + "Logs"
	return []offRecord{
		{"logs:CreateLogStream logs:PutLogEvents", logs, "Lambda writes the log"},
		{"dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:DescribeStream dynamodb:ListStreams", "AuditTable/stream", "Lambda's mapping reads the stream"},
		{"sqs:SendMessage", "UnpublishedQueue", "Lambda's mapping puts aside what it gives up"},
	}
}

// rolesDiffer says where the roles of a template and the calls on record differ.
func rolesDiffer(t *testing.T, tpl template, record map[string][]faults.Access) []string {
	t.Helper()
	var problems []string
	arns := arnsOfStacks(t)
	for _, f := range tpl.functions(t) {
		calls := slices.DeleteFunc(slices.Clone(record[f.folder()]), func(a faults.Access) bool { return slices.Contains(openToAll, a.Action) })
		for _, a := range calls {
			if !slices.ContainsFunc(f.statements(), func(s statement) bool { return s.allows(t, arns, a) }) {
				problems = append(problems, fmt.Sprintf("%s is not allowed %s", f.folder(), strings.TrimPrefix(a.String(), f.folder()+" ")))
			}
		}
		for _, s := range f.statements() {
			problems = append(problems, s.idle(t, f, arns, calls)...)
		}
	}
	return problems
}

// idle says which actions of a statement no call uses.
func (s statement) idle(t *testing.T, f functionResource, arns map[string]string, calls []faults.Access) []string {
	t.Helper()
	resource := named(arns, s.Resource)
	var problems []string
	for _, action := range s.Action {
		used := slices.ContainsFunc(calls, func(a faults.Access) bool { return a.Action == string(action) && s.allows(t, arns, a) })
		off := slices.ContainsFunc(ofLambda(f), func(o offRecord) bool {
			return o.resource == resource && slices.Contains(strings.Fields(o.actions), string(action))
		})
		if !used && !off {
			problems = append(problems, fmt.Sprintf("%s never uses %s on %s", f.folder(), action, resource))
		}
	}
	return problems
}

// allows tells whether a statement allows a call, as IAM would decide.
func (s statement) allows(t *testing.T, arns map[string]string, a faults.Access) bool {
	t.Helper()
	if !slices.Contains(s.Action, text(a.Action)) {
		return false
	}
	if matches, err := path.Match(named(arns, s.Resource), a.Resource); err != nil || !matches {
		return false
	}
	c := s.condition(t)
	return c.lets(a)
}

// lets tells whether the conditions hold for a call. A request without Select or
// ReturnValues passes those; one that names no attribute must not pass Null.
func (c condition) lets(a faults.Access) bool {
	if c.Null.Attributes == "false" && (a.Attributes == "" || a.Attributes == faults.EveryAttribute) {
		return false
	}
	if len(c.Attributes.Names) > 0 && a.Attributes != faults.EveryAttribute {
		for name := range strings.SplitSeq(a.Attributes, ",") {
			if !slices.Contains(c.Attributes.Names, name) {
				return false
			}
		}
	}
	same := func(want, got string) bool { return want == "" || got == "" || want == got }
	return same(c.IfExists.Select, a.Select) && same(c.IfExists.ReturnValues, a.Returns)
}

// named returns the resource of a statement as the record calls it: by the logical
// id of what an output of a nested stack leads to, or as a parameter's name.
func named(arns map[string]string, resource texts) string {
	name := string(slices.Concat(resource, texts{""})[0])
	const parameter = "!Sub arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
	const bus = "!Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
	if parameter, ok := strings.CutPrefix(name, parameter); ok {
		return strings.Replace(parameter, "${Stage}", "STAGE", 1)
	}
	if name == bus {
		return "BUS"
	}
	name = strings.NewReplacer("!GetAtt ", "", "!Sub ${", "", "}", "").Replace(name)
	output, index, _ := strings.Cut(name, "/")
	if arn, ok := arns[output]; ok {
		output = arn
	}
	return path.Join(strings.TrimSuffix(output, ".Arn"), index)
}

// arnsOfStacks returns what the outputs of the nested stacks that hold state lead
// to: "Storage.Outputs.UsersTableArn" to "UsersTable".
func arnsOfStacks(t *testing.T) map[string]string {
	t.Helper()
	arns := map[string]string{}
	for stack, file := range map[string]string{"Storage": storageTemplate, "Identity": identityTemplate} {
		for name, output := range readTemplateFile(t, file).Outputs {
			var value text
			if err := output.Value.Decode(&value); err != nil {
				t.Fatal(err)
			}
			arn := strings.NewReplacer("!GetAtt ", "", ".Arn", "", ".StreamArn", "/stream").Replace(string(value))
			arns[stack+".Outputs."+name] = arn
		}
	}
	return arns
}

func TestWhatAStatementAllows(t *testing.T) {
	arns := map[string]string{"Storage.Outputs.UsersTableArn": "UsersTable"}
	parse := func(yaml string) statement {
		tpl := parseTemplate(t, []byte("Resources: {F: {Type: 'AWS::Serverless::Function'}, FRole: {Properties: {Policies: [{PolicyDocument: {Statement: ["+yaml+"]}}]}}}"))
		return tpl.functions(t)[0].statements()[0]
	}
	const some = "Condition: {'ForAllValues:StringEquals': {'dynamodb:Attributes': [client, role]}, 'Null': {'dynamodb:Attributes': 'false'}, " +
		"StringEqualsIfExists: {'dynamodb:Select': SPECIFIC_ATTRIBUTES, 'dynamodb:ReturnValues': NONE}}"
	const get, query = "{Action: 'dynamodb:GetItem', Resource: !GetAtt Storage.Outputs.UsersTableArn, ", "{Action: 'dynamodb:Query', Resource: !Sub '${Storage.Outputs.UsersTableArn}/index/i'}"
	const clients = "{Action: 'ssm:GetParameter', Resource: !Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/p/${Stage}/clients/*/max'}"
	for _, c := range []struct {
		name, statement, call string
		want                  bool
	}{
		{"all of a table", get + "}", "f dynamodb:GetItem on=UsersTable attributes=*", true},
		{"another table", get + "}", "f dynamodb:GetItem on=AuditTable attributes=*", false},
		{"another action", get + "}", "f dynamodb:PutItem on=UsersTable", false},
		{"an index of it", get + "}", "f dynamodb:GetItem on=UsersTable/index/i", false},
		{"the index", query, "f dynamodb:Query on=UsersTable/index/i", true},
		{"the table of the index", query, "f dynamodb:Query on=UsersTable", false},
		{"some attributes", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client,role", true},
		{"one more", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client,password_hash", false},
		{"all, where some may be seen", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=*", false},
		{"a Select that is meant", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client select=SPECIFIC_ATTRIBUTES", true},
		{"a Select of all", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client select=ALL_ATTRIBUTES", false},
		{"a write that returns nothing", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client returns=NONE", true},
		{"a write that returns what was there", get + some + "}", "f dynamodb:GetItem on=UsersTable attributes=client returns=ALL_OLD", false},
		{"a client's parameter", clients, "f ssm:GetParameter on=/p/STAGE/clients/a/max", true},
		{"a parameter of two more segments", clients, "f ssm:GetParameter on=/p/STAGE/clients/a/b/max", false},
	} {
		a, err := faults.ParseAccess(c.call)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(c.statement).allows(t, arns, a); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

// TestTheRecordIsOfEveryFunction but the console's, which asks for nothing.
func TestTheRecordIsOfEveryFunction(t *testing.T) {
	want := slices.DeleteFunc(functionFolders(t), func(name string) bool { return name == "console" })
	if diff := cmp.Diff(slices.Sorted(maps.Keys(callsOnRecord(t))), want); diff != "" {
		t.Errorf("functions on record (-got +want):\n%s", diff)
	}
}
