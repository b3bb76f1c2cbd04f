package infra_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A check looks at one file and says what is wrong with it.
type check func(source) []string

// checks are the rules that one file can break by itself.
var checks = map[string]check{
	"imports only what the table allows":          checkImports,
	"imports only the AWS clients it owns":        checkAWS,
	"lockout is pure":                             checkLockout,
	"keys are made in users":                      checkKeys,
	"only tests use the tests' modules":           checkTestModules,
	"functions have no init and are short enough": checkFunctions,
}

func TestEveryFileKeepsTheRules(t *testing.T) {
	all := readSources(t)
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			for _, s := range all {
				for _, problem := range check(s) {
					t.Errorf("%s: %s", s.path, problem)
				}
			}
		})
	}
}

// importTable says what each package may import of ours. A package that is not
// here has no place yet.
var importTable = map[string][]string{
	"internal/lockout":   nil,
	"internal/access":    nil,
	"internal/attempts":  {"internal/lockout", "internal/access"},
	"internal/audit":     {"internal/lockout", "internal/access"},
	"internal/policy":    {"internal/lockout", "internal/access"},
	"internal/secrets":   {"internal/lockout"},
	"internal/tokens":    {"internal/lockout", "internal/access", "internal/secrets"},
	"internal/bearer":    {"internal/lockout", "internal/access"},
	"internal/users":     {"internal/lockout", "internal/access", "internal/audit"},
	"internal/environ":   {"internal/lockout"},
	"internal/metrics":   {"internal/lockout", "internal/access"},
	"internal/announce":  {"internal/audit"},
	"internal/directory": {"internal/lockout", "internal/access", "internal/audit", "internal/users", "internal/tokens"},
	"internal/httpapi":   {"internal/lockout", "internal/access", "internal/audit"},
	"internal/embedded":  {"internal/lockout", "internal/access", "internal/audit", "internal/users", "internal/bearer"},
	"infra":              nil,
	"infra/contract":     {"infra"}, // and nobody but tests and the conformance suite may import it
	"infra/conformance":  {"infra/contract"},
	"internal/console":   nil,
	"infra/stack":        nil,
	"infra/child":        nil,
	"infra/bootstrap":    {"infra/child", "internal/environ", "internal/lockout"},
	"infra/calls":        nil, // and nobody but tests may import it
	"infra/ministack":    {"infra/child", "infra/stack", "internal/environ"},
	"infra/samlocal":     {"infra/child"},
	"infra/local":        append([]string{"infra", "infra/bootstrap", "infra/examples", "internal/embedded"}, functionsMayImport...),
	"functions/query":    append([]string{"infra"}, functionsMayImport...), // serves the contract
	"infra/browser":      nil,                                              // and nobody but tests may import it
	"infra/faults":       nil,                                              // nor this
	"infra/matrix":       nil,                                              // nor this

	"functions/publish-events": {"internal/announce", "internal/environ"},

	"infra/bench":          {"infra/bench/load", "infra/child", "infra/launch", "internal/access", "internal/audit", "internal/embedded", "internal/environ", "internal/users"},
	"infra/bench/load":     nil, // and only what measures may import it
	"infra/bench/peers":    {"infra/bench/load", "infra/child"},
	"infra/cost":           {"infra/cost/bill"},
	"infra/cost/bill":      {"internal/lockout"},
	"infra/simulate":       {"infra/simulate/flood"},
	"infra/simulate/flood": {"infra/cost/bill", "internal/lockout", "internal/users"},
	"infra/launch":         {"infra/child"},
	"infra/soak":           {"infra/child", "infra/faults", "infra/launch", "infra/soak/ledger"},
	"infra/soak/ledger":    nil,
	"infra/timing":         nil,

	"infra/bench/coldstart":       {"infra/bootstrap", "internal/environ"},
	"infra/bench/coldstart/empty": nil,

	// What a portal's team copies stands alone.
	"infra/examples":        nil,
	"infra/examples/client": nil,
}

// functionsMayImport is the row of every folder under functions/ that has none of
// its own.
var functionsMayImport = []string{
	"internal/lockout", "internal/access", "internal/attempts", "internal/audit", "internal/console", "internal/directory",
	"internal/environ", "internal/httpapi", "internal/metrics", "internal/policy", "internal/bearer", "internal/secrets", "internal/tokens", "internal/users",
}

func mayImport(folder string) (allowed []string, known bool) {
	allowed, known = importTable[folder]
	if !known && strings.HasPrefix(folder, "functions/") {
		return functionsMayImport, true
	}
	return allowed, known
}

func checkImports(s source) []string {
	if s.isTest() {
		return nil
	}
	allowed, known := mayImport(s.folder())
	if !known {
		return []string{"its package is not in the import table"}
	}
	var problems []string
	for _, imported := range s.imports() {
		ours, ok := strings.CutPrefix(imported, modulePath)
		if ok && !slices.Contains(allowed, ours) {
			problems = append(problems, "may not import "+ours)
		}
	}
	return problems
}

const awsSDK = "github.com/aws/aws-sdk-go-v2"

// awsClients says which AWS services a package may talk to. One that is not
// here talks to none; functions and the tools of infra build the clients.
var awsClients = map[string][]string{
	"internal/announce": {"eventbridge"},
	"internal/attempts": {"dynamodb"},
	"internal/audit":    {"dynamodb"},
	"internal/users":    {"dynamodb"},
	"internal/policy":   {"ssm"},
	"internal/secrets":  {"ssm"},
	"internal/tokens":   {"ssm", "cognitoidentityprovider"},
}

