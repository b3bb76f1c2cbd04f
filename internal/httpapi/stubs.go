package httpapi

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/lockout"
)

// Login answers POST /login.
func Login[C Credential](e Edge, gate *lockout.Gate[C], loginKey KeyFunc, mint Minter) Handler {
	return Mux(nil)
}

// Unlock answers POST /clients/{client}/users/{username}/unlock.
func Unlock(e Edge, unlocker *lockout.Unlocker, users UserExists) Handler { return Mux(nil) }

// GetPolicy answers GET /clients/{client}/policy.
func GetPolicy(e Edge, policies PolicyReader) Handler { return Mux(nil) }

// PutPolicy answers PUT /clients/{client}/policy.
func PutPolicy(e Edge, policies PolicyWriter, trail Appender, newID func() string) Handler {
	return Mux(nil)
}

// DeletePolicy answers DELETE /clients/{client}/policy.
func DeletePolicy(e Edge, policies PolicyWriter, trail Appender, newID func() string) Handler {
	return Mux(nil)
}

// ListUsers answers GET /clients/{client}/users.
func ListUsers(e Edge, users UserLister, attempts RecordReader, maximums lockout.Maximums) Handler {
	return Mux(nil)
}

// GetUser answers GET /clients/{client}/users/{username}.
func GetUser(e Edge, users UserReader, attempts RecordReader, maximums lockout.Maximums) Handler {
	return Mux(nil)
}

// Health answers GET /health.
func Health(e Edge, version string, check func(context.Context) error) Handler { return Mux(nil) }

// Mux hands each event to the handler of its method and resource, as in
// "GET /clients/{client}/policy"; anything else is 404.
func Mux(routes map[string]Handler) Handler {
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		handler, ok := routes[event.HTTPMethod+" "+event.Resource]
		if !ok {
			return events.APIGatewayProxyResponse{StatusCode: 404}, nil
		}
		return handler(ctx, event)
	}
}

// Refusal returns the answer to an event that did not reach a handler, for a
// server that stands in for API Gateway: access.ErrUnauthorized is 401,
// access.ErrForbidden 403, lockout.ErrNotFound 404, any other error 500.
func Refusal(event events.APIGatewayProxyRequest, err error) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{StatusCode: 500}
}

// Authorizer answers for every route that asks for a token.
func Authorizer(e Edge, verifier TokenVerifier) AuthorizerFunc {
	return func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
		return events.APIGatewayCustomAuthorizerResponse{}, nil
	}
}
