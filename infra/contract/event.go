package contract

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// CheckEvent returns what is wrong with the answer to an event of API Gateway, or
// that it was given though the contract does not allow the request. Whoever the
// event names as the caller has passed the authorizer.
func (c *Contract) CheckEvent(event events.APIGatewayProxyRequest, answer events.APIGatewayProxyResponse) error {
	x := exchange{
		route: c.route(event.HTTPMethod, event.Resource), parameters: decoded(event.PathParameters),
		query:      url.Values(both(event.QueryStringParameters, event.MultiValueQueryStringParameters)),
		header:     canonical(both(event.Headers, event.MultiValueHeaders)),
		authorized: event.RequestContext.Authorizer != nil,
		status:     answer.StatusCode, answerHeader: canonical(both(answer.Headers, answer.MultiValueHeaders)),
	}
	var err error
	if x.answer, err = bytesOf(answer.Body, answer.IsBase64Encoded); err != nil {
		return fmt.Errorf("body of the answer: %w", err)
	}
	x.body, x.unreadable = bytesOf(event.Body, event.IsBase64Encoded)
	return c.check(x)
}

// both returns all values of what API Gateway puts into two maps.
func both(single map[string]string, multiple map[string][]string) map[string][]string {
	all := map[string][]string{}
	for name, value := range single {
		all[name] = []string{value}
	}
	for name, values := range multiple {
		all[name] = values
	}
	return all
}

func canonical(headers map[string][]string) http.Header {
	all := http.Header{}
	for name, values := range headers {
		for _, value := range values {
			all.Add(name, value)
		}
	}
	return all
}

// decoded returns the parameters of a path without percent-encoding: API Gateway
// hands them on as they were sent.
func decoded(parameters map[string]string) map[string]string {
	plain := map[string]string{}
	for name, value := range parameters {
		if text, err := url.PathUnescape(value); err == nil && strings.Contains(value, "%") {
			value = text
		}
		plain[name] = value
	}
	return plain
}

func bytesOf(body string, encoded bool) ([]byte, error) {
	if !encoded {
		return []byte(body), nil
	}
	return base64.StdEncoding.DecodeString(body)
}
