// Command provision-client creates a client and its first Sysadmin. It is not
// on the API: whoever may invoke it by IAM may use it.
//
//	in   {"client": "acme", "username": "root", "name": "Rute Dias", "email": "rute@example.com",
//	      "by": "olga", "reason": "new contract"}
//	out  {"client": "acme", "username": "root", "password": "…", "created": true}
//
// The audit trail names "iam:olga" and Lambda's request id; the reason may be
// left out. The password is told once, in the answer, and only when the user was
// created. Invoking it again is harmless and finishes what a failure left undone.
//
// A client that has users gets no further Sysadmin this way: they come by the
// API. When nobody is left who could add or unlock one, "break_glass", with a
// reason, is the way back. As "unlock" it unlocks the Sysadmin who is named, as
// "create" it makes a new one of a name that is free; neither does what the other
// is for, and neither changes a password or helps anybody who is not a Sysadmin.
// It is loud: each entry of the trail has "break_glass": true, and the log a line
// break_glass at level WARN, also when it came to nothing.
//
// In the worst case, an outage right after a user was written, the answer is an
// error and the user may be there with a password that nobody was told. Then
// "create" under another name makes a Sysadmin who can set it.
//
// It reads and writes the tables users and attempts, together with entries of
// the table audit, reads the token secret and keeps the user in Cognito.
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
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

// parallelHashes is how many passwords one process hashes at once: Lambda gives
// a process one event at a time.
const parallelHashes = 1

type config struct {
	environ.AWS
	UserPoolID environ.Name      `env:"PORTCULLIS_USER_POOL_ID,required,notEmpty"`
	Attempts   environ.Table     `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users      environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Audit      environ.Table     `env:"PORTCULLIS_AUDIT_TABLE,required,notEmpty"`
	Secret     environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	db := dynamodb.NewFromConfig(aws)
	hasher := users.NewHasher(users.DefaultParams(), rand.Reader, parallelHashes)
	trail := audit.New(db, string(c.Audit))
	lambda.Start(handler(environ.Logger(os.Stdout), &directory.Directory{
		Users: users.New(db, string(c.Users), hasher, trail),
		Tokens: tokens.NewEnroller(cognitoidentityprovider.NewFromConfig(aws), ssm.NewFromConfig(aws),
			string(c.UserPoolID), string(c.Secret), time.Now),
		Attempts: attempts.New(db, string(c.Attempts), trail, environ.Clock{}, environ.Jitter),
		Hasher:   hasher,
		Now:      time.Now,
		NewID:    environ.NewID,
	}))
}