// noAWS are the packages that may not even know the SDK's configuration.
var noAWS = []string{
	"internal/access", "internal/directory", "internal/embedded", "internal/httpapi", "internal/lockout", "internal/bearer",
}

func checkAWS(s source) []string {
	if s.isTest() || !strings.HasPrefix(s.folder(), "internal/") {
		return nil
	}
	var problems []string
	for _, imported := range s.imports() {
		if strings.HasPrefix(imported, awsSDK) && slices.Contains(noAWS, s.folder()) {
			problems = append(problems, "may not import "+imported)
		}
		service, ok := strings.CutPrefix(imported, awsSDK+"/service/")
		service, _, _ = strings.Cut(service, "/")
		if ok && !slices.Contains(awsClients[s.folder()], service) {
			problems = append(problems, "may not talk to "+service)
		}
	}
	return problems
}

// checkLockout keeps the rule pure, access and the examples on the standard
// library, and statuses out of the stores.
func checkLockout(s source) []string {
	if s.isTest() {
		return nil
	}
	var banned []string
	switch s.folder() {
	case "internal/lockout":
		banned = []string{"net/http", "os", "os/exec", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand"}
	case "internal/attempts", "internal/audit", "internal/policy", "internal/users":
		banned = []string{"net/http"}
	}
	standardOnly := slices.Contains([]string{"internal/lockout", "internal/access", "infra/examples", "infra/examples/client"}, s.folder())
	var problems []string
	for _, imported := range s.imports() {
		first, _, _ := strings.Cut(imported, "/")
		if slices.Contains(banned, imported) || standardOnly && strings.Contains(first, ".") {
			problems = append(problems, "may not import "+imported)
		}
	}
	if s.folder() == "internal/lockout" && s.uses("time", "Now") {
		problems = append(problems, "may not read the machine's clock")
	}
	return problems
}

// checkKeys keeps raw strings from becoming store keys.
func checkKeys(s source) []string {
	if s.isTest() || s.folder() == "internal/users" || !s.uses(modulePath+"internal/lockout", "NewKey") {
		return nil
	}
	return []string{"may not use lockout.NewKey: package users makes keys"}
}

// testModules are the modules that are there for tests, each with the package
// through which they use it.
var testModules = map[string]string{
	"github.com/getkin/kin-openapi/": "infra/contract",
	"github.com/chromedp/":           "infra/browser",
	"github.com/santhosh-tekuri/":    "infra/contract", // by way of kin-openapi
	"pgregory.net/rapid":             "internal/lockouttest",
	"github.com/anishathalye/":       "internal/lockouttest",
}

// checkTestModules keeps them out of everything that is deployed: what is there
// to check has no place in a function.
func checkTestModules(s source) []string {
	if s.isTest() {
		return nil
	}
	var problems []string
	for _, imported := range s.imports() {
		for module, folder := range testModules {
			if strings.HasPrefix(imported, module) && s.folder() != folder {
				problems = append(problems, "may not import "+imported)
			}
		}
	}
	return problems
}

// The longest that a function may be, from "func" to its closing brace. In
// httpapi everything counts as a handler.
const (
	maxFunctionLines = 60
	maxHandlerLines  = 45
)

func checkFunctions(s source) []string {
	longest := maxFunctionLines
	if s.folder() == "internal/httpapi" {
		longest = maxHandlerLines
	}
	var problems []string
	for _, f := range s.functions() {
		if f.Recv == nil && f.Name.Name == "init" {
			problems = append(problems, "may not have an init function")
		}
		if n := s.lines(f); !s.isTest() && n > longest {
			problems = append(problems, fmt.Sprintf("%s has %d lines, and may have %d", f.Name.Name, n, longest))
		}
	}
	return problems
}

func TestEveryPackageHasAComment(t *testing.T) {
	if diff := cmp.Diff([]string(nil), uncommented(readSources(t))); diff != "" {
		t.Errorf("packages without a package comment (-want +got):\n%s", diff)
	}
}

// uncommented returns the packages that say nowhere what they are for. A
// command may begin its comment as it likes.
func uncommented(all []source) []string {
	commented := map[string]bool{}
	for _, s := range all {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		name, comment := s.file.Name.Name, s.file.Doc.Text()
		says := strings.HasPrefix(comment, "Package "+name+" ") || name == "main" && comment != ""
		commented[s.folder()] = commented[s.folder()] || says
	}
	var missing []string
	for folder, ok := range commented {
		if !ok {
			missing = append(missing, folder)
		}
	}
	slices.Sort(missing)
	return missing
}

func TestKeysAreMadeInUsers(t *testing.T) {
	for _, s := range readSources(t) {
		if !s.isTest() && s.uses(modulePath+"internal/lockout", "NewKey") {
			return
		}
	}
	t.Error("no file uses lockout.NewKey; the check for it looks for the wrong thing")
}

func TestTheTopLevelHoldsOnlyTheAgreedNames(t *testing.T) {
	want := []string{
		"LICENSE", "Makefile", "README.md", "functions", "go.mod", "go.sum", "infra", "internal", "samconfig.toml", "template.yaml",
	}
	if diff := cmp.Diff(want, topLevel(t)); diff != "" {
		t.Errorf("top level (-want +got):\n%s", diff)
	}
}
