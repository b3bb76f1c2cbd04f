package stack_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/infra/stack"
	"portcullis/internal/lockouttest"
)

func TestTablesAreThoseOfTheTemplate(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	tables := lockouttest.Tables(t)
	want := map[string][]string{
		tables.Attempts: {"user HASH", "locked-users: locked_client HASH", "locked-users: user RANGE"},
		tables.Users:    {"client HASH", "username RANGE"},
		tables.Audit:    {"client HASH", "id RANGE"},
	}
	got := map[string][]string{}
	for _, name := range tables.Names() {
		out, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		if err != nil {
			t.Fatal(err)
		}
		got[name] = keys("", out.Table.KeySchema)
		for _, index := range out.Table.GlobalSecondaryIndexes {
			got[name] = append(got[name], keys(*index.IndexName+": ", index.KeySchema)...)
		}
	}
	trail, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &tables.Audit})
	if err != nil {
		t.Fatal(err)
	}
	if stream := trail.Table.StreamSpecification; stream == nil || stream.StreamViewType != types.StreamViewTypeNewImage {
		t.Errorf("the trail's stream: got %+v, want one of new images", stream)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("keys (-got +want):\n%s", diff)
	}
}

func keys(prefix string, schema []types.KeySchemaElement) []string {
	var all []string
	for _, e := range schema {
		all = append(all, prefix+*e.AttributeName+" "+string(e.KeyType))
	}
	return all
}

func TestTemplatesWithoutTheTables(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	for name, template := range map[string]string{
		"no resources":                     "Resources: {}",
		"a table that is something else":   "Resources: {AttemptsTable: {Type: AWS::S3::Bucket}}",
		"a template that is no YAML":       "Resources: [",
		"a table whose keys are no schema": "Resources: {AttemptsTable: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: user}}}",
	} {
		t.Run(name, func(t *testing.T) {
			if tables, err := stack.CreateTables(t.Context(), db, []byte(template), "none-"); err == nil {
				t.Errorf("got %v and no error", tables)
			}
		})
	}
}

// template returns template.yaml with the replacements made, each an old text,
// which must be there, and its new one.
func template(t *testing.T, replacements ...string) []byte {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "..", "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !bytes.Contains(file, []byte(replacements[i])) {
			t.Fatalf("template.yaml has no %q", replacements[i])
		}
	}
	return []byte(strings.NewReplacer(replacements...).Replace(string(file)))
}

