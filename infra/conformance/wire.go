package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portcullis/infra/contract"
)

const (
	answerTime = 45 * time.Second // API Gateway answers within 29 s
	maxAnswer  = 4 << 20          // bytes; a page of the trail is the longest
	// unknownPause is how long to stay away where an answer does not say.
	unknownPause = 5 * time.Second
	// firewallPause is how long to stay away from a firewall that counts: a rule
	// of AWS WAF looks at the last minutes about every thirty seconds.
	firewallPause = 30 * time.Second
)

// A request is what is sent, as it is.
type request struct {
	method, path string // the path as it is escaped, below the server's URL
	header       http.Header
	body         []byte
	token        string
	// offContract: the contract has no such request, and need not know the
	// answer.
	offContract bool
}

// changes reports whether the request changes what the suite puts back. A server
// goes on when its caller leaves, so such a request is waited for: else a user
// could be made after its deletion.
func (r request) changes() bool {
	return strings.HasPrefix(r.path, "/clients/") && r.method != http.MethodGet
}

// An answer is what the server said.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
	faults []error // what the contract has against it
}

// String is what a tester wants to read of an answer. It holds no token.
func (a answer) String() string {
	text := strconv.Itoa(a.status)
	if slug := a.slug(); slug != "" {
		text += " " + slug
	}
	if left, ok := a.body["attempts_remaining"]; ok {
		text += fmt.Sprintf(" with %v remaining", left)
	}
	if id := a.header.Get("X-Request-Id"); id != "" {
		text += " (request " + id + ")"
	}
	return text
}

// slug returns which problem the answer is, "user-locked".
func (a answer) slug() string {
	kind, _ := a.body["type"].(string)
	slug, _ := strings.CutPrefix(kind, "urn:portcullis:problem:")
	return slug
}

// text returns a field of the answer that is a string.
func (a answer) text(field string) string {
	value, _ := a.body[field].(string)
	return value
}

// remaining returns how many attempts the answer says are left, and 0 if it says
// nothing.
func (a answer) remaining() int {
	n, _ := a.body["attempts_remaining"].(float64)
	return int(n)
}

// A wire sends requests to one server, at a pace and within limits, and holds
// the answers against the contract. It is safe for concurrent use.
type wire struct {
	base     *url.URL
	contract *contract.Contract
	under    http.RoundTripper
	slots    chan struct{}
	pace     time.Duration
	patience time.Duration
	note     func(format string, values ...any)
	requests atomic.Int64
	pauses   pauses // told of 429s and 503s

	mu   sync.Mutex
	next time.Time // when the next request may begin
	held time.Time // until when every request is kept back
}

// pauses counts the answers that said "later".
type pauses struct {
	all, silent atomic.Int64 // silent: without a Retry-After
}

func newWire(s *settings, c *contract.Contract, note func(string, ...any)) *wire {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = s.parallel, s.parallel
	return &wire{
		base: s.url, contract: c, under: &below{transport, s.url}, slots: make(chan struct{}, s.parallel),
		pace: s.pace, patience: s.patience, note: note,
	}
}

// send sends a request and returns the answer. Where the server or what stands
// before it says that it has not looked at the request, it is sent again after
// the pause that is asked for.
func (w *wire) send(ctx context.Context, r request) (answer, error) {
	var waited time.Duration
	for {
		a, err := w.once(ctx, r)
		if err != nil {
			return answer{}, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		pause, again := limited(a, r)
		if !again || waited+pause > w.patience {
			return a, nil
		}
		waited += pause
		if w.hold(pause) {
			w.note("%s %s: %s; waiting %v", r.method, r.path, a, pause)
		}
	}
}

// limited reports whether the request was turned away unseen, and for how long
// to stay away. A 429 about a user's attempts is an answer like others.
func limited(a answer, r request) (time.Duration, bool) {
	pause := unknownPause
	switch {
	case a.status == http.StatusForbidden && refusedByFirewall(a, r):
		pause = firewallPause
	case a.status == http.StatusTooManyRequests && a.slug() != "too-many-attempts":
	case a.status == http.StatusServiceUnavailable:
	default:
		return 0, false
	}
	if said := retryAfter(a); said > 0 {
		pause = said
	}
	return pause, true
}

// refusedByFirewall tells the 403 of a firewall from that of the API, which has
// none on the paths that are open to everybody.
func refusedByFirewall(a answer, r request) bool {
	return a.slug() != "forbidden" || strings.Contains(a.text("detail"), "firewall") || !strings.HasPrefix(r.path, "/clients/")
}

// retryAfter returns the pause that an answer asks for, 0 for none.
func retryAfter(a answer) time.Duration {
	seconds, err := strconv.ParseUint(a.header.Get("Retry-After"), 10, 12)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// hold keeps every request back for a while. It reports whether none was kept
// back before, so that a burst that is turned away is told of once.
func (w *wire) hold(pause time.Duration) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	until := now.Add(pause)
	first = w.held.Before(now)
	if until.After(w.held) {
		w.held = until
	}
	if until.After(w.next) {
		w.next = until
	}
	return first
}

// turn waits until a request may begin.
func (w *wire) turn(ctx context.Context) error {
	for {
		w.mu.Lock()
		now := time.Now()
		wait := w.next.Sub(now)
		if wait <= 0 {
			w.next = now.Add(w.pace)
			w.mu.Unlock()
			return nil
		}
		w.mu.Unlock()
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// sleep returns after a while, or when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once sends a request one time.
func (w *wire) once(ctx context.Context, r request) (answer, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if err := w.turn(ctx); err != nil {
		return answer{}, err
	}
	if r.changes() {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	sent, err := w.httpRequest(ctx, r)
	if err != nil {
		return answer{}, err
	}
	var faults []error
	transport := w.under
	if !r.offContract {
		transport = w.contract.Transport(w.under, func(wrong error) { faults = append(faults, wrong) })
	}
	w.requests.Add(1)
	response, err := transport.RoundTrip(sent)
	if err != nil {
		return answer{}, unwrapped(err)
	}
	a, err := read(response)
	if _, unseen := limited(a, r); !unseen {
		a.faults = faults
	}
	w.pauses.count(a)
	return a, err
}

// count counts an answer that says "later".
func (p *pauses) count(a answer) {
	if a.slug() != "too-many-attempts" && a.slug() != "unavailable" {
		return
	}
	p.all.Add(1)
	if retryAfter(a) == 0 {
		p.silent.Add(1)
	}
}

func (w *wire) httpRequest(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	// The path of the server's URL is put before it below the contract.
	sent, err := http.NewRequestWithContext(ctx, r.method, w.base.Scheme+"://"+w.base.Host+r.path, body)
	if err != nil {
		return nil, err
	}
	if r.header != nil {
		sent.Header = r.header.Clone()
	}
	if r.body != nil && r.header["Content-Type"] == nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		sent.Header.Set("Authorization", "Bearer "+r.token)
	}
	return sent, nil
}

func read(response *http.Response) (answer, error) {
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	var err error
	if a.raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer)); err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	_ = json.Unmarshal(a.raw, &a.body) // a firewall answers in HTML; what is not told is empty
	return a, nil
}

// unwrapped returns an error of the network without the URL, which the caller
// adds.
func unwrapped(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
