package infra_test

import (
	"encoding/json"
	"maps"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/contract"
)

// An anAPI is what these tests read of the API's resource.
type anAPI struct {
	Models           map[string]any             `yaml:"Models"`
	GatewayResponses map[string]gatewayResponse `yaml:"GatewayResponses"`
}

// A gatewayResponse is an answer that API Gateway gives by itself.
type gatewayResponse struct {
	StatusCode         int `yaml:"StatusCode"`
	ResponseParameters struct {
		Headers map[string]mappedHeader `yaml:"Headers"`
	} `yaml:"ResponseParameters"`
	ResponseTemplates map[string]string `yaml:"ResponseTemplates"`
}

// TestEveryRequiredBodyHasItsModel: API Gateway refuses what the contract does
// not allow before a function is called for it.
func TestEveryRequiredBodyHasItsModel(t *testing.T) {
	all, used := operations(t), map[string]bool{}
	tpl := readTemplate(t)
	for _, f := range tpl.functions(t) {
		for name, e := range f.Events {
			operation := all[e.Properties.Method+" "+e.Properties.Path]
			if e.Type != "Api" || operation == nil {
				continue // told of by the tests of the events and the routes
			}
			want := modelOf(operation)
			if diff := cmp.Diff(want, e.Properties.RequestModel); diff != "" {
				t.Errorf("%s, event %s (-openapi.yaml +template.yaml):\n%s", f.id, name, diff)
			}
			used[want.Model] = true
		}
	}
	var api anAPI
	tpl.properties(t, "Api", &api)
	for name := range api.Models {
		if !used[name] {
			t.Errorf("no event has the model %s", name)
		}
	}
}

func modelOf(operation *openapi3.Operation) requestModel {
	if operation.RequestBody == nil || !operation.RequestBody.Value.Required {
		return requestModel{}
	}
	schema := operation.RequestBody.Value.Content.Get("application/json").Schema
	return requestModel{Model: path.Base(schema.Ref), Required: true, ValidateBody: true}
}

// TestTheModelsAreTheSchemasOfTheContract compares each model with the schema of
// its name, without what API Gateway leaves aside.
func TestTheModelsAreTheSchemasOfTheContract(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	var api anAPI
	readTemplate(t).properties(t, "Api", &api)
	if len(api.Models) == 0 {
		t.Fatal("the API has no models")
	}
	for name, model := range api.Models {
		schema := c.Document().Components.Schemas[name]
		if schema == nil {
			t.Errorf("openapi.yaml has no schema %s", name)
			continue
		}
		if diff := cmp.Diff(plain(t, inlined(schema)), plain(t, model)); diff != "" {
			t.Errorf("%s (-openapi.yaml +template.yaml):\n%s", name, diff)
		}
	}
}

// inlined returns a copy of a schema that refers to no other and says nothing to
// people. A model may refer to another only by an address that the template
// cannot know, and is JSON Schema draft 4, which has no examples.
func inlined(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	if ref == nil {
		return nil
	}
	schema := *ref.Value
	schema.Description, schema.Example, schema.Format = "", nil, ""
	schema.Items = inlined(schema.Items)
	schema.Properties = maps.Clone(schema.Properties)
	for name, property := range schema.Properties {
		schema.Properties[name] = inlined(property)
	}
	return openapi3.NewSchemaRef("", &schema)
}

// plain returns a value as JSON has it, so that numbers compare.
func plain(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var read any
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// TestABadBodyIsRefusedInOurWords, whichever of its two checks API Gateway makes.
func TestABadBodyIsRefusedInOurWords(t *testing.T) {
	var api anAPI
	readTemplate(t).properties(t, "Api", &api)
	for _, name := range []string{"BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS"} {
		text := api.GatewayResponses[name].ResponseTemplates["application/json"]
		if !strings.Contains(text, `"urn:portcullis:problem:invalid-request"`) {
			t.Errorf("%s is %s", name, text)
		}
		if strings.Contains(text, "validationErrorString") {
			t.Errorf("%s repeats what was sent: %s", name, text)
		}
	}
}

// TestTheGatewaysOwnAnswersAreThoseOfTheContract holds each answer that no
// function gives against the response of the contract with its problem.
func TestTheGatewaysOwnAnswersAreThoseOfTheContract(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	var api anAPI
	readTemplate(t).properties(t, "Api", &api)
	for name, response := range api.GatewayResponses {
		t.Run(name, func(t *testing.T) {
			text := strings.ReplaceAll(response.ResponseTemplates["application/json"], "$context.requestId", "id")
			var problem map[string]any
			if err := json.Unmarshal([]byte(text), &problem); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if problem["status"] != float64(response.StatusCode) {
				t.Errorf("status %d, and the problem says %v", response.StatusCode, problem["status"])
			}
			checkGatewayAnswer(t, c.Document(), problem, response.ResponseParameters.Headers)
		})
	}
}

func checkGatewayAnswer(t *testing.T, doc *openapi3.T, problem map[string]any, headers map[string]mappedHeader) {
	t.Helper()
	for _, declared := range doc.Components.Responses {
		media := declared.Value.Content.Get("application/problem+json")
		if media == nil || media.Schema.Value.Properties["type"].Value.Enum[0] != problem["type"] {
			continue
		}
		if err := media.Schema.Value.VisitJSON(problem); err != nil {
			t.Error(err)
		}
		if got := headers["Content-Type"].From; got != "'application/problem+json'" {
			t.Errorf("content type %s", got)
		}
		for name, header := range declared.Value.Headers {
			checkGatewayHeader(t, name, header.Value, headers[name].From)
		}
		return
	}
	t.Errorf("the contract has no problem %v", problem["type"])
}

// checkGatewayHeader holds a header against the contract, which says of most
// which one value it has. API Gateway writes a value in quotes and finds out what
// has none.
func checkGatewayHeader(t *testing.T, name string, declared *openapi3.Header, mapped string) {
	t.Helper()
	value, fixed := strings.CutPrefix(strings.TrimSuffix(mapped, "'"), "'")
	if mapped == "" && declared.Required {
		t.Errorf("header %s is missing", name)
	}
	if !fixed {
		return
	}
	var read any = value
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		read = n
	}
	if err := declared.Schema.Value.VisitJSON(read); err != nil {
		t.Errorf("header %s: %v", name, err)
	}
}
