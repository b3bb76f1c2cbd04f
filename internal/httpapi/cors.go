package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"portcullis/internal/access"
)

// What a page of another origin may send, and read of an answer beside its
// body (the Fetch standard, "CORS protocol"). No answer allows credentials: a
// token travels in a header that the page sets, never in a cookie.
const (
	sentHeaders = "Authorization, Content-Type"
	readHeaders = "Retry-After, X-Request-Id"
	// preflightAge is how long a browser may remember a preflight's answer, in
	// seconds: Chromium takes two hours at most, and an origin that is allowed
	// no longer should not wait that long.
	preflightAge = "600"
)

// share says to a browser which page may read the answer, on refusals too: a
// page that cannot read a 423 cannot tell its user whom to ask. The answer
// varies by origin even where it names none, so that no cache mixes the two up.
func (e Edge) share(headers map[string]string, event events.APIGatewayProxyRequest) {
	if len(e.Origins) == 0 {
		return
	}
	headers["Vary"] = "Origin"
	if page := e.pageOf(event); page != "" {
		headers["Access-Control-Allow-Origin"] = page
		headers["Access-Control-Expose-Headers"] = readHeaders
	}
}

// pageOf returns the origin of the page that sent the event, if it is one of
// those that may read answers, and else nothing. Origins are equal or not: a
// browser spells each in one way (RFC 6454, section 6.2).
func (e Edge) pageOf(event events.APIGatewayProxyRequest) string {
	sent := headerValues(event.Headers, event.MultiValueHeaders, "Origin")
	if len(sent) != 1 || !slices.Contains(e.Origins, sent[0]) {
		return ""
	}
	return sent[0]
}

// Preflight answers OPTIONS of a path, as in "/login": 204, and to a page of an
// allowed origin which methods and headers it may send there.
func Preflight(e Edge, path string) Handler {
	methods := strings.Join(methodsOf(path), ", ")
	p := endpoint{route: access.Preflight + " " + path}
	return serve(e, p, func(_ context.Context, r *request[empty]) (any, error) {
		if r.page == "" {
			return done{}, nil
		}
		return reply{status: http.StatusNoContent, headers: map[string]string{
			"Access-Control-Allow-Methods": methods,
			"Access-Control-Allow-Headers": sentHeaders,
			"Access-Control-Max-Age":       preflightAge,
		}}, nil
	})
}

// methodsOf returns the methods of a path but OPTIONS.
func methodsOf(path string) []string {
	var methods []string
	for _, route := range access.Routes() {
		if route.Path == path && route.Method != access.Preflight {
			methods = append(methods, route.Method)
		}
	}
	return methods
}

// Preflights returns the handlers of all preflight routes, for [Mux].
func Preflights(e Edge) map[string]Handler {
	handlers := map[string]Handler{}
	for _, route := range access.Routes() {
		if route.Method == access.Preflight {
			handlers[route.Method+" "+route.Path] = Preflight(e, route.Path)
		}
	}
	return handlers
}
