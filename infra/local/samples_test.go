package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bootstrap"
	"portcullis/infra/stack"
	"portcullis/internal/environ"
	"portcullis/internal/lockouttest"
)

// samples is the folder of the events that are there for "sam local invoke".
const samples = "../events"

// TestEachFunctionAnswersItsSample gives each compiled function its event of
// infra/events, on stores that hold the demo client and nothing else. So what
// people are offered to try is what they get.
func TestEachFunctionAnswersItsSample(t *testing.T) {
	config := lockouttest.AWS(t)
	bus := newListener(t, config)
	t.Setenv("PORTCULLIS_EVENT_BUS", bus.name)
	functions, _ := demoStores(t)
	functions["publish-events"] = newPublisher(t)
	for _, c := range []struct {
		function string
		want     string // an error of the function, or a part of what it answers
	}{
		{"authorizer", "Unauthorized"},
		{"console", `200 <!doctype html>`},
		{"login", `401 "type":"urn:portcullis:problem:invalid-credentials"`},
		{"manage-user", `201 "username":"eva.lund"`},
		{"provision-client", `"created":true`},
		{"publish-events", `"batchItemFailures"`},
		{"query", `200 "username":"ana.silva"`},
		{"refresh-token", `401 "type":"urn:portcullis:problem:unauthorized"`},
		{"unlock-user", `200 "was_locked":false`},
		{"update-policy", `200 "max_failed_login_attempts_portal":3`},
	} {
		got := answerTo(t, functions[c.function], filepath.Join(samples, c.function+".json"))
		status, part, found := strings.Cut(c.want, " ")
		if !found {
			status, part = "", c.want
		}
		if !strings.HasPrefix(got, status) || !strings.Contains(got, part) {
			t.Errorf("%s: got %.400s, want %s", c.function, got, c.want)
		}
	}
	if told := bus.heard(t, 1); len(told) != 1 || told[0].Username != "ana.silva" {
		t.Errorf("the bus heard %v, want one lock", told)
	}
}

// TestThereIsASampleForEachFunction, and for nothing else.
func TestThereIsASampleForEachFunction(t *testing.T) {
	names := func(pattern, suffix string) []string {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: got %v, %v", pattern, paths, err)
		}
		for i, path := range paths {
			paths[i] = strings.TrimSuffix(filepath.Base(path), suffix)
		}
		return paths
	}
	if diff := cmp.Diff(names(samples+"/*", ".json"), names("../../functions/*", "")); diff != "" {
		t.Errorf("samples (-got +functions):\n%s", diff)
	}
}

// answerTo invokes a function with the event in a file. It returns the status and
// the body of what goes to a gateway, all of any other answer, or the error.
func answerTo(t *testing.T, f *pool, file string) string {
	t.Helper()
	event, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.invoke(t.Context(), event)
	if own := (*bootstrap.Error)(nil); errors.As(err, &own) {
		return own.Message
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var answer struct {
		StatusCode int
		Body       string
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if answer.StatusCode == 0 {
		return string(text)
	}
	return strconv.Itoa(answer.StatusCode) + " " + answer.Body
}

// demoStores makes stores of a stage of their own with the demo client in them,
// and returns the compiled functions on them, and who may log in.
func demoStores(t *testing.T) (compiled, []person) {
	t.Helper()
	config := lockouttest.AWS(t)
	identity, err := os.ReadFile("../identity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stage := "s" + strings.ToLower(rand.Text()[:15]) // as long as one may be
	mint, err := stack.DeployIdentity(t.Context(), cloudformation.NewFromConfig(config), ssm.NewFromConfig(config),
		identity, *config.BaseEndpoint, "samples-"+stage, stage)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range stack.Environment(stage, lockouttest.Tables(t), mint) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	s := &settings{functions: "../../.build/functions", processes: 1, level: logOff}
	functions, err := newCompiled(s.functions, s.processes, sieve{os.Stderr, s.level})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = functions.close() })
	in, err := environ.Parse[stores](os.Environ())
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.provision(t.Context(), functions, in)
	if err != nil {
		t.Fatal(err)
	}
	return functions, made.people
}
