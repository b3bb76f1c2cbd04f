// Command authorizer says to API Gateway which caller may call which method. It
// verifies the access token in the Authorization header, finds the route's
// action in package access, asks the table users whether the caller still is who
// the token says, and answers with a policy for that one method.
//
// It reads the table users without the password hashes, and nothing else. It
// fetches the user pool's public keys when the first token comes.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"portcullis/internal/bearer"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/users"
)

type config struct {
	environ.AWS
	Issuer environ.Issuer
	Users  environ.Table `env:"PORTCULLIS_USERS_TABLE,required,notEmpty"`
}

func main() {
	c := environ.Load[config]()
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey}
	verifier := &bearer.Verifier{
		Issuer:   c.Issuer.Address(c.AWS.Region),
		ClientID: string(c.Issuer.AppClientID),
		Keys:     bearer.NewJWKS(c.Issuer.Keys(c.AWS.Region), environ.HTTPClient(), time.Now),
		Now:      time.Now,
	}
	people := users.New(dynamodb.NewFromConfig(c.AWS.Config()), string(c.Users), nil, nil)
	lambda.Start(httpapi.Authorizer(edge, verifier, people))
}
