package infra_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The templates. The first nests the others.
const (
	mainTemplate     = "template.yaml"
	storageTemplate  = "infra/storage.yaml"
	identityTemplate = "infra/identity.yaml"
)

// A template is what these tests read of one.
type template struct {
	Parameters map[string]struct {
		Default        text `yaml:"Default"`
		MaxValue       int  `yaml:"MaxValue"`
		AllowedPattern text `yaml:"AllowedPattern"`
	} `yaml:"Parameters"`
	Globals struct {
		Function functionProperties `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]struct {
		Type          string    `yaml:"Type"`
		Condition     string    `yaml:"Condition"`
		OnDeletion    string    `yaml:"DeletionPolicy"`
		OnReplacement string    `yaml:"UpdateReplacePolicy"`
		Properties    yaml.Node `yaml:"Properties"`
		Metadata      struct {
			BuildMethod string `yaml:"BuildMethod"`
		} `yaml:"Metadata"`
	} `yaml:"Resources"`
	Outputs map[string]struct {
		Value yaml.Node `yaml:"Value"`
	} `yaml:"Outputs"`
}

type functionProperties struct {
	FunctionName                 text             `yaml:"FunctionName"`
	CodeURI                      text             `yaml:"CodeUri"`
	Handler                      text             `yaml:"Handler"`
	Runtime                      text             `yaml:"Runtime"`
	Architectures                []text           `yaml:"Architectures"`
	Timeout                      text             `yaml:"Timeout"`
	ReservedConcurrentExecutions text             `yaml:"ReservedConcurrentExecutions"`
	Events                       map[string]event `yaml:"Events"`
	Policies                     yaml.Node        `yaml:"Policies"`
	Role                         text             `yaml:"Role"`
	LoggingConfig                struct {
		LogGroup text `yaml:"LogGroup"`
	} `yaml:"LoggingConfig"`
	Environment struct {
		Variables map[string]text `yaml:"Variables"`
	} `yaml:"Environment"`
}

type event struct {
	Type       string `yaml:"Type"`
	Properties struct {
		API    text   `yaml:"RestApiId"`
		Method string `yaml:"Method"`
		Path   string `yaml:"Path"`
		Auth   struct {
			Authorizer string `yaml:"Authorizer"`
		} `yaml:"Auth"`
		RequestModel requestModel `yaml:"RequestModel"`
	} `yaml:"Properties"`
}

// A requestModel names the model of the Api that a body must be, and says whether
// API Gateway looks.
type requestModel struct {
	Model        string `yaml:"Model"`
	Required     bool   `yaml:"Required"`
	ValidateBody bool   `yaml:"ValidateBody"`
}

// A role is what a function may do.
type role struct {
	TrustedBy struct {
		Statement []struct {
			Principal map[string]string `yaml:"Principal"`
		} `yaml:"Statement"`
	} `yaml:"AssumeRolePolicyDocument"`
	Managed  []text `yaml:"ManagedPolicyArns"`
	Policies []struct {
		Document struct {
			Statement []statement `yaml:"Statement"`
		} `yaml:"PolicyDocument"`
	} `yaml:"Policies"`
}

type statement struct {
	Sid       string
	Effect    string
	Action    texts
	Resource  texts
	Condition yaml.Node
}

// UnmarshalYAML refuses the keys that would turn a statement around, such as
// NotAction, and every other that these tests do not look at.
func (s *statement) UnmarshalYAML(n *yaml.Node) error {
	fields := map[string]any{
		"Sid": &s.Sid, "Effect": &s.Effect, "Action": &s.Action, "Resource": &s.Resource, "Condition": &s.Condition,
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		field, ok := fields[n.Content[i].Value]
		if !ok {
			return fmt.Errorf("line %d: a statement may not have %s", n.Line, n.Content[i].Value)
		}
		if err := n.Content[i+1].Decode(field); err != nil {
			return err
		}
	}
	return nil
}

// text is a scalar as the template spells it, with CloudFormation's tag:
// "!Ref Stage".
type text string

func (s *text) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want a scalar", n.Line)
	}
	*s = text(n.Value)
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		*s = text(n.Tag + " " + n.Value)
	}
	return nil
}

// texts is one scalar or a list of them.
type texts []text

func (s *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]text)(s))
	}
	*s = make(texts, 1)
	return n.Decode(&(*s)[0])
}

// readTemplate parses template.yaml.
func readTemplate(t *testing.T) template {
	t.Helper()
	return readTemplateFile(t, mainTemplate)
}

func readTemplateFile(t *testing.T, name string) template {
	t.Helper()
	return parseTemplate(t, readFile(t, name))
}

// readFile returns a file of the project.
func readFile(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func parseTemplate(t *testing.T, file []byte) template {
	t.Helper()
	var parsed template
	if err := yaml.Unmarshal(file, &parsed); err != nil {
		t.Fatalf("parsing the template: %v", err)
	}
	return parsed
}

// functionResource is a function's properties with its logical id and its role.
type functionResource struct {
	functionProperties
	role        role
	id          string
	buildMethod string
}

// folder is the last segment of CodeUri: the function's name.
func (f functionResource) folder() string { return filepath.Base(string(f.CodeURI)) }

// statements returns the statements of the function's role.
func (f functionResource) statements() []statement {
	var all []statement
	for _, p := range f.role.Policies {
		all = append(all, p.Document.Statement...)
	}
	return all
}

// ownRole is the name that a function's role must have.
func (f functionResource) ownRole() string { return strings.TrimSuffix(f.id, "Function") + "Role" }

// functions returns the template's functions by logical id, and fails when
// there is none: a check of nothing would pass.
func (tpl template) functions(t *testing.T) []functionResource {
	t.Helper()
	var all []functionResource
	for _, id := range slices.Sorted(maps.Keys(tpl.Resources)) {
		resource := tpl.Resources[id]
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		f := functionResource{id: id, buildMethod: resource.Metadata.BuildMethod}
		if err := resource.Properties.Decode(&f.functionProperties); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		tpl.properties(t, f.ownRole(), &f.role)
		all = append(all, f)
	}
	if len(all) == 0 {
		t.Fatal("the template has no function")
	}
	return all
}

// properties decodes what a resource says of itself.
func (tpl template) properties(t *testing.T, id string, into any) {
	t.Helper()
	resource, ok := tpl.Resources[id]
	if !ok {
		t.Fatalf("the template has no resource %s", id)
	}
	if err := resource.Properties.Decode(into); err != nil {
		t.Fatalf("%s: %v", id, err)
	}
}
