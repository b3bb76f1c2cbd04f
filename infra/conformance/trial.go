package main

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A testCase is one thing that holds of a server.
type testCase struct {
	name      string // a group, a slash and a sentence
	standsFor []incident
	try       func(*trial)
	// alone: it changes what the others rely on, and comes after them.
	alone bool
}

// A trial is a case on its way. As in package testing, what is wrong is noted
// and the case goes on, or ends where it cannot go on.
type trial struct {
	*suite
	ctx     context.Context
	against atomic.Int64 // what the contract has against answers

	mu     sync.Mutex
	wrong  []string
	why    string // it could not be tried
	people []person
}

// wrongly notes that something is not as it must be.
func (t *trial) wrongly(format string, values ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const enough = 8 // of a burst, all may be wrong in the same way
	if text := fmt.Sprintf(format, values...); len(t.wrong) < enough && !slices.Contains(t.wrong, text) {
		t.wrong = append(t.wrong, text)
	}
}

// stop ends the case, which has failed.
func (t *trial) stop(format string, values ...any) {
	t.wrongly(format, values...)
	runtime.Goexit()
}

// cannot ends the case, which could not be tried.
func (t *trial) cannot(format string, values ...any) {
	t.why = fmt.Sprintf(format, values...)
	runtime.Goexit()
}

// result runs the case and returns what became of it.
func (t *trial) result(c testCase) result {
	began := time.Now()
	done := make(chan any)
	go func() {
		finished := false
		defer func() {
			if fault := recover(); fault != nil {
				t.wrongly("the case itself broke: %v", fault)
			} else if !finished && t.ctx.Err() != nil {
				t.why = "interrupted"
			}
			close(done)
		}()
		c.try(t)
		finished = true
	}()
	<-done
	r := result{Name: c.name, Outcome: passed, Says: t.wrong, Seconds: time.Since(began).Seconds()}
	for _, i := range c.standsFor {
		r.StandsFor = append(r.StandsFor, i.id+" "+i.product)
	}
	switch {
	case len(t.wrong) > 0:
		r.Outcome = failed
	case t.why != "":
		r.Outcome, r.Says = untried, []string{t.why}
	}
	return r
}

// send sends a request and notes what the contract has against the answer. No
// answer ends the case.
func (t *trial) send(r request) answer {
	a, err := t.wire.send(t.ctx, r)
	if t.ctx.Err() != nil {
		runtime.Goexit()
	}
	if err != nil {
		t.stop("no answer: %v", err)
	}
	t.hold(a)
	return a
}

// hold notes what the contract has against an answer, if it is not much already:
// what is wrong with every answer must not hide what else is.
func (t *trial) hold(a answer) {
	const enough = 3
	for _, fault := range a.faults {
		if t.against.Add(1) <= enough {
			t.wrongly("against openapi.yaml: %s", t.hidden(fault, a))
		}
	}
}

// together does n things at once, each in a goroutine that waits for the others.
func (t *trial) together(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-gate
			do(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
	if t.ctx.Err() != nil {
		runtime.Goexit()
	}
}

// beside is how many things are under way where many are to be done and it does
// not matter when: a hash takes its time, and a server with many waiting for
// theirs says later.
const beside = 8

// eachOf does something n times, several at once.
func (t *trial) eachOf(n int, do func()) {
	slots := make(chan struct{}, beside)
	t.together(n, func(int) {
		slots <- struct{}{}
		defer func() { <-slots }()
		do()
	})
}

// segment returns a name as a segment of a path.
func segment(name string) string { return url.PathEscape(name) }
