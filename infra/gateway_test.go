package infra_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"portcullis/internal/environ"
)

// A mappedHeader says from where API Gateway takes a header of its own answers,
// and under which condition of the template there is one.
type mappedHeader struct {
	From, Condition string
}

// UnmarshalYAML takes a value, or an !If that gives one or none.
func (h *mappedHeader) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		h.From = n.Value
		return nil
	}
	if n.Tag != "!If" || len(n.Content) != 3 || n.Content[2].Tag != "!Ref" || n.Content[2].Value != "AWS::NoValue" {
		return fmt.Errorf("line %d: want a value, or !If with one and AWS::NoValue", n.Line)
	}
	h.Condition, h.From = n.Content[0].Value, n.Content[1].Value
	return nil
}

// TestPagesMayReadTheGatewaysOwnAnswers, where there are pages that may read any.
// A portal that cannot read a 401 cannot tell it from a network that is down.
func TestPagesMayReadTheGatewaysOwnAnswers(t *testing.T) {
	var api anAPI
	readTemplate(t).properties(t, "Api", &api)
	want := map[string]mappedHeader{
		"Access-Control-Allow-Origin":      {"method.request.header.Origin", "SharesAnswers"},
		"Access-Control-Expose-Headers":    {"'Retry-After, X-Request-Id'", ""},
		"Access-Control-Allow-Credentials": {},
		"Vary":                             {"'Origin'", ""},
	}
	for name, response := range api.GatewayResponses {
		got := map[string]mappedHeader{}
		for header := range want {
			got[header] = response.ResponseParameters.Headers[header]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestEveryAnswerOfTheGatewayIsAProblem: the two defaults stand for all kinds of
// refusals that have no answer of their own.
func TestEveryAnswerOfTheGatewayIsAProblem(t *testing.T) {
	var api anAPI
	readTemplate(t).properties(t, "Api", &api)
	for _, name := range []string{"DEFAULT_4XX", "DEFAULT_5XX"} {
		if _, ok := api.GatewayResponses[name]; !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

// TestTheParametersPatternTakesOrigins compares the pattern of AllowedOrigins,
// which is a first look, with what the functions take. It may let more through,
// and must refuse nothing that they take, and everybody's star.
func TestTheParametersPatternTakesOrigins(t *testing.T) {
	pattern := regexp.MustCompile(string(readTemplate(t).Parameters["AllowedOrigins"].AllowedPattern))
	for _, value := range []string{
		"https://portal.example.com", "https://a.example:8443,https://b.example", "https://a.example, https://b.example",
		"http://localhost:5173", "https://xn--nxasmq6b.example",
	} {
		if err := new(environ.Origins).UnmarshalText([]byte(value)); err != nil || !pattern.MatchString(value) {
			t.Errorf("%q: the functions say %v, the pattern %v", value, err, pattern.MatchString(value))
		}
	}
	if !pattern.MatchString("") {
		t.Error("no origin at all is refused")
	}
	for _, value := range []string{"*", "null", "https://*.example.com", "https://a.example/", "https://a.example,*"} {
		if pattern.MatchString(value) {
			t.Errorf("%q is let through", value)
		}
	}
}

// TestEventsAreThereOnlyWithABus: nothing of the events is made where the
// parameter names no bus, and what Lambda gives up on goes to an encrypted queue.
func TestEventsAreThereOnlyWithABus(t *testing.T) {
	tpl := readTemplate(t)
	for _, id := range []string{"PublishEventsFunction", "PublishEventsMapping", "PublishEventsLogs", "UnpublishedQueue"} {
		if got := tpl.Resources[id].Condition; got != "PublishesEvents" {
			t.Errorf("%s has the condition %q", id, got)
		}
	}
	var mapping struct {
		Source    text     `yaml:"EventSourceArn"`
		Responses []string `yaml:"FunctionResponseTypes"`
		Bisect    bool     `yaml:"BisectBatchOnFunctionError"`
		Age       int      `yaml:"MaximumRecordAgeInSeconds"`
		Retries   int      `yaml:"MaximumRetryAttempts"`
	}
	tpl.properties(t, "PublishEventsMapping", &mapping)
	if mapping.Source != "!GetAtt Storage.Outputs.AuditStreamArn" || !mapping.Bisect || strings.Join(mapping.Responses, " ") != "ReportBatchItemFailures" {
		t.Errorf("got %+v", mapping)
	}
	const streamKeeps = 24 * 60 * 60 // seconds; DynamoDB Streams
	if mapping.Age <= 0 || mapping.Age >= streamKeeps || mapping.Retries != -1 {
		t.Errorf("got %d s and %d retries; the age is the bound, without which one record stops all others", mapping.Age, mapping.Retries)
	}
	var queue struct {
		Encrypted bool `yaml:"SqsManagedSseEnabled"`
	}
	if tpl.properties(t, "UnpublishedQueue", &queue); !queue.Encrypted {
		t.Error("the queue is not encrypted")
	}
}
