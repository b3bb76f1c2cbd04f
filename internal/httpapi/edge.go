package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// A Handler answers one API Gateway proxy event (REST API, payload 1.0). Its
// error is always nil: what goes wrong is in the answer. It is safe for
// concurrent use.
type Handler = func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// An AuthorizerFunc answers one event of a Lambda REQUEST authorizer.
type AuthorizerFunc = func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error)

// An Edge is what all handlers share.
type Edge struct {
	// Log gets one line per request.
	Log *slog.Logger
	// Now is the time, for durations and for the times of audit entries.
	Now func() time.Time
	// Key makes keys of the users named in paths. It is strict: a name that no
	// user can have is an error.
	Key KeyFunc
}
