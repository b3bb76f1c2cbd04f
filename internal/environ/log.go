package environ

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Logger returns a log of one JSON object a line, with times in UTC. In Lambda,
// each line has the published version of the function, so that a canary's can be
// told from those of what it replaces, and a line that belongs to an event has
// Lambda's id of that, by which Lambda's own lines go.
func Logger(w io.Writer) *slog.Logger {
	handler := slog.Handler(slog.NewJSONHandler(w, nil))
	if version := lambdacontext.FunctionVersion; version != "" {
		handler = handler.WithAttrs([]slog.Attr{slog.String("function_version", version)})
	}
	return slog.New(invoked{handler})
}

// invoked is a handler that tells times in UTC and adds the id of the event in the
// context.
type invoked struct{ slog.Handler }

// Handle writes one line.
func (h invoked) Handle(ctx context.Context, r slog.Record) error {
	r.Time = r.Time.UTC()
	if event, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("lambda_request_id", event.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that adds the attributes too.
func (h invoked) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invoked{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that puts what it adds into the group.
func (h invoked) WithGroup(name string) slog.Handler { return invoked{h.Handler.WithGroup(name)} }

// PolicyFaults returns what package policy reports to: one line in the log for
// each look at a client's maximum that failed.
func PolicyFaults(log *slog.Logger) func(client string, err error) {
	return func(client string, err error) {
		log.Warn("policy_unreadable", "client", client, "error", err.Error())
	}
}
