package infra_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// A tableResource is what these tests read of a table.
type tableResource struct {
	Name        text   `yaml:"TableName"`
	BillingMode string `yaml:"BillingMode"`
	Protected   bool   `yaml:"DeletionProtectionEnabled"`
	Recovery    struct {
		Enabled bool `yaml:"PointInTimeRecoveryEnabled"`
	} `yaml:"PointInTimeRecoverySpecification"`
	Encryption yaml.Node `yaml:"SSESpecification"`
	TimeToLive struct {
		Attribute string `yaml:"AttributeName"`
		Enabled   bool   `yaml:"Enabled"`
	} `yaml:"TimeToLiveSpecification"`
	Stream struct {
		ViewType string `yaml:"StreamViewType"`
	} `yaml:"StreamSpecification"`
}

// stateOutlivesCode says what is wrong with a template whose resources must stay
// when their stack goes, or when a change would make them anew.
func stateOutlivesCode(tpl template) []string {
	var problems []string
	for _, id := range slices.Sorted(maps.Keys(tpl.Resources)) {
		r := tpl.Resources[id]
		if r.OnDeletion != "Retain" || r.OnReplacement != "Retain" {
			problems = append(problems, id+" is not retained")
		}
		if strings.HasPrefix(r.Type, "AWS::Serverless") || strings.HasPrefix(r.Type, "AWS::Lambda") {
			problems = append(problems, id+" is code")
		}
	}
	return problems
}

// tablesAreSafe says what is wrong with the tables of a template.
func tablesAreSafe(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	for _, id := range slices.Sorted(maps.Keys(tpl.Resources)) {
		var table tableResource
		tpl.properties(t, id, &table)
		for problem, is := range map[string]bool{
			"has a name, so it cannot be made anew":       table.Name != "",
			"is not paid by the request":                  table.BillingMode != "PAY_PER_REQUEST",
			"can be deleted by mistake":                   !table.Protected,
			"cannot be restored":                          !table.Recovery.Enabled,
			"has no choice of a key":                      table.Encryption.Tag != "!If",
			"does not clean up what it should":            id != "UsersTable" && (table.TimeToLive.Attribute != "expires_at" || !table.TimeToLive.Enabled),
			"forgets real users":                          id == "UsersTable" && table.TimeToLive.Attribute != "",
			"has no stream of what is new, or needs none": (id == "AuditTable") != (table.Stream.ViewType == "NEW_IMAGE"),
		} {
			if is {
				problems = append(problems, id+" "+problem)
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func TestTheTablesAreSafe(t *testing.T) {
	tpl := readTemplateFile(t, storageTemplate)
	want := []string{"AttemptsTable", "AuditTable", "UsersTable"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(tpl.Resources))); diff != "" {
		t.Errorf("tables (-want +got):\n%s", diff)
	}
	for _, problem := range tablesAreSafe(t, tpl) {
		t.Error(problem)
	}
}

// TestStateOutlivesCode: the tables and the pool are stacks of their own, which
// stay when the one with the functions goes, and in which everything stays.
func TestStateOutlivesCode(t *testing.T) {
	for _, name := range []string{storageTemplate, identityTemplate} {
		for _, problem := range stateOutlivesCode(readTemplateFile(t, name)) {
			t.Errorf("%s: %s", name, problem)
		}
	}
	for _, problem := range stateIsElsewhere(t, readTemplate(t)) {
		t.Errorf("%s: %s", mainTemplate, problem)
	}
}

// stateIsElsewhere says where the template with the code holds state itself, or
// does not keep the stacks that do. What such a stack is told may not change from
// one deployment of the code to the next: that could replace what it holds.
func stateIsElsewhere(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	stacks := map[string]string{"Storage": storageTemplate, "Identity": identityTemplate}
	for _, id := range slices.Sorted(maps.Keys(tpl.Resources)) {
		r := tpl.Resources[id]
		if strings.HasPrefix(r.Type, "AWS::DynamoDB") || strings.HasPrefix(r.Type, "AWS::Cognito") {
			problems = append(problems, id+" would go with the code")
		}
		file, ok := stacks[id]
		if !ok {
			continue
		}
		var nested struct {
			File       string          `yaml:"TemplateURL"`
			Parameters map[string]text `yaml:"Parameters"`
		}
		tpl.properties(t, id, &nested)
		delete(stacks, id)
		if r.Type != "AWS::CloudFormation::Stack" || nested.File != file || r.OnDeletion != "Retain" || r.OnReplacement != "Retain" {
			problems = append(problems, id+" is not the retained stack of "+file)
		}
		for name, value := range nested.Parameters {
			if string(value) != "!Ref "+name || !slices.Contains([]string{"Stage", "DataKeyArn"}, name) {
				problems = append(problems, id+" hangs on "+name)
			}
		}
	}
	for id := range stacks {
		problems = append(problems, "there is no "+id)
	}
	return problems
}

// TestTheNestedTemplatesHaveWhatIsAskedOfThem: sam validate looks at neither
// parameters nor outputs of a stack in a stack.
func TestTheNestedTemplatesHaveWhatIsAskedOfThem(t *testing.T) {
	tpl := readTemplate(t)
	asked := outputsAsked(string(readFile(t, mainTemplate)))
	for id, r := range tpl.Resources {
		if r.Type != "AWS::CloudFormation::Stack" {
			continue
		}
		var nested struct {
			File       string               `yaml:"TemplateURL"`
			Parameters map[string]yaml.Node `yaml:"Parameters"`
		}
		tpl.properties(t, id, &nested)
		inner := readTemplateFile(t, nested.File)
		for name := range nested.Parameters {
			if _, ok := inner.Parameters[name]; !ok {
				t.Errorf("%s has no parameter %s", nested.File, name)
			}
		}
		for name, p := range inner.Parameters {
			if _, ok := nested.Parameters[name]; !ok && p.Default == "" {
				t.Errorf("%s wants the parameter %s", nested.File, name)
			}
			if outer := tpl.Parameters[name]; outer.AllowedPattern != p.AllowedPattern {
				t.Errorf("%s: %s has another pattern than in %s", nested.File, name, mainTemplate)
			}
		}
		for _, name := range asked[id] {
			if _, ok := inner.Outputs[name]; !ok {
				t.Errorf("%s has no output %s", nested.File, name)
			}
		}
	}
	if len(asked["Storage"]) == 0 || len(asked["Identity"]) == 0 {
		t.Errorf("got %v; this looks in the wrong place", asked)
	}
}

// nestedOutput is a stack in a stack and one of its outputs.
var nestedOutput = regexp.MustCompile(`\b([A-Z][A-Za-z]*)\.Outputs\.([A-Za-z]+)`)

// outputsAsked returns the outputs that a template asks of the stacks in it.
func outputsAsked(template string) map[string][]string {
	asked := map[string][]string{}
	for _, match := range nestedOutput.FindAllStringSubmatch(template, -1) {
		if !slices.Contains(asked[match[1]], match[2]) {
			asked[match[1]] = append(asked[match[1]], match[2])
		}
	}
	return asked
}
