package lockout_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"portcullis/internal/lockout"
)

// The explorer runs the very transition functions through every interleaving
// of a few attempts, with crashes, lost answers, refunds, reclaims, a change of
// the maximum and an unlock, and checks the rule's promises in every state it
// reaches. Time is left out: a reclaim may come as soon as everything in flight
// is dead, which is what the horizon stands for.

const modelAttempts = 3

// A phase is how far an attempt has come.
type phase byte

const (
	waiting   phase = iota // not charged
	paid                   // charged, not compared
	matched                // compared, not settled
	unsure                 // a store call gave no answer; the charge is to be given back
	ghost                  // crashed, with its settlement still on the way
	dead                   // crashed, or could not give the charge back
	silent                 // ended without a verdict
	saidWrong              // told "wrong"
	saidWelcome
	saidLocked
	saidBusy
)

// A walker is one attempt in the model.
type walker struct {
	phase      phase
	right      bool
	generation int64 // of the charge
	maximum    int   // of the charge
	compared   bool
	settled    bool // its failure was really written
}

// A world is one state of the model.
type world struct {
	record   lockout.Record
	walkers  [modelAttempts]walker
	maximum  int
	changed  bool // the maximum was changed
	unlocked bool // the unlock was made
	walkedBy bool // somebody was let in past a lock that was there
}

func TestEveryInterleavingKeepsTheRule(t *testing.T) {
	for maximum := 1; maximum <= 3; maximum++ {
		for rights := range modelAttempts + 1 {
			e := &explorer{seen: make(map[key]bool)}
			begin := world{maximum: maximum}
			for i := range rights {
				begin.walkers[i].right = true
			}
			e.explore(begin)
			t.Logf("maximum %d, %d of %d passwords right: %d states", maximum, rights, modelAttempts, len(e.seen))
			for _, broken := range e.broken {
				t.Error(broken)
			}
			if len(e.seen) < 100 {
				t.Errorf("only %d states: the explorer explores nothing", len(e.seen))
			}
		}
	}
}

type explorer struct {
	seen   map[key]bool
	broken []string
}

// explore visits the world and all that can come of it.
func (e *explorer) explore(w world) {
	key := w.key()
	if e.seen[key] || len(e.broken) > 0 {
		return
	}
	e.seen[key] = true
	if broken := w.broken(); broken != "" {
		e.broken = append(e.broken, fmt.Sprintf("%s: %+v", broken, w))
		return
	}
	for _, next := range w.successors() {
		e.explore(next)
	}
}

// A key names a world up to the names of its attempts, which the rule does not
// look at: two worlds with one key have the same future.
type key struct {
	walkers               [modelAttempts][8]byte
	generation            int64
	charged, failed       int
	maximum               int
	locked, changed, done bool
	walkedBy              bool
}

