package lockouttest

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"portcullis/infra/stack"
	"portcullis/internal/environ"
)

// How the tests reach the services: with a connection for each worker of a race,
// and with more patience than a function has, since hundreds of workers share
// one emulator with whatever else the machine does.
const (
	connections = 300
	patience    = time.Minute
)

// AWS returns the configuration of the AWS services that the tests run
// against. It fails the test, and does not skip it, when there are none.
func AWS(t *testing.T) aws.Config {
	t.Helper()
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	if endpoint == "" {
		t.Fatal("AWS_ENDPOINT_URL is not set: run `make test`, or put `go run ./infra/ministack --` before the command")
	}
	config := environ.AWS{
		Region:      environ.Name(os.Getenv("AWS_REGION")),
		AccessKeyID: environ.Name(os.Getenv("AWS_ACCESS_KEY_ID")), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Endpoint: environ.URL(endpoint),
	}.Config()
	config.HTTPClient = &http.Client{
		Timeout:   patience,
		Transport: environ.WholeBody(&http.Transport{MaxIdleConnsPerHost: connections}),
	}
	return config
}

// Tables makes the tables of infra/storage.yaml for one test, and drops them when
// it is over.
func Tables(t *testing.T) stack.Tables {
	t.Helper()
	config := AWS(t)
	tables, err := stack.DeployStorage(t.Context(), cloudformation.NewFromConfig(config), storage(t), "test-"+IDs()())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db := dynamodb.NewFromConfig(config)
		for _, name := range tables.Names() {
			if err := drop(context.Background(), db, name); err != nil {
				t.Error(err)
			}
		}
	})
	return tables
}

// drop takes a table's protection off and deletes it. One that is gone was
// deleted by a request whose answer was lost.
func drop(ctx context.Context, db *dynamodb.Client, name string) error {
	var gone *types.ResourceNotFoundException
	_, err := db.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &name, DeletionProtectionEnabled: aws.Bool(false)})
	if err == nil {
		_, err = db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
	}
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// storage returns the project's infra/storage.yaml. Tests run in their package's
// folder, so it is in the nearest folder above that has it.
func storage(t *testing.T) []byte {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; folder = filepath.Dir(folder) {
		found, err := os.ReadFile(filepath.Join(folder, "infra", "storage.yaml"))
		if err == nil {
			return found
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			t.Fatalf("looking for infra/storage.yaml: %v", err)
		}
	}
}
