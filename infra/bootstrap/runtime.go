package bootstrap

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxAnswer is the largest answer of a function, in bytes: Lambda's quota for
// synchronous invocations.
const maxAnswer = 6 << 20

// An invocation is one event on its way through a process.
type invocation struct {
	id       string
	payload  []byte
	timeout  time.Duration
	answered chan outcome // buffered
}

// An outcome is what a function made of an event.
type outcome struct {
	answer []byte
	err    error
}

// An Error is an error that a function returned, as the runtime reports it.
type Error struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns the function's own text and nothing else: API Gateway knows an
// authorizer's refusal by it.
func (e *Error) Error() string { return e.Message }

// A runtimeAPI is the Lambda Runtime API (version 2018-06-01) of one process,
// which has at most one invocation at a time.
type runtimeAPI struct {
	function string
	work     chan *invocation // not buffered: taken when the process asks for it
	first    sync.Once
	asked    chan struct{} // closed when it first asks; askedAt is set by then
	askedAt  time.Time

	mu         sync.Mutex
	current    *invocation
	initFailed *Error
}

// handler returns the routes of the API.
func (a *runtimeAPI) handler() http.Handler {
	const base = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"/invocation/next", a.next)
	mux.HandleFunc("POST "+base+"/invocation/{id}/response", a.response)
	mux.HandleFunc("POST "+base+"/invocation/{id}/error", a.failure)
	mux.HandleFunc("POST "+base+"/init/error", a.initError)
	return mux
}

// next waits for an event and hands it out.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	a.first.Do(func() {
		a.askedAt = time.Now()
		close(a.asked)
	})
	select {
	case i := <-a.work:
		a.mu.Lock()
		a.current = i
		a.mu.Unlock()
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", i.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(i.timeout).UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn",
			"arn:aws:lambda:local:000000000000:function:"+a.function)
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1-"+i.id)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(i.payload) // a process that is gone is noticed by its end
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) response(w http.ResponseWriter, r *http.Request) {
	answer, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
	if err != nil {
		err = fmt.Errorf("reading the answer: %w", err)
	}
	a.settle(w, r, outcome{answer, err})
}

func (a *runtimeAPI) failure(w http.ResponseWriter, r *http.Request) {
	a.settle(w, r, outcome{err: readError(w, r)})
}

// settle ends the invocation, if it is the one that is under way.
func (a *runtimeAPI) settle(w http.ResponseWriter, r *http.Request, o outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current == nil || a.current.id != r.PathValue("id") {
		http.Error(w, "no such invocation", http.StatusBadRequest)
		return
	}
	a.current.answered <- o
	a.current = nil
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	failed := readError(w, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.initFailed = failed
	w.WriteHeader(http.StatusAccepted)
}

// initFailure returns what the process said before it asked for work, or "".
func (a *runtimeAPI) initFailure() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.initFailed == nil {
		return ""
	}
	return a.initFailed.Message
}

func readError(w http.ResponseWriter, r *http.Request) *Error {
	failed := new(Error)
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAnswer)).Decode(failed); err != nil {
		failed.Message = fmt.Sprintf("an error that cannot be read: %v", err)
	}
	return failed
}
