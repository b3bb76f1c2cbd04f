package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	ourPrefix        = "PORTCULLIS_"
	endpointVariable = "AWS_ENDPOINT_URL"
)

// localOnly are the variables that lead away from AWS. The template declares none
// of them: what is deployed must not know how. An emulator cannot serve the
// tokens' keys under the issuer that they name.
func localOnly() []string {
	return []string{endpointVariable, "PORTCULLIS_ISSUER", "PORTCULLIS_JWKS_URL"}
}

// services are where infra/ministack says that they are.
type services struct {
	endpoint  string
	variables map[string]string
}

func readServices(environment []string) (services, error) {
	s := services{variables: map[string]string{}}
	for _, pair := range environment {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, ourPrefix) || name == endpointVariable {
			s.variables[name] = value
		}
	}
	if s.endpoint = s.variables[endpointVariable]; s.endpoint == "" {
		return s, errors.New(endpointVariable + " is not set: run this beside infra/ministack, as make sam-local does")
	}
	return s, nil
}

// seenFrom returns the variables with another endpoint in them: that by which
// containers reach the same services.
func (s services) seenFrom(endpoint string) map[string]string {
	seen := map[string]string{}
	for name, value := range s.variables {
		seen[name] = strings.Replace(value, s.endpoint, endpoint, 1)
	}
	return seen
}

// files are what SAM is started with.
type files struct {
	template, variables string
}

// write makes both files of the template that was built and of the variables.
func (f files) write(built []byte, variables map[string]string) error {
	local, err := localTemplate(built, slices.Sorted(maps.Keys(variables)))
	if err != nil {
		return err
	}
	encoded, err := json.MarshalIndent(map[string]any{"Parameters": variables}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(f.template, local, 0o644); err != nil {
		return err
	}
	return os.WriteFile(f.variables, append(encoded, '\n'), 0o600)
}

// localTemplate returns a template that declares those of localOnly for every
// function too. Any other variable that no function declares is an error: SAM
// would drop it without a word.
func localTemplate(built []byte, names []string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(built, &document); err != nil {
		return nil, fmt.Errorf("reading the built template: %w", err)
	}
	shared := at(&document, "Globals", "Function", "Environment", "Variables")
	if shared == nil {
		return nil, errors.New("the built template declares no variables for all functions, under Globals")
	}
	for _, name := range localOnly() {
		shared.Content = append(shared.Content, scalar(name), scalar(""))
	}
	declared := declaredBy(&document)
	var unknown []string
	for _, name := range names {
		if !slices.Contains(declared, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("no function of the template declares %s, and SAM would drop it without a word", strings.Join(unknown, ", "))
	}
	return yaml.Marshal(&document)
}

// declaredBy returns the names of all variables that functions have.
func declaredBy(document *yaml.Node) []string {
	names := keys(at(document, "Globals", "Function", "Environment", "Variables"))
	resources := at(document, "Resources")
	for _, id := range keys(resources) {
		names = append(names, keys(at(resources, id, "Properties", "Environment", "Variables"))...)
	}
	return names
}

// at follows keys through mappings, and returns nil where one is not there.
func at(n *yaml.Node, path ...string) *yaml.Node {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	for _, key := range path {
		i := slices.Index(keys(n), key)
		if i < 0 {
			return nil
		}
		n = n.Content[2*i+1]
	}
	return n
}

// keys returns a mapping's keys; nothing has none.
func keys(n *yaml.Node) []string {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var all []string
	for i := 0; i < len(n.Content); i += 2 {
		all = append(all, n.Content[i].Value)
	}
	return all
}

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}
