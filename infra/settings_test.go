package infra_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

const samConfig = "samconfig.toml"

// A setting is what one place of a template must say, and why.
type setting struct{ file, path, want, because string }

// settings are those that nothing shows when they are wrong, but a bad day.
func settings() []setting {
	return []setting{
		{mainTemplate, "Conditions HasDomain", "!Not [!Equals [!Ref DomainName, ]]", "a name of one's own is what the parameter names"},
		{mainTemplate, "Conditions SharesAnswers", "!Not [!Equals [!Ref AllowedOrigins, ]]", "pages read answers where origins are allowed"},
		{mainTemplate, "Conditions PublishesEvents", "!Not [!Equals [!Ref EventBusName, ]]", "events go to the bus that is named"},
		{mainTemplate, "Resources Api DependsOn", "AuthorizerFunctionAliaslive", "API Gateway is let in by the alias, which must be there"},
		{mainTemplate, "Resources Api Properties AlwaysDeploy", "true", "SAM misses a change that only a parameter makes"},
		{mainTemplate, "Resources Api Properties DisableExecuteApiEndpoint", "!If [HasDomain, true, false]", "one name, one certificate, one firewall"},
		{mainTemplate, "Resources Api Properties MethodSettings 0 LoggingLevel", "OFF", "the execution log holds passwords"},
		{mainTemplate, "Resources Api Properties MethodSettings 1 LoggingLevel", "OFF", "the execution log holds passwords"},
		{mainTemplate, "Resources LoginFunction Properties MemorySize", "1769", "a hash needs one vCPU, which is what that many MB come with"},
		{mainTemplate, "Resources LoginFunction Properties ReservedConcurrentExecutions", "!Ref LoginConcurrency", "it bounds what a flood of hashes costs"},
		{mainTemplate, "Resources UpdatePolicyFunction Properties ReservedConcurrentExecutions", "1", "Parameter Store cannot write conditionally: one writer (infra/decisions/0009)"},
		{identityTemplate, "Resources UserPool Properties DeletionProtection", "ACTIVE", "nobody loses the users of a stage by mistake"},
		{identityTemplate, "Resources UserPool Properties Policies PasswordPolicy MinimumLength", "32", "a password that a person could know is none of ours"},
	}
}

// settingsChanged says which of a file's settings are not as they must be.
func settingsChanged(t *testing.T, file string, text []byte) []string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, s := range settings() {
		if got := render(at(&document, strings.Fields(s.path)...)); s.file == file && got != s.want {
			problems = append(problems, fmt.Sprintf("%s is %q, want %q: %s", s.path, got, s.want, s.because))
		}
	}
	return problems
}

// logsForgotten says which log groups are not kept for as long as the parameter
// says. Without a number a log is kept, and paid for, for ever.
func logsForgotten(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	for id, r := range tpl.Resources {
		var logs struct {
			Days text `yaml:"RetentionInDays"`
		}
		if r.Type != "AWS::Logs::LogGroup" {
			continue
		}
		if tpl.properties(t, id, &logs); logs.Days != "!Ref LogRetentionDays" {
			problems = append(problems, fmt.Sprintf("%s is kept for %q", id, logs.Days))
		}
	}
	return problems
}

