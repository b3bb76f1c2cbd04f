package lockouttest

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
)

// A Wire carries requests to AWS services for a client under test: it keeps
// what passes, and can lose an answer after the request took effect. It is an
// HTTPClient of the SDK's options, safe for concurrent use.
type Wire struct {
	mu        sync.Mutex
	lose      string
	exchanges []Exchange
}

// An Exchange is one request with its answer.
type Exchange struct {
	Operation string // such as "PutItem"
	Sent      string // the body, as is Received
	Received  string
}

// Lose makes the next answer to an operation get lost: the client sees its
// connection end.
func (w *Wire) Lose(operation string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = operation
}

// Take returns the exchanges since the last call, in the order of the answers.
func (w *Wire) Take() []Exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.exchanges
	w.exchanges = nil
	return taken
}

// Do carries one request.
func (w *Wire) Do(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(received))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if w.keep(Exchange{Operation: operation, Sent: string(sent), Received: string(received)}) {
		return nil, io.ErrUnexpectedEOF
	}
	return response, nil
}

// keep remembers an exchange and reports whether its answer is to be lost.
func (w *Wire) keep(e Exchange) (lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exchanges = append(w.exchanges, e)
	lost = e.Operation == w.lose
	if lost {
		w.lose = ""
	}
	return lost
}
