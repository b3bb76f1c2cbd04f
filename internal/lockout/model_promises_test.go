package lockout_test

import (
	"fmt"

	"portcullis/internal/lockout"
)

// arrive checks what an attempt says when it ends, and goes on.
func (e *explorer) arrive(s step, w *world, i int) {
	n := w.walkers[i].at
	broken := e.gates.broken
	if broken == "" && n.ended() {
		broken = e.brokenVerdict(w, i)
	}
	if broken != "" {
		e.path = append(e.path, s)
		e.fail(broken)
		return
	}
	e.visit(s, w)
}

// brokenVerdict returns why an attempt may not say what it says at this moment:
// a verdict is true of the record by which it was decided.
func (e *explorer) brokenVerdict(w *world, i int) string {
	n, r := w.walkers[i].at, &e.ledger.records[w.record]
	settled := int64(w.walkers[i].counted) == n.generation+1
	if w.walkers[i].won && n.faults == 0 && e.lates == 0 && n.end.ruling != lockout.Welcome {
		return "a success is settled first and does not win (promise 4)"
	}
	switch n.end.ruling {
	case lockout.Welcome:
		return brokenWelcome(n, r)
	case lockout.Wrong:
		switch {
		case n.password == goodGuess || !n.compared:
			return "wrong is said of a right password, or of none"
		case r.Locked():
			return "wrong is said to a user who is locked"
		case !settled && r.Generation == n.generation:
			return "wrong is said before it is settled"
		case n.end.remaining != max(1, n.maximum-r.Failed):
			return fmt.Sprintf("wrong is said with %d left of %d, after %d failures", n.end.remaining, n.maximum, r.Failed)
		}
	case lockout.Locked:
		switch {
		case !r.Locked():
			return "locked is said to a user who is not"
		case n.end.justLocked && !(settled && r.LockID == lockNames[i:i+1]):
			return "an attempt says that it locked the user, and did not"
		}
	case lockout.Busy:
		switch {
		case r.Locked() || len(r.InFlight) == 0 || n.charged:
			return "busy is said for nothing"
		case r.Charged < n.maximum:
			return "busy is said while there is a place"
		case !n.waited && e.orderly():
			return "busy is said without a wait"
		}
	case "":
		return e.brokenSilence(w, i)
	default:
		return fmt.Sprintf("there is no ruling %q", n.end.ruling)
	}
	return ""
}

func brokenWelcome(n *node, r *lockout.Record) string {
	switch {
	case n.password != goodGuess || !n.compared:
		return "welcome is said without the right password"
	case r.Locked():
		return "welcome is said past a lock (promise 4)"
	case r.Generation <= n.generation:
		return "welcome is said before it is settled"
	}
	return ""
}

// brokenSilence returns why an attempt may not end without a verdict: because
// there was no fault, or because it keeps its place after one single fault.
func (e *explorer) brokenSilence(w *world, i int) string {
	n, r := w.walkers[i].at, &e.ledger.keys[w.record]
	here := n.generation == -1 || n.generation == r.generation
	settled := int64(w.walkers[i].counted) == r.generation+1
	switch {
	case n.faults == 0 && here && settled:
		return "a failure is settled, its answer is heard, and the verdict is not spoken"
	case n.faults == 0 && (!n.charged || n.reclaims == r.reclaims):
		return "no verdict, and neither a fault nor a reclaim"
	case n.faults <= 1 && e.lates == 0 && here && r.inFlight>>i&1 == 1:
		return "an attempt that ends with an error keeps its place after one fault"
	}
	return ""
}

// brokenPromise returns the promise that the world breaks, or nothing. What an
// attempt compared does not count once its place was given back and nobody heard
// of it.
func (e *explorer) brokenPromise(w *world) string {
	r := &e.ledger.keys[w.record]
	var judged, wrong, maximum [roomForAttempts + roomForDesks + 3]int
	for i := range e.attempts {
		a := &w.walkers[i]
		g := a.at.generation
		if a.at.charged {
			maximum[g] = max(maximum[g], a.at.maximum)
		}
		ruling := a.at.end.ruling
		switch {
		case a.counted != 0:
			judged[a.counted-1]++
		case ruling == lockout.Wrong || ruling == lockout.Welcome:
			judged[g]++
		case a.at.compared && g == r.generation && r.inFlight>>i&1 == 1: // it may yet speak
			judged[g]++
		}
		if ruling == lockout.Wrong {
			wrong[g]++
		}
	}
	for g := range judged {
		switch {
		case judged[g] > maximum[g]:
			return "more compared than the maximum (promise 1)"
		case wrong[g] > maximum[g]:
			return "more wrong verdicts than the maximum (promise 2)"
		}
	}
	return e.brokenCount(w, r)
}

// brokenCount returns whether the count is that of the attempts that really
// failed.
func (e *explorer) brokenCount(w *world, r *recordKey) string {
	failed, largest := 0, 0
	for i := range e.attempts {
		if int64(w.walkers[i].counted) == r.generation+1 {
			failed++
			largest = max(largest, w.walkers[i].at.maximum)
		}
	}
	switch {
	case failed != r.failed:
		return "the count is not that of the attempts that failed (promise 3)"
	case failed > largest:
		return "more failures than the largest maximum they were counted under (promise 3)"
	}
	return ""
}
