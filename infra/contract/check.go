package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// An exchange is a request and its answer, taken apart.
type exchange struct {
	route      *routers.Route    // nil where the contract has none
	parameters map[string]string // of the path, decoded
	query      url.Values
	header     http.Header
	body       []byte
	unreadable error // why the request could not be taken apart
	authorized bool

	status       int
	answerHeader http.Header
	answer       []byte
}

// check returns what is wrong with the exchange, and else counts it.
func (c *Contract) check(x exchange) error {
	route, operation := x.route, "a path that the contract does not have"
	if route == nil {
		route = c.nowhere()
	} else {
		operation = route.Method + " " + route.Path
	}
	input := x.input(route)
	refusable := x.checkRequest(input)
	if err := x.checkAnswer(input); err != nil {
		return fmt.Errorf("%s: answer %d: %w\n%s", operation, x.status, err, shortened(x.answer))
	}
	if refusable != nil && !x.refused() {
		return fmt.Errorf("%s: answer %d to a request that the contract does not allow: %w", operation, x.status, refusable)
	}
	if x.route != nil {
		c.record(Case{operation, x.status})
	}
	return nil
}

func (x exchange) input(route *routers.Route) *openapi3filter.RequestValidationInput {
	request := &http.Request{
		Method: route.Method, URL: &url.URL{Path: "/"}, Header: x.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(x.body)), ContentLength: int64(len(x.body)),
	}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	return &openapi3filter.RequestValidationInput{
		Request: request, PathParams: x.parameters, QueryParams: x.query, Route: route,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
			AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error {
				if !x.authorized {
					return errors.New("no access token")
				}
				return nil
			},
		},
	}
}

// checkRequest returns why the contract does not allow the request, or nil.
func (x exchange) checkRequest(input *openapi3filter.RequestValidationInput) error {
	if x.unreadable != nil {
		return x.unreadable
	}
	if input.Route.Method == http.MethodOptions {
		return nil // its parameters are those of the request that it asks about
	}
	for name, values := range x.query {
		if input.Route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("parameter %q is not declared", name)
		}
		if len(values) != 1 {
			return fmt.Errorf("parameter %q is given %d times", name, len(values))
		}
	}
	return openapi3filter.ValidateRequest(context.Background(), input)
}

// refusals are the problems of a request that was not looked at further: none of
// them is a verdict, a conflict or an outage.
var refusals = []string{
	"invalid-request", "unauthorized", "forbidden", "not-found", "payload-too-large", "unsupported-media-type",
}

// refused reports whether the request was refused for what it is.
func (x exchange) refused() bool {
	var problem struct{ Type string }
	if err := json.Unmarshal(x.answer, &problem); err != nil {
		return false
	}
	kind, ok := strings.CutPrefix(problem.Type, "urn:portcullis:problem:")
	return ok && slices.Contains(refusals, kind)
}

// byTransport are the headers that HTTP itself adds to an answer.
var byTransport = []string{"Connection", "Content-Length", "Content-Type", "Date"}

// checkAnswer returns what is wrong with the answer: its status, a header that is
// missing or not declared, its content type or its body.
func (x exchange) checkAnswer(input *openapi3filter.RequestValidationInput) error {
	response := input.Route.Operation.Responses.Status(x.status)
	if response == nil {
		return errors.New("the status is not declared")
	}
	declared := slices.Concat(byTransport, slices.Collect(maps.Keys(response.Value.Headers)))
	for name := range x.answerHeader {
		if !slices.ContainsFunc(declared, func(d string) bool { return http.CanonicalHeaderKey(d) == name }) {
			return fmt.Errorf("header %s is not declared", name)
		}
	}
	if len(response.Value.Content) == 0 && (len(x.answer) > 0 || x.answerHeader.Get("Content-Type") != "") {
		return errors.New("a body or a content type where none is declared")
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: x.status, Header: x.answerHeader, Options: input.Options,
	}
	return openapi3filter.ValidateResponse(context.Background(), answer.SetBodyBytes(x.answer))
}

// shortened keeps a message readable.
func shortened(body []byte) []byte {
	const enough = 500
	return body[:min(len(body), enough)]
}
