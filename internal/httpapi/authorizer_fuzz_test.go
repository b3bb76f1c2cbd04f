package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/httpapi"
)

// FuzzAuthorizer asks for a route with two headers of any names and values. Who is
// let in sent the one token that is good, as the one Authorization header, and may
// do what the route does in the client of the path; and they are let in there
// alone. The token is told nowhere.
func FuzzAuthorizer(f *testing.F) {
	caller := access.Caller{Client: "acme", Username: "sue", Role: access.Superuser}
	f.Fuzz(func(t *testing.T, name, value, otherName, otherValue, method, resource, client string) {
		w := quietWorld()
		event := authorizerEvent{
			MethodArn:  "arn:aws:execute-api:eu-west-1:123456789012:wt6mne2s9k/prod/" + method + resource,
			HTTPMethod: method, Resource: resource, PathParameters: map[string]string{"client": client},
			Headers:           map[string]string{name: value, otherName: otherValue},
			MultiValueHeaders: map[string][]string{name: {value}, otherName: {otherValue}},
		}
		if name == otherName {
			event.MultiValueHeaders = map[string][]string{name: {value, otherValue}}
		}
		v := verifier{caller: caller}
		answer, err := httpapi.Authorizer(w.edge, v, unchanged(v))(t.Context(), event)
		allowed := err == nil && answer.PolicyDocument.Statement[0].Effect == "Allow"
		route, known := access.FindRoute(method, resource)
		may := known && (route.Action == access.ReadUsers || route.Action == access.ReadPolicy || route.Action == access.ManageUsers)
		good := onlyToken(event.MultiValueHeaders)
		switch {
		case allowed && !(good && may && client == "acme"):
			t.Errorf("%s %s of %q is allowed with %q", method, resource, client, event.MultiValueHeaders)
		case !good && (err == nil || err.Error() != "Unauthorized"):
			t.Errorf("without a good token: got %+v, %v", answer, err)
		case good && may && client == "acme" && !allowed:
			t.Errorf("%s %s is refused with a good token: %+v, %v", method, resource, answer, err)
		}
		if err == nil && (len(answer.PolicyDocument.Statement) != 1 || fmt.Sprint(answer.PolicyDocument.Statement[0].Resource) != "["+event.MethodArn+"]") {
			t.Errorf("the policy is not of the method asked for: %+v", answer)
		}
		token := tokenIn(value)
		if elsewhere := client + method + resource + caller.String(); len(token) > 8 && !strings.Contains(elsewhere+ordinary, token) &&
			strings.Contains(fmt.Sprint(w.log.lines(t), answer, err), token) {
			t.Errorf("the token %q is told: %v", token, w.log.lines(t))
		}
	})
}

// onlyToken reports whether there is one Authorization header, and it has the
// token that the verifier knows.
func onlyToken(headers map[string][]string) bool {
	var all []string
	for name, values := range headers {
		if strings.EqualFold(name, "authorization") {
			all = append(all, values...)
		}
	}
	return len(all) == 1 && tokenIn(all[0]) == "t0ken"
}

// tokenIn returns the token of a header: "Bearer" in any case, blanks, the token.
func tokenIn(value string) string {
	if len(value) < 7 || !strings.EqualFold(value[:7], "bearer ") {
		return ""
	}
	return strings.Trim(value[7:], " ")
}
