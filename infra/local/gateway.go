package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
)

// integrationTime is how long API Gateway waits for an answer.
const integrationTime = 29 * time.Second

// maxBody is how much of a body is read, in bytes. API Gateway takes 10 MB, our
// handlers refuse more than 8 KiB, and what is between need not be held in
// memory: a longer body is cut here, and refused as too large all the same.
const maxBody = 64 << 10

// A backend is what stands behind the gateway: the authorizer and the
// functions, in this process or in others.
type backend interface {
	Authorize(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error)
	// Handle answers the event of a route.
	Handle(context.Context, access.Route, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)
}

// A gateway does what API Gateway does with a REST API: it finds the route,
// asks the authorizer and enforces its answer, and passes events to functions.
type gateway struct {
	routes  []access.Route
	backend backend
	log     *slog.Logger
	now     func() time.Time
	newID   func() string
	origins []string // whose pages may read refusals
}

// ServeHTTP answers one request. As behind API Gateway, a function goes on
// when the caller hangs up.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), integrationTime)
	defer cancel()
	c, err := g.receive(r)
	var answer events.APIGatewayProxyResponse
	if err == nil {
		answer, err = g.answer(ctx, &c)
	}
	if err != nil {
		g.report(ctx, c, err)
		answer = g.refusal(c, err)
	}
	if err := write(w, answer); err != nil {
		g.report(ctx, c, err)
		_ = write(w, g.refusal(c, err))
	}
}

// refusal is what API Gateway's own answers are made to look like.
func (g *gateway) refusal(c call, err error) events.APIGatewayProxyResponse {
	return httpapi.Edge{Origins: g.origins}.Refusal(c.event, err)
}

// receive makes the event of a request. Where it fails, the call still has
// what a refusal needs.
func (g *gateway) receive(r *http.Request) (call, error) {
	id, now := g.newID(), g.now()
	route, parameters, found := find(g.routes, r.Method, r.URL.EscapedPath())
	if !found {
		return newCall(r, id, now, route, nil, nil), fmt.Errorf("finding route: %w", lockout.ErrNotFound)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	c := newCall(r, id, now, route, parameters, body)
	if err != nil {
		return c, fmt.Errorf("reading body: %w: %w", context.Canceled, err)
	}
	return c, nil
}

// answer asks the authorizer, where the route has one, and then the function.
func (g *gateway) answer(ctx context.Context, c *call) (events.APIGatewayProxyResponse, error) {
	if c.route.Action != access.Anybody {
		if err := g.authorize(ctx, c); err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
	}
	return g.backend.Handle(ctx, c.route, c.event)
}

// authorize tells the function who is calling, or refuses. An authorizer says
// that a token is not good by the one error text that API Gateway knows; after
// any other error it is unavailable, as template.yaml has it (DEFAULT_5XX).
func (g *gateway) authorize(ctx context.Context, c *call) error {
	if c.event.Headers["Authorization"] == "" {
		return access.ErrUnauthorized
	}
	answer, err := g.backend.Authorize(ctx, c.authorizerEvent())
	switch {
	case err != nil && err.Error() == "Unauthorized":
		return access.ErrUnauthorized
	case err != nil:
		return fmt.Errorf("authorizing: %w: %w", lockout.ErrUnavailable, err)
	}
	if err := enforce(answer, c.arn()); err != nil {
		return err
	}
	c.event.RequestContext.Authorizer = authorizerContext(answer)
	return nil
}

// report logs what went wrong outside the handlers, which log for themselves.
func (g *gateway) report(ctx context.Context, c call, err error) {
	level := slog.LevelError
	for _, refusal := range []error{lockout.ErrNotFound, access.ErrUnauthorized, access.ErrForbidden} {
		if errors.Is(err, refusal) {
			level = slog.LevelInfo
		}
	}
	g.log.Log(ctx, level, "gateway", "outcome", "refused", "request_id", c.event.RequestContext.RequestID,
		"source_ip", c.event.RequestContext.Identity.SourceIP, "method", c.event.HTTPMethod,
		"resource", c.event.Resource, "error", err.Error())
}
