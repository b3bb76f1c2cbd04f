// Command empty is a Lambda function that does nothing. It is what the functions'
// starts are measured against: what Go and the Lambda runtime cost by themselves.
// It is no function of the product, and nothing deploys it.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() { lambda.Start(func(context.Context) error { return nil }) }
