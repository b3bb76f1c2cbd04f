// Package examples holds what the team of a portal may copy: a login page in one
// HTML file, and, in the folder client, a Go client of the API.
//
// The one decision a reader must know: the page is served as it is in the file,
// under a Content-Security-Policy that names the hashes of its script and its
// style, and the API, and allows nothing else. So it is known to work as strictly
// where it is copied to.
package examples

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Root begins the paths of all examples, and Login is that of the login page.
const (
	Root  = "/examples/"
	Login = Root + "portal-login.html"
)

//go:embed portal-login.html
var portalLogin string

// Handler serves the login page to GET and HEAD; [Root] leads to it. The page
// asks the API at a base URL, or, where that is empty, the one of its own origin.
func Handler(api string) http.Handler {
	page, policy := portalLogin, policyOf(portalLogin, api)
	if api != "" {
		page = strings.Replace(page, `data-api=""`, `data-api="`+html.EscapeString(api)+`"`, 1)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.URL.Path != Root && r.URL.Path != Login:
			http.Error(w, "There is no such example.", http.StatusNotFound)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "An example can only be read.", http.StatusMethodNotAllowed)
		case r.URL.Path == Root:
			http.Redirect(w, r, Login, http.StatusFound)
		default:
			h.Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, page) // the caller has left
		}
	})
}

// policyOf returns the Content-Security-Policy of a page with one script and one
// style, both inside, that asks an API.
func policyOf(page, api string) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + hashOf(page, `<script type="module">`, "</script>"),
		"style-src " + hashOf(page, "<style>", "</style>"),
		"img-src data:", // the icon that is none
		"connect-src " + originOf(api),
		"base-uri 'none'",
		"form-action 'none'", // the script sends what is typed
		"frame-ancestors 'none'",
	}, "; ")
}

// hashOf names what is between two tags (CSP Level 3, section 2.3.1).
func hashOf(page, opening, closing string) string {
	_, rest, _ := strings.Cut(page, opening)
	inside, _, _ := strings.Cut(rest, closing)
	sum := sha256.Sum256([]byte(inside))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// originOf returns the origin of a base URL. A policy that named its path would
// allow that path alone, and none below it.
func originOf(api string) string {
	at, err := url.Parse(api)
	if err != nil || at.Host == "" {
		return "'self'"
	}
	return at.Scheme + "://" + at.Host
}
