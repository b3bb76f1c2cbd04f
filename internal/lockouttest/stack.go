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
	"github.com/aws/aws-sdk-go-v2/credentials"
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
	return aws.Config{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
		HTTPClient: &http.Client{
			Timeout:   patience,
			Transport: environ.WholeBody(&http.Transport{MaxIdleConnsPerHost: connections}),
		},
	}
}

// Tables makes the tables of template.yaml for one test, and drops them when it
// is over.
func Tables(t *testing.T) stack.Tables {
	t.Helper()
	db := dynamodb.NewFromConfig(AWS(t))
	tables, err := stack.CreateTables(t.Context(), db, template(t), IDs()()+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range tables.Names() {
			_, err := db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
			var gone *types.ResourceNotFoundException // by a request whose answer was lost
			if err != nil && !errors.As(err, &gone) {
				t.Error(err)
			}
		}
	})
	return tables
}

// template returns the project's template.yaml. Tests run in their package's
// folder, so it is in the nearest folder above that has it.
func template(t *testing.T) []byte {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; folder = filepath.Dir(folder) {
		found, err := os.ReadFile(filepath.Join(folder, "template.yaml"))
		if err == nil {
			return found
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			t.Fatalf("looking for template.yaml: %v", err)
		}
	}
}
