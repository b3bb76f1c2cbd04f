// Command authorizer says to API Gateway which caller may call which method. It
// verifies the access token in the Authorization header, finds the route's
// action in package access and answers with a policy for that one method.
//
// It touches no table and no parameter. It fetches the user pool's public keys
// when the first token comes.
package main

import (
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/tokens"
	"portcullis/internal/users"
)

type config struct {
	Region environ.Name `env:"AWS_REGION,required,notEmpty"`
	Issuer environ.Issuer
}

func main() {
	c := environ.Load[config]()
	edge := httpapi.Edge{Log: environ.Logger(os.Stdout), Now: time.Now, Key: users.UserKey}
	lambda.Start(httpapi.Authorizer(edge, &tokens.Verifier{
		Issuer:   c.Issuer.Address(c.Region),
		ClientID: string(c.Issuer.AppClientID),
		Keys:     tokens.NewJWKS(c.Issuer.Keys(c.Region), environ.HTTPClient(), time.Now),
		Now:      time.Now,
	}))
}
