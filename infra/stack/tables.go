package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// tableReady is how long a table may take to become active. DynamoDB takes
// seconds, the emulator none.
const tableReady = time.Minute

// Tables are the names of the three tables.
type Tables struct {
	Attempts, Users, Audit string
}

// Names returns the tables' names.
func (t Tables) Names() []string { return []string{t.Attempts, t.Users, t.Audit} }

// CreateTables makes the three tables of the template, with the prefix before
// their names, and returns when they can be used. One that is there already is
// taken as it is: it was made by a request whose answer was lost.
func CreateTables(ctx context.Context, db *dynamodb.Client, template []byte, prefix string) (Tables, error) {
	described, err := readTables(template)
	if err != nil {
		return Tables{}, err
	}
	tables := Tables{Attempts: prefix + "attempts", Users: prefix + "users", Audit: prefix + "audit"}
	for resource, name := range map[string]string{
		"AttemptsTable": tables.Attempts, "UsersTable": tables.Users, "AuditTable": tables.Audit,
	} {
		table, ok := described[resource]
		if !ok {
			return Tables{}, fmt.Errorf("the template has no AWS::DynamoDB::Table named %s", resource)
		}
		if err := table.create(ctx, db, name); err != nil {
			return Tables{}, fmt.Errorf("creating table %s: %w", name, err)
		}
	}
	return tables, nil
}

// A table is what a template says of one.
type table struct {
	AttributeDefinitions []struct {
		AttributeName string `yaml:"AttributeName"`
		AttributeType string `yaml:"AttributeType"`
	} `yaml:"AttributeDefinitions"`
	KeySchema              []keyElement `yaml:"KeySchema"`
	GlobalSecondaryIndexes []struct {
		IndexName  string       `yaml:"IndexName"`
		KeySchema  []keyElement `yaml:"KeySchema"`
		Projection struct {
			ProjectionType   string   `yaml:"ProjectionType"`
			NonKeyAttributes []string `yaml:"NonKeyAttributes"`
		} `yaml:"Projection"`
	} `yaml:"GlobalSecondaryIndexes"`
	TimeToLive struct {
		AttributeName string `yaml:"AttributeName"`
		Enabled       bool   `yaml:"Enabled"`
	} `yaml:"TimeToLiveSpecification"`
	Stream struct {
		ViewType string `yaml:"StreamViewType"`
	} `yaml:"StreamSpecification"`
}

type keyElement struct {
	AttributeName string `yaml:"AttributeName"`
	KeyType       string `yaml:"KeyType"`
}

// readTables returns the tables of a template by their logical names.
func readTables(template []byte) (map[string]table, error) {
	resources, err := readResources(template)
	if err != nil {
		return nil, err
	}
	tables := map[string]table{}
	for name, resource := range resources {
		if resource.Type != "AWS::DynamoDB::Table" {
			continue
		}
		var t table
		if err := resource.Properties.Decode(&t); err != nil {
			return nil, fmt.Errorf("reading table %s of the template: %w", name, err)
		}
		tables[name] = t
	}
	return tables, nil
}

func (t table) create(ctx context.Context, db *dynamodb.Client, name string) error {
	var there *types.ResourceInUseException
	if _, err := db.CreateTable(ctx, t.input(name)); err != nil && !errors.As(err, &there) {
		return err
	}
	described := &dynamodb.DescribeTableInput{TableName: &name}
	if err := dynamodb.NewTableExistsWaiter(db).Wait(ctx, described, tableReady); err != nil {
		return err
	}
	if t.TimeToLive.AttributeName == "" {
		return nil
	}
	_, err := db.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName: &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{
			AttributeName: &t.TimeToLive.AttributeName, Enabled: &t.TimeToLive.Enabled,
		},
	})
	return err
}

func (t table) input(name string) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema(t.KeySchema),
	}
	if t.Stream.ViewType != "" {
		in.StreamSpecification = &types.StreamSpecification{
			StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(t.Stream.ViewType),
		}
	}
	for _, a := range t.AttributeDefinitions {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(a.AttributeName), AttributeType: types.ScalarAttributeType(a.AttributeType),
		})
	}
	for _, index := range t.GlobalSecondaryIndexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(index.IndexName),
			KeySchema: keySchema(index.KeySchema),
			Projection: &types.Projection{
				ProjectionType:   types.ProjectionType(index.Projection.ProjectionType),
				NonKeyAttributes: index.Projection.NonKeyAttributes,
			},
		})
	}
	return in
}

func keySchema(elements []keyElement) []types.KeySchemaElement {
	schema := make([]types.KeySchemaElement, 0, len(elements))
	for _, e := range elements {
		schema = append(schema, types.KeySchemaElement{
			AttributeName: aws.String(e.AttributeName), KeyType: types.KeyType(e.KeyType),
		})
	}
	return schema
}
