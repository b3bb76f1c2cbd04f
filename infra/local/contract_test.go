package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/infra"
	"portcullis/infra/contract"
	"portcullis/internal/access"
)

// api is the contract that the server's answers are held against.
var api = contract.MustLoad()

// observed returns a client that holds every exchange against the contract.
func observed(t *testing.T) *http.Client {
	return &http.Client{Transport: api.Transport(http.DefaultTransport, func(wrong error) { t.Error(wrong) })}
}

// gatewayGives reports whether a gateway can give the answer by itself: to a
// token that is not good or not enough, and for a function that gives none. The
// tests of the handlers see the rest of the contract.
func gatewayGives(one contract.Case) bool {
	switch one.Status {
	case http.StatusUnauthorized:
		method, path, _ := strings.Cut(one.Operation, " ")
		route, _ := access.FindRoute(method, path)
		return route.Action != access.Anybody
	case http.StatusForbidden, http.StatusInternalServerError:
		return true
	}
	return api.GatewayAlone(one)
}

// goodRequest returns the path, header and body of a request that the contract
// allows, from its examples.
func goodRequest(t *testing.T, route access.Route) (string, http.Header, string) {
	t.Helper()
	header := http.Header{"Content-Type": {"application/json"}}
	if route.Action != access.Anybody {
		header.Set("Authorization", "Bearer x")
	}
	operation := api.Document().Paths.Value(route.Path).Operations()[route.Method]
	path := strings.NewReplacer("{client}", "acme", "{username}", "ana.silva").Replace(route.Path)
	if operation.RequestBody == nil {
		return path, header, ""
	}
	for _, example := range operation.RequestBody.Value.Content.Get("application/json").Examples {
		body, err := json.Marshal(example.Value.Value)
		if err != nil {
			t.Fatal(err)
		}
		return path, header, string(body)
	}
	t.Fatal("the contract has no example")
	return "", nil, ""
}

func TestTheGatewayRefusesOnEveryRoute(t *testing.T) {
	denying := func(arn string) (events.APIGatewayCustomAuthorizerResponse, error) {
		return policyFor(arn, "Deny"), nil
	}
	for _, route := range access.Routes() {
		t.Run(route.Method+" "+route.Path, func(t *testing.T) {
			path, header, body := goodRequest(t, route)
			expect := func(b *recorder, header http.Header, status int, problem string) {
				t.Helper()
				response, text := sendBy(t, observed(t), route.Method, newGateway(t, b).URL+path, header, body)
				wantProblem(t, response, text, status, problem)
			}
			failing := newRecorder()
			failing.err = errors.New("the function has ended")
			expect(failing, header, 500, "internal")
			if declares(route, 503) {
				late := newRecorder()
				late.err = context.DeadlineExceeded
				expect(late, header, 503, "unavailable")
			}
			if route.Action == access.Anybody {
				return
			}
			expect(newRecorder(), http.Header{"Content-Type": {"application/json"}}, 401, "unauthorized")
			denied := newRecorder()
			denied.authorize = denying
			expect(denied, header, 403, "forbidden")
		})
	}
}

func declares(route access.Route, status int) bool {
	return api.Document().Paths.Value(route.Path).Operations()[route.Method].Responses.Status(status) != nil
}

func TestTheContractIsServed(t *testing.T) {
	s := serveFor(t, "-ephemeral")
	response, body := sendBy(t, observed(t), "GET", s.base+"/openapi.yaml", nil, "")
	if response.StatusCode != http.StatusOK || body != string(infra.Contract()) {
		t.Errorf("got %d with %d bytes", response.StatusCode, len(body))
	}
}
