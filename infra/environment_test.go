package infra_test

import (
	"go/ast"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/stack"
)

const variablePrefix = "PORTCULLIS_"

// offered are the variables that every function gets although the code can do
// without them. The revision is for Lambda: it makes a version of a function
// only when something in the function is new.
func offered() []string { return []string{"PORTCULLIS_ALLOWED_ORIGINS", "PORTCULLIS_REVISION"} }

// TestTheTemplateSetsWhatTheFunctionsRead compares the template's variables
// with the env tags of the code, and with what the tests' stack sets.
func TestTheTemplateSetsWhatTheFunctionsRead(t *testing.T) {
	tpl := readTemplate(t)
	set := slices.Collect(maps.Keys(tpl.Globals.Function.Environment.Variables))
	set = append(set, slices.Collect(maps.Keys(ownVariables(tpl.functions(t))["publish-events"]))...)
	slices.Sort(set)
	required, optional := variablesRead(readSources(t))
	if len(required) == 0 {
		t.Fatal("the code requires no variable; this looks in the wrong place")
	}
	want := slices.Sorted(slices.Values(slices.Concat(required, offered())))
	if diff := cmp.Diff(want, set); diff != "" {
		t.Errorf("variables (-required by the code or offered +set by the template):\n%s", diff)
	}
	for _, pair := range stack.Environment("test", stack.Tables{}, stack.Identity{}) {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains(slices.Concat(required, optional), name) {
			t.Errorf("the tests' stack sets %s, which nothing reads", name)
		}
	}
}

// TestWhatOneFunctionReadsIsSetThere: the version, of which health tells, and
// the bus.
func TestWhatOneFunctionReadsIsSetThere(t *testing.T) {
	want := map[string]map[string]text{
		"query":          {"PORTCULLIS_VERSION": "!Ref Version"},
		"publish-events": {"PORTCULLIS_EVENT_BUS": "!Ref EventBusName"},
	}
	if diff := cmp.Diff(want, ownVariables(readTemplate(t).functions(t))); diff != "" {
		t.Errorf("functions' own variables (-want +got):\n%s", diff)
	}
}

// ownVariables returns the variables that are set for single functions.
func ownVariables(all []functionResource) map[string]map[string]text {
	own := map[string]map[string]text{}
	for _, f := range all {
		if variables := f.Environment.Variables; len(variables) > 0 {
			own[f.folder()] = variables
		}
	}
	return own
}

func TestHealthCanSayTheVersion(t *testing.T) {
	tpl := readTemplate(t)
	version := tpl.Parameters["Version"]
	pattern, err := regexp.Compile(string(version.AllowedPattern))
	if err != nil || version.AllowedPattern == "" {
		t.Fatalf("pattern of Version: got %q, %v", version.AllowedPattern, err)
	}
	for value, want := range map[string]bool{
		string(version.Default): true, "1.4.0-rc.1+5bb29fb": true, "": false, "<b>": false, "a b": false, strings.Repeat("1", 65): false,
	} {
		if got := pattern.MatchString(value); got != want {
			t.Errorf("version %q: got %v, want %v", value, got, want)
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
