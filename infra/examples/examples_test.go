package examples_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/examples"
)

func ask(api, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	examples.Handler(api).ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

var hash = regexp.MustCompile(`'sha256-[A-Za-z0-9+/]{43}='`)

func TestThePageIsServedUnderAStrictPolicy(t *testing.T) {
	for name, test := range map[string]struct{ api, connect string }{
		"for the API of its own origin":           {"", "'self'"},
		"for an API of another origin":            {"https://login.example.com", "https://login.example.com"},
		"for an API of another origin and a path": {"https://login.example.com/prod", "https://login.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			h := ask(test.api, "GET", examples.Login).Header()
			want := http.Header{
				"Cache-Control": {"no-store"},
				"Content-Security-Policy": {"default-src 'none'; script-src HASH; style-src HASH; img-src data:; connect-src " + test.connect +
					"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
				"Content-Type":           {"text/html; charset=utf-8"},
				"Referrer-Policy":        {"no-referrer"},
				"X-Content-Type-Options": {"nosniff"},
			}
			h.Set("Content-Security-Policy", hash.ReplaceAllString(h.Get("Content-Security-Policy"), "HASH"))
			if diff := cmp.Diff(h, want); diff != "" {
				t.Errorf("headers (-got +want):\n%s", diff)
			}
		})
	}
}

func TestOnlyTheExamplesAreServedAndOnlyToBeRead(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
		location     string
	}{
		{"GET", "/examples/portal-login.html", 200, ""},
		{"HEAD", "/examples/portal-login.html", 200, ""},
		{"GET", "/examples/", 302, "/examples/portal-login.html"},
		{"POST", "/examples/portal-login.html", 405, ""},
		{"OPTIONS", "/examples/", 405, ""},
		{"GET", "/examples/examples.go", 404, ""},
		{"GET", "/examples/../examples.go", 404, ""},
		{"POST", "/examples/client/client.go", 404, ""},
	} {
		w := ask("", test.method, test.path)
		if w.Code != test.status || w.Header().Get("Location") != test.location || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: got %d %v, want %d to %q", test.method, test.path, w.Code, w.Header(), test.status, test.location)
		}
	}
}

func TestThePageIsToldItsAPIOnce(t *testing.T) {
	own, other := ask("", "GET", examples.Login).Body.String(), ask(`https://a.example/"x`, "GET", examples.Login).Body.String()
	if got := strings.Replace(other, `data-api="https://a.example/&#34;x"`, `data-api=""`, 1); got != own || other == own {
		t.Error("the page of another API differs in more than data-api, or not at all")
	}
}

// TestThePageIsTextOnly: what an API says is never markup.
func TestThePageIsTextOnly(t *testing.T) {
	page := ask("", "GET", examples.Login).Body.String()
	for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "localStorage", "sessionStorage", " style=", " onclick="} {
		if strings.Contains(page, way) {
			t.Errorf("the page uses %s", way)
		}
	}
	if n := strings.Count(page, "<script") + strings.Count(page, "<style"); n != 2 {
		t.Errorf("got %d scripts and styles, want one of each", n)
	}
}
