package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/routers"
)

// Transport returns a RoundTripper that passes requests on to base and tells wrong
// of every exchange that is not as the contract says. It reads whole answers. An
// exchange that base did not finish is not looked at.
func (c *Contract) Transport(base http.RoundTripper, wrong func(error)) http.RoundTripper {
	return &transport{contract: c, base: base, wrong: wrong}
}

type transport struct {
	contract *Contract
	base     http.RoundTripper
	wrong    func(error)
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := reread(request)
	if err != nil {
		return nil, err
	}
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(answer))
	if err := t.contract.checkHTTP(request, sent, response, answer); err != nil {
		t.wrong(err)
	}
	return response, nil
}

// checkHTTP returns what is wrong with the answer to a request that was sent as
// it is. That there is a token is all that can be told of it from here.
func (c *Contract) checkHTTP(request *http.Request, sent []byte, response *http.Response, answer []byte) error {
	route, parameters := c.find(request.Method, request.URL.EscapedPath())
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	return c.check(exchange{
		route: route, parameters: parameters, query: request.URL.Query(), header: request.Header, body: sent,
		authorized: strings.EqualFold(scheme, "Bearer") && token != "",
		status:     response.StatusCode, answerHeader: response.Header, answer: answer,
	})
}

// reread returns a request's body and leaves it to be sent.
func reread(request *http.Request) ([]byte, error) {
	if request.Body == nil {
		return nil, nil
	}
	if request.GetBody == nil {
		return nil, fmt.Errorf("%s %s: a body that can be read only once cannot be checked", request.Method, request.URL)
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(body)
}

// find returns the operation of a request, or nil, and the parameters of its path.
// A path without parameters goes before one with them.
func (c *Contract) find(method, escapedPath string) (*routers.Route, map[string]string) {
	var found *routers.Route
	var parameters map[string]string
	for path := range c.doc.Paths.Map() {
		route := c.route(method, path)
		if given, ok := match(path, escapedPath); ok && route != nil && (found == nil || len(given) < len(parameters)) {
			found, parameters = route, given
		}
	}
	return found, parameters
}

// match compares whole segments, so that an escaped slash is part of a parameter.
func match(template, escapedPath string) (map[string]string, bool) {
	wanted, sent := strings.Split(template, "/"), strings.Split(escapedPath, "/")
	if len(wanted) != len(sent) {
		return nil, false
	}
	parameters := map[string]string{}
	for i, segment := range wanted {
		if !strings.HasPrefix(segment, "{") {
			if segment != sent[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(sent[i])
		if err != nil || value == "" {
			return nil, false
		}
		parameters[strings.Trim(segment, "{}")] = value
	}
	return parameters, true
}
