package infra_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"portcullis/internal/metrics"
)

const (
	firewallTemplate = "infra/firewall.yaml"
	alarmsTemplate   = "infra/alarms.yaml"
)

// TestEveryAlarmTellsSomebodyWhatAndWhy: it is told when it begins and when it
// ends, and the number at which it begins has its source beside it.
func TestEveryAlarmTellsSomebodyWhatAndWhy(t *testing.T) {
	for id, a := range alarmResources(t) {
		if !strings.HasPrefix(string(a.Name), "!Sub portcullis-${Stage}-") || a.Description == "" {
			t.Errorf("%s: got name %q and description %q", id, a.Name, a.Description)
		}
		if a.OnAlarm.Tag != "!If" || a.OnEnd.Tag != "!If" || a.Missing != "notBreaching" {
			t.Errorf("%s: got actions %q and %q, and missing data as %q", id, a.OnAlarm.Tag, a.OnEnd.Tag, a.Missing)
		}
		if len(a.Threshold.LineComment) < len("# x: y, z") {
			t.Errorf("%s: nobody says where its threshold comes from", id)
		}
		if len(a.metrics()) == 0 {
			t.Errorf("%s looks at no metric", id)
		}
	}
}

// TestAlarmsNameFunctionsThatThereAre, and the API, by the names of template.yaml.
func TestAlarmsNameFunctionsThatThereAre(t *testing.T) {
	names := map[text]bool{"!Ref AuthorizerName": true}
	for _, f := range readTemplate(t).functions(t) {
		names[f.FunctionName] = true
	}
	var api struct {
		Name text `yaml:"Name"`
	}
	readTemplate(t).properties(t, "Api", &api)
	for id, a := range alarmResources(t) {
		for _, m := range a.metrics() {
			for _, d := range m.Dimensions {
				if d.Name == "FunctionName" && !names[d.Value] || d.Name == "ApiName" && d.Value != api.Name {
					t.Errorf("%s looks at %s %q, which is not there", id, d.Name, d.Value)
				}
			}
		}
	}
}

// TestTheDashboardShowsEveryCount that the functions write.
func TestTheDashboardShowsEveryCount(t *testing.T) {
	var dashboard struct {
		Body text `yaml:"DashboardBody"`
	}
	readTemplateFile(t, alarmsTemplate).properties(t, "Dashboard", &dashboard)
	for _, c := range metrics.Counts() {
		if !strings.Contains(string(dashboard.Body), `["Portcullis","`+string(c)+`","Stage","${Stage}"]`) {
			t.Errorf("%s is not shown", c)
		}
	}
}

