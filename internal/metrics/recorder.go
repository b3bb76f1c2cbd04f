package metrics

import (
	"context"
	"io"
	"sync"
	"time"
)

// maxValues is how many values of one metric a line may have, by the Embedded
// Metric Format's specification.
const maxValues = 100

// A Recorder collects the metrics of one process until they are flushed. It is
// safe for concurrent use. What is counted between two events, by something that
// outlived the first, is written with the second.
type Recorder struct {
	w        io.Writer
	now      func() time.Time
	stage    string
	function string

	mu        sync.Mutex
	counts    map[Count]int
	latencies map[Latency][]time.Duration
	line      []byte // room for the next one
}

// NewRecorder returns the recorder of one function, such as "login", of one
// stage; both MUST be names of letters, digits and hyphens. It writes whole lines
// to w, one Write each.
func NewRecorder(w io.Writer, stage, function string, now func() time.Time) *Recorder {
	return &Recorder{
		w: w, now: now, stage: stage, function: function,
		counts: map[Count]int{}, latencies: map[Latency][]time.Duration{},
	}
}

// Count counts one more.
func (r *Recorder) Count(c Count) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[c]++
}

// since measures what began at a time.
func (r *Recorder) since(l Latency, began time.Time) {
	took := r.now().Sub(began)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latencies[l] = append(r.latencies[l], took)
}

// Flush writes what was collected since the last time, if anything: one line,
// or more where a latency has more values than a line may have. That it cannot
// be written is nobody's concern but the log's, which then has other gaps too.
func (r *Recorder) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.empty() {
		r.line = r.appendLine(r.line[:0])
		_, _ = r.w.Write(r.line)
		r.drop()
	}
}

func (r *Recorder) empty() bool { return len(r.counted()) == 0 && len(r.measured()) == 0 }

// drop forgets what a line holds.
func (r *Recorder) drop() {
	clear(r.counts)
	for l, values := range r.latencies {
		left := copy(values, values[min(len(values), maxValues):])
		r.latencies[l] = values[:left]
	}
}

// Flushed returns a handler that flushes after each event, also after one that
// ends in a panic.
func Flushed[In, Out any](r *Recorder, handle func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, event In) (Out, error) {
		defer r.Flush()
		return handle(ctx, event)
	}
}
