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
		sent.lose(span{begun, math.MaxInt64}) // it may still be on its way
		return nil, err
	}
	if w.Loses == nil || !w.Loses() {
		return response, nil
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	sent.lose(span{begun, sent.now()})
	return nil, io.ErrUnexpectedEOF
}

// deliveriesKey is the key of the deliveries in a call's context.
type deliveriesKey struct{}

// deliveries are the requests of one call. A nil one keeps nothing.
type deliveries struct {
	line *timeline
	mu   sync.Mutex
	lost []span
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
func (d *deliveries) lose(s span) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lost = append(d.lost, s)
}

func (d *deliveries) unanswered() []span {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}
