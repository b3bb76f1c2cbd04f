package httpapi

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/lockout"
)

// Health answers GET /health: 200 when check returns nil, else 503. Nothing of
// check's error is shown.
func Health(e Edge, version string, check func(context.Context) error) Handler {
	return serve(e, endpoint{route: "GET /health"}, func(ctx context.Context, _ *request[empty]) (any, error) {
		if err := check(ctx); err != nil {
			return nil, fmt.Errorf("checking the stores: %w: %w", lockout.ErrUnavailable, err)
		}
		return healthAnswer{Status: "ok", Version: version}, nil
	})
}

type healthAnswer struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// Mux hands each event to the handler of its method and resource, as in
// "GET /clients/{client}/policy"; anything else is 404.
func Mux(e Edge, routes map[string]Handler) Handler {
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		handler, known := routes[event.HTTPMethod+" "+event.Resource]
		if !known {
			return e.Refusal(event, lockout.ErrNotFound), nil
		}
		return handler(ctx, event)
	}
}
