package httpapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	compare "github.com/google/go-cmp/cmp"

	"portcullis/infra"
	"portcullis/infra/contract"
	"portcullis/internal/access"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/users"
)

// TestTheContractHasEveryProblem compares the table of problems with the schemas
// of the contract. One problem may have several schemas, which differ in what is
// added, and several rows, which differ in what they tell.
func TestTheContractHasEveryProblem(t *testing.T) {
	byType := func(a, b httpapi.Problem) int { return cmp.Compare(a.Type, b.Type) }
	var declared []httpapi.Problem
	for name, schema := range api.Document().Components.Schemas {
		if !strings.HasSuffix(name, "Problem") {
			continue
		}
		only := func(field string) any { return schema.Value.Properties[field].Value.Enum[0] }
		status, _ := only("status").(float64)
		declared = append(declared, httpapi.Problem{
			Type: only("type").(string), Title: only("title").(string), Status: int(status),
		})
	}
	slices.SortFunc(declared, byType)
	table := slices.SortedFunc(slices.Values(httpapi.Problems()), byType)
	if diff := compare.Diff(slices.Compact(declared), slices.Compact(table)); diff != "" {
		t.Errorf("problems (-openapi.yaml +problem.go):\n%s", diff)
	}
}

func TestTheContractIsServedAsItIs(t *testing.T) {
	a := newWorld(t).send(t, bare(access.Route{Method: "GET", Path: "/openapi.yaml"}))
	if a.StatusCode != 200 || a.Body != string(infra.Contract()) {
		t.Errorf("got %d with %d bytes", a.StatusCode, len(a.Body))
	}
}

// example returns an event of a route with the body of an example of the contract,
// from a Sysadmin.
func example(t *testing.T, route access.Route) events.APIGatewayProxyRequest {
	t.Helper()
	event := as(bare(route), root)
	operation := api.Document().Paths.Value(route.Path).Operations()[route.Method]
	if operation.RequestBody == nil {
		return event
	}
	for _, one := range operation.RequestBody.Value.Content.Get("application/json").Examples {
		return withBody(t, event, one.Value.Value)
	}
	t.Fatalf("%s %s has no example", route.Method, route.Path)
	return event
}

// withBody returns the event with another body.
func withBody(t *testing.T, event events.APIGatewayProxyRequest, body any) events.APIGatewayProxyRequest {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	event.Headers = map[string]string{"Content-Type": "application/json"}
	event.Body = string(text)
	return event
}

// onEveryRoute runs a test for each route of which the contract declares the
// status and a handler can give it.
func onEveryRoute(t *testing.T, status int, test func(t *testing.T, route access.Route)) {
	for _, route := range access.Routes() {
		name := route.Method + " " + route.Path
		declared := api.Document().Paths.Value(route.Path).Operations()[route.Method].Responses.Status(status) != nil
		if declared && !api.GatewayAlone(contract.Case{Operation: name, Status: status}) {
			t.Run(name, func(t *testing.T) { test(t, route) })
		}
	}
}

func TestEveryRouteRefusesAParameterThatIsNotItsOwn(t *testing.T) {
	onEveryRoute(t, 400, func(t *testing.T, route access.Route) {
		event := example(t, route)
		event.QueryStringParameters = map[string]string{"force": "true"}
		if a := newWorld(t).send(t, event); a.StatusCode != 400 || !strings.Contains(a.Body, `"force"`) {
			t.Errorf("got %d %s", a.StatusCode, a.Body)
		}
	})
}

func TestEveryRouteRefusesABodyThatIsTooLarge(t *testing.T) {
	onEveryRoute(t, 413, func(t *testing.T, route access.Route) {
		event := example(t, route)
		event.Body += strings.Repeat(" ", 8<<10)
		if a := newWorld(t).send(t, event); a.StatusCode != 413 || a.kind() != "payload-too-large" {
			t.Errorf("got %d %s", a.StatusCode, a.Body)
		}
	})
}

func TestEveryRouteRefusesABodyThatIsNotJSON(t *testing.T) {
	onEveryRoute(t, 415, func(t *testing.T, route access.Route) {
		event := example(t, route)
		event.Headers = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
		if a := newWorld(t).send(t, event); a.StatusCode != 415 || a.kind() != "unsupported-media-type" {
			t.Errorf("got %d %s", a.StatusCode, a.Body)
		}
	})
}

// TestAPanicOnAnyRouteIsAnInternalError takes away what the handlers stand on.
func TestAPanicOnAnyRouteIsAnInternalError(t *testing.T) {
	onEveryRoute(t, 500, func(t *testing.T, route access.Route) {
		w := newWorld(t)
		a := w.answered(t, t.Context(), httpapi.Mux(w.edge, overNothing(w.edge)), example(t, route))
		if a.StatusCode != 500 || a.kind() != "internal" || len(a.fields) != 5 {
			t.Errorf("got %d %s", a.StatusCode, a.Body)
		}
		if line := w.log.last(t); !strings.HasPrefix(fmt.Sprint(line["error"]), "panic: ") || line["stack"] == nil {
			t.Errorf("logged as %v", line)
		}
	})
}

