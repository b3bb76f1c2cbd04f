package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

// bare returns an event of a route, with nothing in it but the path.
func bare(route access.Route) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		HTTPMethod: route.Method, Resource: route.Path,
		PathParameters: map[string]string{"client": "acme", "username": "ana.silva"},
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "id"},
	}
}

func TestEveryRouteHasAHandlerThatChecksItsCaller(t *testing.T) {
	handlers := newWorld(t).handlers()
	if got, want := len(handlers), len(access.Routes()); got != want {
		t.Errorf("%d handlers for %d routes", got, want)
	}
	for _, route := range access.Routes() {
		t.Run(route.Method+" "+route.Path, func(t *testing.T) {
			w := newWorld(t)
			if _, ok := handlers[route.Method+" "+route.Path]; !ok {
				t.Fatal("no handler")
			}
			if got, want := w.send(t, bare(route)).StatusCode == 401, route.Action != access.Anybody; got != want {
				t.Errorf("refuses nobody: %t, want %t", got, want)
			}
			for _, role := range access.Roles() {
				for _, client := range []string{"acme", "other"} {
					caller := access.Caller{Client: client, Username: "x", Role: role}
					want := route.Action != access.Anybody && caller.Check(route.Action, "acme") != nil
					if got := w.send(t, as(bare(route), caller)).StatusCode == 403; got != want {
						t.Errorf("refuses %s %s: %t, want %t", role, caller, got, want)
					}
				}
			}
		})
	}
}

func TestAHandlerAnswersItsOwnRouteAlone(t *testing.T) {
	w := newWorld(t)
	for name, handler := range w.handlers() {
		event := as(bare(access.Route{Method: "GET", Path: "/clients/{client}/secrets"}), root)
		response, err := handler(t.Context(), event)
		if err != nil || response.StatusCode != 404 {
			t.Errorf("%s: got %d, %v", name, response.StatusCode, err)
		}
	}
	for _, name := range []string{"get", "delete"} {
		event := recorded(t, "policy/"+name)
		event.HTTPMethod = "PATCH"
		if a := w.send(t, event); a.StatusCode != 404 || a.kind() != "not-found" {
			t.Errorf("PATCH instead of %s: got %d %s", name, a.StatusCode, a.Body)
		}
	}
}

func TestEveryErrorIsOneProblem(t *testing.T) {
	tests := []struct {
		err    error
		status int
		kind   string
		retry  string
	}{
		{access.ErrUnauthorized, 401, "unauthorized", ""},
		{access.ErrForbidden, 403, "forbidden", ""},
		{lockout.ErrNotFound, 404, "not-found", ""},
		{&lockout.ConflictError{}, 409, "conflict", ""},
		{lockout.ErrUnavailable, 503, "unavailable", "5"},
		{context.DeadlineExceeded, 503, "unavailable", "5"},
		{errors.New("secret inner text"), 500, "internal", ""},
		{errors.Join(lockout.ErrNotFound, lockout.ErrUnavailable), 503, "unavailable", "5"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.err), func(t *testing.T) {
			w := newWorld(t)
			w.people.err = fmt.Errorf("doing something: %w", test.err)
			event := "users/one"
			if test.status == 409 {
				event = "unlock/no-body" // a read conflicts with nothing
			}
			a := w.send(t, recorded(t, event))
			if a.StatusCode != test.status || a.kind() != test.kind || a.Headers["Retry-After"] != test.retry {
				t.Errorf("got %d %v %s", a.StatusCode, a.Headers, a.Body)
			}
			if strings.Contains(a.Body, "something") || strings.Contains(a.Body, "inner") {
				t.Errorf("the problem tells of the inside: %s", a.Body)
			}
			logged := strings.Contains(fmt.Sprint(w.log.last(t)), "doing something")
			if logged != (test.status >= 500) {
				t.Errorf("status %d is logged as %v", test.status, w.log.last(t))
			}
		})
	}
}

func TestARefusalLooksLikeAHandlersOwn(t *testing.T) {
	event := recorded(t, "unlock/no-body")
	w := newWorld(t)
	want := w.send(t, as(event, access.Caller{})).APIGatewayProxyResponse
	if diff := cmp.Diff(w.edge.Refusal(event, access.ErrUnauthorized), want); diff != "" {
		t.Errorf("refusal (-got +want):\n%s", diff)
	}
}

func TestTheRequestIdIsFitForAHeader(t *testing.T) {
	lambda := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "from-lambda"})
	for given, want := range map[string]string{
		"c6af9ac6":                "c6af9ac6",
		"a\r\nSet-Cookie: b":      "a__Set-Cookie:_b",
		"é":                       "_",
		strings.Repeat("x", 1000): strings.Repeat("x", 128),
		"":                        "from-lambda",
	} {
		event := recorded(t, "health")
		event.RequestContext.RequestID = given
		w := newWorld(t)
		response, _ := w.handlers()["GET /health"](lambda, event)
		if got := response.Headers["X-Request-Id"]; got != want || w.log.last(t)["request_id"] != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestHealthIsOneWordAndTheVersion(t *testing.T) {
	w := newWorld(t)
	if a := w.send(t, recorded(t, "health")); a.StatusCode != 200 || a.Body != `{"status":"ok","version":"v1"}` {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
	w.healthy = errors.New("table attempts is gone")
	a := w.send(t, recorded(t, "health"))
	if a.StatusCode != 503 || a.Headers["Retry-After"] == "" || strings.Contains(a.Body, "attempts is") {
		t.Errorf("got %d %s", a.StatusCode, a.Body)
	}
}
