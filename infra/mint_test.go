package infra_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// TestTheAppClientAllowsTheAdminFlowAndRefreshOnly guards the one way to a
// token: a client with a secret, since refreshing is open to whoever needs
// none; no flow for guessing; tokens that end soon and can be revoked. A client
// whose refresh tokens rotate would not take them in the flow that we renew by.
func TestTheAppClientAllowsTheAdminFlowAndRefreshOnly(t *testing.T) {
	var properties map[string]any
	readTemplateFile(t, identityTemplate).properties(t, "AppClient", &properties)
	got := map[string]any{}
	for _, name := range []string{
		"GenerateSecret", "ExplicitAuthFlows", "EnableTokenRevocation", "PreventUserExistenceErrors",
		"AccessTokenValidity", "IdTokenValidity", "RefreshTokenValidity", "TokenValidityUnits", "AllowedOAuthFlows",
		"RefreshTokenRotation",
	} {
		got[name] = properties[name]
	}
	want := map[string]any{
		"GenerateSecret":             true,
		"ExplicitAuthFlows":          []any{"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"},
		"EnableTokenRevocation":      true,
		"PreventUserExistenceErrors": "ENABLED",
		"AccessTokenValidity":        15,
		"IdTokenValidity":            15,
		"RefreshTokenValidity":       12,
		"TokenValidityUnits":         map[string]any{"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "hours"},
		"AllowedOAuthFlows":          nil,
		"RefreshTokenRotation":       nil,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("app client (-want +got):\n%s", diff)
	}
}

// TestTheEmbeddedMintsTokensLastAsLong compares the constants of the other mint
// with the app client's settings.
func TestTheEmbeddedMintsTokensLastAsLong(t *testing.T) {
	var properties struct {
		Access  int `yaml:"AccessTokenValidity"`
		Refresh int `yaml:"RefreshTokenValidity"`
	}
	readTemplateFile(t, identityTemplate).properties(t, "AppClient", &properties)
	want := map[string]string{
		"accessTime":  fmt.Sprintf("%d * time.Minute", properties.Access),
		"refreshTime": fmt.Sprintf("%d * time.Hour", properties.Refresh),
	}
	got := map[string]string{}
	for _, s := range readSources(t) {
		if s.folder() != "internal/embedded" || s.isTest() {
			continue
		}
		for name, value := range s.constants() {
			if _, ok := want[name]; ok {
				got[name] = value
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lifetimes (-identity.yaml +internal/embedded):\n%s", diff)
	}
}

// The app client's secret is read by the code that needs it. A variable or an
// output would show it to whoever may look at a function or a stack.
func TestTheTemplatesPassNoClientSecretOn(t *testing.T) {
	for _, name := range []string{mainTemplate, identityTemplate} {
		if strings.Contains(string(readFile(t, name)), "ClientSecret") {
			t.Errorf("%s mentions ClientSecret", name)
		}
	}
}

func TestTheUserPoolIsClosed(t *testing.T) {
	var got struct {
		UsernameConfiguration  map[string]bool         `yaml:"UsernameConfiguration"`
		AdminCreateUserConfig  map[string]bool         `yaml:"AdminCreateUserConfig"`
		AccountRecoverySetting map[string][]recoveryBy `yaml:"AccountRecoverySetting"`
	}
	readTemplateFile(t, identityTemplate).properties(t, "UserPool", &got)
	if !got.UsernameConfiguration["CaseSensitive"] {
		t.Error("usernames are not case-sensitive")
	}
	if !got.AdminCreateUserConfig["AllowAdminCreateUserOnly"] {
		t.Error("anybody may sign up")
	}
	want := map[string][]recoveryBy{"RecoveryMechanisms": {{Name: "admin_only", Priority: 1}}}
	if diff := cmp.Diff(want, got.AccountRecoverySetting); diff != "" {
		t.Errorf("recovery (-want +got):\n%s", diff)
	}
}

type recoveryBy struct {
	Name     string `yaml:"Name"`
	Priority int    `yaml:"Priority"`
}

func TestThePoolHasAGroupForEachRole(t *testing.T) {
	tpl := readTemplateFile(t, identityTemplate)
	var got []string
	for id, resource := range tpl.Resources {
		if resource.Type != "AWS::Cognito::UserPoolGroup" {
			continue
		}
		var group struct {
			Name string `yaml:"GroupName"`
		}
		tpl.properties(t, id, &group)
		got = append(got, group.Name)
	}
	var want []string
	for _, role := range access.Roles() {
		want = append(want, string(role))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-roles +identity.yaml):\n%s", diff)
	}
}
