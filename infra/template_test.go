package infra_test

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	compare "github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// A route is a method as both the template and internal/access describe it.
type route struct {
	Method, Path, Function string
	Open                   bool // no token is asked for
}

func TestTheEventsAreTheRoutes(t *testing.T) {
	var want []route
	for _, r := range slices.Concat(access.Routes(), access.ConsoleRoutes()) {
		want = append(want, route{r.Method, r.Path, r.Function, r.Action == access.Anybody})
	}
	got := eventRoutes(t, readTemplate(t))
	byPath := func(a, b route) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method)) }
	slices.SortFunc(want, byPath)
	slices.SortFunc(got, byPath)
	if diff := compare.Diff(want, got); diff != "" {
		t.Errorf("routes (-internal/access +template.yaml):\n%s", diff)
	}
}

// eventRoutes returns what API Gateway would call. An event is open only when
// it says NONE; one that names another authorizer is refused here.
func eventRoutes(t *testing.T, tpl template) []route {
	t.Helper()
	var all []route
	for _, f := range tpl.functions(t) {
		for name, e := range f.Events {
			authorizer := e.Properties.Auth.Authorizer
			if e.Type != "Api" || e.Properties.API != "!Ref Api" || authorizer != "" && authorizer != "NONE" {
				t.Errorf("%s, event %s: want an Api event of Api, under its default authorizer or NONE", f.id, name)
			}
			all = append(all, route{e.Properties.Method, e.Properties.Path, f.folder(), authorizer == "NONE"})
		}
	}
	return all
}

// TestNoFunctionHasAPathBothOpenAndClosed: "sam local" (1.167) takes the methods
// that a function has on one path for one route, and asks the authorizer for all of
// them or for none.
func TestNoFunctionHasAPathBothOpenAndClosed(t *testing.T) {
	type place struct{ Function, Path string }
	open := map[place]bool{}
	for _, r := range eventRoutes(t, readTemplate(t)) {
		at := place{r.Function, r.Path}
		if before, seen := open[at]; seen && before != r.Open {
			t.Errorf("%s has an open method and another of %s", r.Function, r.Path)
		}
		open[at] = r.Open
	}
}

func TestTheDefaultAuthorizerIsAskedEveryTime(t *testing.T) {
	type identity struct {
		Headers          []string `yaml:"Headers"`
		ReauthorizeEvery *int     `yaml:"ReauthorizeEvery"` // absent means five minutes
	}
	type authorizer struct {
		FunctionPayloadType string   `yaml:"FunctionPayloadType"`
		FunctionArn         text     `yaml:"FunctionArn"`
		Identity            identity `yaml:"Identity"`
	}
	type auth struct {
		DefaultAuthorizer string                `yaml:"DefaultAuthorizer"`
		OfPreflights      *bool                 `yaml:"AddDefaultAuthorizerToCorsPreflight"` // absent means yes
		Authorizers       map[string]authorizer `yaml:"Authorizers"`
	}
	var api struct {
		Auth auth `yaml:"Auth"`
	}
	readTemplate(t).properties(t, "Api", &api)
	never, no := 0, false
	want := auth{"Tokens", &no, map[string]authorizer{"Tokens": {
		"REQUEST", "!Sub ${AuthorizerFunction.Arn}:live", identity{[]string{"Authorization"}, &never},
	}}}
	if diff := compare.Diff(want, api.Auth); diff != "" {
		t.Errorf("authorizer (-want +got):\n%s", diff)
	}
}

