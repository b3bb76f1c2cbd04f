package lockouttest

import (
	"io"
	"math"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A LossyWire carries requests to AWS services and loses the answers of some,
// which the client sees as connections that end. A request that it carries for
// [RecordHistory] is noted there if no answer came back, for whatever reason. It
// is an HTTPClient of the SDK's options, safe for concurrent use.
type LossyWire struct {
	Next aws.HTTPClient
	// Loses is asked for each answer; nil loses none.
	Loses func() bool
}

// Do carries one request.
func (w *LossyWire) Do(r *http.Request) (*http.Response, error) {
	sent, _ := r.Context().Value(deliveriesKey{}).(*deliveries)
	begun := sent.now()
	response, err := w.Next.Do(r)
	if err != nil {
		sent.lose(lostAnswer{span{begun, math.MaxInt64}, unanswered{}}) // it may still be on its way
		return nil, err
	}
	if w.Loses == nil || !w.Loses() {
		return response, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	sent.lose(lostAnswer{span{begun, sent.now()}, effectOf(response.StatusCode)})
	return nil, io.ErrUnexpectedEOF
}

// An unanswered is all that is known of a delivery that gave no answer: it took
// effect or did not.
type unanswered struct{}

// A tookEffect is what is known of a delivery whose answer was lost on the way:
// it was that of a write which was made.
type tookEffect struct{}

// A noEffect is what is known of one that changed nothing.
type noEffect struct{}

// effectOf returns what an answer says about the effect.
func effectOf(status int) any {
	switch {
	case status == http.StatusOK:
		return tookEffect{}
	case status < http.StatusInternalServerError:
		return noEffect{}
	}
	return unanswered{}
}

// deliveriesKey is the key of the deliveries in a call's context.
type deliveriesKey struct{}

// deliveries are the requests of one call. A nil one keeps nothing.
type deliveries struct {
	line *timeline
	mu   sync.Mutex
	lost []lostAnswer
}

// A lostAnswer is a delivery whose answer did not come, and what is known of it all the
// same.
type lostAnswer struct {
	span
	known any
}

// A span is when something happened, by a timeline.
type span struct{ from, to int64 }

func (d *deliveries) now() int64 {
	if d == nil {
		return 0
	}
	return d.line.now()
}

// lose notes a delivery without an answer.
func (d *deliveries) lose(l lostAnswer) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = append(d.lost, l)
}

func (d *deliveries) all() []lostAnswer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}
