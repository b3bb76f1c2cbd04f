// Command query answers every GET of the API: the policy, the users and who of
// them is locked, the audit trail, and whether the stores answer (GET /health).
// It also serves the contract (GET /openapi.yaml).
//
// It reads the table users without the password hashes, the tables attempts and
// audit, the clients' parameters, and the secret that cursors are signed with. It
// can write nothing.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/infra"
	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/metrics"
	"portcullis/internal/policy"
	"portcullis/internal/secrets"
	"portcullis/internal/users"
)

type config struct {
	environ.AWS
	Stage    environ.Stage   `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Attempts environ.Table   `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users    environ.Table   `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit    environ.Table   `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Version  string          `env:"PORTCULLIS_VERSION" envDefault:"dev"`
	Origins  environ.Origins `env:"PORTCULLIS_ALLOWED_ORIGINS"`

	CursorSecret environ.Parameter `env:"PORTCULLIS_CURSOR_SECRET_PARAMETER,required,notEmpty"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	db := dynamodb.NewFromConfig(aws)
	people := users.New(db, string(c.Users), nil, nil)
	trail := audit.New(db, string(c.Audit))
	records := attempts.New(db, string(c.Attempts), trail, environ.Clock{}, environ.Jitter)
	parameters := ssm.NewFromConfig(aws)
	policies := policy.New(parameters, string(c.Stage))
	cursorKeys := secrets.New("cursor secret", secrets.Parameter(parameters, string(c.CursorSecret)), time.Now)
	cursors := httpapi.Cursors{Keys: cursorKeys}
	recorder := metrics.NewRecorder(os.Stdout, string(c.Stage), "query", time.Now)
	maximums := policy.NewCache(policies, people.ClientExists, time.Now, environ.Jitter, metrics.WatchPolicy(recorder, environ.PolicyFaults(edge.Log)))
	health := newCheck(people, records, policies, time.Now)
	lambda.Start(metrics.Flushed(recorder, httpapi.Mux(edge, map[string]httpapi.Handler{
		"GET /health":                            httpapi.Health(edge, c.Version, health.run),
		"GET /openapi.yaml":                      httpapi.OpenAPI(edge, infra.Contract()),
		"GET /clients/{client}/policy":           httpapi.GetPolicy(edge, policies),
		"GET /clients/{client}/users":            httpapi.ListUsers(edge, people, records, maximums, cursors),
		"GET /clients/{client}/users/{username}": httpapi.GetUser(edge, people, records, maximums),
		"GET /clients/{client}/audit":            httpapi.GetAudit(edge, trail, cursors),
	})))
}
