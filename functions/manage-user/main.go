// Command manage-user answers what changes the users of a client: POST
// /clients/{client}/users, PUT and DELETE /clients/{client}/users/{username},
// and PUT …/{username}/password. Package directory says in which order it
// writes, and how one call repairs what another left unfinished.
//
// It reads and writes the table users, together with an entry of the table
// audit, and the table attempts, where it clears what is not a user's own. It
// keeps the users in Cognito, reads the token secret for that, and reads the
// clients' parameters for the maximum that its answers tell.
package main

import (
	"crypto/rand"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/attempts"
	"portcullis/internal/audit"
	"portcullis/internal/directory"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
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
	UserPoolID environ.Name      `env:"PORTCULLIS_USER_POOL_ID,required,notEmpty"`
	Stage      environ.Stage     `env:"PORTCULLIS_STAGE,required,notEmpty"`
	Attempts   environ.Table     `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users      environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit      environ.Table     `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Secret     environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
	Origins    environ.Origins   `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	log := environ.Logger(os.Stdout)
	db, parameters := dynamodb.NewFromConfig(aws), ssm.NewFromConfig(aws)
	trail := audit.New(db, string(c.Audit))
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, parallelHashes)
	people := users.New(db, string(c.Users), hasher, trail)
	records := attempts.New(db, string(c.Attempts), trail, environ.Clock{}, environ.Jitter)
	recorder := metrics.NewRecorder(os.Stdout, string(c.Stage), "manage-user", time.Now)
	maximums := policy.NewCache(policy.New(parameters, string(c.Stage)),
		people.ClientExists, time.Now, environ.Jitter, metrics.WatchPolicy(recorder, environ.PolicyFaults(log)))
	d := &directory.Directory{
		Users: people,
		Tokens: tokens.NewEnroller(cognitoidentityprovider.NewFromConfig(aws), parameters,
			string(c.UserPoolID), string(c.Secret), time.Now),
		Attempts: records,
		Hasher:   hasher,
		Now:      time.Now,
		NewID:    environ.NewID,
	}
	edge := httpapi.Edge{Log: log, Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	lambda.Start(metrics.Flushed(recorder, httpapi.Mux(edge, map[string]httpapi.Handler{
		"POST /clients/{client}/users":                    httpapi.CreateUser(edge, d, records, maximums),
		"PUT /clients/{client}/users/{username}":          httpapi.UpdateUser(edge, d, records, maximums),
		"PUT /clients/{client}/users/{username}/password": httpapi.SetPassword(edge, d),
		"DELETE /clients/{client}/users/{username}":       httpapi.DeleteUser(edge, d),
	})))
}
