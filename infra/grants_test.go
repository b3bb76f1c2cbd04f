package infra_test

import (
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	compare "github.com/google/go-cmp/cmp"
)

// update lets the test of the README's table write it instead: `make grants`.
var update = flag.Bool("update", false, "write README.md's table of grants anew")

const grantsHead = "| function | store | actions | only |\n| --- | --- | --- | --- |\n"

// TestTheReadmeTellsWhatTheTemplateGrants compares the table of which function may
// touch what with the one that is made of the template.
func TestTheReadmeTellsWhatTheTemplateGrants(t *testing.T) {
	readme := string(readFile(t, "README.md"))
	before, table, found := strings.Cut(readme, grantsHead)
	if !found {
		t.Fatalf("README.md has no table with the head\n%s", grantsHead)
	}
	table, after, _ := strings.Cut(table, "\n\n")
	want := grantsTable(t, readTemplate(t))
	if !*update {
		if diff := compare.Diff(want, table+"\n"); diff != "" {
			t.Errorf("grants (-template.yaml +README.md; `make grants` writes them):\n%s", diff)
		}
		return
	}
	written := before + grantsHead + want + "\n" + after
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(written), 0o644); err != nil {
		t.Fatal(err)
	}
}

// grantsTable returns a row for each statement, in the template's order.
func grantsTable(t *testing.T, tpl template) string {
	t.Helper()
	all := tpl.functions(t)
	slices.SortFunc(all, func(a, b functionResource) int { return cmp.Compare(tpl.line(a.id), tpl.line(b.id)) })
	var rows strings.Builder
	for _, f := range all {
		for _, s := range f.statements() {
			if isLog(s) {
				continue // each has one, and the README says so in a sentence
			}
			row := "| " + f.folder() + " | " + store(t, s) + " | " + actions(s) + " | " + only(t, s) + " |\n"
			rows.WriteString(strings.ReplaceAll(row, "|  |", "| |"))
		}
	}
	return rows.String()
}

// line is where a resource stands in its template.
func (tpl template) line(id string) int {
	properties := tpl.Resources[id].Properties
	return properties.Line
}

// storeNames makes the README's names of the template's.
var storeNames = strings.NewReplacer(
	"Storage.Outputs.", "", "Identity.Outputs.", "", "StreamArn", "Table, its stream", "TableArn", "Table", "PoolArn", "Pool", ".Arn", "",
)

// store gives a statement's one resource the name that the README uses.
func store(t *testing.T, s statement) string {
	t.Helper()
	resource := string(slices.Concat(s.Resource, texts{""})[0])
	if name, ok := strings.CutPrefix(resource, "!GetAtt "); ok {
		return storeNames.Replace(name)
	}
	if name, ok := strings.CutPrefix(resource, "!Sub ${"); ok {
		return storeNames.Replace(strings.Replace(name, "Arn}/index/", ", its index ", 1))
	}
	const parameters = "!Sub arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/portcullis/${Stage}/"
	switch resource {
	case parameters + "token-secret":
		return "token secret"
	case parameters + "cursor-secret":
		return "cursor secret"
	case "!Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}":
		return "event bus"
	case parameters + "clients/*/security/max-failed-login-attempts-portal":
		return "policy parameters"
	}
	t.Errorf("statement %s: unknown resource %q", s.Sid, resource)
	return resource
}

// actions lists the actions without the service, which the store tells.
func actions(s statement) string {
	var names []string
	for _, a := range s.Action {
		_, name, _ := strings.Cut(string(a), ":")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// A condition is what the conditions of statements are made of.
type condition struct {
	Attributes struct {
		Names []string `yaml:"dynamodb:Attributes"`
	} `yaml:"ForAllValues:StringEquals"`
	Null struct {
		Attributes string `yaml:"dynamodb:Attributes"`
	} `yaml:"Null"`
	IfExists struct {
		Select       string `yaml:"dynamodb:Select"`
		ReturnValues string `yaml:"dynamodb:ReturnValues"`
	} `yaml:"StringEqualsIfExists"`
}

// condition returns the statement's, which is empty where it has none.
func (s statement) condition(t *testing.T) condition {
	t.Helper()
	var c condition
	if s.Condition.IsZero() {
		return c
	}
	if err := s.Condition.Decode(&c); err != nil {
		t.Errorf("statement %s: %v", s.Sid, err)
	}
	return c
}

// TestNoWriteOfUsersReadsThem: whoever may write an item could have it returned
// as it was, hash and all.
func TestNoWriteOfUsersReadsThem(t *testing.T) {
	writes := []text{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
	seen := 0
	for _, f := range readTemplate(t).functions(t) {
		for _, s := range f.statements() {
			writing := slices.ContainsFunc(s.Action, func(a text) bool { return slices.Contains(writes, a) })
			if store(t, s) != "UsersTable" || !writing {
				continue
			}
			seen++
			if got := s.condition(t).IfExists.ReturnValues; got != "NONE" {
				t.Errorf("%s: statement %s lets a write return %q, want NONE", f.folder(), s.Sid, got)
			}
		}
	}
	if seen != 3 { // login, manage-user and provision-client
		t.Errorf("%d statements write users, want 3", seen)
	}
}

// only says in the README's words which attributes a condition lets through.
// Without Null, a request that names no attribute would pass.
func only(t *testing.T, s statement) string {
	t.Helper()
	c := s.condition(t)
	if c.IfExists.ReturnValues != "" && len(c.Attributes.Names) == 0 {
		return "nothing returned"
	}
	if !s.Condition.IsZero() && c.Null.Attributes != "false" {
		t.Errorf("statement %s lets requests through that name no attribute", s.Sid)
	}
	switch names := strings.Join(c.Attributes.Names, " "); names {
	case "client username":
		return "the key"
	case "client username password_hash":
		return "`password_hash`"
	case "client username role name email created_at sessions_since search":
		return "all but `password_hash`"
	default:
		return names
	}
}

// TestTheReadmeNamesEveryParameter, each with its default.
func TestTheReadmeNamesEveryParameter(t *testing.T) {
	_, table, _ := strings.Cut(string(readFile(t, "README.md")), "| parameter | default | meaning |\n| --- | --- | --- |\n")
	got := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		defaults := strings.Split(cells[2], ",")
		for i, name := range strings.Split(cells[1], ",") {
			got[strings.Trim(name, " `")] = strings.Trim(defaults[min(i, len(defaults)-1)], " `")
		}
	}
	want := map[string]string{}
	for name, parameter := range readTemplate(t).Parameters {
		want[name] = string(cmp.Or(parameter.Default, "none"))
	}
	if diff := compare.Diff(want, got); diff != "" {
		t.Errorf("parameters (-template.yaml +README.md):\n%s", diff)
	}
}