func TestAnAttemptLivesAsLongAsItsFunction(t *testing.T) {
	tpl := readTemplate(t)
	const parameter = "AttemptLifetimeSeconds"
	if got, want := tpl.Globals.Function.Timeout, text("!Ref "+parameter); got != want {
		t.Errorf("timeout: got %q, want %q", got, want)
	}
	lifetime := tpl.Globals.Function.Environment.Variables["PORTCULLIS_ATTEMPT_LIFETIME"]
	if want := text("!Sub ${" + parameter + "}s"); lifetime != want {
		t.Errorf("PORTCULLIS_ATTEMPT_LIFETIME: got %q, want %q", lifetime, want)
	}
	for _, f := range tpl.functions(t) {
		if f.Timeout != "" {
			t.Errorf("%s has a timeout of its own, %q", f.id, f.Timeout)
		}
	}
	seconds := tpl.Parameters[parameter]
	if _, err := strconv.Atoi(string(seconds.Default)); err != nil {
		t.Errorf("default lifetime: %v", err)
	}
	const gatewayTimeout = 29 * time.Second // API Gateway's quota for a REST integration
	if got := time.Duration(seconds.MaxValue) * time.Second; got == 0 || got >= gatewayTimeout {
		t.Errorf("longest lifetime: got %v, want less than %v", got, gatewayTimeout)
	}
}

func TestEachFunctionIsItsOwnFolder(t *testing.T) {
	tpl := readTemplate(t)
	g := tpl.Globals.Function
	if g.Handler != "bootstrap" || g.Runtime != "provided.al2023" || !slices.Equal(g.Architectures, []text{"x86_64"}) {
		t.Errorf("globals: got %q, %q, %q", g.Handler, g.Runtime, g.Architectures)
	}
	var got []string
	for _, f := range tpl.functions(t) {
		if want := text("functions/" + f.folder() + "/"); f.CodeURI != want || f.buildMethod != "go1.x" {
			t.Errorf("%s: got CodeUri %q built by %q, want %q by go1.x", f.id, f.CodeURI, f.buildMethod, want)
		}
		if want := nameOf(f.folder()); f.FunctionName != want {
			t.Errorf("%s is called %q, want %q", f.id, f.FunctionName, want)
		}
		got = append(got, f.folder())
	}
	slices.Sort(got)
	if diff := compare.Diff(functionFolders(t), got); diff != "" {
		t.Errorf("functions (-folders +template.yaml):\n%s", diff)
	}
}

// nameOf returns what a function must be called. The authorizer may not have a
// name that !Sub makes: "sam local" (1.167) then cannot tell which function it is,
// says so in one line of its log, and serves the whole API open.
func nameOf(folder string) text {
	if folder == "authorizer" {
		return ""
	}
	return text("!Sub portcullis-${Stage}-" + folder)
}

// functionFolders returns the folders under functions/.
func functionFolders(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, "functions"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestEachFunctionHasARoleOfItsOwn: SAM would make one with a policy of AWS's that
// may write every log there is.
func TestEachFunctionHasARoleOfItsOwn(t *testing.T) {
	tpl := readTemplate(t)
	roles := 0
	for _, resource := range tpl.Resources {
		if resource.Type == "AWS::IAM::Role" {
			roles++
		}
	}
	all := tpl.functions(t)
	if roles != len(all) {
		t.Errorf("got %d roles for %d functions", roles, len(all))
	}
	for _, f := range all {
		if want := text("!GetAtt " + f.ownRole() + ".Arn"); f.Role != want || !f.Policies.IsZero() {
			t.Errorf("%s: got role %q and policies in line %d, want %q and none", f.id, f.Role, f.Policies.Line, want)
		}
		for _, s := range f.role.TrustedBy.Statement {
			if diff := compare.Diff(map[string]string{"Service": "lambda.amazonaws.com"}, s.Principal); diff != "" {
				t.Errorf("%s may be taken by others (-want +got):\n%s", f.ownRole(), diff)
			}
		}
		if len(f.role.TrustedBy.Statement) != 1 || len(f.role.Managed) > 0 {
			t.Errorf("%s: got %d who may take it and managed policies %q, want one and none", f.ownRole(), len(f.role.TrustedBy.Statement), f.role.Managed)
		}
	}
}

// TestEachFunctionWritesItsOwnLogOnly. The ARN of a log group ends in ":*", which
// stands for its streams.
func TestEachFunctionWritesItsOwnLogOnly(t *testing.T) {
	for _, f := range readTemplate(t).functions(t) {
		name := strings.TrimSuffix(f.id, "Function") + "Logs"
		var got []statement
		for _, s := range f.statements() {
			if isLog(s) {
				got = append(got, s)
			}
		}
		want := []statement{{
			Sid: "Log", Effect: "Allow", Action: texts{"logs:CreateLogStream", "logs:PutLogEvents"}, Resource: texts{text("!GetAtt " + name + ".Arn")},
		}}
		if diff := compare.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.id, diff)
		}
		if f.LoggingConfig.LogGroup != text("!Ref "+name) {
			t.Errorf("%s logs to %q", f.id, f.LoggingConfig.LogGroup)
		}
	}
}

