package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// A resource is one of a template's, as it stands there.
type resource struct {
	Type       string    `yaml:"Type"`
	Properties yaml.Node `yaml:"Properties"`
}

// readResources returns a template's resources by their logical names.
func readResources(template []byte) (map[string]resource, error) {
	var document struct {
		Resources map[string]resource `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, fmt.Errorf("reading template: %w", err)
	}
	return document.Resources, nil
}

// values are what a Ref may name: parameters and resources.
type values map[string]string

// input fills the input of an AWS call, whose fields have the names of the
// resource's properties; renamed has the names of those that differ. A property
// that the call does not take is an error, and so is an intrinsic function
// other than !Ref and !Sub: what is made must be what is deployed.
func (r resource) input(into any, v values, renamed map[string]string) error {
	resolved, err := v.mapping(&r.Properties)
	if err != nil {
		return err
	}
	for property, field := range renamed {
		if value, ok := resolved[property]; ok {
			delete(resolved, property)
			resolved[field] = value
		}
	}
	encoded, err := json.Marshal(resolved)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// resolve returns a node's value with its intrinsic functions carried out.
func (v values) resolve(n *yaml.Node) (any, error) {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return v.intrinsic(n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		return v.mapping(n)
	case yaml.SequenceNode:
		all := make([]any, len(n.Content))
		for i, element := range n.Content {
			value, err := v.resolve(element)
			if err != nil {
				return nil, err
			}
			all[i] = value
		}
		return all, nil
	case yaml.ScalarNode:
		var value any
		err := n.Decode(&value)
		return value, err
	}
	return nil, fmt.Errorf("line %d: neither a mapping, a list nor a scalar", n.Line)
}

func (v values) mapping(n *yaml.Node) (map[string]any, error) {
	if n.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: not a mapping", n.Line)
	}
	all := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return nil, fmt.Errorf("line %d: %s is not supported in its long form", n.Line, key)
		}
		value, err := v.resolve(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		all[key] = value
	}
	return all, nil
}

func (v values) intrinsic(n *yaml.Node) (string, error) {
	switch {
	case n.Tag == "!Ref":
		return v.named(n, n.Value)
	case n.Tag == "!Sub" && n.Kind == yaml.ScalarNode:
		return v.substitute(n)
	}
	return "", fmt.Errorf("line %d: %s is not supported here", n.Line, n.Tag)
}

func (v values) named(n *yaml.Node, name string) (string, error) {
	value, ok := v[name]
	if !ok {
		return "", fmt.Errorf("line %d: %q has no value here", n.Line, name)
	}
	return value, nil
}

// variable is a name in the text of a !Sub.
var variable = regexp.MustCompile(`\$\{[^}]*\}`)

func (v values) substitute(n *yaml.Node) (string, error) {
	var unknown error
	text := variable.ReplaceAllStringFunc(n.Value, func(match string) string {
		value, err := v.named(n, match[len("${"):len(match)-len("}")])
		if err != nil {
			unknown = err
		}
		return value
	})
	return text, unknown
}
