package faults

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	slowTime    = 300 * time.Millisecond // of Slow
	holdTime    = 30 * time.Second       // of Hold, for a caller who never gives up
	forwardTime = 30 * time.Second
	headerTime  = 10 * time.Second
	maxBody     = 4 << 20 // of a request: DynamoDB's own bound is 16 MiB, ours are a few KiB
	connections = 200
)

// How much is kept: calls that nobody took, and answers to serve again.
const (
	keptCalls   = 10_000
	keptAnswers = 10_000
)

// A Proxy passes calls on to the services, and injects faults. It is safe for
// concurrent use.
type Proxy struct {
	target   *url.URL
	alias    func(string) string
	listener net.Listener
	server   *http.Server
	onward   *http.Transport
	closing  chan struct{}

	mu      sync.Mutex
	rule    Rule
	calls   []*Call
	numbers map[string]numbers // of calls, by their id
	seen    map[string]int     // calls, by name and by place
	counts  map[Count]int
	first   map[string]*answer // to reads that may be stale
	touched map[Access]bool
}

// A Count is what Counts counts by.
type Count struct {
	Function, Name string
	Fault          Kind
}

type numbers struct{ nth, nthOfName int }

// Start starts a proxy on a free port of this machine, in front of the services
// at an address. alias, where it is not nil, says what the tables and the
// parameters are called in calls.
func Start(target string, alias func(name string) string) (*Proxy, error) {
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("the services' address is %q, and must be one such as http://127.0.0.1:4566", target)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if alias == nil {
		alias = func(name string) string { return name }
	}
	p := &Proxy{
		target: to, alias: alias, listener: listener, closing: make(chan struct{}),
		onward: &http.Transport{
			MaxIdleConnsPerHost: connections, DisableCompression: true, ResponseHeaderTimeout: forwardTime,
		},
		counts: make(map[Count]int), first: make(map[string]*answer), touched: make(map[Access]bool),
	}
	p.forget()
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: headerTime}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// URL is what the callers take for the services.
func (p *Proxy) URL() string { return "http://" + p.listener.Addr().String() }

// Close ends the proxy, and every call that is under way. It may be called once.
func (p *Proxy) Close() error {
	close(p.closing)
	err := p.server.Close()
	p.onward.CloseIdleConnections()
	return err
}

// Inject makes a rule the one that holds from the next try on; nil ends all
// faults.
func (p *Proxy) Inject(rule Rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = rule
}

// Take returns the tries since the last Take, in the order in which they came,
// and begins the numbers of calls anew. Of many more than ten thousand the last
// are kept.
func (p *Proxy) Take() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := make([]Call, len(p.calls))
	for i, c := range p.calls {
		taken[i] = *c
	}
	p.forget()
	return taken
}

func (p *Proxy) forget() {
	p.calls, p.numbers, p.seen = nil, make(map[string]numbers), make(map[string]int)
}

// Counts returns how many tries there were since the start, by function,
// operation and fault.
func (p *Proxy) Counts() map[Count]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := make(map[Count]int, len(p.counts))
	for c, n := range p.counts {
		counts[c] = n
	}
	return counts
}

// Accesses returns what all calls since the start asked to do, each thing once,
// in the order of their lines.
func (p *Proxy) Accesses() []Access {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Keys(p.touched), func(a, b Access) int { return strings.Compare(a.String(), b.String()) })
}

func (p *Proxy) touch(all []Access) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range all {
		p.touched[a] = true
	}
}

// ServeHTTP answers one try.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		cut(w)
		return
	}
	call := readCall(r, body, p.alias)
	p.touch(accesses(call, body, p.alias))
	c := p.note(call)
	try := &try{Proxy: p, w: w, r: r, body: body, call: *c}
	try.serve()
	p.mu.Lock()
	defer p.mu.Unlock()
	c.Status = try.call.Status
}

// note numbers a try, decides what becomes of it, and keeps it.
func (p *Proxy) note(c Call) *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, again := p.numbers[c.ID]
	if !again || c.ID == "" {
		p.seen[c.Name()]++
		p.seen[c.Place()]++
		n = numbers{p.seen[c.Place()], p.seen[c.Name()]}
		p.numbers[c.ID] = n
	}
	c.Nth, c.NthOfName = n.nth, n.nthOfName
	if p.rule != nil {
		c.Fault = p.rule(c)
	}
	if c.Fault == Stale && !c.Stale {
		c.Fault = None
	}
	p.counts[Count{c.Function, c.Name(), c.Fault}]++
	if len(p.calls) >= keptCalls {
		p.calls = p.calls[keptCalls/2:]
		clear(p.numbers)
	}
	p.calls = append(p.calls, &c)
	return &c
}

// forward passes a try on, also when its caller has gone: what was sent has its
// effect.
func (p *Proxy) forward(r *http.Request, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), forwardTime)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.Method, p.target.JoinPath(r.URL.Path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header, out.Host, out.URL.RawQuery = r.Header.Clone(), r.Host, r.URL.RawQuery // the host is in the signature
	response, err := p.onward.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return &answer{response.StatusCode, response.Header, text}, nil
}

// An answer is what a service said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller who is gone has no use for it
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) { hangUp(w, -1) }

// reset ends the connection as a machine does that knows nothing of it.
func reset(w http.ResponseWriter) { hangUp(w, 0) }

// hangUp ends a connection; what it sends is said by linger, as in
// [net.TCPConn.SetLinger].
func hangUp(w http.ResponseWriter, linger int) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // another way to end it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(linger)
	}
	_ = conn.Close()
}
