package httpapi_test

import (
	"testing"

	"portcullis/internal/httpapi"
)

// consoleFiles stands in for package console.
func consoleFiles(path string) (map[string]string, []byte, bool) {
	if path != "index.html" {
		return nil, nil, false
	}
	return map[string]string{"Content-Type": "text/html", "Cache-Control": "no-cache"}, []byte("<p>the console"), true
}

func TestConsole(t *testing.T) {
	w := newWorld(t)
	mux := httpapi.Mux(w.edge, map[string]httpapi.Handler{
		"GET /console":          httpapi.ConsoleRoot(w.edge),
		"GET /console/{proxy+}": httpapi.Console(w.edge, consoleFiles),
	})
	for _, c := range []struct {
		name, event string
		status      int
		headers     map[string]string
		body        string
	}{
		{"the root leads to the page, within the stage", "console/root", 302,
			map[string]string{"Location": "/prod/console/index.html", "Cache-Control": "no-store"}, ""},
		{"and so does the root with a slash", "console/root-with-slash", 302,
			map[string]string{"Location": "/prod/console/index.html"}, ""},
		{"a file has its own headers", "console/page", 200,
			map[string]string{"Content-Type": "text/html", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}, "<p>the console"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := mux(t.Context(), recorded(t, c.event))
			if err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != c.status || got.Body != c.body {
				t.Errorf("got %d %q, want %d %q", got.StatusCode, got.Body, c.status, c.body)
			}
			for name, value := range c.headers {
				if got.Headers[name] != value {
					t.Errorf("%s: got %q, want %q", name, got.Headers[name], value)
				}
			}
		})
	}
	t.Run("a file that is not there is a problem", func(t *testing.T) {
		got, err := mux(t.Context(), recorded(t, "console/nothing"))
		if err != nil || got.StatusCode != 404 || got.Headers["Content-Type"] != "application/problem+json" {
			t.Errorf("got %d %v, %v; want a problem with 404", got.StatusCode, got.Headers, err)
		}
	})
}