func (w world) key() key {
	r := w.record
	k := key{
		generation: r.Generation, charged: r.Charged, failed: r.Failed, locked: r.Locked(),
		maximum: w.maximum, changed: w.changed, done: w.unlocked,
		walkedBy: w.walkedBy,
	}
	for i, a := range w.walkers {
		k.walkers[i] = [8]byte{
			byte(a.phase), flag(a.right), byte(a.generation), byte(a.maximum), flag(a.compared), flag(a.settled),
			flag(slices.Contains(r.InFlight, id(i))), flag(slices.ContainsFunc(r.Evidence, isOf(id(i)))),
		}
	}
	slices.SortFunc(k.walkers[:], func(a, b [8]byte) int { return bytes.Compare(a[:], b[:]) })
	return k
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func isOf(id string) func(lockout.Evidence) bool {
	return func(e lockout.Evidence) bool { return e.AttemptID == id }
}

// successors returns every world that one step leads to.
func (w world) successors() []world {
	var all []world
	for i := range w.walkers {
		all = append(all, w.steps(i)...)
	}
	if w.allDead() {
		next := w
		next.apply(lockout.Reclaim{
			Generation: w.record.Generation, ChargedAt: w.record.ChargedAt, DeadBefore: w.record.ChargedAt.Add(time.Hour),
		})
		all = append(all, next)
	}
	if !w.unlocked {
		next := w
		next.unlocked = true
		next.apply(lockout.Unlock{Seen: w.record})
		all = append(all, next)
	}
	if !w.changed {
		for maximum := 1; maximum <= 3; maximum++ {
			next := w
			next.changed, next.maximum = true, maximum
			all = append(all, next)
		}
	}
	return all
}

// allDead reports whether something is in flight and nothing of it is alive.
func (w world) allDead() bool {
	for i, walker := range w.walkers {
		if slices.Contains(w.record.InFlight, id(i)) && walker.phase != dead && walker.phase != ghost {
			return false
		}
	}
	return len(w.record.InFlight) > 0
}

// steps returns what attempt i may do next.
func (w world) steps(i int) []world {
	switch w.walkers[i].phase {
	case waiting:
		return []world{w.charge(i, false), w.charge(i, true)}
	case paid:
		return []world{w.compare(i), w.to(i, dead), w.refund(i, false)}
	case matched:
		return []world{w.settle(i, false), w.settle(i, true), w.to(i, unsure), w.to(i, dead), w.to(i, ghost)}
	case ghost:
		return []world{w.settle(i, false).to(i, dead)}
	case unsure:
		return []world{w.refund(i, false), w.refund(i, true), w.to(i, dead)}
	default:
		return nil
	}
}

func id(i int) string { return string(rune('a' + i)) }

func (w *world) apply(t lockout.Transition) lockout.Result {
	result := t.Apply(w.record)
	if result.Outcome == lockout.Applied {
		w.record = result.Record
	}
	return result
}

func (w world) to(i int, p phase) world {
	w.walkers[i].phase = p
	return w
}

func (w world) charge(i int, lost bool) world {
	result := w.apply(lockout.Charge{AttemptID: id(i), Maximum: w.maximum, At: noon})
	w.walkers[i].generation, w.walkers[i].maximum = result.Record.Generation, w.maximum
	switch {
	case lost:
		return w.to(i, unsure)
	case result.Outcome == lockout.RefusedLocked:
		return w.to(i, saidLocked)
	case result.Outcome == lockout.RefusedBusy:
		return w.to(i, saidBusy)
	}
	return w.to(i, paid)
}

func (w world) compare(i int) world {
	w.walkers[i].compared = true
	return w.to(i, matched)
}

func (w world) refund(i int, lost bool) world {
	w.apply(lockout.Refund{AttemptID: id(i), Generation: w.walkers[i].generation})
	if lost {
		return w.to(i, dead)
	}
	return w.to(i, silent)
}

func (w world) settle(i int, lost bool) world {
	walker := &w.walkers[i]
	var t lockout.Transition = lockout.Succeed{AttemptID: id(i), Generation: walker.generation}
	if !walker.right {
		t = fail(id(i), walker.generation, walker.maximum)
	}
	locked := w.record.Locked()
	result := w.apply(t)
	if !walker.right && result.Outcome == lockout.Applied {
		walker.settled = true
	}
	switch {
	case lost:
		return w.to(i, unsure)
	case result.Outcome == lockout.RefusedReclaimed:
		return w.to(i, silent)
	case result.Record.Locked():
		return w.to(i, saidLocked)
	case walker.right:
		w.walkedBy = w.walkedBy || locked
		return w.to(i, saidWelcome)
	}
	return w.to(i, saidWrong)
}

// broken returns the promise that this world breaks, or nothing.
func (w world) broken() string {
	r := w.record
	if r.Charged != r.Failed+len(r.InFlight) {
		return "charged is not failed + in flight"
	}
	if err := r.Check(); err != nil { // which stores ask, so it must refuse nothing that can come about
		return err.Error()
	}
	for generation := int64(0); generation <= r.Generation; generation++ {
		if broken := w.brokenIn(generation); broken != "" {
			return broken
		}
	}
	if w.walkedBy {
		return "a right password let in past a lock (promise 4)"
	}
	if r.Locked() && len(r.Evidence) != r.Failed {
		return "a lock without its evidence"
	}
	if r.Locked() && w.reallyFailed(r.Generation) < w.lowestMaximum(r.Generation) {
		return "locked by something other than the maximum of real failures (promise 3)"
	}
	return w.stuck()
}

// brokenIn checks the promises that are made per generation. A comparison whose
// attempt ended without a verdict does not count: it gave its place back.
func (w world) brokenIn(generation int64) string {
	compared, wrong, maximum := 0, 0, 0
	for _, walker := range w.walkers {
		if walker.generation != generation || !walker.compared {
			continue
		}
		maximum = max(maximum, walker.maximum)
		switch walker.phase {
		case matched, saidWrong, saidLocked, saidWelcome:
			compared++
		}
		if walker.phase == saidWrong {
			wrong++
		}
	}
	switch {
	case compared > maximum:
		return "more compared than the maximum (promise 1)"
	case wrong > maximum:
		return "more wrong verdicts than the maximum (promise 2)"
	}
	return ""
}

func (w world) reallyFailed(generation int64) int {
	n := 0
	for _, walker := range w.walkers {
		if walker.settled && !walker.right && walker.generation == generation {
			n++
		}
	}
	return n
}

// lowestMaximum returns the smallest maximum that a failure of the generation
// was counted under.
func (w world) lowestMaximum(generation int64) int {
	lowest := lockout.MaxMaximum
	for _, walker := range w.walkers {
		if walker.settled && walker.generation == generation {
			lowest = min(lowest, walker.maximum)
		}
	}
	return lowest
}

// stuck reports a user who is not locked and could never be charged again: an
// attempt that comes when everything in flight is dead and reclaimed must be.
func (w world) stuck() string {
	if w.record.Locked() || len(w.record.InFlight) > 0 && !w.allDead() {
		return ""
	}
	w.apply(lockout.Reclaim{
		Generation: w.record.Generation, ChargedAt: w.record.ChargedAt, DeadBefore: w.record.ChargedAt.Add(time.Hour),
	})
	result := w.apply(lockout.Charge{AttemptID: "fresh", Maximum: w.maximum, At: noon})
	if result.Outcome != lockout.Applied {
		return "stuck: nobody is in flight and a charge is refused"
	}
	return ""
}