// isLog tells whether a statement is about writing a log.
func isLog(s statement) bool {
	return slices.ContainsFunc(s.Action, func(a text) bool { return strings.HasPrefix(string(a), "logs:") })
}

func TestNoStatementAllowsEverything(t *testing.T) {
	statements := 0
	for _, f := range readTemplate(t).functions(t) {
		for _, s := range f.statements() {
			statements++
			for _, problem := range tooBroad(s) {
				t.Errorf("%s, statement %s: %s", f.id, s.Sid, problem)
			}
		}
	}
	if statements == 0 {
		t.Error("no function has a statement; this looks in the wrong place")
	}
}

// clientSegment is the one place where a star may stand: the client in the path
// of a parameter.
const clientSegment = "/clients/*/"

// index is one index of a table.
var index = regexp.MustCompile(`^!Sub \$\{Storage\.Outputs\.[A-Za-z]+Arn\}/index/[a-z-]+$`)

var action = regexp.MustCompile(`^[a-z-]+:[A-Za-z]+$`)

func tooBroad(s statement) []string {
	var problems []string
	if s.Effect != "Allow" || len(s.Action) == 0 || len(s.Resource) != 1 {
		problems = append(problems, "want Allow, some actions and one resource")
	}
	for _, a := range s.Action {
		if !action.MatchString(string(a)) {
			problems = append(problems, "action "+string(a))
		}
	}
	for _, r := range s.Resource {
		exact := strings.HasPrefix(string(r), "!GetAtt ") || strings.HasPrefix(string(r), "!Sub arn:") || index.MatchString(string(r))
		if !exact || strings.ContainsAny(strings.Replace(string(r), clientSegment, "/", 1), "*?") {
			problems = append(problems, "resource "+string(r))
		}
	}
	return problems
}

func TestBroadStatementsAreFound(t *testing.T) {
	arn := texts{"!GetAtt UsersTable.Arn"}
	get := texts{"dynamodb:GetItem"}
	for name, s := range map[string]statement{
		"a deny":                 {Effect: "Deny", Action: get, Resource: arn},
		"no action":              {Effect: "Allow", Resource: arn},
		"every action":           {Effect: "Allow", Action: texts{"*"}, Resource: arn},
		"every action of one":    {Effect: "Allow", Action: texts{"dynamodb:*"}, Resource: arn},
		"every reading action":   {Effect: "Allow", Action: texts{"dynamodb:Get*"}, Resource: arn},
		"every resource":         {Effect: "Allow", Action: get, Resource: texts{"*"}},
		"every parameter":        {Effect: "Allow", Action: get, Resource: texts{"!Sub arn:aws:ssm:x:1:parameter/*"}},
		"every client's secrets": {Effect: "Allow", Action: get, Resource: texts{"!Sub arn:aws:ssm:x:1:parameter/clients/*/*"}},
		"every index":            {Effect: "Allow", Action: get, Resource: texts{"!Sub ${Storage.Outputs.UsersTableArn}/index/*"}},
		"what a parameter names": {Effect: "Allow", Action: get, Resource: texts{"!Sub ${Resource}"}},
		"two resources":          {Effect: "Allow", Action: get, Resource: append(arn, arn...)},
	} {
		if len(tooBroad(s)) == 0 {
			t.Errorf("%s is let through", name)
		}
	}
	exact := statement{Effect: "Allow", Action: get, Resource: texts{"!Sub arn:aws:ssm:x:1:parameter/clients/*/security/m"}}
	if got := tooBroad(exact); got != nil {
		t.Errorf("an exact statement is refused: %v", got)
	}
}
