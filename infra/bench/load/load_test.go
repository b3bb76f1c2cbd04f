package load_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bench/load"
)

// served starts a server of net/http.
func served(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// speaking starts a server that reads requests and answers each with the next
// text; it closes after the last.
func speaking(t *testing.T, texts ...string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reader := bufio.NewReader(conn)
			for _, text := range texts {
				if _, err := http.ReadRequest(reader); err != nil {
					break
				}
				_, _ = io.WriteString(conn, text)
			}
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

func dialed(t *testing.T, base string) *load.Conn {
	t.Helper()
	conn, err := load.Dial(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAConnectionReadsWhatNetHTTPSends(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	base := served(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/nothing":
			w.WriteHeader(http.StatusNoContent)
		case "/long":
			_, _ = io.WriteString(w, long)
		case "/close":
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "bye")
		default:
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Header.Get("X-One"), r.Header.Get("Content-Type"), r.Header.Get("Content-Length"), body)
		}
	})
	posted, err := load.NewJSON(base, "POST", "/echo", map[string]string{"a": "ü"}, "X-One", "1")
	if err != nil {
		t.Fatal(err)
	}
	conn := dialed(t, base)
	for _, test := range []struct {
		name    string
		request load.Request
		status  int
		body    string
	}{
		{"a body in JSON", posted, 418, `POST 1 application/json 10 {"a":"ü"}`},
		{"no content", load.NewRequest(base, "GET", "/nothing", ""), 204, ""},
		{"chunks", load.NewRequest(base, "GET", "/long", ""), 200, long},
		{"a head", load.NewRequest(base, "HEAD", "/echo", ""), 418, ""},
		{"the last of a connection", load.NewRequest(base, "GET", "/close", ""), 200, "bye"},
		{"the first of the next connection", load.NewRequest(base, "PUT", "/echo", ""), 418, "PUT   0 "},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := conn.Do(t.Context(), test.request)
			if err != nil || got.Status != test.status || string(got.Body) != test.body {
				t.Errorf("got %d %.60q, %v; want %d %.60q", got.Status, got.Body, err, test.status, test.body)
			}
		})
	}
}

func TestAConnectionReadsWhatOtherServersSend(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       string // "" for an error
	}{
		{"other cases and no reason", "HTTP/1.1 201 \r\ncontent-LENGTH:2\r\n\r\nhi", "hi"},
		{"chunks with an extension and a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nh\r\n1\r\ni\r\n0\r\nX: y\r\n\r\n", "hi"},
		{"a body until the end", "HTTP/1.1 200 OK\r\n\r\nhi", "hi"},
		{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"},
		{"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", ""},
		{"a status of letters", "HTTP/1.1 2x0 OK\r\n\r\n", ""},
		{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ""},
		{"a cut body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", ""},
		{"a chunk of no size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhi\r\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			base := speaking(t, test.text)
			got, err := dialed(t, base).Do(t.Context(), load.NewRequest(base, "GET", "/", ""))
			if string(got.Body) != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v; want %q", got.Body, err, test.want)
			}
		})
	}
}

func TestAnAnswerIsNotTakenWhateverItsLength(t *testing.T) {
	base := speaking(t, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
	_, err := dialed(t, base).Do(t.Context(), load.NewRequest(base, "GET", "/", ""))
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got error %v, want one about the length", err)
	}
}

