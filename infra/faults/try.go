package faults

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// A try is one request on its way through the proxy.
type try struct {
	*Proxy
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	call Call
}

// serve does to the request what was decided.
func (t *try) serve() {
	switch t.call.Fault {
	case Refuse:
		t.answer(t.internal())
	case Throttle:
		t.answer(t.throttled())
	case Reset:
		reset(t.w)
	case Stale:
		t.answerStale()
	case Slow:
		t.wait(slowTime)
		t.pass()
	case Spoil:
		t.spoil()
	case Lose:
		_, _ = t.forward(t.r, t.body) // whatever came of it, nobody hears
		cut(t.w)
	case Hold:
		_, _ = t.forward(t.r, t.body)
		t.wait(holdTime)
		cut(t.w)
	default:
		t.pass()
	}
}

// pass passes the request on, and its answer back. Where the service cuts the
// connection, so does the proxy.
func (t *try) pass() {
	got, err := t.forward(t.r, t.body)
	if err != nil {
		cut(t.w)
		return
	}
	t.remember(got)
	t.answer(got)
}

// spoil passes the request on and takes its success away. A refusal of the
// service's own is passed back: it had no effect.
func (t *try) spoil() {
	got, err := t.forward(t.r, t.body)
	switch {
	case err != nil:
		cut(t.w)
	case got.status == http.StatusOK:
		t.answer(t.internal())
	default:
		t.answer(got)
	}
}

// answerStale answers with the first answer there was to the same request, from
// the same function or another. To a request that is new, that is the answer.
func (t *try) answerStale() {
	t.mu.Lock()
	old, known := t.first[t.key()]
	t.mu.Unlock()
	if !known {
		t.pass()
		return
	}
	t.answer(old)
}

// remember keeps the first answer to a read that may be stale.
func (t *try) remember(got *answer) {
	if !t.call.Stale || got.status >= http.StatusInternalServerError {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.first) >= keptAnswers {
		clear(t.first)
	}
	if _, known := t.first[t.key()]; !known {
		t.first[t.key()] = got
	}
}

func (t *try) key() string { return t.call.Name() + "\n" + string(t.body) }

func (t *try) answer(a *answer) {
	t.call.Status = a.status
	a.write(t.w)
}

// wait waits for the time, and for no longer than the caller or the proxy.
func (t *try) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.r.Context().Done():
	case <-t.closing:
	}
}

// internal and throttled are each service's own words, from the API references:
// "Common errors", and the operations' for Cognito.
func (t *try) internal() *answer {
	word := "InternalServerError"
	if t.call.Service == "cognito-idp" {
		word = "InternalErrorException"
	}
	return t.failure(http.StatusInternalServerError, word)
}

func (t *try) throttled() *answer {
	switch t.call.Service {
	case "dynamodb":
		return t.failure(http.StatusBadRequest, "ProvisionedThroughputExceededException")
	case "cognito-idp":
		return t.failure(http.StatusBadRequest, "TooManyRequestsException")
	case "jwks":
		return t.failure(http.StatusTooManyRequests, "TooManyRequestsException")
	}
	return t.failure(http.StatusBadRequest, "ThrottlingException")
}

func (t *try) failure(status int, word string) *answer {
	if t.call.Service == "dynamodb" {
		word = "com.amazonaws.dynamodb.v20120810#" + word
	}
	_, short, found := strings.Cut(word, "#")
	if !found {
		short = word
	}
	return &answer{status, http.Header{
		"Content-Type":     {"application/x-amz-json-1.1"},
		"X-Amzn-Errortype": {short},
	}, fmt.Appendf(nil, `{"__type":%q,"message":"a fault of the test"}`, word)}
}
