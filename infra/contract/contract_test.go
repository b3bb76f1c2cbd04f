package contract_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/infra/contract"
)

func load(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := contract.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	policyPath = "/clients/{client}/policy"
	policyBody = `{"client":"acme","max_failed_login_attempts_portal":7,"source":"client","version":1,` +
		`"updated_at":"2026-11-23T10:00:00.123Z","updated_by":"acme/root"}`
	invalid = `{"type":"urn:portcullis:problem:invalid-request","title":"Invalid request","status":400,"detail":"No.",` +
		`"request_id":"id","errors":[{"field":"version","message":"must be 0 or more"}]}`
)

// put is a good change of the policy with its answer, which the tests spoil.
func put() (events.APIGatewayProxyRequest, events.APIGatewayProxyResponse) {
	return events.APIGatewayProxyRequest{
			HTTPMethod: "PUT", Resource: policyPath, PathParameters: map[string]string{"client": "acme"},
			Headers: map[string]string{"content-type": "application/json; charset=utf-8"},
			Body:    `{"max_failed_login_attempts_portal": 7}`,
			RequestContext: events.APIGatewayProxyRequestContext{
				Authorizer: map[string]any{"client": "acme", "username": "root", "role": "Sysadmin"},
			},
		}, events.APIGatewayProxyResponse{
			StatusCode: 200, Body: policyBody,
			Headers: map[string]string{
				"Content-Type": "application/json", "Cache-Control": "no-store",
				"X-Content-Type-Options": "nosniff", "X-Request-Id": "id",
			},
		}
}

// refused makes the answer a refusal that the contract knows.
func refused(a *events.APIGatewayProxyResponse) {
	a.StatusCode, a.Body, a.Headers["Content-Type"] = 400, invalid, "application/problem+json"
}

// conflicting makes the answer one to a request that was looked at.
func conflicting(a *events.APIGatewayProxyResponse) {
	a.StatusCode, a.Headers["Content-Type"] = 409, "application/problem+json"
	a.Body = `{"type":"urn:portcullis:problem:conflict","title":"Conflict","status":409,"detail":"No.","request_id":"id",` +
		`"current":` + policyBody + `}`
}

type (
	request = events.APIGatewayProxyRequest
	answer  = events.APIGatewayProxyResponse
)

func TestAnExchangeIsHeldAgainstTheContract(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*request, *answer)
		says  string // in the error; empty for none
	}{
		"a good one": {func(*request, *answer) {}, ""},
		"a body in base64": {func(r *request, _ *answer) {
			r.Body, r.IsBase64Encoded = "eyJtYXhfZmFpbGVkX2xvZ2luX2F0dGVtcHRzX3BvcnRhbCI6IDd9", true
		}, ""},
		"a bad request that is refused":        {func(r *request, a *answer) { r.Body = `{"max_failed_login_attempts_portal": 10}`; refused(a) }, ""},
		"a body that is not JSON, refused":     {func(r *request, a *answer) { r.Body = `{`; refused(a) }, ""},
		"a bad request that is granted":        {func(r *request, _ *answer) { r.Body = `{"max_failed_login_attempts_portal": 10}` }, "number must be at most 9"},
		"an unknown field that is granted":     {func(r *request, _ *answer) { r.Body = `{"max_failed_login_attempts_portal": 7, "x": 1}` }, `property "x"`},
		"another content type that is granted": {func(r *request, _ *answer) { r.Headers["content-type"] = "text/plain" }, "text/plain"},
		"bad base64 that is granted":           {func(r *request, _ *answer) { r.Body, r.IsBase64Encoded = "?", true }, "base64"},
		"a parameter that is granted":          {func(r *request, _ *answer) { r.QueryStringParameters = map[string]string{"x": "1"} }, `parameter "x"`},
		"a client that cannot be":              {func(r *request, _ *answer) { r.PathParameters["client"] = "ACME" }, "client"},
		"a bad request that conflicts":         {func(r *request, a *answer) { r.Body = `{}`; conflicting(a) }, "max_failed_login_attempts_portal"},
		"a good request that conflicts":        {func(_ *request, a *answer) { conflicting(a) }, ""},
		"nobody who is let in":                 {func(r *request, _ *answer) { r.RequestContext.Authorizer = nil }, "no access token"},
		"a status that is not declared":        {func(_ *request, a *answer) { a.StatusCode = 404 }, "not declared"},
		"a header that is missing":             {func(_ *request, a *answer) { delete(a.Headers, "X-Request-Id") }, `"X-Request-Id" missing`},
		"a header that is wrong":               {func(_ *request, a *answer) { a.Headers["Cache-Control"] = "public" }, "Cache-Control"},
		"a header that is not declared":        {func(_ *request, a *answer) { a.Headers["Server"] = "x" }, "Server is not declared"},
		"an origin that is a star":             {func(_ *request, a *answer) { a.Headers["Access-Control-Allow-Origin"] = "*" }, "Allow-Origin"},
		"a content type that is wrong":         {func(_ *request, a *answer) { a.Headers["Content-Type"] = "text/html" }, "text/html"},
		"a body that lacks a field":            {func(_ *request, a *answer) { a.Body = `{"client":"acme"}` }, "is missing"},
		"a body with a field too many":         {func(_ *request, a *answer) { a.Body = strings.Replace(policyBody, "{", `{"x":1,`, 1) }, `property "x"`},
		"a time without milliseconds":          {func(_ *request, a *answer) { a.Body = strings.Replace(policyBody, ".123Z", "Z", 1) }, "updated_at"},
		"a problem of another status":          {func(_ *request, a *answer) { refused(a); a.StatusCode = 403 }, "urn:portcullis:problem"},
		"a path that is not there":             {func(r *request, _ *answer) { r.Resource = "/x" }, "not declared"},
		"a method that is not there":           {func(r *request, _ *answer) { r.HTTPMethod = "PATCH" }, "not declared"},
	} {
		t.Run(name, func(t *testing.T) {
			event, response := put()
			c.spoil(&event, &response)
			err := load(t).CheckEvent(event, response)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error that says %q", err, c.says)
			}
		})
	}
}

