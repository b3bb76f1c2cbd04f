package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/infra"
	"portcullis/internal/access"
	"portcullis/internal/bearer"
	"portcullis/internal/directory"
	"portcullis/internal/embedded"
	"portcullis/internal/environ"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/secrets"
	"portcullis/internal/users"
)

// records is what the handlers need of a store of attempts.
type records interface {
	lockout.Attempts
	httpapi.RecordLister
}

// A site is a server of the API in this process, on a store that it shares with
// other sites, for two clients of its own. A fault replaces some of its parts.
type site struct {
	client, other string
	password      string // of both clients' Sysadmin root
	store         *embedded.Store
	hasher        *users.Hasher

	records       records // of the login, the unlock, the sessions and the lists
	unlocking     lockout.Attempts
	creating      lockout.Attempts
	credentials   lockout.Credentials[users.Credential]
	maximums      lockout.Maximums
	loginKey      httpapi.KeyFunc
	gate          func(*lockout.Gate[users.Credential]) httpapi.Gate[users.Credential]
	authorizer    func(httpapi.AuthorizerFunc) httpapi.AuthorizerFunc
	sessionsLocks lockout.Attempts
	front         func(http.Handler) http.Handler
}

// cheap is the least that Argon2 may cost: these tests are not about it.
func cheap() users.Params { return users.Params{Memory: 8, Time: 1, Threads: 1} }

