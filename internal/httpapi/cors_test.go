package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/lockout"
)

const portal = "https://portal.example.com"

// from returns the event as a page of an origin sends it.
func from(event events.APIGatewayProxyRequest, origins ...string) events.APIGatewayProxyRequest {
	headers := map[string][]string{"origin": origins} // HTTP/2 has names in small letters
	for name, values := range event.MultiValueHeaders {
		headers[name] = values
	}
	event.MultiValueHeaders = headers
	return event
}

// shared returns the headers that tell a browser who may read an answer.
func shared(headers map[string]string) map[string]string {
	told := map[string]string{}
	for name, value := range headers {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			told[name] = value
		}
	}
	return told
}

var (
	sharedWithPortal = map[string]string{
		"Vary": "Origin", "Access-Control-Allow-Origin": portal, "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
	}
	sharedWithNobody = map[string]string{"Vary": "Origin"}
	neverShared      = map[string]string{}
)

func TestAnAnswerIsSharedWithThePagesThatMayReadIt(t *testing.T) {
	tests := []struct {
		name    string
		allowed []string
		sent    []string
		want    map[string]string
	}{
		{"a page of the portal", []string{portal}, []string{portal}, sharedWithPortal},
		{"a page of the second of two portals", []string{"https://other.example.com", portal}, []string{portal}, sharedWithPortal},
		{"no page", []string{portal}, nil, sharedWithNobody},
		{"a page of another site", []string{portal}, []string{"https://evil.example"}, sharedWithNobody},
		{"a page of a site that begins alike", []string{portal}, []string{portal + ".evil.example"}, sharedWithNobody},
		{"a page of another port", []string{portal}, []string{portal + ":8443"}, sharedWithNobody},
		{"a page without encryption", []string{portal}, []string{"http://portal.example.com"}, sharedWithNobody},
		{"an origin in capitals, which no browser sends", []string{portal}, []string{"https://PORTAL.example.com"}, sharedWithNobody},
		{"a sandboxed page", []string{portal}, []string{"null"}, sharedWithNobody},
		{"an asterisk", []string{portal}, []string{"*"}, sharedWithNobody},
		{"two origins", []string{portal}, []string{portal, portal}, sharedWithNobody},
		{"an empty origin", []string{portal}, []string{""}, sharedWithNobody},
		{"a page, where none is allowed", nil, []string{portal}, neverShared},
		{"an empty origin, where none is allowed", nil, []string{""}, neverShared},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.edge.Origins = test.allowed
			a := w.send(t, from(recorded(t, "users/one"), test.sent...))
			if diff := cmp.Diff(shared(a.Headers), test.want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, headers (-got +want):\n%s", a.StatusCode, diff)
			}
		})
	}
}

// TestARefusalIsShared: a page that cannot read a refusal cannot say why.
func TestARefusalIsShared(t *testing.T) {
	tests := map[int]struct {
		event    events.APIGatewayProxyRequest
		meddling func(*world)
	}{
		400: {recorded(t, "login/refused/null"), nil},
		401: {recorded(t, "login/wrong-password"), nil},
		403: {as(recorded(t, "users/one"), access.Caller{Client: "other", Username: "root", Role: access.Sysadmin}), nil},
		404: {bare(access.Route{Method: "GET", Path: "/clients/{client}/secrets"}), nil},
		409: {recorded(t, "unlock/another-lock"), nil},
		413: {recorded(t, "login/refused/9-KiB-body"), nil},
		415: {recorded(t, "login/refused/form"), nil},
		423: {recorded(t, "login/accepted/plain"), func(w *world) { w.attempts.Set(ana, aLock()) }},
		429: {recorded(t, "login/accepted/plain"), func(w *world) {
			w.attempts.Set(ana, lockout.Record{InFlight: []string{"a", "b", "c", "d", "e"}, Charged: 5, ChargedAt: start})
		}},
		500: {recorded(t, "login/accepted/plain"), func(w *world) { w.mint.panic = "oh" }},
		503: {recorded(t, "users/one"), func(w *world) { w.people.err = errOutage }},
	}
	for status, test := range tests {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t)
			w.edge.Origins = []string{portal}
			if test.meddling != nil {
				test.meddling(w)
			}
			a := w.send(t, from(test.event, portal))
			if diff := cmp.Diff(shared(a.Headers), sharedWithPortal); a.StatusCode != status || diff != "" {
				t.Errorf("status %d, want %d, headers (-got +want):\n%s", a.StatusCode, status, diff)
			}
		})
	}
}

func TestARefusalOfTheGatewayIsShared(t *testing.T) {
	w := newWorld(t)
	w.edge.Origins = []string{portal}
	refused := w.edge.Refusal(from(recorded(t, "users/one"), portal), access.ErrUnauthorized)
	if diff := cmp.Diff(shared(refused.Headers), sharedWithPortal); refused.StatusCode != 401 || diff != "" {
		t.Errorf("status %d, headers (-got +want):\n%s", refused.StatusCode, diff)
	}
}

func TestAPreflightTellsWhatAPageMaySend(t *testing.T) {
	methods := map[string]string{
		"/login": "POST", "/token": "POST", "/logout": "POST", "/health": "GET", "/openapi.yaml": "GET",
		"/clients/{client}/users/{username}/unlock":   "POST",
		"/clients/{client}/unlocks":                   "POST",
		"/clients/{client}/policy":                    "GET, PUT, DELETE",
		"/clients/{client}/users":                     "GET, POST",
		"/clients/{client}/users/{username}":          "GET, PUT, DELETE",
		"/clients/{client}/users/{username}/password": "PUT",
		"/clients/{client}/audit":                     "GET",
	}
	for _, route := range access.Routes() {
		if route.Method != access.Preflight {
			continue
		}
		t.Run(route.Path, func(t *testing.T) {
			w := newWorld(t)
			w.edge.Origins = []string{portal}
			want := map[string]string{
				"Access-Control-Allow-Methods": methods[route.Path], "Access-Control-Max-Age": "600",
				"Access-Control-Allow-Headers": "Authorization, Content-Type",
			}
			for name, value := range sharedWithPortal {
				want[name] = value
			}
			a := w.send(t, from(bare(route), portal))
			if diff := cmp.Diff(shared(a.Headers), want); a.StatusCode != 204 || diff != "" {
				t.Errorf("status %d, headers (-got +want):\n%s", a.StatusCode, diff)
			}
			a = w.send(t, from(bare(route), "https://evil.example"))
			if diff := cmp.Diff(shared(a.Headers), sharedWithNobody); a.StatusCode != 204 || diff != "" {
				t.Errorf("of another origin: status %d, headers (-got +want):\n%s", a.StatusCode, diff)
			}
		})
	}
}

// TestAPreflightIsOfTheAddressOfItsRequest: a browser asks about the whole
// address, with its query and whatever user it names, and without a token.
func TestAPreflightIsOfTheAddressOfItsRequest(t *testing.T) {
	for _, name := range recordings(t, "preflight") {
		t.Run(strings.ReplaceAll(name, "-", " "), func(t *testing.T) {
			w := newWorld(t)
			w.edge.Origins = []string{portal}
			a := w.send(t, recorded(t, "preflight/"+name))
			if a.StatusCode != 204 || a.Headers["Access-Control-Allow-Origin"] != portal {
				t.Errorf("got %d %v", a.StatusCode, a.Headers)
			}
		})
	}
}
