package infra_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// What a template says in one place and means in another: a name that is spelt
// right and leads elsewhere passes every linter.

// variablesWanted are the variables of all functions.
var variablesWanted = map[string]text{
	"PORTCULLIS_STAGE":                   "!Ref Stage",
	"PORTCULLIS_ATTEMPT_LIFETIME":        "!Sub ${AttemptLifetimeSeconds}s",
	"PORTCULLIS_ATTEMPTS_TABLE":          "!GetAtt Storage.Outputs.AttemptsTable",
	"PORTCULLIS_USERS_TABLE":             "!GetAtt Storage.Outputs.UsersTable",
	"PORTCULLIS_AUDIT_TABLE":             "!GetAtt Storage.Outputs.AuditTable",
	"PORTCULLIS_USER_POOL_ID":            "!GetAtt Identity.Outputs.UserPool",
	"PORTCULLIS_APP_CLIENT_ID":           "!GetAtt Identity.Outputs.AppClient",
	"PORTCULLIS_TOKEN_SECRET_PARAMETER":  "!Sub /portcullis/${Stage}/token-secret",
	"PORTCULLIS_CURSOR_SECRET_PARAMETER": "!Sub /portcullis/${Stage}/cursor-secret",
	"PORTCULLIS_ALLOWED_ORIGINS":         "!Ref AllowedOrigins",
	"PORTCULLIS_REVISION":                "!Ref Revision",
}

// variablesMisled says which variables do not lead where their names say.
func variablesMisled(tpl template) []string {
	var problems []string
	got := tpl.Globals.Function.Environment.Variables
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if got[name] != variablesWanted[name] {
			problems = append(problems, fmt.Sprintf("%s is %s", name, got[name]))
		}
	}
	for name := range variablesWanted {
		if _, ok := got[name]; !ok {
			problems = append(problems, "there is no "+name)
		}
	}
	return problems
}

// toldOtherwise are the parameters of nested stacks that are neither the main
// template's of the same name nor another stack's output of it.
var toldOtherwise = map[string]string{
	"ApiStageArn":     "!Sub arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${Api}/stages/${Api.Stage}",
	"AuthorizerName":  "!Ref AuthorizerFunction",
	"PublishesEvents": "!If [PublishesEvents, true, false]",
}

// stacksMistold says what nested stacks are told wrongly, or not at all: a default
// would then hold whatever the main template is told.
func stacksMistold(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	for id, r := range tpl.Resources {
		if r.Type != "AWS::CloudFormation::Stack" {
			continue
		}
		var nested struct {
			File       string               `yaml:"TemplateURL"`
			Parameters map[string]yaml.Node `yaml:"Parameters"`
		}
		tpl.properties(t, id, &nested)
		for name := range readTemplateFile(t, nested.File).Parameters {
			node := nested.Parameters[name]
			got := render(&node)
			fromStack, output, _ := strings.Cut(got, ".Outputs.")
			known := got == "!Ref "+name || strings.HasPrefix(fromStack, "!GetAtt ") && output == name
			if want, special := toldOtherwise[name]; special {
				known = got == want
			}
			if !known {
				problems = append(problems, fmt.Sprintf("%s is told %q for %s", id, got, name))
			}
		}
	}
	return problems
}

// outputsMisled says which outputs of a template are not of the resource that they
// are called after.
func outputsMisled(tpl template) []string {
	var problems []string
	for name, output := range tpl.Outputs {
		want := "!Ref " + name
		switch resource, isARN := strings.CutSuffix(name, "Arn"); {
		case name == "AuditStreamArn":
			want = "!GetAtt AuditTable.StreamArn"
		case isARN:
			want = "!GetAtt " + resource + ".Arn"
		}
		if got := render(&output.Value); got != want {
			problems = append(problems, fmt.Sprintf("%s leads to %s", name, got))
		}
	}
	return problems
}

func TestEveryNameLeadsWhereItSays(t *testing.T) {
	tpl := readTemplate(t)
	problems := slices.Concat(variablesMisled(tpl), stacksMistold(t, tpl))
	for _, file := range []string{storageTemplate, identityTemplate, alarmsTemplate} {
		inner := readTemplateFile(t, file)
		if len(inner.Outputs) == 0 {
			t.Errorf("%s has no output", file)
		}
		problems = append(problems, outputsMisled(inner)...)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// render writes a node on one line, with CloudFormation's tags.
func render(n *yaml.Node) string {
	var parts []string
	for _, child := range n.Content {
		parts = append(parts, render(child))
	}
	written := n.Value
	switch n.Kind {
	case yaml.SequenceNode:
		written = "[" + strings.Join(parts, ", ") + "]"
	case yaml.MappingNode:
		for i := 0; i+1 < len(parts); i += 2 {
			parts[i/2] = parts[i] + ": " + parts[i+1]
		}
		written = "{" + strings.Join(parts[:len(parts)/2], ", ") + "}"
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return n.Tag + " " + written
	}
	return written
}

// at returns what stands at a path of keys, indexes and names of a list's items;
// nothing where there is nothing.
func at(n *yaml.Node, path ...string) *yaml.Node {
	if len(path) == 0 {
		return n
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return at(n.Content[0], path...)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == path[0] {
				return at(n.Content[i+1], path[1:]...)
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if strconv.Itoa(i) == path[0] || at(item, "Name").Value == path[0] {
				return at(item, path[1:]...)
			}
		}
	}
	return new(yaml.Node)
}