func TestIdentity(t *testing.T) {
	config := lockouttest.AWS(t)
	idp, parameters := cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config)
	stage := "stack-test-" + lockouttest.IDs()()
	identity, err := stack.CreateIdentity(t.Context(), idp, parameters, template(t), *config.BaseEndpoint, stage)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the app client is the template's", func(t *testing.T) {
		made := appClient(t, idp, identity)
		if made.ClientSecret == nil {
			t.Error("it has no secret")
		}
		got := *made
		got.ClientId, got.ClientSecret, got.CreationDate, got.LastModifiedDate = nil, nil, nil, nil
		want := cognito.UserPoolClientType{
			ClientName: aws.String("portcullis-" + stage), UserPoolId: &identity.UserPoolID,
			ExplicitAuthFlows: []cognito.ExplicitAuthFlowsType{
				cognito.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, cognito.ExplicitAuthFlowsTypeAllowRefreshTokenAuth,
			},
			EnableTokenRevocation: aws.Bool(true), PreventUserExistenceErrors: cognito.PreventUserExistenceErrorTypesEnabled,
			AccessTokenValidity: aws.Int32(15), IdTokenValidity: aws.Int32(15), RefreshTokenValidity: 12,
			TokenValidityUnits: &cognito.TokenValidityUnitsType{
				AccessToken: cognito.TimeUnitsTypeMinutes, IdToken: cognito.TimeUnitsTypeMinutes, RefreshToken: cognito.TimeUnitsTypeHours,
			},
		}
		sdkOnly := cmpopts.IgnoreUnexported(cognito.UserPoolClientType{}, cognito.TokenValidityUnitsType{})
		emulators := cmpopts.IgnoreFields(cognito.UserPoolClientType{}, "AllowedOAuthFlowsUserPoolClient",
			"AuthSessionValidity", "EnablePropagateAdditionalUserContextData", "DefaultRedirectURI")
		if diff := cmp.Diff(got, want, sdkOnly, emulators, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("app client (-got +want):\n%s", diff)
		}
	})
	t.Run("a change of the template is a change of the app client", func(t *testing.T) {
		changed, err := stack.CreateIdentity(t.Context(), idp, parameters,
			template(t, "RefreshTokenValidity: 12", "RefreshTokenValidity: 7"), *config.BaseEndpoint, stage+"-3")
		if err != nil {
			t.Fatal(err)
		}
		if got := appClient(t, idp, changed).RefreshTokenValidity; got != 7 {
			t.Errorf("got a refresh token validity of %d, want 7", got)
		}
	})
	t.Run("usernames are case-sensitive", func(t *testing.T) {
		out, err := idp.DescribeUserPool(t.Context(), &cognitoidentityprovider.DescribeUserPoolInput{UserPoolId: &identity.UserPoolID})
		if err != nil {
			t.Fatal(err)
		}
		if names := out.UserPool.UsernameConfiguration; names == nil || names.CaseSensitive == nil || !*names.CaseSensitive {
			t.Errorf("got %+v, want case-sensitive", names)
		}
	})
	t.Run("a password that lacks a kind of character is refused", func(t *testing.T) {
		for name, c := range map[string]struct {
			password string
			taken    bool
		}{
			"all": {"Aa1!", true}, "no capital": {"aa1!", false}, "no small": {"AA1!", false},
			"no digit": {"Aaa!", false}, "no symbol": {"Aa11", false},
		} {
			_, err := idp.AdminCreateUser(t.Context(), &cognitoidentityprovider.AdminCreateUserInput{
				UserPoolId: &identity.UserPoolID, Username: aws.String("u/" + name), MessageAction: cognito.MessageActionTypeSuppress,
				TemporaryPassword: aws.String(strings.Repeat(c.password, 8)),
			})
			var refused *cognito.InvalidPasswordException
			if c.taken && err != nil || !c.taken && !errors.As(err, &refused) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("the secrets are secure strings that differ, also between stages", func(t *testing.T) {
		other, err := stack.CreateIdentity(t.Context(), idp, parameters, template(t), *config.BaseEndpoint, stage+"-2")
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]bool{}
		for _, of := range []stack.Identity{identity, other} {
			made[secret(t, parameters, of.SecretParameter)] = true
			made[secret(t, parameters, of.CursorSecretParameter)] = true
		}
		if len(made) != 4 {
			t.Errorf("got %d secrets, want 4", len(made))
		}
	})
}

func appClient(t *testing.T, idp *cognitoidentityprovider.Client, identity stack.Identity) *cognito.UserPoolClientType {
	t.Helper()
	out, err := idp.DescribeUserPoolClient(t.Context(), &cognitoidentityprovider.DescribeUserPoolClientInput{
		UserPoolId: &identity.UserPoolID, ClientId: &identity.AppClientID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.UserPoolClient
}

func TestTemplatesThatMakeNoIdentity(t *testing.T) {
	config := lockouttest.AWS(t)
	idp, parameters := cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config)
	const name = `UserPoolName: !Sub "portcullis-${Stage}"`
	for reason, c := range map[string]struct {
		template []byte
		want     string
	}{
		"no pool":            {template(t, "AWS::Cognito::UserPool\n", "AWS::S3::Bucket\n"), "no AWS::Cognito::UserPool named UserPool"},
		"no app client":      {template(t, "  AppClient:\n", "  Other:\n"), "no AWS::Cognito::UserPoolClient named AppClient"},
		"another function":   {template(t, name, "UserPoolName: !GetAtt Api.Name"), "!GetAtt is not supported"},
		"a Sub with a list":  {template(t, name, "UserPoolName: !Sub [a, {b: c}]"), "!Sub is not supported"},
		"a long function":    {template(t, name, "UserPoolName: {Fn::Sub: a}"), "Fn::Sub is not supported"},
		"an unknown name":    {template(t, name, `UserPoolName: !Sub "${AWS::Region}"`), `"AWS::Region" has no value`},
		"an unknown Ref":     {template(t, name, "UserPoolName: !Ref Elsewhere"), `"Elsewhere" has no value`},
		"a group elsewhere":  {template(t, "{UserPoolId: !Ref UserPool, GroupName: ITUser}", "{UserPoolId: !Ref Other, GroupName: ITUser}"), `"Other" has no value`},
		"an unknown setting": {template(t, "GenerateSecret: true", "GenerateSecrets: true"), "GenerateSecrets"},
		"no properties":      {[]byte("Resources: {UserPool: {Type: AWS::Cognito::UserPool}}"), "not a mapping"},
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := stack.CreateIdentity(t.Context(), idp, parameters, c.template, *config.BaseEndpoint, "none-"+lockouttest.IDs()())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func secret(t *testing.T, parameters *ssm.Client, name string) string {
	t.Helper()
	decrypt := true
	out, err := parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	if err != nil {
		t.Fatal(err)
	}
	if out.Parameter.Type != "SecureString" || len(*out.Parameter.Value) < 32 {
		t.Errorf("got a %s of %d bytes, want a SecureString of 32 or more", out.Parameter.Type, len(*out.Parameter.Value))
	}
	return *out.Parameter.Value
}

func TestEnvironmentNamesEveryStore(t *testing.T) {
	tables := stack.Tables{Attempts: "a", Users: "u", Audit: "t"}
	identity := stack.Identity{UserPoolID: "pool", AppClientID: "client", SecretParameter: "/s", CursorSecretParameter: "/c", Issuer: "iss", JWKSURL: "jwks"}
	for _, variable := range stack.Environment("test", tables, identity) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "PORTCULLIS_") || value == "" {
			t.Errorf("got %q, want a PORTCULLIS_ variable with a value", variable)
		}
	}
}
