package flood

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// An engine is virtual time, and what is to happen in it. What is due at the same
// time happens in the order in which it was asked for.
type engine struct {
	now    time.Duration
	queue  []event
	asked  uint64
	random *rand.Rand
}

type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

func newEngine(seed uint64) *engine {
	return &engine{random: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15))}
}

// after asks for something to happen when d has passed.
func (e *engine) after(d time.Duration, do func()) {
	e.asked++
	e.queue = append(e.queue, event{e.now + max(0, d), e.asked, do})
	e.up(len(e.queue) - 1)
}

// step lets the next thing happen, and reports whether there was one.
func (e *engine) step() bool {
	if len(e.queue) == 0 {
		return false
	}
	next, last := e.queue[0], len(e.queue)-1
	e.queue[0] = e.queue[last]
	e.queue[last] = event{}
	e.queue = e.queue[:last]
	e.down()
	e.now = next.at
	next.do()
	return true
}

// The queue is a binary heap by hand: container/heap would box each event.

func (e *engine) before(i, j int) bool {
	a, b := e.queue[i], e.queue[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (e *engine) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(i, parent) {
			return
		}
		e.queue[i], e.queue[parent] = e.queue[parent], e.queue[i]
		i = parent
	}
}

func (e *engine) down() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(e.queue); child++ {
			if e.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		e.queue[i], e.queue[least] = e.queue[least], e.queue[i]
		i = least
	}
}

// exponential returns a time between two arrivals of a Poisson process.
func (e *engine) exponential(perSecond float64) time.Duration {
	return time.Duration(e.random.ExpFloat64() / perSecond * float64(time.Second))
}

// A Latency is a lognormal time: half of it is below the median, and one in a
// hundred above the p99.
type Latency struct{ Median, P99 time.Duration }

// String tells both.
func (l Latency) String() string { return fmt.Sprintf("%s, p99 %s", l.Median, l.P99) }

// normalP99 is the 99th percentile of the standard normal distribution.
const normalP99 = 2.326

func (e *engine) latency(l Latency) time.Duration {
	if l.P99 <= l.Median {
		return l.Median
	}
	sigma := math.Log(float64(l.P99)/float64(l.Median)) / normalP99
	return time.Duration(float64(l.Median) * math.Exp(sigma*e.random.NormFloat64()))
}

// A bucket lets through rate a second and depth at once.
type bucket struct {
	rate, depth float64
	left        float64
	at          time.Duration
}

func newBucket(rate, depth float64) *bucket { return &bucket{rate: rate, depth: depth, left: depth} }

// take takes n out, and reports whether there was as much. What is larger than
// the depth is let through when the bucket is full, and owed.
func (b *bucket) take(now time.Duration, n float64) bool {
	b.left = min(b.depth, b.left+b.rate*(now-b.at).Seconds())
	b.at = now
	if b.left < min(n, b.depth) {
		return false
	}
	b.left -= n
	return true
}
