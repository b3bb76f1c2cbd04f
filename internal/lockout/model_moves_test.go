package lockout_test

import (
	"fmt"

	"portcullis/internal/lockout"
)

// successors visits every world that one step leads to.
func (e *explorer) successors(w *world) {
	for i := range e.attempts {
		e.attemptSteps(w, i)
	}
	for i := range e.desks {
		e.deskSteps(w, i)
	}
	if int(w.epoch) < e.epochs {
		next := *w
		next.epoch++
		e.visit(step{what: "an epoch passes: what was in flight must be dead", who: nobody}, &next)
	}
	if w.changes == 0 {
		return
	}
	for maximum := int8(1); maximum <= 3; maximum++ {
		if maximum != w.maximum {
			next := *w
			next.changes, next.maximum = w.changes-1, maximum
			e.visit(step{what: fmt.Sprintf("the maximum becomes %d", maximum), who: nobody}, &next)
		}
	}
}

// attemptSteps visits what can become of one attempt: the store answers, an
// answer is lost before or after the effect, it was asleep until now, or a copy
// of something it sent arrives.
func (e *explorer) attemptSteps(w *world, i int) {
	at := w.walkers[i].at
	if !at.ended() {
		if !w.walkers[i].afloat {
			for clock := w.epoch; clock <= w.epoch+int8(e.clocks); clock++ {
				e.wake(w, i, at, clock)
			}
		}
		for clock := w.epoch; clock <= w.epoch+int8(e.clocks); clock++ {
			e.answer(w, i, at, clock)
			if w.losses != 0 {
				e.lose(w, i, at, clock, false)
				e.lose(w, i, at, clock, true)
			}
		}
		if w.lates != 0 {
			e.copy(w, i, at.sends, true)
		}
	}
	if w.lates != 0 {
		for _, m := range at.sent {
			e.copy(w, i, m, false)
		}
	}
}

// wake lets the gate begin, or do what it did since the last answer, only now. Busy
// is then said of the record as it was at that answer.
func (e *explorer) wake(w *world, i int, at *node, clock int8) {
	for _, n := range e.gates.later(at, int(clock), int(w.maximum)) {
		next := *w
		next.walkers[i].at = n
		if s := (step{what: "was asleep until now", who: i, to: n}); n.end.ruling == lockout.Busy {
			e.visit(s, &next)
		} else {
			e.arrive(s, &next, i)
		}
	}
}

func (e *explorer) answer(w *world, i int, at *node, clock int8) {
	effect := e.effect(w.record, at.sends, i)
	next := *w
	e.take(&next, i, at.sends, effect)
	heard := e.gates.hear(at, sound{view: effect.view, epoch: clock}, w.record, func() answer {
		return answer{result: effect.hear, epoch: int(clock)}
	})
	e.landed("hears of its", &next, i, at, heard)
}

// lose takes the answer away; with the effect, if that is the way it is.
func (e *explorer) lose(w *world, i int, at *node, clock int8, after bool) {
	what, next := "no effect and no answer of its", *w
	if next.losses > 0 {
		next.losses--
	}
	if after {
		effect := e.effect(w.record, at.sends, i)
		if !effect.applied {
			return // the same as before
		}
		what = "effect, but no answer of its"
		e.take(&next, i, at.sends, effect)
	}
	heard := e.gates.hear(at, sound{lost: true, epoch: clock}, -1, func() answer {
		return answer{err: errLost, epoch: int(clock)}
	})
	e.landed(what, &next, i, at, heard)
}

func (e *explorer) landed(what string, next *world, i int, from, heard *node) {
	for _, n := range e.gates.land(heard) {
		landed := *next
		landed.walkers[i].at, landed.walkers[i].afloat = n, false
		e.arrive(step{what: what, who: i, to: n, sent: from.sends}, &landed, i)
	}
}

// copy delivers a copy of a message, whose answer nobody hears.
func (e *explorer) copy(w *world, i int, m *message, now bool) {
	effect := e.effect(w.record, m, i)
	if !effect.applied {
		return
	}
	next := *w
	if next.lates > 0 {
		next.lates--
	}
	next.walkers[i].afloat = next.walkers[i].afloat || now
	e.take(&next, i, m, effect)
	e.visit(step{what: "a copy arrives of its", who: i, sent: m}, &next)
}

// take writes the effect of an attempt's message into the world.
func (e *explorer) take(w *world, i int, m *message, effect *effect) {
	if !effect.applied {
		return
	}
	a := &w.walkers[i]
	switch m.transition.(type) {
	case lockout.Fail:
		switch {
		case !a.at.compared || a.at.password == goodGuess:
			e.fail("a failure is counted that is none (promise 3)")
		case a.counted != 0:
			e.fail("one failure is counted twice (promise 3)")
		}
		a.counted = int8(e.ledger.keys[w.record].generation) + 1
	case lockout.Succeed:
		switch {
		case !a.at.compared || a.at.password != goodGuess:
			e.fail("a success is written that is none")
		case a.won:
			e.fail("one success clears the count twice")
		}
		a.won = true
	}
	w.record = effect.record
}
