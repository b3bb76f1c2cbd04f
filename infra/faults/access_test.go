package faults_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/faults"
)

// TestAccessesAreWhatIAMDecidesAbout makes one call of each kind and wants a line
// for each thing that a role must allow, with what its conditions look at.
func TestAccessesAreWhatIAMDecidesAbout(t *testing.T) {
	t.Setenv("AWS_EXECUTION_ENV", "AWS_Lambda_login")
	word := func(s string) *string { return &s }
	key := map[string]types.AttributeValue{"client": &types.AttributeValueMemberS{Value: "a"}}
	values := map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: "a"}}
	for _, c := range []struct {
		name string
		call func(config aws.Config) error
		want []string
	}{
		{"a read of all attributes", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: word("long-users"), Key: key})
			return err
		}, []string{"login dynamodb:GetItem on=users by=GetItem attributes=*"}},
		{"a read of some", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).GetItem(t.Context(), &dynamodb.GetItemInput{
				TableName: word("users"), Key: key, ProjectionExpression: word("#r, tags[0], address.street"),
				ExpressionAttributeNames: map[string]string{"#r": "role"},
			})
			return err
		}, []string{"login dynamodb:GetItem on=users by=GetItem attributes=address,client,role,tags"}},
		{"a query of an index that counts", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).Query(t.Context(), &dynamodb.QueryInput{
				TableName: word("attempts"), IndexName: word("locked"), Select: types.SelectCount, ExpressionAttributeValues: values,
				KeyConditionExpression: word("client = :v"), ProjectionExpression: word("username"), FilterExpression: word("begins_with(search, :v)"),
			})
			return err
		}, []string{"login dynamodb:Query on=attempts/index/locked by=Query attributes=client,search,username select=COUNT"}},
		{"a write that returns", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
				TableName: word("users"), Key: key, ReturnValues: types.ReturnValueAllOld, ExpressionAttributeValues: values,
				UpdateExpression: word("SET password_hash = :v REMOVE old"), ConditionExpression: word("attribute_exists(client) AND NOT (b IN (:v))"),
			})
			return err
		}, []string{"login dynamodb:UpdateItem on=users by=UpdateItem attributes=b,client,old,password_hash returns=ALL_OLD"}},
		{"a batch", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				"users":    {Keys: []map[string]types.AttributeValue{key}, ProjectionExpression: word("role")},
				"attempts": {Keys: []map[string]types.AttributeValue{key}},
			}})
			return err
		}, []string{
			"login dynamodb:BatchGetItem on=attempts by=BatchGetItem attributes=*",
			"login dynamodb:BatchGetItem on=users by=BatchGetItem attributes=client,role",
		}},
		{"a transaction", func(config aws.Config) error {
			_, err := dynamodb.NewFromConfig(config).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
				{Put: &types.Put{TableName: word("audit"), Item: key}},
				{Update: &types.Update{TableName: word("users"), Key: key, UpdateExpression: word("SET a = :v"), ExpressionAttributeValues: values}},
				{Delete: &types.Delete{TableName: word("users"), Key: key}},
				{ConditionCheck: &types.ConditionCheck{TableName: word("users"), Key: key, ConditionExpression: word("attribute_exists(client)")}},
			}})
			return err
		}, []string{
			"login dynamodb:ConditionCheckItem on=users by=TransactWriteItems attributes=client",
			"login dynamodb:DeleteItem on=users by=TransactWriteItems attributes=client",
			"login dynamodb:PutItem on=audit by=TransactWriteItems attributes=client",
			"login dynamodb:UpdateItem on=users by=TransactWriteItems attributes=a,client",
		}},
		{"a parameter", func(config aws.Config) error {
			_, err := ssm.NewFromConfig(config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: word("/p/a")})
			return err
		}, []string{"login ssm:GetParameter on=/p/a by=GetParameter"}},
		{"the pool", func(config aws.Config) error {
			_, err := cognitoidentityprovider.NewFromConfig(config).AdminGetUser(t.Context(),
				&cognitoidentityprovider.AdminGetUserInput{UserPoolId: word("long-pool"), Username: word("u")})
			return err
		}, []string{"login cognito-idp:AdminGetUser on=pool by=AdminGetUser"}},
		{"a bus", func(config aws.Config) error {
			_, err := eventbridge.NewFromConfig(config).PutEvents(t.Context(),
				&eventbridge.PutEventsInput{Entries: []eventtypes.PutEventsRequestEntry{{EventBusName: word("bus")}, {EventBusName: word("bus")}}})
			return err
		}, []string{"login events:PutEvents on=bus by=PutEvents"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for range 2 {
				if err := c.call(w.config); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, a := range w.proxy.Accesses() {
				got = append(got, a.String())
				if again, err := faults.ParseAccess(a.String()); err != nil || again != a {
					t.Errorf("%s is read as %+v, %v", a, again, err)
				}
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("accesses (-got +want):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoAccess(t *testing.T) {
	for _, line := range []string{"", "login", "login dynamodb:GetItem of=users"} {
		if a, err := faults.ParseAccess(line); err == nil || !strings.Contains(err.Error(), "access") {
			t.Errorf("%q: got %+v, %v", line, a, err)
		}
	}
}