func TestTheSettingsThatNothingElseShows(t *testing.T) {
	for _, file := range []string{mainTemplate, identityTemplate} {
		for _, problem := range settingsChanged(t, file, readFile(t, file)) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	for _, file := range []string{mainTemplate, firewallTemplate} {
		for _, problem := range logsForgotten(t, readTemplateFile(t, file)) {
			t.Errorf("%s: %s", file, problem)
		}
	}
}

// readsUnbounded says which statements that show some attributes of a table let a
// request ask for others by its Select.
func readsUnbounded(t *testing.T, tpl template) []string {
	t.Helper()
	var problems []string
	for _, f := range tpl.functions(t) {
		for _, s := range f.statements() {
			reads := slices.ContainsFunc(s.Action, func(a text) bool {
				return slices.Contains([]text{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}, a)
			})
			c := s.condition(t)
			if reads && len(c.Attributes.Names) > 0 && (c.IfExists.Select != "SPECIFIC_ATTRIBUTES" || c.Null.Attributes != "false") {
				problems = append(problems, fmt.Sprintf("%s, statement %s: a Select may ask for more", f.folder(), s.Sid))
			}
		}
	}
	return problems
}

func TestNoSelectAsksForMore(t *testing.T) {
	for _, problem := range readsUnbounded(t, readTemplate(t)) {
		t.Error(problem)
	}
}

// prodIsReleasedAtOnce says what is wrong with how a stage for real users takes a
// new version.
func prodIsReleasedAtOnce(text []byte) []string {
	_, section, _ := strings.Cut(string(text), "\n[prod.deploy.parameters]\n")
	section, _, _ = strings.Cut(section, "\n[")
	var problems []string
	if !strings.Contains(section, `"Stage=prod"`) {
		problems = append(problems, "prod is another stage")
	}
	if !regexp.MustCompile(`"Release=(Canary|Linear)10Percent[A-Za-z0-9]+"`).MatchString(section) {
		problems = append(problems, "prod takes a new version at once")
	}
	return problems
}

func TestProdTakesANewVersionByAndBy(t *testing.T) {
	for _, problem := range prodIsReleasedAtOnce(readFile(t, samConfig)) {
		t.Error(problem)
	}
}

// firewallLetsThrough says which rules of the firewalls count what they should
// block, and what the rule for logins takes for one, or does not.
func firewallLetsThrough(t *testing.T, text []byte) []string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, list := range []string{"ApiFirewall", "PoolFirewall"} {
		rules := at(&document, "Resources", list, "Properties", "Rules").Content
		if len(rules) == 0 {
			problems = append(problems, list+" has no rule")
		}
		for _, rule := range rules {
			problems = append(problems, ruleLetsThrough(rule)...)
		}
	}
	only := at(&document, "Resources", "ApiFirewall", "Properties", "Rules", "LoginsPerAddress", "Statement", "RateBasedStatement", "ScopeDownStatement", "RegexMatchStatement")
	return append(problems, loginsMistaken(only)...)
}

// ruleLetsThrough says whether a rule does not block. Of the groups that AWS
// manages, only rules about bodies and endings of paths may count alone:
// infra/firewall.yaml says why.
func ruleLetsThrough(rule *yaml.Node) []string {
	name := at(rule, "Name").Value
	group := at(rule, "Statement", "ManagedRuleGroupStatement")
	if group.IsZero() {
		if got := render(at(rule, "Action")); got != "{Block: {}}" {
			return []string{name + " does " + got}
		}
		return nil
	}
	var problems []string
	if got := render(at(rule, "OverrideAction")); got != "{None: {}}" {
		problems = append(problems, name+" does "+got)
	}
	for _, override := range at(group, "RuleActionOverrides").Content {
		if of := at(override, "Name").Value; !strings.HasSuffix(of, "_BODY") && of != "RestrictedExtensions_URIPATH" {
			problems = append(problems, name+" overrides "+of)
		}
	}
	return problems
}

// loginsMistaken says which paths the rule for logins takes wrongly. The stage
// comes before the path unless there is a name of one's own.
func loginsMistaken(only *yaml.Node) []string {
	if got := render(at(only, "FieldToMatch")); got != "{UriPath: {}}" {
		return []string{"logins are told by " + got}
	}
	pattern, err := regexp.Compile(at(only, "RegexString").Value)
	if err != nil {
		return []string{err.Error()}
	}
	var problems []string
	for path, want := range map[string]bool{
		"/login": true, "/prod/login": true, "/prod/login/": true,
		"/prod/token": false, "/prod/clients/acme/users": false, "/prod/clients/acme/users/login.x/unlock": false,
	} {
		if pattern.MatchString(path) != want {
			problems = append(problems, fmt.Sprintf("%s is a login: %v", path, !want))
		}
	}
	return problems
}

func TestTheFirewallBlocks(t *testing.T) {
	for _, problem := range firewallLetsThrough(t, readFile(t, firewallTemplate)) {
		t.Error(problem)
	}
}
