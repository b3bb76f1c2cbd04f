// Command update-policy answers PUT and DELETE /clients/{client}/policy: a
// Sysadmin sets their client's maximum of failed logins, or goes back to the
// default.
//
// It reads and writes the clients' parameters in Parameter Store and appends to
// the table audit. It runs with a reserved concurrency of 1, since Parameter
// Store has no conditional write.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/policy"
	"portcullis/internal/users"
)

type config struct {
	environ.AWS
	Stage   environ.Stage   `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Audit   environ.Table   `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Origins environ.Origins `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	policies := policy.New(ssm.NewFromConfig(aws), string(c.Stage))
	trail := audit.New(dynamodb.NewFromConfig(aws), string(c.Audit))
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	lambda.Start(httpapi.Mux(edge, map[string]httpapi.Handler{
		"PUT /clients/{client}/policy":    httpapi.PutPolicy(edge, policies, trail, environ.NewID),
		"DELETE /clients/{client}/policy": httpapi.DeletePolicy(edge, policies, trail, environ.NewID),
	}))
}
