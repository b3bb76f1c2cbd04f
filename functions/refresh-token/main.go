// Command refresh-token answers POST /token, with new tokens for a session that
// goes on, and POST /logout, which ends one.
//
// It reads the table users without the password hashes and the table attempts,
// so that nobody who is locked, gone or changed gets a token. It reads the token
// secret, and asks Cognito for the tokens and for their end. It can write
// nothing, and neither charges nor counts an attempt: who holds a refresh token
// has shown who they are.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentityprovider"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"portcullis/internal/attempts"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

type config struct {
	environ.AWS
	Issuer   environ.Issuer
	Attempts environ.Table     `env:"PORTCULLIS_ATTEMPTS_TABLE,required,notEmpty"`
	Users    environ.Table     `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
	Secret   environ.Parameter `env:"PORTCULLIS_TOKEN_SECRET_PARAMETER,required,notEmpty"`
	Origins  environ.Origins   `env:"PORTCULLIS_ALLOWED_ORIGINS"`
}

func main() {
	c := environ.Load[config]()
	aws := c.AWS.Config()
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey, Origins: c.Origins}
	db := dynamodb.NewFromConfig(aws)
	people := users.New(db, string(c.Users), nil, nil)
	records := attempts.New(db, string(c.Attempts), nil, environ.Clock{}, environ.Jitter)
	mint := tokens.NewMinter(cognitoidentityprovider.NewFromConfig(aws), ssm.NewFromConfig(aws),
		string(c.Issuer.UserPoolID), string(c.Issuer.AppClientID), string(c.Secret), time.Now)
	lambda.Start(httpapi.Mux(edge, map[string]httpapi.Handler{
		"POST /token":  httpapi.Token(edge, mint, people, records),
		"POST /logout": httpapi.Logout(edge, mint),
	}))
}
