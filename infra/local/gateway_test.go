package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// A recorder is a backend that keeps the last event and answers as it is told.
type recorder struct {
	event     events.APIGatewayProxyRequest
	asked     events.APIGatewayCustomAuthorizerRequestTypeRequest
	authorize func(arn string) (events.APIGatewayCustomAuthorizerResponse, error)
	answer    events.APIGatewayProxyResponse
	err       error
}

func (r *recorder) Authorize(
	_ context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest,
) (events.APIGatewayCustomAuthorizerResponse, error) {
	r.asked = event
	return r.authorize(event.MethodArn)
}

func (r *recorder) Handle(
	_ context.Context, _ access.Route, event events.APIGatewayProxyRequest,
) (events.APIGatewayProxyResponse, error) {
	r.event = event
	return r.answer, r.err
}

// policyFor returns an authorizer's answer with statements of the given effects.
func policyFor(resource string, effects ...string) events.APIGatewayCustomAuthorizerResponse {
	answer := events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: "acme/root", Context: map[string]any{"client": "acme", "count": 3},
	}
	for _, effect := range effects {
		answer.PolicyDocument.Statement = append(answer.PolicyDocument.Statement, events.IAMPolicyStatement{
			Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{resource},
		})
	}
	return answer
}

func allow(arn string) (events.APIGatewayCustomAuthorizerResponse, error) {
	return policyFor(arn, "Allow"), nil
}

func newRecorder() *recorder {
	return &recorder{authorize: allow, answer: events.APIGatewayProxyResponse{
		StatusCode: http.StatusTeapot, Body: "aGk=", IsBase64Encoded: true,
		Headers: map[string]string{"x-one": "1"}, MultiValueHeaders: map[string][]string{"X-Two": {"a", "b"}},
	}}
}

// portal is the origin whose pages may read answers.
const portal = "https://portal.example.com"

func newGateway(t *testing.T, b backend) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(&gateway{
		routes: access.Routes(), backend: b, log: slog.New(slog.DiscardHandler), origins: []string{portal},
		now: func() time.Time { return time.Unix(0, 0).UTC() }, newID: func() string { return "request-1" },
	})
	t.Cleanup(server.Close)
	return server
}

// send sends a request to a backend whose answers need not be those of the API.
func send(t *testing.T, method, url string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	return sendBy(t, http.DefaultClient, method, url, header, body)
}

func sendBy(t *testing.T, by *http.Client, method, url string, header http.Header, body string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	response, err := by.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func token() http.Header { return http.Header{"Authorization": {"Bearer x"}, "User-Agent": {"test"}} }

func TestARequestBecomesTheEventOfAPIGateway(t *testing.T) {
	backend := newRecorder()
	server := newGateway(t, backend)
	header := token()
	header["X-Forwarded-For"] = []string{"198.51.100.7"}
	header["X-Many"] = []string{"one", "two"}
	path := "/clients/acme/users/ana%2Fsilva%2541?q=a%20b&q=c&bad=%zz&flag"
	send(t, "GET", server.URL+path, header, "")
	got := backend.event
	want := events.APIGatewayProxyRequest{
		Resource: "/clients/{client}/users/{username}", HTTPMethod: "GET",
		Path:                            "/clients/acme/users/ana%2Fsilva%2541",
		PathParameters:                  map[string]string{"client": "acme", "username": "ana/silva%41"},
		QueryStringParameters:           map[string]string{"q": "c", "bad": "%zz", "flag": ""},
		MultiValueQueryStringParameters: map[string][]string{"q": {"a b", "c"}, "bad": {"%zz"}, "flag": {""}},
		Headers:                         got.Headers, MultiValueHeaders: got.MultiValueHeaders, RequestContext: got.RequestContext,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("event: got -, want +:\n%s", diff)
	}
	if got.Headers["X-Many"] != "two" || !cmp.Equal(got.MultiValueHeaders["X-Many"], []string{"one", "two"}) {
		t.Errorf("headers: got %v and %v", got.Headers, got.MultiValueHeaders)
	}
	from := got.RequestContext
	if from.Identity.SourceIP != "127.0.0.1" || from.Identity.UserAgent != "test" || from.RequestID != "request-1" {
		t.Errorf("context: got %+v, want the connection's address, the user agent and our request id", from)
	}
	caller := map[string]any{"principalId": "acme/root", "client": "acme", "count": "3"}
	if diff := cmp.Diff(from.Authorizer, caller); diff != "" {
		t.Errorf("authorizer: got -, want +:\n%s", diff)
	}
}

func TestTheAuthorizerIsAskedForOneMethod(t *testing.T) {
	backend := newRecorder()
	server := newGateway(t, backend)
	send(t, "DELETE", server.URL+"/clients/acme/policy", token(), "")
	const arn = "arn:aws:execute-api:local:000000000000:portcullis/local/DELETE/clients/acme/policy"
	if got := backend.asked; got.MethodArn != arn || got.Type != "REQUEST" || got.Resource != "/clients/{client}/policy" ||
		got.PathParameters["client"] != "acme" || got.Headers["Authorization"] != "Bearer x" {
		t.Errorf("got %+v, want the method's ARN, its resource and the token", got)
	}
}

func TestAnAnswerIsSentAsItIs(t *testing.T) {
	server := newGateway(t, newRecorder())
	response, body := send(t, "GET", server.URL+"/health", nil, "")
	if response.StatusCode != http.StatusTeapot || body != "hi" || response.Header.Get("X-One") != "1" ||
		!cmp.Equal(response.Header["X-Two"], []string{"a", "b"}) {
		t.Errorf("got %d %q %v", response.StatusCode, body, response.Header)
	}
}

func TestBodiesReachTheHandler(t *testing.T) {
	tests := []struct {
		name, body, want string
		encoded          bool
	}{
		{"a text as it is", `{"a": "é"}`, `{"a": "é"}`, false},
		{"bad UTF-8 in base64", "\xff\xfe", "//4=", true},
		{"no more than is read of a long one", strings.Repeat("x", maxBody+1), strings.Repeat("x", maxBody), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend := newRecorder()
			send(t, "POST", newGateway(t, backend).URL+"/login", nil, test.body)
			if got := backend.event; got.Body != test.want || got.IsBase64Encoded != test.encoded {
				t.Errorf("got %.40q (base64: %t), want %.40q (%t)", got.Body, got.IsBase64Encoded, test.want, test.encoded)
			}
		})
	}
}

