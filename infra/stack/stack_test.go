package stack_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
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

// file returns a template of infra with the replacements made, each an old text,
// which must be there, and its new one.
func file(t *testing.T, name string, replacements ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !bytes.Contains(text, []byte(replacements[i])) {
			t.Fatalf("%s has no %q", name, replacements[i])
		}
	}
	return []byte(strings.NewReplacer(replacements...).Replace(string(text)))
}

// identity deploys a template as the stage's.
func identity(t *testing.T, template []byte, stage string) (stack.Identity, error) {
	t.Helper()
	config := lockouttest.AWS(t)
	return stack.DeployIdentity(t.Context(), cloudformation.NewFromConfig(config), ssm.NewFromConfig(config),
		template, *config.BaseEndpoint, stage+"-identity", stage)
}

// newStage returns the name of a stage that no other test has.
func newStage() string { return "t" + strings.ToLower(rand.Text()[:12]) }

func TestTablesThatCannotBeMade(t *testing.T) {
	cfn := cloudformation.NewFromConfig(lockouttest.AWS(t))
	for name, template := range map[string][]byte{
		"no resources":                   []byte("Resources: {}"),
		"a template that is no YAML":     []byte("Resources: ["),
		"a resource of no kind there is": file(t, "storage.yaml", "AWS::DynamoDB::Table", "AWS::DynamoDB::Chair"),
		"no output for a table":          file(t, "storage.yaml", "  UsersTable:\n    Value:", "  Persons:\n    Value:"),
	} {
		t.Run(name, func(t *testing.T) {
			if tables, err := stack.DeployStorage(t.Context(), cfn, template, newStage()); err == nil {
				t.Errorf("got %v and no error", tables)
			}
		})
	}
}

// TestTheTablesOutliveTheirStack: deleting the stack, which is what replacing the
// code can do at worst, leaves each table, under its protection.
func TestTheTablesOutliveTheirStack(t *testing.T) {
	config := lockouttest.AWS(t)
	cfn, db, name := cloudformation.NewFromConfig(config), dynamodb.NewFromConfig(config), newStage()
	tables, err := stack.DeployStorage(t.Context(), cfn, file(t, "storage.yaml"), name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		t.Fatal(err)
	}
	gone := cloudformation.NewStackDeleteCompleteWaiter(cfn, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, time.Second
	})
	if err := gone.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables.Names() {
		if _, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table}); err != nil {
			t.Errorf("after the stack: %v", err)
		}
		if _, err := db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &table}); err == nil {
			t.Errorf("%s could be deleted by mistake", table)
		}
	}
}

func TestIdentity(t *testing.T) {
	config := lockouttest.AWS(t)
	idp, parameters := cognitoidentityprovider.NewFromConfig(config), ssm.NewFromConfig(config)
	stage := newStage()
	made, err := identity(t, file(t, "identity.yaml"), stage)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the app client is the template's", func(t *testing.T) {
		got := *appClient(t, idp, made)
		if got.ClientSecret == nil {
			t.Error("it has no secret")
		}
		got.ClientId, got.ClientSecret, got.CreationDate, got.LastModifiedDate = nil, nil, nil, nil
		want := cognito.UserPoolClientType{
			ClientName: aws.String("portcullis-" + stage), UserPoolId: &made.UserPoolID,
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
		changed, err := identity(t, file(t, "identity.yaml", "RefreshTokenValidity: 12", "RefreshTokenValidity: 7"), newStage())
		if err != nil {
			t.Fatal(err)
		}
		if got := appClient(t, idp, changed).RefreshTokenValidity; got != 7 {
			t.Errorf("got a refresh token validity of %d, want 7", got)
		}
	})
	t.Run("usernames are case-sensitive", func(t *testing.T) {
		out, err := idp.DescribeUserPool(t.Context(), &cognitoidentityprovider.DescribeUserPoolInput{UserPoolId: &made.UserPoolID})
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
				UserPoolId: &made.UserPoolID, Username: aws.String("u/" + name), MessageAction: cognito.MessageActionTypeSuppress,
				TemporaryPassword: aws.String(strings.Repeat(c.password, 8)),
			})
			var refused *cognito.InvalidPasswordException
			if c.taken && err != nil || !c.taken && !errors.As(err, &refused) {
				t.Errorf("%s: got %v", name, err)
			}
		}
	})
	t.Run("the secrets are secure strings that differ, also between stages", func(t *testing.T) {
		other, err := identity(t, file(t, "identity.yaml"), newStage())
		if err != nil {
			t.Fatal(err)
		}
		secrets := map[string]bool{}
		for _, of := range []stack.Identity{made, other} {
			secrets[secret(t, parameters, of.SecretParameter)] = true
			secrets[secret(t, parameters, of.CursorSecretParameter)] = true
		}
		if len(secrets) != 4 {
			t.Errorf("got %d secrets, want 4", len(secrets))
		}
	})
}

func appClient(t *testing.T, idp *cognitoidentityprovider.Client, made stack.Identity) *cognito.UserPoolClientType {
	t.Helper()
	out, err := idp.DescribeUserPoolClient(t.Context(), &cognitoidentityprovider.DescribeUserPoolClientInput{
		UserPoolId: &made.UserPoolID, ClientId: &made.AppClientID,
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.UserPoolClient
}

func TestAnIdentityThatCannotBeMade(t *testing.T) {
	for name, template := range map[string][]byte{
		"a group of no pool":          file(t, "identity.yaml", "{UserPoolId: !Ref UserPool, GroupName: ITUser}", "{UserPoolId: !Ref Other, GroupName: ITUser}"),
		"no output for the pool":      file(t, "identity.yaml", "  UserPool:\n    Value:", "  Pool:\n    Value:"),
		"no parameter for the stage":  file(t, "identity.yaml", "  Stage:", "  Installation:"),
		"a template without anything": []byte("Resources: {}"),
	} {
		t.Run(name, func(t *testing.T) {
			if made, err := identity(t, template, newStage()); err == nil {
				t.Errorf("got %+v and no error", made)
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
	mint := stack.Identity{UserPoolID: "pool", AppClientID: "client", SecretParameter: "/s", CursorSecretParameter: "/c", Issuer: "iss", JWKSURL: "jwks"}
	for _, variable := range stack.Environment("test", tables, mint) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, "PORTCULLIS_") || value == "" {
			t.Errorf("got %q, want a PORTCULLIS_ variable with a value", variable)
		}
	}
}

// Whoever may not look does not make a stack blindly.
func TestAStackThatCannotBeLookedForIsNotMade(t *testing.T) {
	asked := 0
	cfn := cloudformation.NewFromConfig(lockouttest.Answered(func(string, []byte) (int, []byte) {
		asked++
		return http.StatusForbidden, []byte(`<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	}))
	if _, err := stack.DeployStorage(t.Context(), cfn, file(t, "storage.yaml"), "x"); err == nil || !strings.Contains(err.Error(), "AccessDenied") || asked != 1 {
		t.Errorf("got %v after %d calls, want AccessDenied after one", err, asked)
	}
}
