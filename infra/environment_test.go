package infra_test

import (
	"go/ast"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/stack"
)

const variablePrefix = "PORTCULLIS_"

// TestTheTemplateSetsWhatTheFunctionsRead compares the template's variables
// with the env tags of the code, and with what the tests' stack sets.
func TestTheTemplateSetsWhatTheFunctionsRead(t *testing.T) {
	set := slices.Sorted(maps.Keys(readTemplate(t).Globals.Function.Environment.Variables))
	required, optional := variablesRead(readSources(t))
	if len(required) == 0 {
		t.Fatal("the code requires no variable; this looks in the wrong place")
	}
	if diff := cmp.Diff(required, set); diff != "" {
		t.Errorf("variables (-required by the code +set by the template):\n%s", diff)
	}
	for _, pair := range stack.Environment("test", stack.Tables{}, stack.Identity{}) {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(slices.Concat(required, optional), name) {
			t.Errorf("the tests' stack sets %s, which nothing reads", name)
		}
	}
}

func TestTheTestsStackHasTheTemplatesLifetime(t *testing.T) {
	want := "PORTCULLIS_ATTEMPT_LIFETIME=" + string(readTemplate(t).Parameters["AttemptLifetimeSeconds"].Default) + "s"
	if got := stack.Environment("test", stack.Tables{}, stack.Identity{}); !slices.Contains(got, want) {
		t.Errorf("got %q, want %q among them", got, want)
	}
}

// variablesRead returns our variables in the env tags of all structs, sorted.
func variablesRead(all []source) (required, optional []string) {
	for _, s := range all {
		if s.isTest() {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			name, options := envTag(field)
			switch {
			case !strings.HasPrefix(name, variablePrefix):
			case slices.Contains(options, "required"):
				required = append(required, name)
			default:
				optional = append(optional, name)
			}
			return true
		})
	}
	slices.Sort(required)
	slices.Sort(optional)
	return slices.Compact(required), slices.Compact(optional)
}

func envTag(field *ast.Field) (name string, options []string) {
	tag, err := strconv.Unquote(field.Tag.Value)
	if err != nil {
		panic(err) // the parser has accepted it
	}
	parts := strings.Split(reflect.StructTag(tag).Get("env"), ",")
	return parts[0], parts[1:]
}