// newSite makes two clients with their Sysadmins, and the parts as they are when
// nothing is broken.
func newSite(t *testing.T) *site {
	t.Helper()
	hasher := users.NewHasher(cheap(), rand.Reader, 0)
	stem := strings.ToLower(rand.Text()[:8])
	s := &site{
		client: "c" + stem, other: "d" + stem, password: rightPassword(), store: shared, hasher: hasher,
		records: shared.Attempts, credentials: shared.Users, maximums: shared.Policies, loginKey: users.LoginKey,
		gate:       func(g *lockout.Gate[users.Credential]) httpapi.Gate[users.Credential] { return g },
		authorizer: func(a httpapi.AuthorizerFunc) httpapi.AuthorizerFunc { return a },
		front:      func(h http.Handler) http.Handler { return h },
	}
	for _, client := range []string{s.client, s.other} {
		_, err := s.directory().Provision(t.Context(), directory.Provision{Client: client, Username: "root", Password: s.password, By: "test"})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *site) directory() *directory.Directory {
	return &directory.Directory{
		Users: s.store.Users, Tokens: s.store.Tokens, Attempts: or(s.creating, s.records), Hasher: s.hasher, Now: time.Now, NewID: environ.NewID,
	}
}

// or returns the first part that there is.
func or(parts ...lockout.Attempts) lockout.Attempts {
	for _, p := range parts {
		if p != nil {
			return p
		}
	}
	return nil
}

// serve starts the site, and returns its URL.
func (s *site) serve(t *testing.T) string {
	t.Helper()
	edge := httpapi.Edge{Log: slog.New(slog.DiscardHandler), Now: time.Now, Key: users.UserKey}
	verifier := &bearer.Verifier{Issuer: embedded.Issuer, ClientID: embedded.ClientID, Keys: s.store.Tokens, Now: time.Now}
	g := &gateway{
		handle: httpapi.Mux(edge, s.handlers(edge)), edge: edge,
		authorize: s.authorizer(httpapi.Authorizer(edge, verifier, s.store.Users)),
	}
	server := httptest.NewServer(s.front(g))
	t.Cleanup(server.Close)
	return server.URL
}

// handlers wires the handlers as infra/local does, over the site's parts.
func (s *site) handlers(edge httpapi.Edge) map[string]httpapi.Handler {
	gate := &lockout.Gate[users.Credential]{
		Attempts: s.records, Credentials: s.credentials, Maximums: s.maximums,
		Clock: environ.Clock{}, NewID: environ.NewID, Jitter: environ.Jitter, Lifetime: 10 * time.Second,
	}
	unlocker := &lockout.Unlocker{Attempts: or(s.unlocking, s.records), Maximums: s.maximums, Now: time.Now, NewID: environ.NewID}
	store, d := s.store, s.directory()
	cursors := httpapi.Cursors{Keys: secrets.New("cursor key", store.CursorKey, time.Now)}
	all := httpapi.Preflights(edge)
	maps.Copy(all, map[string]httpapi.Handler{
		"POST /login":       httpapi.Login(edge, s.gate(gate), s.loginKey, store.Tokens),
		"POST /token":       httpapi.Token(edge, store.Tokens, store.Users, or(s.sessionsLocks, s.records)),
		"POST /logout":      httpapi.Logout(edge, store.Tokens),
		"GET /health":       httpapi.Health(edge, "test", store.Check),
		"GET /openapi.yaml": httpapi.OpenAPI(edge, infra.Contract()),
		"POST /clients/{client}/users/{username}/unlock":  httpapi.Unlock(edge, unlocker, store.Users),
		"POST /clients/{client}/unlocks":                  httpapi.UnlockMany(edge, unlocker, store.Users),
		"GET /clients/{client}/policy":                    httpapi.GetPolicy(edge, store.Policies),
		"PUT /clients/{client}/policy":                    httpapi.PutPolicy(edge, store.Policies, store.Trail, environ.NewID),
		"DELETE /clients/{client}/policy":                 httpapi.DeletePolicy(edge, store.Policies, store.Trail, environ.NewID),
		"GET /clients/{client}/users":                     httpapi.ListUsers(edge, store.Users, s.records, store.Policies, cursors),
		"GET /clients/{client}/users/{username}":          httpapi.GetUser(edge, store.Users, s.records, store.Policies),
		"POST /clients/{client}/users":                    httpapi.CreateUser(edge, d, s.records, store.Policies),
		"PUT /clients/{client}/users/{username}":          httpapi.UpdateUser(edge, d, s.records, store.Policies),
		"PUT /clients/{client}/users/{username}/password": httpapi.SetPassword(edge, d),
		"DELETE /clients/{client}/users/{username}":       httpapi.DeleteUser(edge, d),
		"GET /clients/{client}/audit":                     httpapi.GetAudit(edge, store.Trail, cursors),
	})
	return all
}

// A gateway stands before the handlers where API Gateway does, as far as the
// suite looks.
type gateway struct {
	handle    httpapi.Handler
	authorize httpapi.AuthorizerFunc
	edge      httpapi.Edge
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return // the caller has left
	}
	event := eventOf(r, body)
	answer, err := g.answer(context.WithoutCancel(r.Context()), &event)
	if err != nil {
		answer = g.edge.Refusal(event, err)
	}
	for name, value := range answer.Headers {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.WriteString(w, answer.Body)
}

func (g *gateway) answer(ctx context.Context, event *events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	route, found := access.FindRoute(event.HTTPMethod, event.Resource)
	switch {
	case !found:
		return events.APIGatewayProxyResponse{}, lockout.ErrNotFound
	case route.Action == access.Anybody:
		return g.handle(ctx, *event)
	}
	allowed, err := g.authorize(ctx, events.APIGatewayCustomAuthorizerRequestTypeRequest{
		MethodArn: "arn", Resource: event.Resource, HTTPMethod: event.HTTPMethod, PathParameters: event.PathParameters,
		Headers: event.Headers, MultiValueHeaders: event.MultiValueHeaders,
	})
	if err != nil {
		return events.APIGatewayProxyResponse{}, access.ErrUnauthorized
	}
	if allowed.PolicyDocument.Statement[0].Effect != "Allow" {
		return events.APIGatewayProxyResponse{}, access.ErrForbidden
	}
	event.RequestContext.Authorizer = allowed.Context
	return g.handle(ctx, *event)
}

// eventOf makes the event of a request.
func eventOf(r *http.Request, body []byte) events.APIGatewayProxyRequest {
	resource, parameters := resourceOf(r.Method, r.URL.EscapedPath())
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	event := events.APIGatewayProxyRequest{
		Resource: resource, HTTPMethod: r.Method, Path: r.URL.Path, PathParameters: parameters,
		Headers: map[string]string{}, MultiValueHeaders: r.Header, MultiValueQueryStringParameters: r.URL.Query(), Body: string(body),
	}
	for name, values := range r.Header {
		event.Headers[name] = values[len(values)-1]
	}
	event.QueryStringParameters = map[string]string{}
	for name, values := range r.URL.Query() {
		event.QueryStringParameters[name] = values[len(values)-1]
	}
	event.RequestContext.RequestID = environ.NewID()
	event.RequestContext.Identity = events.APIGatewayRequestIdentity{SourceIP: address, UserAgent: r.UserAgent()}
	return event
}

// resourceOf finds the route of a path, segment by segment.
func resourceOf(method, escaped string) (string, map[string]string) {
	sent := strings.Split(escaped, "/")
	for _, route := range access.Routes() {
		wanted := strings.Split(route.Path, "/")
		if parameters, ok := parametersOf(wanted, sent); ok && route.Method == method {
			return route.Path, parameters
		}
	}
	return "", nil
}

func parametersOf(wanted, sent []string) (map[string]string, bool) {
	if len(wanted) != len(sent) {
		return nil, false
	}
	parameters := map[string]string{}
	for i, segment := range wanted {
		value, err := url.PathUnescape(sent[i])
		switch {
		case strings.HasPrefix(segment, "{") && value != "" && err == nil:
			parameters[strings.Trim(segment, "{}")] = value
		case segment != sent[i]:
			return nil, false
		}
	}
	return parameters, true
}

// shared is the store of all sites, made by TestMain.
var shared *embedded.Store

func TestMain(m *testing.M) { os.Exit(withStore(m.Run)) }

func withStore(run func() int) int {
	dir, err := os.MkdirTemp("", "portcullis-conformance-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	hasher := users.NewHasher(cheap(), rand.Reader, 0)
	if shared, err = embedded.Open(dir, embedded.Options{Hasher: hasher, Now: time.Now, NewID: environ.NewID}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.Close()
	return run()
}
