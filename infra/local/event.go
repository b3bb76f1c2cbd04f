package main

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
)

// Who API Gateway says it is. The names mean nothing; an authorizer's policy
// is matched against the ARN they make.
const (
	accountID = "000000000000"
	apiID     = "portcullis"
	stage     = "local"
)

// A call is a request on its way to a handler: the route it found, and the
// event that API Gateway would make of it.
type call struct {
	route access.Route
	event events.APIGatewayProxyRequest
}

// newCall makes the event of a request whose route and path parameters are
// known; body is the whole of its body.
func newCall(r *http.Request, id string, now time.Time, route access.Route, parameters map[string]string, body []byte) call {
	event := events.APIGatewayProxyRequest{
		Resource:                        route.Path,
		Path:                            r.URL.EscapedPath(),
		HTTPMethod:                      r.Method,
		MultiValueHeaders:               headersOf(r),
		PathParameters:                  parameters,
		MultiValueQueryStringParameters: queryOf(r.URL.RawQuery),
		RequestContext:                  contextOf(r, id, now, route),
	}
	event.Headers = lastOf(event.MultiValueHeaders)
	event.QueryStringParameters = lastOf(event.MultiValueQueryStringParameters)
	event.Body, event.IsBase64Encoded = bodyOf(body)
	return call{route: route, event: event}
}

// contextOf says where the request comes from: the other end of the
// connection, whatever its headers say.
func contextOf(r *http.Request, id string, now time.Time, route access.Route) events.APIGatewayProxyRequestContext {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	return events.APIGatewayProxyRequestContext{
		AccountID: accountID, APIID: apiID, Stage: stage, RequestID: id, ExtendedRequestID: id,
		ResourceID: route.Path, ResourcePath: route.Path,
		Path:       r.URL.EscapedPath(), // as behind a domain of one's own: no stage's name before it
		HTTPMethod: r.Method, Protocol: r.Proto, DomainName: r.Host,
		RequestTime: now.Format("02/Jan/2006:15:04:05 -0700"), RequestTimeEpoch: now.UnixMilli(),
		Identity: events.APIGatewayRequestIdentity{SourceIP: address, UserAgent: r.UserAgent()},
	}
}

// headersOf returns all headers; net/http keeps Host apart.
func headersOf(r *http.Request) map[string][]string {
	headers := map[string][]string(r.Header.Clone())
	headers["Host"] = []string{r.Host}
	return headers
}

// queryOf splits a query string. What is escaped badly stays as it is, so that
// a handler refuses it; dropping it would drop a filter.
func queryOf(raw string) map[string][]string {
	query := make(map[string][]string)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = unescapedOr(name)
		query[name] = append(query[name], unescapedOr(value))
	}
	return query
}

func unescapedOr(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// lastOf returns the last value of each name, as API Gateway does where a name
// has one value only.
func lastOf(all map[string][]string) map[string]string {
	last := make(map[string]string, len(all))
	for name, values := range all {
		if len(values) > 0 {
			last[name] = values[len(values)-1]
		}
	}
	return last
}

// bodyOf returns the body as an event carries it: text, or base64 where JSON
// could not carry it.
func bodyOf(body []byte) (text string, encoded bool) {
	if utf8.Valid(body) {
		return string(body), false
	}
	return base64.StdEncoding.EncodeToString(body), true
}

// authorizerEvent makes what a REQUEST authorizer is asked.
func (c call) authorizerEvent() events.APIGatewayCustomAuthorizerRequestTypeRequest {
	from := c.event.RequestContext
	return events.APIGatewayCustomAuthorizerRequestTypeRequest{
		Type: "REQUEST", MethodArn: c.arn(), Resource: c.event.Resource, Path: c.event.Path, HTTPMethod: c.event.HTTPMethod,
		Headers: c.event.Headers, MultiValueHeaders: c.event.MultiValueHeaders,
		QueryStringParameters:           c.event.QueryStringParameters,
		MultiValueQueryStringParameters: c.event.MultiValueQueryStringParameters,
		PathParameters:                  c.event.PathParameters,
		RequestContext: events.APIGatewayCustomAuthorizerRequestTypeRequestContext{
			Path: from.Path, AccountID: from.AccountID, ResourceID: from.ResourceID, Stage: from.Stage,
			RequestID: from.RequestID, ResourcePath: from.ResourcePath, HTTPMethod: from.HTTPMethod, APIID: from.APIID,
			Identity: events.APIGatewayCustomAuthorizerRequestTypeRequestIdentity{SourceIP: from.Identity.SourceIP},
		},
	}
}

// arn names the method on the path that was asked for.
func (c call) arn() string {
	return fmt.Sprintf("arn:aws:execute-api:local:%s:%s/%s/%s%s", accountID, apiID, stage, c.event.HTTPMethod, c.event.Path)
}

// write sends a handler's answer.
func write(w http.ResponseWriter, answer events.APIGatewayProxyResponse) error {
	body := []byte(answer.Body)
	if answer.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(answer.Body)
		if err != nil {
			return fmt.Errorf("decoding an answer's body: %w", err)
		}
		body = decoded
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	for name, values := range answer.MultiValueHeaders {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(body) // the caller has left
	return nil
}