// overNothing returns handlers that panic as soon as they ask anybody anything.
func overNothing(e httpapi.Edge) map[string]httpapi.Handler {
	nameless := e // in bulk, the panic of one user is the answer to that one alone
	nameless.Key = nil
	return map[string]httpapi.Handler{
		"POST /login":  httpapi.Login[lockouttest.Credential](e, nil, users.LoginKey, nil),
		"POST /token":  httpapi.Token(e, nil, nil, nil),
		"POST /logout": httpapi.Logout(e, nil),
		"GET /health":  httpapi.Health(e, "v1", nil),
		"POST /clients/{client}/users/{username}/unlock":  httpapi.Unlock(e, nil, nil),
		"POST /clients/{client}/unlocks":                  httpapi.UnlockMany(nameless, nil, nil),
		"GET /clients/{client}/policy":                    httpapi.GetPolicy(e, nil),
		"PUT /clients/{client}/policy":                    httpapi.PutPolicy(e, nil, nil, nil),
		"DELETE /clients/{client}/policy":                 httpapi.DeletePolicy(e, nil, nil, nil),
		"GET /clients/{client}/users":                     httpapi.ListUsers(e, nil, nil, nil, httpapi.Cursors{}),
		"GET /clients/{client}/users/{username}":          httpapi.GetUser(e, nil, nil, nil),
		"POST /clients/{client}/users":                    httpapi.CreateUser(e, nil, nil, nil),
		"PUT /clients/{client}/users/{username}":          httpapi.UpdateUser(e, nil, nil, nil),
		"PUT /clients/{client}/users/{username}/password": httpapi.SetPassword(e, nil),
		"DELETE /clients/{client}/users/{username}":       httpapi.DeleteUser(e, nil),
		"GET /clients/{client}/audit":                     httpapi.GetAudit(e, nil, httpapi.Cursors{}),
	}
}

// away is an attempt store that takes no transition.
type away struct{ lockout.Attempts }

func (away) Apply(context.Context, lockout.Key, lockout.Transition) (lockout.Result, error) {
	return lockout.Result{}, errOutage
}

func TestAnOutageOnAnyRouteIsUnavailable(t *testing.T) {
	onEveryRoute(t, 503, func(t *testing.T, route access.Route) {
		w, event := newWorld(t), example(t, route)
		var sent struct {
			Token string `json:"refresh_token"`
		}
		_ = json.Unmarshal([]byte(event.Body), &sent) // not every route has one
		w.sessions.grants[sent.Token] = w.sessions.grants[anasToken]
		w.people.err, w.policies.readErr, w.trail.err, w.healthy = errOutage, errOutage, errOutage, errOutage
		w.directory.fault = func() error { return errOutage }
		w.sessions.fault = func(string) error { return errOutage }
		w.gate.Attempts = away{w.attempts}
		a := w.send(t, event)
		if a.StatusCode != 503 || a.kind() != "unavailable" || a.Headers["Retry-After"] != "5" || len(a.fields) != 5 {
			t.Errorf("got %d %v %s", a.StatusCode, a.Headers, a.Body)
		}
	})
}

// TestTheContractAllowsWhatIsTaken sends the longest and the oddest of what is
// taken. What is checked of every answer is that the contract, and so a model of
// the gateway, would not have stopped it.
func TestTheContractAllowsWhatIsTaken(t *testing.T) {
	const user = "/clients/{client}/users/{username}"
	wide, long := strings.Repeat("\U00020000", 64), func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		method, path string
		body         any
		status       int
	}{
		"the longest login": {"POST", "/login",
			map[string]any{"client": long(32), "username": long(256), "password": long(256)}, 401},
		"a login in 128 characters of two units": {"POST", "/login",
			map[string]any{"client": "acme", "username": wide, "password": wide}, 401},
		"a login with control characters": {"POST", "/login",
			map[string]any{"client": "acme", "username": "a/\\%?#\n", "password": "\r\u0085"}, 401},
		"an unlock without a body": {"POST", user + "/unlock", nil, 200},
		"the longest unlock": {"POST", user + "/unlock",
			map[string]any{"reason": long(500), "identity_confirmed_by": long(100)}, 200},
		"an unlock of the longest lock": {"POST", user + "/unlock", map[string]any{"lock_id": long(64)}, 409},
		"names that nobody can have": {"POST", "/clients/{client}/unlocks",
			map[string]any{"usernames": []string{"a/b", "\n", wide, long(256)}}, 200},
		"a user with the longest name": {"POST", "/clients/{client}/users",
			map[string]any{"username": wide, "role": "ITUser", "password": strings.Repeat("é", 127) + "1",
				"name": strings.Repeat("\U0001f600", 128), "email": long(241) + "@example.com"}, 201},
		"a user whose name is taken together": {"POST", "/clients/{client}/users",
			map[string]any{"username": strings.Repeat("e\u0301", 64), "role": "ITUser", "password": "s3cret right 3"}, 201},
		"the longest password": {"PUT", user + "/password",
			map[string]any{"password": strings.Repeat("é", 127) + "1"}, 204},
		"a change of one field": {"PUT", user, map[string]any{"name": strings.Repeat("\U0001f600", 128)}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			event := as(bare(access.Route{Method: test.method, Path: test.path}), root)
			if test.body != nil {
				event = withBody(t, event, test.body)
			}
			if a := newWorld(t).send(t, event); a.StatusCode != test.status {
				t.Errorf("got %d %s, want %d", a.StatusCode, a.Body, test.status)
			}
		})
	}
}
