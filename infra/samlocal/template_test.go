package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

const built = `
Globals: {Function: {Environment: {Variables: {PORTCULLIS_STAGE: {Ref: Stage}}}}}
Resources:
  Api: {Type: AWS::Serverless::Api}
  QueryFunction: {Type: AWS::Serverless::Function, Properties: {Environment: {Variables: {PORTCULLIS_VERSION: {Ref: Version}}}}}
`

// TestAVariableThatNoFunctionDeclaresIsNoticed: SAM would drop it without a word.
func TestAVariableThatNoFunctionDeclaresIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name      string
		template  string
		variables []string
		complaint string
	}{
		{"one that all functions have", built, []string{"PORTCULLIS_STAGE"}, ""},
		{"one that a single function has", built, []string{"PORTCULLIS_VERSION"}, ""},
		{"those that lead away from AWS", built, localOnly(), ""},
		{"one that is misspelt", built, []string{"PORTCULLIS_STAGES", "PORTCULLIS_STAGE"}, "declares PORTCULLIS_STAGES,"},
		{"two that nobody knows", built, []string{"PORTCULLIS_A", "PORTCULLIS_B"}, "PORTCULLIS_A, PORTCULLIS_B"},
		{"any, of a template without shared ones", "Resources: {}", []string{"PORTCULLIS_STAGE"}, "under Globals"},
		{"any, of what is no template", "]", nil, "reading the built template"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := localTemplate([]byte(c.template), c.variables)
			if c.complaint == "" && err != nil || c.complaint != "" && (err == nil || !strings.Contains(err.Error(), c.complaint)) {
				t.Errorf("got %v, want %q in it", err, c.complaint)
			}
		})
	}
}

// TestOurOwnTemplateDeclaresWhatTheServicesNeed is the same for what make sam-local
// runs: the variables that infra/ministack sets, in template.yaml as it is.
func TestOurOwnTemplateDeclaresWhatTheServicesNeed(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	here, err := readServices(os.Environ())
	if err != nil {
		t.Fatal("run `make test`, which starts MiniStack: ", err)
	}
	if err := (files{filepath.Join(t.TempDir(), "t"), filepath.Join(t.TempDir(), "v")}).write(text, here.variables); err != nil {
		t.Error(err)
	}
}

func TestTheFilesSaySameAsTheServices(t *testing.T) {
	here, err := readServices([]string{
		"PATH=/bin", "AWS_ENDPOINT_URL=http://127.0.0.1:4566", "PORTCULLIS_STAGE=test",
		"PORTCULLIS_JWKS_URL=http://127.0.0.1:4566/pool/.well-known/jwks.json",
	})
	if err != nil {
		t.Fatal(err)
	}
	f := files{filepath.Join(t.TempDir(), "template.yaml"), filepath.Join(t.TempDir(), "variables.json")}
	if err := f.write([]byte(built), here.seenFrom("http://172.17.0.1:8000")); err != nil {
		t.Fatal(err)
	}
	var template struct {
		Globals struct {
			Function struct {
				Environment struct {
					Variables map[string]any `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
	}
	read(t, f.template, yaml.Unmarshal, &template)
	declared := map[string]any{
		"PORTCULLIS_STAGE": map[string]any{"Ref": "Stage"}, "AWS_ENDPOINT_URL": "", "PORTCULLIS_ISSUER": "", "PORTCULLIS_JWKS_URL": "",
	}
	if diff := cmp.Diff(template.Globals.Function.Environment.Variables, declared); diff != "" {
		t.Errorf("declared (-got +want):\n%s", diff)
	}
	var given map[string]map[string]string
	read(t, f.variables, json.Unmarshal, &given)
	want := map[string]map[string]string{"Parameters": {
		"AWS_ENDPOINT_URL": "http://172.17.0.1:8000", "PORTCULLIS_STAGE": "test",
		"PORTCULLIS_JWKS_URL": "http://172.17.0.1:8000/pool/.well-known/jwks.json",
	}}
	if diff := cmp.Diff(given, want); diff != "" {
		t.Errorf("variables (-got +want):\n%s", diff)
	}
}

func read(t *testing.T, file string, decode func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func TestWithoutServices(t *testing.T) {
	if _, err := readServices([]string{"PORTCULLIS_STAGE=test"}); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
		t.Errorf("got %v, want what is missing", err)
	}
}

func TestSAMKeepsNothingForTheFunctions(t *testing.T) {
	got := samEnvironment([]string{
		"HOME=/root", "PORTCULLIS_STAGE=test", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_PROFILE=work", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test",
	}, []string{"DOCKER_HOST=unix:///x"})
	want := []string{
		"HOME=/root", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=test", "DOCKER_HOST=unix:///x",
		"AWS_DEFAULT_REGION=eu-west-1", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}
