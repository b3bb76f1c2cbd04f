package stack_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	cognito "github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/stack"
	"portcullis/internal/lockouttest"
)

func TestTablesAreThoseOfTheTemplate(t *testing.T) {
	db := dynamodb.NewFromConfig(lockouttest.AWS(t))
	tables := lockouttest.Tables(t)
	want := map[string][]string{
		tables.Attempts: {"user HASH", "locked-users: locked_client HASH", "locked-users: locked_at RANGE"},
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

func TestIdentity(t *testing.T) {
	config := lockouttest.AWS(t)
	idp, parameters := cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config)
	stage := "stack-test-" + lockouttest.IDs()()
	identity, err := stack.CreateIdentity(t.Context(), idp, parameters, *config.BaseEndpoint, stage)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the app client allows the admin flow and refresh alone", func(t *testing.T) {
		out, err := idp.DescribeUserPoolClient(t.Context(), &cognitoidentityprovider.DescribeUserPoolClientInput{
			UserPoolId: &identity.UserPoolID, ClientId: &identity.AppClientID,
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []cognito.ExplicitAuthFlowsType{
			cognito.ExplicitAuthFlowsTypeAllowAdminUserPasswordAuth, cognito.ExplicitAuthFlowsTypeAllowRefreshTokenAuth,
		}
		if diff := cmp.Diff(out.UserPoolClient.ExplicitAuthFlows, want); diff != "" {
			t.Errorf("flows (-got +want):\n%s", diff)
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
	t.Run("the secret is a secure string that differs between stages", func(t *testing.T) {
		other, err := stack.CreateIdentity(t.Context(), idp, parameters, *config.BaseEndpoint, stage+"-2")
		if err != nil {
			t.Fatal(err)
		}
		if secret(t, parameters, identity.SecretParameter) == secret(t, parameters, other.SecretParameter) {
			t.Error("got the same secret twice")
		}
	})
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
	identity := stack.Identity{UserPoolID: "pool", AppClientID: "client", SecretParameter: "/s", Issuer: "iss", JWKSURL: "jwks"}
	for _, variable := range stack.Environment("test", tables, identity) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "PORTCULLIS_") || value == "" {
			t.Errorf("got %q, want a PORTCULLIS_ variable with a value", variable)
		}
	}
}