func TestTheGatewayRefuses(t *testing.T) {
	answering := func(answer events.APIGatewayCustomAuthorizerResponse, err error) func(string) (events.APIGatewayCustomAuthorizerResponse, error) {
		return func(string) (events.APIGatewayCustomAuthorizerResponse, error) { return answer, err }
	}
	denying := func(arn string) (events.APIGatewayCustomAuthorizerResponse, error) {
		return policyFor(arn, "Allow", "Deny"), nil
	}
	tests := []struct {
		name, method, path string
		header             http.Header
		authorize          func(string) (events.APIGatewayCustomAuthorizerResponse, error)
		status             int
		problem            string
	}{
		{"an unknown path", "GET", "/nothing", token(), allow, 404, "not-found"},
		{"a method that the path does not have", "PATCH", "/login", token(), allow, 404, "not-found"},
		{"a preflight of an unknown path", "OPTIONS", "/nothing", token(), allow, 404, "not-found"},
		{"a trailing slash", "POST", "/login/", token(), allow, 404, "not-found"},
		{"an empty path parameter", "GET", "/clients//policy", token(), allow, 404, "not-found"},
		{"a request without a token", "GET", "/clients/acme/policy", nil, allow, 401, "unauthorized"},
		{"a token that is not good", "GET", "/clients/acme/policy", token(), answering(policyFor("*"), errors.New("Unauthorized")), 401, "unauthorized"},
		{"an authorizer that fails", "GET", "/clients/acme/policy", token(), answering(policyFor("*"), errors.New("no")), 503, "unavailable"},
		{"a policy that says nothing", "GET", "/clients/acme/policy", token(), answering(policyFor("*"), nil), 403, "forbidden"},
		{"a policy that denies too", "GET", "/clients/acme/policy", token(), denying, 403, "forbidden"},
		{"a policy for another method", "GET", "/clients/acme/policy", token(), answering(policyFor("arn:*/POST/*", "Allow"), nil), 403, "forbidden"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			backend := newRecorder()
			backend.authorize = test.authorize
			header := test.header.Clone()
			if header == nil {
				header = http.Header{}
			}
			header.Set("Origin", portal)
			response, body := sendBy(t, observed(t), test.method, newGateway(t, backend).URL+test.path, header, "")
			wantProblem(t, response, body, test.status, test.problem)
			if got := response.Header.Get("Access-Control-Allow-Origin"); got != portal {
				t.Errorf("the portal's page may not read this: Access-Control-Allow-Origin is %q", got)
			}
			if backend.event.HTTPMethod != "" {
				t.Error("the handler was called")
			}
		})
	}
}