func TestAConnectionOfHTTP10IsOpenedAgain(t *testing.T) {
	base := speaking(t, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi")
	conn := dialed(t, base)
	for range 3 {
		if got, err := conn.Do(t.Context(), load.NewRequest(base, "GET", "/", "")); err != nil || string(got.Body) != "hi" {
			t.Fatalf("got %q, %v", got.Body, err)
		}
	}
}

func TestEachClientAsksInItsOrderOverItsOwnConnection(t *testing.T) {
	const clients, each = 3, 20
	var answered atomic.Int64
	base := served(t, func(w http.ResponseWriter, r *http.Request) {
		answered.Add(1)
		if strings.HasSuffix(r.URL.Path, "/7") {
			w.WriteHeader(http.StatusLocked)
		}
		_, _ = io.WriteString(w, r.RemoteAddr+" "+r.URL.Path)
	})
	heard := make([][]string, clients)
	sample, err := load.Load{
		Base: base, Clients: clients, Duration: time.Minute,
		Next: func(client, n int) load.Request {
			if n == each {
				return nil
			}
			return load.NewRequest(base, "GET", fmt.Sprintf("/%d/%d", client, n), "")
		},
		Heard: func(client, n int, a load.Answer) error {
			heard[client] = append(heard[client], string(a.Body))
			return nil
		},
	}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]bool{}
	for client, bodies := range heard {
		address, _, _ := strings.Cut(bodies[0], " ")
		addresses[address] = true
		for n, body := range bodies {
			if want := fmt.Sprintf("%s /%d/%d", address, client, n); body != want {
				t.Errorf("client %d, request %d: got %q, want %q", client, n, body, want)
			}
		}
	}
	if len(addresses) != clients || len(sample.Times) != clients*each || answered.Load() != clients*each {
		t.Errorf("got %d connections, %d times, %d answers", len(addresses), len(sample.Times), answered.Load())
	}
	if diff := cmp.Diff(map[int]int{200: clients * (each - 1), 423: clients}, sample.Statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

// The server holds each answer back until the time is over: both requests that
// were begun count, and no other begins.
func TestALoadEndsWithItsTimeAndWaitsForWhatItBegan(t *testing.T) {
	const duration = 200 * time.Millisecond
	began := time.Now()
	base := served(t, func(w http.ResponseWriter, r *http.Request) { <-time.After(time.Until(began.Add(2 * duration))) })
	request := load.NewRequest(base, "GET", "/", "")
	sample, err := load.Load{Base: base, Clients: 2, Duration: duration, Next: func(int, int) load.Request { return request }}.Run(t.Context())
	if err != nil || len(sample.Times) != 2 || sample.Took < duration {
		t.Errorf("got %d times in %v, %v; want 2 in more than %v", len(sample.Times), sample.Took, err, duration)
	}
}

// At a rate of 100 a second, 50 are due in half a second, however quick or slow
// the machine is.
func TestAPacedLoadAsksNoMoreThanIsDue(t *testing.T) {
	base := served(t, func(w http.ResponseWriter, r *http.Request) {})
	request := load.NewRequest(base, "GET", "/", "")
	var asked atomic.Int64
	_, err := load.Load{Base: base, Clients: 4, Duration: 500 * time.Millisecond, Rate: 100, Next: func(int, int) load.Request {
		asked.Add(1)
		return request
	}}.Run(t.Context())
	if err != nil || asked.Load() < 45 || asked.Load() > 50 {
		t.Errorf("got %d requests, %v; want 45 to 50", asked.Load(), err)
	}
}

// One client at 100 a second meets a stall: what was due meanwhile is late by
// the rest of the stall, and that shows.
func TestAPacedLoadTimesFromWhenARequestWasDue(t *testing.T) {
	const stall = 300 * time.Millisecond
	var stalled atomic.Bool
	base := served(t, func(w http.ResponseWriter, r *http.Request) {
		if !stalled.Swap(true) {
			<-time.After(stall)
		}
	})
	request := load.NewRequest(base, "GET", "/", "")
	sample, err := load.Load{Base: base, Clients: 1, Duration: 10 * time.Second, Rate: 100, Next: func(_, n int) load.Request {
		if n == 20 {
			return nil
		}
		return request
	}}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The 15 after the first one were due 10 ms to 150 ms into the stall.
	if late := sample.Quantile(0.25); late < stall-160*time.Millisecond {
		t.Errorf("got %v as the first quartile, want at least %v", late, stall-160*time.Millisecond)
	}
}

func TestALoadSaysWhatWentWrong(t *testing.T) {
	base := served(t, func(w http.ResponseWriter, r *http.Request) {})
	request := load.NewRequest(base, "GET", "/", "")
	always := func(int, int) load.Request { return request }
	bad := errors.New("bad")
	ended, end := context.WithCancel(t.Context())
	end()
	for _, test := range []struct {
		name string
		ctx  context.Context
		load load.Load
		want error // nil for any
	}{
		{"an answer that is not wanted", t.Context(), load.Load{Base: base, Next: always, Heard: func(int, int, load.Answer) error { return bad }}, bad},
		{"an end from outside", ended, load.Load{Base: base, Next: always}, context.Canceled},
		{"nothing to ask", t.Context(), load.Load{Base: base, Next: func(int, int) load.Request { return nil }}, nil},
		{"a server that hangs up", t.Context(), load.Load{Base: speaking(t), Next: always}, nil},
		{"no server", t.Context(), load.Load{Base: "127.0.0.1:1", Next: always}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.load.Clients, test.load.Duration = 2, time.Minute
			_, err := test.load.Run(test.ctx)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
		})
	}
}

// The server lets nobody go before all of the burst are there at once.
func TestABurstIsThereAtOnce(t *testing.T) {
	const n = 50
	var warm, together atomic.Int64
	all := make(chan struct{})
	base := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/warm" {
			warm.Add(1)
			return
		}
		if together.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(20 * time.Second):
			w.WriteHeader(http.StatusGatewayTimeout)
		}
		_, _ = io.WriteString(w, r.URL.Path)
	})
	burst := load.Burst{Base: base, Warm: load.NewRequest(base, "GET", "/warm", "")}
	for i := range n {
		burst.Requests = append(burst.Requests, load.NewRequest(base, "GET", fmt.Sprintf("/%d", i), ""))
	}
	replies, err := burst.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, reply := range replies {
		if reply.Status != 200 || string(reply.Body) != fmt.Sprintf("/%d", i) || reply.Took <= 0 {
			t.Errorf("request %d: got %d %q in %v", i, reply.Status, reply.Body, reply.Took)
		}
	}
	if warm.Load() != n {
		t.Errorf("got %d connections warmed, want %d", warm.Load(), n)
	}
}

func TestABurstSaysWhatWentWrong(t *testing.T) {
	base := speaking(t)
	request := load.NewRequest(base, "GET", "/", "")
	for name, burst := range map[string]load.Burst{
		"while warming": {Base: base, Requests: []load.Request{request}, Warm: request},
		"in the burst":  {Base: base, Requests: []load.Request{request, request}},
		"no server":     {Base: "127.0.0.1:1", Requests: []load.Request{request}},
	} {
		if _, err := burst.Run(t.Context()); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestTheBareServerAnswersUntilItsContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- load.Bare(ctx, listener) }()
	base := listener.Addr().String()
	before := load.Spent()
	got, err := dialed(t, base).Do(t.Context(), load.NewRequest(base, "POST", "/login", "{}"))
	if err != nil || got.Status != 200 || string(got.Body) != `{"status":"ok"}` {
		t.Errorf("got %d %q, %v", got.Status, got.Body, err)
	}
	end()
	if err := <-served; err != nil {
		t.Errorf("got error %v, want none", err)
	}
	if load.Spent() < before {
		t.Errorf("got less time spent than before")
	}
}