func TestWhatWasSeenIsCounted(t *testing.T) {
	c := load(t)
	ofPut := func(one contract.Case) bool { return one.Operation == "PUT "+policyPath && one.Status <= 400 }
	event, response := put()
	if err := c.CheckEvent(event, response); err != nil {
		t.Fatal(err)
	}
	refused(&response)
	response.StatusCode = 503 // wrong, so it counts for nothing
	if err := c.CheckEvent(event, response); err == nil {
		t.Fatal("a problem of another status passes")
	}
	if diff := cmp.Diff([]contract.Case{{Operation: "PUT " + policyPath, Status: 400}}, c.Unseen(ofPut)); diff != "" {
		t.Errorf("unseen (-want +got):\n%s", diff)
	}
}

func TestTheGatewayAloneIsToldApart(t *testing.T) {
	c := load(t)
	for _, test := range []struct {
		one  contract.Case
		want bool
	}{
		{contract.Case{Operation: "OPTIONS /login", Status: 500}, true},
		{contract.Case{Operation: "OPTIONS /login", Status: 204}, false},
		{contract.Case{Operation: "POST /login", Status: 500}, false},
		{contract.Case{Operation: "POST /nothing", Status: 500}, false},
	} {
		if got := c.GatewayAlone(test.one); got != test.want {
			t.Errorf("%s: got %t, want %t", test.one, got, test.want)
		}
	}
}

// TestATransportChecksWhatPasses sends requests to a server that answers each with
// a policy.
func TestATransportChecksWhatPasses(t *testing.T) {
	var received string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		received = string(sent)
		_, response := put()
		for name, value := range response.Headers {
			w.Header().Set(name, value)
		}
		_, _ = io.WriteString(w, response.Body)
	}))
	defer server.Close()
	for name, test := range map[string]struct {
		path, token, body string
		wrong             bool
	}{
		"a good one":             {"/clients/acme/policy", "Bearer x", `{"max_failed_login_attempts_portal": 7}`, false},
		"one without a token":    {"/clients/acme/policy", "", `{"max_failed_login_attempts_portal": 7}`, true},
		"one with a bad body":    {"/clients/acme/policy", "Bearer x", `{}`, true},
		"one to nowhere":         {"/clients/acme/policy/", "Bearer x", `{"max_failed_login_attempts_portal": 7}`, true},
		"one with an empty name": {"/clients//policy", "Bearer x", `{"max_failed_login_attempts_portal": 7}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			var wrong error
			client := http.Client{Transport: load(t).Transport(http.DefaultTransport, func(err error) { wrong = errors.Join(wrong, err) })}
			r, err := http.NewRequest("PUT", server.URL+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if test.token != "" {
				r.Header.Set("Authorization", test.token)
			}
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if got, err := io.ReadAll(response.Body); string(got) != policyBody || received != test.body || err != nil {
				t.Errorf("sent %q and got %q, %v", received, got, err)
			}
			if (wrong != nil) != test.wrong {
				t.Errorf("told of %v, want something: %t", wrong, test.wrong)
			}
		})
	}
}
