package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
	"portcullis/internal/console"
	"portcullis/internal/httpapi"
	"portcullis/internal/users"
)

// pages is a backend of the console's own handlers. It lets everybody in, and keeps
// the events of the API.
type pages struct {
	recorder
	handlers map[string]httpapi.Handler
}

func (p *pages) Handle(ctx context.Context, route access.Route, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	if handle, ok := p.handlers[route.Method+" "+route.Path]; ok {
		return handle(ctx, event)
	}
	return p.recorder.Handle(ctx, route, event)
}

func newPages(site console.Site) *pages {
	edge := httpapi.Edge{Log: slog.New(slog.DiscardHandler), Now: time.Now, Key: users.UserKey}
	return &pages{recorder: *newRecorder(), handlers: map[string]httpapi.Handler{
		"GET /console": httpapi.ConsoleRoot(edge), "GET /console/{proxy+}": httpapi.Console(edge, site.Find),
	}}
}

// FuzzPath asks for anything as a path. A page is one of the console's files under
// its own name, a redirect leads to the page on this host, and the parameters of a
// route are the path's segments, decoded once: so a name has one key whatever way it
// is escaped, and every name that a user may have can be asked for.
func FuzzPath(f *testing.F) {
	site, err := console.New()
	if err != nil {
		f.Fatal(err)
	}
	backend := newPages(site)
	served := &gateway{
		routes: slices.Concat(access.Routes(), access.ConsoleRoutes()), backend: backend, log: slog.New(slog.DiscardHandler),
		now: func() time.Time { return time.Unix(0, 0).UTC() }, newID: func() string { return "request-1" },
	}
	f.Fuzz(func(t *testing.T, target, username string) {
		if u, err := url.ParseRequestURI(target); err == nil {
			backend.event = events.APIGatewayProxyRequest{}
			answer := asked(served, u)
			leadsNowhereElse(t, answer, u)
			servesItsFiles(t, answer, site)
			hasItsParameters(t, backend.event, u)
		}
		key, err := users.UserKey("acme", username)
		if err != nil {
			return
		}
		backend.event = events.APIGatewayProxyRequest{}
		u := &url.URL{Path: "/clients/acme/users/" + username, RawPath: "/clients/acme/users/" + url.PathEscape(username)}
		asked(served, u)
		if got, err := users.UserKey("acme", backend.event.PathParameters["username"]); err != nil || got != key {
			t.Errorf("%+q is asked for as %+q (%v)", username, got, err)
		}
	})
}

// A pageAnswer comes with the path that was asked for.
type pageAnswer struct {
	*http.Response
	path, body string
}

func asked(g *gateway, u *url.URL) pageAnswer {
	w := httptest.NewRecorder()
	r := &http.Request{
		Method: "GET", URL: u, Host: "portal.example.com", Header: http.Header{"Authorization": {"Bearer x"}},
		Body: http.NoBody, RemoteAddr: "127.0.0.1:1",
	}
	g.ServeHTTP(w, r)
	return pageAnswer{w.Result(), u.EscapedPath(), w.Body.String()}
}

// leadsNowhereElse checks a redirect as a browser would follow it.
func leadsNowhereElse(t *testing.T, answer pageAnswer, from *url.URL) {
	t.Helper()
	location := answer.Header.Get("Location")
	if (answer.StatusCode == http.StatusFound) != (location != "") {
		t.Fatalf("%d to %q", answer.StatusCode, location)
	}
	if location == "" {
		return
	}
	page := url.URL{Scheme: "https", Host: "portal.example.com", Path: from.Path, RawPath: from.RawPath}
	to, err := page.Parse(location)
	if err != nil || to.Host != page.Host || to.Path != "/console/index.html" {
		t.Errorf("%q leads to %v (%v)", from, to, err)
	}
}

// servesItsFiles checks that a page is the file of that name.
func servesItsFiles(t *testing.T, answer pageAnswer, site console.Site) {
	t.Helper()
	if answer.StatusCode != http.StatusOK {
		return
	}
	name, _ := strings.CutPrefix(answer.path, "/console/")
	plain, err := url.PathUnescape(name)
	if file, ok := site[plain]; err != nil || !ok || string(file.Body) != answer.body {
		t.Errorf("%q is served, which is no file of the console", answer.path)
	}
}

// hasItsParameters compares an event's parameters with the path it came by.
func hasItsParameters(t *testing.T, event events.APIGatewayProxyRequest, u *url.URL) {
	t.Helper()
	if event.Resource == "" {
		return
	}
	sent := strings.Split(u.EscapedPath(), "/")
	for i, segment := range strings.Split(event.Resource, "/") {
		want, err := url.PathUnescape(sent[i])
		if err != nil {
			t.Fatal(err)
		}
		if name, isParameter := parameterName(segment); isParameter {
			segment = event.PathParameters[name]
		}
		if segment != want {
			t.Errorf("%q: segment %d is %q, want %q", u, i, segment, want)
		}
	}
}
