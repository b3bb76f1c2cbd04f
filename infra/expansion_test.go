package infra_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// An expansion is what these tests read of the template that CloudFormation works
// with, once SAM has made it of ours.
type expansion struct {
	Resources map[string]struct {
		Type       string
		Properties json.RawMessage
	}
}

// expand runs SAM's own translator over a template. A word that it does not know,
// such as a misspelt ReauthorizeEvery, it leaves out without a warning, and every
// linter is content.
func expand(t *testing.T, template string) expansion {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, ".build", "sam", "bin", "python")); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("the SAM CLI is missing: `make sam` installs it, as `make test` does")
	}
	out, err := exec.Command(filepath.Join(root, "infra", "tools", "expand"), template).Output()
	if err != nil {
		var exited *exec.ExitError
		errors.As(err, &exited)
		t.Fatalf("expanding %s: %v\n%s", template, err, exited.Stderr)
	}
	var e expansion
	if err := json.Unmarshal(out, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// expandedMain is the expansion of template.yaml, which is made once: it takes
// seconds.
var expandedMain struct {
	sync.Once
	expansion
}

func expandMain(t *testing.T) expansion {
	t.Helper()
	expandedMain.Do(func() { expandedMain.expansion = expand(t, filepath.Join(root, mainTemplate)) })
	return expandedMain.expansion
}

// A gatewayBody is what API Gateway is told of the API.
type gatewayBody struct {
	Paths      map[string]map[string]gatewayMethod `json:"paths"`
	Components struct {
		Schemes map[string]struct {
			Authorizer struct {
				TTL    *int   `json:"authorizerResultTtlInSeconds"`
				Type   string `json:"type"`
				Source string `json:"identitySource"`
			} `json:"x-amazon-apigateway-authorizer"`
		} `json:"securitySchemes"`
	} `json:"components"`
}

type gatewayMethod struct {
	Security    []map[string][]string `json:"security"`
	Integration struct {
		Type string `json:"type"`
	} `json:"x-amazon-apigateway-integration"`
}

func (e expansion) body(t *testing.T) gatewayBody {
	t.Helper()
	var api struct{ Body gatewayBody }
	if err := json.Unmarshal(e.Resources["Api"].Properties, &api); err != nil {
		t.Fatal(err)
	}
	return api.Body
}

// authorizersCache says where an authorizer's answer would be remembered. A TTL
// that is absent means five minutes.
func authorizersCache(body gatewayBody) []string {
	var problems []string
	for name, scheme := range body.Components.Schemes {
		a := scheme.Authorizer
		if a.TTL == nil || *a.TTL != 0 {
			problems = append(problems, "the answers of "+name+" are remembered")
		}
		if a.Type != "request" || a.Source != "method.request.header.Authorization" {
			problems = append(problems, name+" is asked otherwise")
		}
	}
	if len(body.Components.Schemes) != 1 {
		problems = append(problems, "there is not one authorizer")
	}
	return problems
}

// methodsAreGuarded says which methods differ from internal/access in whether a
// token is asked for. One that says nothing at all is open.
func methodsAreGuarded(body gatewayBody) []string {
	want := map[string]string{}
	for _, r := range slices.Concat(access.Routes(), access.ConsoleRoutes()) {
		want[r.Method+" "+r.Path] = "Tokens"
		if r.Action == access.Anybody {
			want[r.Method+" "+r.Path] = "NONE"
		}
	}
	var problems []string
	for path, methods := range body.Paths {
		for method, m := range methods {
			name := strings.ToUpper(method) + " " + path
			if guards := m.guards(); !slices.Equal(guards, []string{want[name]}) {
				problems = append(problems, name+" is guarded by "+strings.Join(guards, " and "))
			}
			delete(want, name)
		}
	}
	for name := range want {
		problems = append(problems, name+" is missing")
	}
	slices.Sort(problems)
	return problems
}

func (m gatewayMethod) guards() []string {
	var names []string
	for _, s := range m.Security {
		names = append(names, slices.Collect(maps.Keys(s))...)
	}
	return names
}

// TestTheExpansionGuardsEveryMethod looks at what is deployed rather than at what
// was meant.
func TestTheExpansionGuardsEveryMethod(t *testing.T) {
	body := expandMain(t).body(t)
	for _, problem := range slices.Concat(authorizersCache(body), methodsAreGuarded(body)) {
		t.Error(problem)
	}
}

// TestTheExpansionHasNoOtherWayIn: all that SAM adds to the template is the
// permissions by which API Gateway calls functions, the API's deployment and its
// stage, and the releases.
func TestTheExpansionHasNoOtherWayIn(t *testing.T) {
	got := map[string]bool{}
	ours := readTemplate(t).Resources
	for id, r := range expandMain(t).Resources {
		if _, ok := ours[id]; !ok {
			got[r.Type] = true
		}
	}
	want := []string{
		"AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage",
		"AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::IAM::Role", // CodeDeploy's
		"AWS::Lambda::Alias", "AWS::Lambda::Permission", "AWS::Lambda::Version",
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("kinds of resources that SAM adds (-want +got):\n%s", diff)
	}
}

// TestTheStageIsThrottled: all methods, and logins, which cost a hash each, for
// themselves. A method's path is written with ~1 for each slash but the first.
func TestTheStageIsThrottled(t *testing.T) {
	var stage struct {
		MethodSettings []struct {
			HttpMethod, ResourcePath                  string
			ThrottlingRateLimit, ThrottlingBurstLimit map[string]string
			DataTraceEnabled                          bool
		}
		AccessLogSetting struct{ Format string }
	}
	if err := json.Unmarshal(expandMain(t).Resources["ApiStage"].Properties, &stage); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range stage.MethodSettings {
		got[s.HttpMethod+" "+s.ResourcePath] = s.ThrottlingRateLimit["Ref"] + " " + s.ThrottlingBurstLimit["Ref"]
		if s.DataTraceEnabled {
			t.Errorf("%s %s: passwords would be in the log", s.HttpMethod, s.ResourcePath)
		}
	}
	want := map[string]string{"* /*": "RequestRate RequestBurst", "POST /~1login": "LoginRate LoginBurst"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("throttles (-want +got):\n%s", diff)
	}
	checkAccessLog(t, stage.AccessLogSetting.Format)
}

// checkAccessLog wants a line of JSON that holds nothing that only the person who
// logs in may know.
func checkAccessLog(t *testing.T, format string) {
	t.Helper()
	var line map[string]string
	if err := json.Unmarshal([]byte(format), &line); err != nil || strings.Contains(format, "\n") {
		t.Errorf("the access log is no line of JSON: %v: %s", err, format)
	}
	for _, name := range []string{"request_id", "source_ip", "status", "route", "latency_ms"} {
		if line[name] == "" {
			t.Errorf("the access log does not tell %s", name)
		}
	}
	for _, secret := range []string{"requestOverride", "input", "authorizer.principalId", "identity.cognito", "$context.path"} {
		if strings.Contains(format, secret) {
			t.Errorf("the access log tells %s", secret)
		}
	}
}

// TestOldTLSIsRefused, under the name that AWS gives and under one's own.
func TestOldTLSIsRefused(t *testing.T) {
	tpl := readTemplate(t)
	for _, id := range []string{"Api", "ApiDomain"} {
		var got struct {
			Policy string `yaml:"SecurityPolicy"`
			Access string `yaml:"EndpointAccessMode"`
		}
		tpl.properties(t, id, &got)
		if !strings.HasPrefix(got.Policy, "SecurityPolicy_TLS13_1_2_PFS") || got.Access == "" {
			t.Errorf("%s takes %q, with access mode %q; want TLS 1.2 at least, with forward secrecy", id, got.Policy, got.Access)
		}
	}
}

// revision stands for one that `make deploy` makes, of which SAM takes the first
// ten digits.
const revision = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

// publishedByRevision says which functions a new revision gives no version of their
// own, which the alias is then moved to. The revision is in the function itself too:
// Lambda refuses to publish what has not changed.
func publishedByRevision(t *testing.T, text []byte) []string {
	const unset = "  Revision:\n    Type: String\n    Default: \"\"\n"
	if !bytes.Contains(text, []byte(unset)) {
		t.Fatal("the template has no parameter Revision")
	}
	file := filepath.Join(t.TempDir(), "template.yaml")
	set := strings.Replace(unset, `""`, strconv.Quote(revision), 1)
	if err := os.WriteFile(file, bytes.Replace(text, []byte(unset), []byte(set), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var problems []string
	e := expand(t, file)
	for id, r := range e.Resources {
		if r.Type != "AWS::Lambda::Function" {
			continue
		}
		if e.Resources[id+"Version"+revision[:10]].Type != "AWS::Lambda::Version" {
			problems = append(problems, id+" keeps its version")
		}
		var function struct {
			Environment struct{ Variables map[string]any }
		}
		if err := json.Unmarshal(r.Properties, &function); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(function.Environment.Variables["PORTCULLIS_REVISION"], map[string]any{"Ref": "Revision"}) {
			problems = append(problems, id+" does not change with the revision")
		}
	}
	return problems
}

// TestEveryRevisionReachesWhatAnswers: a setting that reached a function and not
// the version that its alias leads to would be shown as deployed, and ignored.
func TestEveryRevisionReachesWhatAnswers(t *testing.T) {
	if problems := publishedByRevision(t, readFile(t, mainTemplate)); len(problems) > 0 {
		t.Errorf("got %q", problems)
	}
}
