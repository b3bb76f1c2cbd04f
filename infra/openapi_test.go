package infra_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/contract"
	"portcullis/internal/access"
	"portcullis/internal/audit"
)

// operations returns the contract's operations by method and path.
func operations(t *testing.T) map[string]*openapi3.Operation {
	t.Helper()
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*openapi3.Operation{}
	for path, item := range c.Document().Paths.Map() {
		for method, operation := range item.Operations() {
			all[method+" "+path] = operation
		}
	}
	return all
}

// TestTheContractHasEveryRoute compares who may do what, and which operations
// there are at all.
func TestTheContractHasEveryRoute(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	for _, r := range access.Routes() {
		want[r.Method+" "+r.Path] = whoMay(r)
	}
	for name, operation := range operations(t) {
		_, who, _ := strings.Cut(operation.Description, "Who may: ")
		got[name] = strings.TrimSuffix(who, ".")
		open := operation.Security != nil && len(*operation.Security) == 0
		if open != (got[name] == "anybody") {
			t.Errorf("%s: may be used by %s, but asks for no token: %t", name, got[name], open)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who may (-internal/access +openapi.yaml):\n%s", diff)
	}
}

func whoMay(r access.Route) string {
	if r.Action == access.Anybody {
		return "anybody"
	}
	var may []string
	for _, role := range access.Roles() {
		if (access.Caller{Client: "acme", Username: "x", Role: role}).Check(r.Action, "acme") == nil {
			may = append(may, string(role))
		}
	}
	return strings.Join(may, ", ")
}

// TestEveryRefusalIsDeclaredWhereItCanHappen holds each operation against what
// serves for all handlers: which refusals a token, a body and a path bring along.
func TestEveryRefusalIsDeclaredWhereItCanHappen(t *testing.T) {
	for name, operation := range operations(t) {
		open := operation.Security != nil
		preflight := strings.HasPrefix(name, access.Preflight)
		for status, want := range map[string]bool{
			"400": !preflight, "403": !open, "413": operation.RequestBody != nil, "415": operation.RequestBody != nil, "500": true, "503": true,
		} {
			if got := operation.Responses.Value(status) != nil; got != want {
				t.Errorf("%s declares %s: %t, want %t", name, status, got, want)
			}
		}
		if !open && operation.Responses.Value("401") == nil {
			t.Errorf("%s asks for a token and does not declare 401", name)
		}
	}
}

// TestTheContractHasOnlyWhatAPIGatewayTakes: its limits on what it imports are in
// its guide, "Amazon API Gateway important notes" for REST APIs.
func TestTheContractHasOnlyWhatAPIGatewayTakes(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Document().OpenAPI; got != "3.0.3" {
		t.Errorf("version %s, want 3.0.3", got)
	}
	for name, schema := range c.Document().Components.Schemas {
		if strings.ContainsFunc(name, func(r rune) bool { return !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z') }) {
			t.Errorf("schema %s: its name must be letters and digits", name)
		}
		walk(schema, func(s *openapi3.Schema) {
			if s.Discriminator != nil || s.Nullable || s.Not != nil {
				t.Errorf("schema %s has a discriminator, nullable or not", name)
			}
			closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
			if s.Type.Is("object") && len(s.Properties) > 0 && !closed && name != "Contract" {
				t.Errorf("schema %s: an object lets fields through that are not its own", name)
			}
			for _, required := range s.Required {
				if s.Properties[required] == nil {
					t.Errorf("schema %s requires %s, which it does not have", name, required)
				}
			}
		})
	}
}

// walk visits a schema and those within it, but not those it refers to by name.
func walk(ref *openapi3.SchemaRef, visit func(*openapi3.Schema)) {
	if ref == nil || ref.Ref != "" {
		return
	}
	visit(ref.Value)
	walk(ref.Value.Items, visit)
	for _, property := range ref.Value.Properties {
		walk(property, visit)
	}
}

// TestEveryBodyHasAnExample, which loading the contract has held against its
// schema.
func TestEveryBodyHasAnExample(t *testing.T) {
	for name, operation := range operations(t) {
		contents := map[string]openapi3.Content{}
		if operation.RequestBody != nil {
			contents["the request"] = operation.RequestBody.Value.Content
		}
		for status, response := range operation.Responses.Map() {
			contents[status] = response.Value.Content
		}
		for of, content := range contents {
			for kind, media := range content {
				if media.Schema == nil || media.Example == nil && len(media.Examples) == 0 {
					t.Errorf("%s: %s of %s has no schema or no example", name, kind, of)
				}
			}
		}
	}
}

// TestEverythingDeclaredIsUsed finds what the contract says to nobody.
func TestEverythingDeclaredIsUsed(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Document().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	parts := c.Document().Components
	names := slices.Concat(keys("schemas", parts.Schemas), keys("responses", parts.Responses),
		keys("headers", parts.Headers), keys("parameters", parts.Parameters))
	for _, name := range names {
		if !strings.Contains(string(text), `"#/components/`+name+`"`) {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

func keys[V any](kind string, of map[string]V) []string {
	var all []string
	for name := range of {
		all = append(all, kind+"/"+name)
	}
	return all
}

// TestTheWordsOfTheContractAreThoseOfTheCode compares what may be one of a few.
func TestTheWordsOfTheContractAreThoseOfTheCode(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"Role": access.Roles(), "Action": audit.Actions()} {
		got := c.Document().Components.Schemas[name].Value.Enum
		if diff := cmp.Diff(plain(t, want), plain(t, got)); diff != "" {
			t.Errorf("%s (-code +openapi.yaml):\n%s", name, diff)
		}
	}
}

// TestTheTrailsDetailsAreThoseOfTheContract compares the names of the fields.
func TestTheTrailsDetailsAreThoseOfTheContract(t *testing.T) {
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for field := range reflect.TypeFor[audit.Details]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want = append(want, name)
	}
	slices.Sort(want)
	got := slices.Sorted(maps.Keys(c.Document().Components.Schemas["AuditDetails"].Value.Properties))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("details (-audit.Details +openapi.yaml):\n%s", diff)
	}
}

func TestTheReadmeNamesEveryAction(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(readme), "`action` is one of ")
	list, _, _ = strings.Cut(list, ".")
	var got []audit.Action
	for _, quoted := range strings.Split(list, ",") {
		got = append(got, audit.Action(strings.Trim(strings.TrimSpace(quoted), "`")))
	}
	if diff := cmp.Diff(got, audit.Actions()); diff != "" {
		t.Errorf("the README's actions (-got +want):\n%s", diff)
	}
}
