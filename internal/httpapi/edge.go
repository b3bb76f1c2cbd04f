package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// A Handler answers one API Gateway proxy event (REST API, payload 1.0). Its
// error is always nil: what goes wrong is in the answer. It is safe for
// concurrent use.
type Handler = func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// An Edge is what all handlers share.
type Edge struct {
	// Log gets one line per request.
	Log *slog.Logger
	// Now is the time, for durations and for the times of audit entries.
	Now func() time.Time
	// Key makes keys of the users named in paths. It is strict: a name that no
	// user can have is an error.
	Key KeyFunc
	// Origins are the origins whose pages may read the answers, as a browser
	// spells them in Origin: "https://portal.example.com". Nil for none.
	Origins []string
}

// An endpoint is what a handler says about itself.
type endpoint struct {
	route string   // "POST /login", as in package access
	body  presence // of a request body
	query []string // the parameters it knows
	// timed says that it sees to its time itself: it ends before the deadline.
	timed bool
}

// A request is an event that has passed every check.
type request[B body] struct {
	Body   B
	Client string            // of the path; empty where the path has none
	Key    lockout.Key       // of the path; zero where the path names no user
	File   string            // of the path's {proxy+}; empty where the path has none
	Query  map[string]string // the parameters that were given
	Caller access.Caller     // zero where no token is asked for
	origin
	outside string // the path as the caller sent it, a stage's name and all
	page    string // the allowed origin whose page sent it; empty for none
	note    *note
}

// serve makes a handler. It runs do only on a request that has passed every
// check, and answers with what do returns (see [replyOf]), or with the problem
// that its error is. A panic is a 500. do has its time until shortly before the
// deadline of ctx, so that a store that hangs is a 503 with a log line, and not
// the gateway's word on a function that was stopped.
func serve[B body](e Edge, p endpoint, do func(context.Context, *request[B]) (any, error)) Handler {
	method, path, _ := strings.Cut(p.route, " ")
	route, known := access.FindRoute(method, path)
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		began := e.Now()
		if !p.timed {
			var cancel context.CancelFunc
			ctx, cancel = endingBefore(ctx, answerTime)
			defer cancel()
		}
		r := &request[B]{origin: originOf(ctx, event), outside: event.RequestContext.Path, page: e.pageOf(event), note: &note{}}
		answer, err := guarded(func() (reply, error) {
			if !known || event.HTTPMethod != method || event.Resource != path {
				return reply{}, errNoRoute
			}
			if err := r.receive(e, p, route, event); err != nil {
				return reply{}, err
			}
			said, err := do(ctx, r)
			if err != nil {
				return reply{}, missing(route, err)
			}
			return replyOf(said)
		})
		e.record(ctx, r.note, r.origin, p.route, e.Now().Sub(began), err)
		return e.respond(event, r.RequestID, answer, err), nil
	}
}

// answerTime is kept for writing the answer and the log line.
const answerTime = 500 * time.Millisecond

// endingBefore returns ctx with a deadline that is earlier by the time kept, if
// it has one.
func endingBefore(ctx context.Context, kept time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-kept))
}

// receive fills the request in, in the order in which refusals are told: the
// path, the caller, the query, the body.
func (r *request[B]) receive(e Edge, p endpoint, route access.Route, event events.APIGatewayProxyRequest) error {
	if err := r.enter(e, route, event); err != nil {
		return err
	}
	if route.Method == access.Preflight { // its query is that of the request it asks about
		return nil
	}
	var err error
	if r.Query, err = queryOf(event, p.query); err != nil {
		return err
	}
	r.Body, err = bodyOf[B](event, p.body)
	return err
}

// enter lets the caller in, to the client and the user that the path names.
func (r *request[B]) enter(e Edge, route access.Route, event events.APIGatewayProxyRequest) error {
	if err := r.readPath(route, event.PathParameters); err != nil {
		return err
	}
	if route.Action == access.Anybody {
		return nil
	}
	var err error
	if r.Caller, err = callerOf(event.RequestContext.Authorizer); err != nil {
		return err
	}
	r.note.Actor = r.Caller.String()
	if err := r.Caller.Check(route.Action, r.Client); err != nil {
		return err
	}
	if !names(route, "username") {
		return nil
	}
	username, err := unescaped(event.PathParameters["username"])
	if err != nil {
		return err
	}
	if r.Key, err = e.Key(r.Client, username); err != nil {
		return fmt.Errorf("username of the path: %w", errNoUser)
	}
	r.note.Username = r.Key.Username()
	return nil
}

// unescaped returns the username of a path without percent-encoding. A REST
// API may hand a function a parameter as it stands in the URL, other gateways
// decode it. A percent sign tells the two apart, since no username holds one;
// what still has one after decoding once names nobody.
func unescaped(username string) (string, error) {
	if !strings.Contains(username, "%") {
		return username, nil
	}
	decoded, err := url.PathUnescape(username)
	if err != nil || strings.Contains(decoded, "%") {
		return "", fmt.Errorf("username of the path: %w", errNoUser)
	}
	return decoded, nil
}

// readPath takes the parameters of the path as they are given. Without one,
// the path names nobody.
func (r *request[B]) readPath(route access.Route, given map[string]string) error {
	for _, name := range []string{"client", "username"} {
		if names(route, name) && given[name] == "" {
			return fmt.Errorf("%s of the path: %w", name, lockout.ErrNotFound)
		}
	}
	r.Client, r.File = given["client"], given["proxy"]
	r.note.Client, r.note.Username = given["client"], given["username"]
	return nil
}

func names(route access.Route, parameter string) bool {
	return slices.Contains(strings.Split(route.Path, "/"), "{"+parameter+"}")
}

// callerOf reads who is calling from what the authorizer passed on.
func callerOf(authorizer map[string]any) (access.Caller, error) {
	client, _ := authorizer["client"].(string)
	username, _ := authorizer["username"].(string)
	role, _ := authorizer["role"].(string)
	caller := access.Caller{Client: client, Username: username, Role: access.Role(role)}
	if client == "" || username == "" || !caller.Role.Valid() {
		return access.Caller{}, access.ErrUnauthorized
	}
	return caller, nil
}

// A panicError is a panic on its way to the log.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// guarded runs do, and returns a panic as an error.
func guarded[T any](do func() (T, error)) (result T, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{value: value, stack: debug.Stack()}
		}
	}()
	return do()
}