func TestHEADIsNoMethodOfTheAPI(t *testing.T) {
	backend := newRecorder()
	response, _ := send(t, "HEAD", newGateway(t, backend).URL+"/health", nil, "")
	if response.StatusCode != 404 || backend.event.HTTPMethod != "" {
		t.Errorf("got %d, want 404 without a call", response.StatusCode)
	}
}

// TestAPreflightGoesToItsRouteWithoutAToken: a browser sends none with it, but the
// origin, which the handler needs.
func TestAPreflightGoesToItsRouteWithoutAToken(t *testing.T) {
	for _, route := range access.Routes() {
		if route.Method != http.MethodOptions {
			continue
		}
		backend := newRecorder()
		backend.authorize = nil
		path := strings.NewReplacer("{client}", "acme", "{username}", "ana%20silva").Replace(route.Path)
		response, _ := send(t, "OPTIONS", newGateway(t, backend).URL+path, http.Header{"Origin": {portal}}, "")
		got := backend.event
		if response.StatusCode != http.StatusTeapot || got.Resource != route.Path || got.HTTPMethod != "OPTIONS" || got.Headers["Origin"] != portal {
			t.Errorf("%s: got %d after %s %s from %q", path, response.StatusCode, got.HTTPMethod, got.Resource, got.Headers["Origin"])
		}
		if strings.Contains(path, "ana") && got.PathParameters["username"] != "ana silva" {
			t.Errorf("%s: got the parameters %v", path, got.PathParameters)
		}
	}
}

func TestAFunctionThatFailsIsAnInternalError(t *testing.T) {
	backend := newRecorder()
	backend.err = errors.New("the password is secret")
	response, body := sendBy(t, observed(t), "DELETE", newGateway(t, backend).URL+"/clients/acme/policy", token(), "")
	wantProblem(t, response, body, 500, "internal")
	if strings.Contains(body, "secret") {
		t.Errorf("the error is shown: %s", body)
	}
}

func TestAnAnswerThatCannotBeDecodedIsAnInternalError(t *testing.T) {
	backend := newRecorder()
	backend.answer.Body = "?"
	response, body := sendBy(t, observed(t), "DELETE", newGateway(t, backend).URL+"/clients/acme/policy", token(), "")
	wantProblem(t, response, body, 500, "internal")
}

func wantProblem(t *testing.T, response *http.Response, body string, status int, problem string) {
	t.Helper()
	var document struct {
		Type      string `json:"type"`
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatalf("got %d %s: %v", response.StatusCode, body, err)
	}
	if response.StatusCode != status || document.Type != "urn:portcullis:problem:"+problem || document.RequestID != "request-1" {
		t.Errorf("got %d %s, want %d %s with the request id", response.StatusCode, body, status, problem)
	}
	h := response.Header
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") != "request-1" {
		t.Errorf("headers: got %v", h)
	}
}

func TestPatternsMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a/bc", false}, {"*", "anything", true}, {"*", "", true},
		{"a/*", "a/b/c", true}, {"a/*", "b/a/", false}, {"*/c", "a/b/c", true}, {"*/c", "c", false},
		{"a*b*c", "a1b2c", true}, {"a*b*c", "a1c2b", false}, {"a*a", "a", false}, {"a**b", "ab", true},
		{strings.Repeat("*a", 50) + "b", strings.Repeat("a", 200), false}, // in no time
	}
	for _, test := range tests {
		if got := matches(test.pattern, test.name); got != test.want {
			t.Errorf("matches(%q, %q): got %t, want %t", test.pattern, test.name, got, test.want)
		}
	}
}

func TestARefusalIsSharedWithAPageThatMayReadIt(t *testing.T) {
	server := newGateway(t, newRecorder())
	for path, status := range map[string]int{"/nowhere": 404, "/clients/acme/policy": 401} {
		for origin, want := range map[string]string{portal: portal, "https://evil.example": ""} {
			response, _ := send(t, "GET", server.URL+path, http.Header{"Origin": {origin}}, "")
			got := response.Header.Get("Access-Control-Allow-Origin")
			if response.StatusCode != status || got != want || response.Header.Get("Vary") != "Origin" {
				t.Errorf("%s from %s: got %d, shared with %q, want %q", path, origin, response.StatusCode, got, want)
			}
		}
	}
}
