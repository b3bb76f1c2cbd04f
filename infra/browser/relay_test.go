package browser_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"portcullis/infra/browser"
)

// A relay stands between a page and the server, as a network does: it may lose
// an answer, or hold one back. It counts what was asked.
type relay struct {
	*httptest.Server
	of     *browser.Server
	behind http.Handler

	mu      sync.Mutex
	rule    rule
	asked   map[string]int // by method and path
	done    map[string]int // those of them that were answered
	lasting int            // what sessions last as far as the page knows, in seconds; 0 for the truth
	refresh string         // the last refresh token that went by
}

// A rule answers in the place of the server, and returns true, or does not.
type rule func(w http.ResponseWriter, r *http.Request) bool

// relayTo starts a relay in front of a server.
func relayTo(t testing.TB, s *browser.Server) *relay {
	t.Helper()
	behind, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	n := &relay{of: s, asked: map[string]int{}, done: map[string]int{}}
	n.behind = &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(behind) },
		ModifyResponse: n.session,
	}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.Close)
	return n
}

func (n *relay) serve(w http.ResponseWriter, r *http.Request) {
	what := r.Method + " " + r.URL.Path
	defer n.answered(what)
	n.mu.Lock()
	n.asked[what]++
	rule := n.rule
	n.mu.Unlock()
	if rule == nil || !rule(w, r) {
		n.behind.ServeHTTP(w, r)
	}
}

func (n *relay) answered(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done[what]++
}

// session notes the refresh token of a session, and shortens the session where
// that is wanted.
func (n *relay) session(r *http.Response) error {
	if r.Request.Method != http.MethodPost || r.StatusCode != http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var session struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(text, &session); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if session.Refresh != "" {
		n.refresh = session.Refresh
	}
	if n.lasting > 0 {
		text = bytes.Replace(text, []byte(`"expires_in":900`), []byte(`"expires_in":`+strconv.Itoa(n.lasting)), 1)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// follow sets the rule; nil lets everything pass.
func (n *relay) follow(rule rule) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rule = rule
}

// once is a rule that applies to the next requests of a method and path, n of
// them.
func once(n int, method, path string, answer http.HandlerFunc) rule {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		mine := n > 0 && r.Method == method && r.URL.Path == path
		if mine {
			n--
		}
		mu.Unlock()
		if mine {
			answer(w, r)
		}
		return mine
	}
}

// brief makes sessions last some seconds, as far as the page knows.
func (n *relay) brief(seconds int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lasting = seconds
}

// count returns how often something was asked for, such as "POST /token".
func (n *relay) count(what string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[what]
}

// refreshToken returns the last one that went by.
func (n *relay) refreshToken() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.refresh
}

// await waits until something was asked for so many times.
func (n *relay) await(t testing.TB, what string, times int) {
	t.Helper()
	awaitCount(t, what, times, func() int { return n.count(what) })
}

// awaitAnswer waits until something was answered so many times.
func (n *relay) awaitAnswer(t testing.TB, what string, times int) {
	t.Helper()
	awaitCount(t, "the answer to "+what, times, func() int {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.done[what]
	})
}

func awaitCount(t testing.TB, what string, times int, count func() int) {
	t.Helper()
	late := time.After(20 * time.Second)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for count() < times {
		select {
		case <-late:
			t.Fatalf("%s came %d times, want %d", what, count(), times)
		case <-again.C:
		}
	}
}

// problem answers with a problem, and with headers as pairs.
func problem(status int, slug, detail string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{
			"type": "urn:portcullis:problem:" + slug, "title": slug, "status": status, "detail": detail, "request_id": "r-1",
		})
	}
}
