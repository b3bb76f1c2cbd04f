// Command unlock-user answers POST /clients/{client}/users/{username}/unlock
// and POST /clients/{client}/unlocks: a Sysadmin gives a user, or up to a hundred
// of them, their full budget of attempts back.
//
// It reads and writes the table attempts, together with an entry of the table
// audit, reads the keys alone of the table users, and reads the clients'
// parameters for the maximum that the entry tells.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/metrics"
	"portcullis/internal/policy"
	"portcullis/internal/users"
)

type config struct {
	environ.AWS
	Stage    environ.Stage   `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Attempts environ.Table   `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users    environ.Table   `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit    environ.Table   `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Origins  environ.Origins `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	log := environ.Logger(os.Stdout)
	db := dynamodb.NewFromConfig(aws)
	people := users.New(db, string(c.Users), nil, nil)
	trail := audit.New(db, string(c.Audit))
	recorder := metrics.NewRecorder(os.Stdout, string(c.Stage), "unlock-user", time.Now)
	records := attempts.New(db, string(c.Attempts), trail, environ.Clock{}, environ.Jitter)
	unlocker := &lockout.Unlocker{
		Attempts: metrics.WatchAttempts(recorder, records),
		Maximums: policy.NewCache(policy.New(ssm.NewFromConfig(aws), string(c.Stage)),
			people.ClientExists, time.Now, environ.Jitter, metrics.WatchPolicy(recorder, environ.PolicyFaults(log))),
		Now:   time.Now,
		NewID: environ.NewID,
	}
	edge := httpapi.Edge{Log: log, Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	lambda.Start(metrics.Flushed(recorder, httpapi.Mux(edge, map[string]httpapi.Handler{
		"POST /clients/{client}/users/{username}/unlock": httpapi.Unlock(edge, unlocker, people),
		"POST /clients/{client}/unlocks":                 httpapi.UnlockMany(edge, unlocker, people),
	})))
}
