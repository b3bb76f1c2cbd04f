package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// An AuthorizerFunc answers one event of a Lambda REQUEST authorizer.
type AuthorizerFunc = func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error)

type (
	authorizerEvent  = events.APIGatewayCustomAuthorizerRequestTypeRequest
	authorizerAnswer = events.APIGatewayCustomAuthorizerResponse
)

// maxAuthorization bounds the Authorization header, in bytes. API Gateway takes
// 10,240 for all headers; a Cognito access token has about 1,100.
const maxAuthorization = 8 << 10

// errUnauthorizedByName is the error that API Gateway answers with 401: it
// knows it by its text, and any other error is a 500.
var errUnauthorizedByName = errors.New("Unauthorized")

// errNotDecided is a fault of ours, which is in the log.
var errNotDecided = errors.New("the token could not be checked")

// Authorizer answers for every route that asks for a token: with a policy for
// exactly the method asked for, and the caller in its context ("client",
// "username", "role"), as strings. A caller whose role or client does not
// allow the route's action, and any caller of a route that is not in package
// access or asks for no token, is denied. A token that is missing or not good
// is the error "Unauthorized", and so is one of a caller who is not any more who
// it says; a verifier or a store that cannot tell is another error.
func Authorizer(e Edge, verifier TokenVerifier, users UserReader) AuthorizerFunc {
	return func(ctx context.Context, event authorizerEvent) (authorizerAnswer, error) {
		began := e.Now()
		ctx, cancel := endingBefore(ctx, answerTime)
		defer cancel()
		n := &note{Client: event.PathParameters["client"], Username: event.PathParameters["username"]}
		caller, err := guarded(func() (access.Caller, error) {
			caller, err := admit(ctx, event, verifier, n)
			if err != nil {
				return caller, err
			}
			return caller, e.stands(ctx, caller, users)
		})
		if err != nil {
			e.record(ctx, n, authorizerOrigin(ctx, event), event.HTTPMethod+" "+event.Resource, e.Now().Sub(began), err)
		}
		return gatewayAnswer(event.MethodArn, caller, err)
	}
}

// admit verifies the token, finds the route and checks the caller.
func admit(ctx context.Context, event authorizerEvent, verifier TokenVerifier, n *note) (access.Caller, error) {
	token, err := bearerToken(event)
	if err != nil {
		return access.Caller{}, err
	}
	caller, err := verifier.Verify(ctx, token)
	if err != nil {
		return access.Caller{}, fmt.Errorf("verifying token: %w", err)
	}
	n.Actor = caller.String()
	route, known := access.FindRoute(event.HTTPMethod, event.Resource)
	if !known || route.Action == access.Anybody {
		n.Event = authorizationFail
		return caller, access.ErrForbidden
	}
	if err := caller.Check(route.Action, event.PathParameters["client"]); err != nil {
		n.Event = authorizationFail
		return caller, err
	}
	return caller, nil
}

// issueLeeway is how far the mint's clock may be behind ours. Without it, who
// logs in right after a change of theirs could be refused.
const issueLeeway = time.Second

// stands returns [access.ErrUnauthorized] unless the caller still is who the
// token says: there, with that role, and without a new password or role since
// the token was issued. A token outlives for its 15 minutes what it was made
// from, and a Sysadmin who was dismissed could make themselves one again.
func (e Edge) stands(ctx context.Context, caller access.Caller, users UserReader) error {
	key, err := e.Key(caller.Client, caller.Username)
	if err != nil {
		return fmt.Errorf("caller's name: %w", access.ErrUnauthorized)
	}
	user, err := users.User(ctx, key)
	switch {
	case errors.Is(err, lockout.ErrNotFound):
		return fmt.Errorf("the caller is gone: %w", access.ErrUnauthorized)
	case err != nil:
		return fmt.Errorf("looking for the caller: %w", err)
	case user.Role != caller.Role:
		return fmt.Errorf("the caller has another role now: %w", access.ErrUnauthorized)
	case caller.IssuedAt.Add(issueLeeway).Before(user.SessionsSince.Truncate(time.Second)):
		return fmt.Errorf("the caller's sessions were ended: %w", access.ErrUnauthorized)
	}
	return nil
}

// bearerToken returns the token of the one Authorization header (RFC 6750,
// section 2.1; the scheme's name may be spelled in any case).
func bearerToken(event authorizerEvent) (string, error) {
	values := headerValues(event.Headers, event.MultiValueHeaders, "Authorization")
	if len(values) != 1 || len(values[0]) > maxAuthorization {
		return "", access.ErrUnauthorized
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", access.ErrUnauthorized
	}
	return token, nil
}

// gatewayAnswer says to API Gateway what the table of problems says of err.
func gatewayAnswer(method string, caller access.Caller, err error) (authorizerAnswer, error) {
	effect := "Allow"
	if err != nil {
		switch problemOf(err).Status {
		case http.StatusUnauthorized:
			return authorizerAnswer{}, errUnauthorizedByName
		case http.StatusForbidden:
			effect = "Deny"
		default:
			return authorizerAnswer{}, errNotDecided
		}
	}
	return authorizerAnswer{
		PrincipalID: caller.String(),
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version: "2012-10-17",
			Statement: []events.IAMPolicyStatement{
				{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{method}},
			},
		},
		Context: map[string]any{
			"client": caller.Client, "username": caller.Username, "role": string(caller.Role),
		},
	}, nil
}

func authorizerOrigin(ctx context.Context, event authorizerEvent) origin {
	return origin{
		RequestID: requestID(ctx, event.RequestContext.RequestID),
		SourceIP:  bounded(event.RequestContext.Identity.SourceIP, maxSourceIP),
	}
}