// TestReleasesAreTakenBack: every function, the authorizer too, is released under
// the eyes of the alarms, in a way whose name AWS knows; sam validate takes any.
func TestReleasesAreTakenBack(t *testing.T) {
	tpl := readTemplate(t)
	var document struct {
		Globals struct {
			Function struct {
				Alias string `yaml:"AutoPublishAlias"`
				How   struct {
					Type      text      `yaml:"Type"`
					Condition bool      `yaml:"PassthroughCondition"`
					Alarms    yaml.Node `yaml:"Alarms"`
				} `yaml:"DeploymentPreference"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
		Parameters map[string]struct {
			Values []string `yaml:"AllowedValues"`
		} `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(readFile(t, mainTemplate), &document); err != nil {
		t.Fatal(err)
	}
	got := document.Globals.Function
	if got.Alias != "live" || got.How.Type != "!Ref Release" || !got.How.Condition {
		t.Errorf("got %+v", got)
	}
	var watched []text
	for _, name := range []text{"ServerErrors", "AuthorizerErrors", "FunctionErrors", "LoginSlow", "LoginsUnavailable"} {
		watched = append(watched, "!GetAtt Alarms.Outputs."+name)
	}
	var choice struct {
		Condition text
		Yes, No   []text
	}
	if a := got.How.Alarms; a.Tag != "!If" || len(a.Content) != 3 ||
		errors.Join(a.Content[0].Decode(&choice.Condition), a.Content[1].Decode(&choice.Yes), a.Content[2].Decode(&choice.No)) != nil {
		t.Fatalf("alarms: got %+v", a)
	}
	if diff := cmp.Diff(watched, choice.Yes); diff != "" || choice.Condition != "WatchesReleases" {
		t.Errorf("if %s, a release looks at (-want +got):\n%s", choice.Condition, diff)
	}
	if diff := cmp.Diff([]text{"!Ref AWS::NoValue"}, choice.No); diff != "" {
		t.Errorf("else (-want +got):\n%s", diff)
	}
	known := regexp.MustCompile(`^(AllAtOnce|Canary10Percent(5|10|15|30)Minutes|Linear10PercentEvery(1|2|3|10)Minutes?)$`)
	for _, value := range document.Parameters["Release"].Values {
		if !known.MatchString(value) {
			t.Errorf("CodeDeploy knows no %s", value)
		}
	}
	for _, f := range tpl.functions(t) {
		var own struct {
			How   yaml.Node `yaml:"DeploymentPreference"`
			Alias yaml.Node `yaml:"AutoPublishAlias"`
		}
		if tpl.properties(t, f.id, &own); !own.How.IsZero() || !own.Alias.IsZero() {
			t.Errorf("%s is released in a way of its own", f.id)
		}
	}
}

// A firewallRule is what these tests read of one.
type firewallRule struct {
	Name      string `yaml:"Name"`
	Statement struct {
		Managed struct {
			Name string `yaml:"Name"`
		} `yaml:"ManagedRuleGroupStatement"`
		Rate struct {
			Limit text      `yaml:"Limit"`
			Only  yaml.Node `yaml:"ScopeDownStatement"`
		} `yaml:"RateBasedStatement"`
		Size struct {
			Size int `yaml:"Size"`
		} `yaml:"SizeConstraintStatement"`
		Match struct {
			Pattern string `yaml:"RegexString"`
		} `yaml:"RegexMatchStatement"`
	} `yaml:"Statement"`
	Action map[string]struct{} `yaml:"Action"`
}

func firewall(t *testing.T, id string) map[string]firewallRule {
	t.Helper()
	var list struct {
		Rules []firewallRule `yaml:"Rules"`
	}
	readTemplateFile(t, firewallTemplate).properties(t, id, &list)
	rules := map[string]firewallRule{}
	for _, r := range list.Rules {
		rules[r.Name] = r
	}
	return rules
}

func TestTheFirewallSlowsOneAddressDown(t *testing.T) {
	rules := firewall(t, "ApiFirewall")
	logins, all := rules["LoginsPerAddress"], rules["RequestsPerAddress"]
	if logins.Statement.Rate.Limit != "!Ref LoginsPerAddress" || logins.Statement.Rate.Only.IsZero() {
		t.Errorf("logins: got %+v", logins.Statement.Rate)
	}
	if all.Statement.Rate.Limit != "!Ref RequestsPerAddress" || !all.Statement.Rate.Only.IsZero() {
		t.Errorf("all requests: got %+v", all.Statement.Rate)
	}
	for _, name := range []string{"LoginsPerAddress", "RequestsPerAddress", "BodySize"} {
		if _, blocks := rules[name].Action["Block"]; !blocks {
			t.Errorf("%s blocks nothing", name)
		}
	}
	const apiReads = 8 << 10
	if got := rules["BodySize"].Statement.Size.Size; got < apiReads {
		t.Errorf("a body that the API reads is refused at %d bytes", got)
	}
	if got := rules["CommonRules"].Statement.Managed.Name; got != "AWSManagedRulesCommonRuleSet" {
		t.Errorf("common rules: got %q", got)
	}
}

// TestThePoolsPublicOperationsAreForNobody, nor those of whoever has an access
// token, and those that the functions call are not among them.
func TestThePoolsPublicOperationsAreForNobody(t *testing.T) {
	rules := firewall(t, "PoolFirewall")
	blocked := func(operation string) bool {
		for _, name := range []string{"PublicOperations", "TokenOperations"} {
			pattern := regexp.MustCompile(rules[name].Statement.Match.Pattern)
			_, blocks := rules[name].Action["Block"]
			if blocks && pattern.MatchString(strings.ToLower("AWSCognitoIdentityProviderService."+operation)) {
				return true
			}
		}
		return false
	}
	for _, operation := range append(forAnybody(), forTokens()...) {
		if !blocked(operation) {
			t.Errorf("%s is open", operation)
		}
	}
	for _, f := range readTemplate(t).functions(t) {
		for _, s := range f.statements() {
			for _, a := range s.Action {
				if operation, ok := strings.CutPrefix(string(a), "cognito-idp:"); ok && blocked(operation) {
					t.Errorf("%s calls %s, which is blocked", f.folder(), operation)
				}
			}
		}
	}
	for _, operation := range []string{"RevokeToken", "DescribeUserPool", "UpdateUserPool", "UpdateUserPoolClient", "CreateGroup"} {
		if blocked(operation) {
			t.Errorf("%s is blocked: a logout wants the first, a deployment the others", operation)
		}
	}
}

// forAnybody are Cognito's operations that ask for no authorization, but for
// RevokeToken, and forTokens those that ask for an access token ("Using the Amazon
// Cognito user pools API and user pool endpoints", Cognito's developer guide).
func forAnybody() []string {
	return []string{
		"ConfirmForgotPassword", "ConfirmSignUp", "ForgotPassword", "GetTokensFromRefreshToken", "InitiateAuth",
		"ResendConfirmationCode", "RespondToAuthChallenge", "SignUp",
	}
}

func forTokens() []string {
	return []string{
		"AssociateSoftwareToken", "ChangePassword", "CompleteWebAuthnRegistration", "ConfirmDevice", "DeleteUser",
		"DeleteUserAttributes", "DeleteWebAuthnCredential", "ForgetDevice", "GetDevice", "GetUser",
		"GetUserAttributeVerificationCode", "GetUserAuthFactors", "GlobalSignOut", "ListDevices", "ListWebAuthnCredentials",
		"SetUserMFAPreference", "SetUserSettings", "StartWebAuthnRegistration", "UpdateAuthEventFeedback", "UpdateDeviceStatus",
		"UpdateUserAttributes", "VerifySoftwareToken", "VerifyUserAttribute",
	}
}

func TestBothFirewallsStandBeforeSomething(t *testing.T) {
	tpl := readTemplateFile(t, firewallTemplate)
	got := map[text]text{}
	for id, r := range tpl.Resources {
		if r.Type != "AWS::WAFv2::WebACLAssociation" {
			continue
		}
		var association struct {
			Resource text `yaml:"ResourceArn"`
			Firewall text `yaml:"WebACLArn"`
		}
		tpl.properties(t, id, &association)
		got[association.Resource] = association.Firewall
	}
	want := map[text]text{"!Ref ApiStageArn": "!GetAtt ApiFirewall.Arn", "!Ref UserPoolArn": "!GetAtt PoolFirewall.Arn"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("associations (-want +got):\n%s", diff)
	}
}

// TestEveryParameterIsChecked by a pattern, a list or a range, so that a typing
// error ends a deployment before it begins. What a stack passes to one inside it
// has been checked where it came in.
func TestEveryParameterIsChecked(t *testing.T) {
	var document struct {
		Parameters map[string]map[string]yaml.Node `yaml:"Parameters"`
	}
	if err := yaml.Unmarshal(readFile(t, mainTemplate), &document); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(document.Parameters)) {
		p := document.Parameters[name]
		_, pattern := p["AllowedPattern"]
		_, values := p["AllowedValues"]
		_, least := p["MinValue"]
		if !pattern && !values && !least {
			t.Errorf("%s may be anything", name)
		}
	}
}
