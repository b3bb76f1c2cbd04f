package lockout_test

import (
	"errors"
	"fmt"

	"portcullis/internal/lockout"
)

// deskSteps visits what can become of one Sysadmin.
func (e *explorer) deskSteps(w *world, i int) {
	d := w.desks[i]
	if d == nil {
		e.open(w, i)
		return
	}
	if !d.ended() {
		effect := e.effect(w.record, d.sends, nobody)
		e.tell(w, i, effect, sound{view: effect.view}, answer{result: effect.hear}, "a Sysadmin hears of")
		if w.losses != 0 {
			lost := answer{err: errLost}
			e.tell(w, i, effect, sound{lost: true}, lost, "effect, but no answer to a Sysadmin's")
			e.tell(w, i, &effectOfNothing, sound{lost: true}, lost, "no effect and no answer to a Sysadmin's")
		}
	}
	if w.lates == 0 {
		return
	}
	for _, m := range append(d.sent[:len(d.sent):len(d.sent)], d.sends) {
		if m == nil {
			continue
		}
		if effect := e.effect(w.record, m, nobody); effect.applied {
			next := *w
			if next.lates > 0 {
				next.lates--
			}
			next.record = effect.record
			e.visit(step{what: "a copy arrives of a Sysadmin's", who: nobody, sent: m}, &next)
		}
	}
}

var effectOfNothing effect

// open lets a Sysadmin begin: with what there is, or with the lock that they see
// now.
func (e *explorer) open(w *world, i int) {
	requests := []string{""}
	if lock := e.ledger.records[w.record].LockID; lock != "" {
		requests = append(requests, lock)
	}
	for _, request := range requests {
		next := *w
		next.desks[i] = e.office.open(request)
		e.visit(step{what: fmt.Sprintf("a Sysadmin asks to unlock %q", request), who: nobody}, &next)
	}
}

func (e *explorer) tell(w *world, i int, effect *effect, s sound, a answer, what string) {
	d, next := w.desks[i], *w
	if effect.applied {
		next.record = effect.record
	}
	if s.lost && next.losses > 0 {
		next.losses--
	}
	next.desks[i] = e.office.hear(d, s, func() answer { return a })
	if broken := next.desks[i].brokenUnlock(e.ledger.records[w.record], effect.outcome); broken != "" {
		e.fail(broken)
	}
	e.visit(step{what: what, who: nobody, sent: d.sends}, &next)
}

// brokenUnlock returns what is untrue in what a desk says, having heard of the
// record as it was before.
func (d *desk) brokenUnlock(before lockout.Record, outcome lockout.Outcome) string {
	var conflict *lockout.ConflictError
	switch {
	case !d.ended():
		return ""
	case errors.As(d.err, &conflict):
		if d.request == "" || d.request == before.LockID {
			return "an unlock finds another lock where there is none"
		}
	case d.err != nil:
		if d.heard.err == nil {
			return "an unlock gives up without a fault"
		}
	case outcome != lockout.Applied:
		return "an unlock says that it is done and is not"
	case d.unlocked.Failed != before.Failed || d.unlocked.WasLocked != before.Locked():
		return "an unlock tells other failures than it cleared"
	case d.request != "" && d.request != before.LockID:
		return "an unlock clears another lock than was asked (lock_id)"
	}
	return ""
}
