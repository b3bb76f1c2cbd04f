// Command login answers POST /login: it charges the attempt, compares the
// password, settles, and opens a session for the user who was right.
//
// It reads and writes the table attempts, together with an entry of the table
// audit when an attempt locks. It reads the table users and may write one
// attribute of it, the hash that a stronger one replaces. It reads the clients'
// parameters and the token secret, and asks Cognito for the tokens.
package main

import (
	"crypto/rand"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/metrics"
	"portcullis/internal/policy"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// parallelHashes is how many passwords one process hashes at once: Lambda gives
// a process one event at a time.
const parallelHashes = 1

type config struct {
	environ.AWS
	Issuer   environ.Issuer
	Stage    environ.Stage     `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Attempts environ.Table     `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users    environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit    environ.Table     `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Secret   environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
	Lifetime environ.Lifetime  `env:"PORTCULLIS_ATTEMPT_LIFETIME,required,notEmpty"`
	Origins  environ.Origins   `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	settings := c.AWS.Config()
	parameters := ssm.NewFromConfig(settings)
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	mint := tokens.NewMinter(cognitoidentityprovider.NewFromConfig(settings), parameters,
		string(c.Issuer.UserPoolID), string(c.Issuer.AppClientID), string(c.Secret), time.Now)
	recorder := metrics.NewRecorder(os.Stdout, string(c.Stage), "login", time.Now)
	watched := metrics.WatchGate(recorder, gate(c, edge, settings, parameters, recorder))
	lambda.Start(metrics.Flushed(recorder, httpapi.Login(edge, watched, users.LoginKey, mint)))
}

func gate(
	c config, edge httpapi.Edge, settings aws.Config, parameters *ssm.Client, recorder *metrics.Recorder,
) *lockout.Gate[metrics.Watched] {
	db := dynamodb.NewFromConfig(settings)
	people := users.New(db, string(c.Users), users.NewHasher(users.DefaultParams(), rand.Reader, parallelHashes), nil)
	trail := audit.New(db, string(c.Audit))
	records := attempts.New(db, string(c.Attempts), trail, environ.Clock{}, environ.Jitter)
	return &lockout.Gate[metrics.Watched]{
		Attempts:    metrics.WatchAttempts(recorder, records),
		Credentials: metrics.WatchCredentials(recorder, people),
		Maximums: policy.NewCache(policy.New(parameters, string(c.Stage)),
			people.ClientExists, time.Now, environ.Jitter, metrics.WatchPolicy(recorder, environ.PolicyFaults(edge.Log))),
		Clock:    environ.Clock{},
		NewID:    environ.NewID,
		Jitter:   environ.Jitter,
		Lifetime: time.Duration(c.Lifetime),
		Glance:   attempts.NewMemory(records, time.Now),
	}
}
