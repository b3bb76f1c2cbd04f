package lockout_test

import (
	"fmt"
	"math"
	"strings"
)

// A scope says how much may happen in a world.
type scope struct {
	guesses  []guess // one for each attempt
	maximum  int     // in the beginning
	changes  int     // of the maximum, to any of 1, 2 and 3
	desks    int     // Sysadmins, each of whom unlocks once
	losses   int     // of answers, before or after the effect; -1 for any number
	lates    int     // copies that arrive late or again; -1 for any number
	epochs   int     // that pass, each of which lets all that is in flight die
	clocks   int     // epochs that a gate's clock may be ahead, or fall back, at any moment
	patience int     // refusals as busy that an attempt waits after
	faulty   bool    // a comparison may give an error, or panic
}

// orderly reports whether nobody can be taken for dead who is alive.
func (s scope) orderly() bool { return s.epochs == 0 && s.clocks == 0 && s.lates == 0 }

// An explorer visits every world of a scope, depth first.
type explorer struct {
	scope
	attempts int
	ledger   *ledger
	gates    *automaton
	office   *office
	seen     map[worldKey]int16 // at how few steps from the beginning
	futures  map[future]string
	steps    int
	path     []step
	furthest int
	broken   string // the first promise that is broken, and the way to it
}

func newExplorer(s scope) *explorer {
	l := newLedger()
	return &explorer{
		scope: s, attempts: len(s.guesses), ledger: l, gates: newAutomaton(l, s), office: newOffice(l),
		seen: map[worldKey]int16{}, futures: map[future]string{}, furthest: math.MaxInt16,
	}
}

// explore returns what is broken in the scope, with a shortest way to it.
func (s scope) explore() *explorer {
	e := newExplorer(s)
	e.run()
	if e.broken == "" {
		return e
	}
	for furthest := 1; ; furthest++ {
		shorter := newExplorer(s)
		shorter.furthest = furthest
		if shorter.run(); shorter.broken != "" {
			return shorter
		}
		if furthest > 30 { // the way there is long; any will do
			return e
		}
	}
}

func (e *explorer) run() {
	begin := world{
		maximum: int8(e.maximum), changes: int8(e.changes), losses: int8(e.losses), lates: int8(e.lates),
	}
	for i, g := range e.guesses {
		begin.walkers[i].at = e.gates.begin(origin{g, e.maximum, 0})
		begin.walkers[i].at = e.gates.land(begin.walkers[i].at)[0]
	}
	if e.gates.broken != "" {
		e.fail(e.gates.broken)
	}
	e.visit(step{what: "all begin", who: nobody}, &begin)
}

// visit explores the world and all that can come of it.
func (e *explorer) visit(s step, w *world) {
	e.steps++
	depth := len(e.path)
	if e.broken != "" || depth > e.furthest {
		return
	}
	key := e.key(w)
	if before, ok := e.seen[key]; ok && (e.furthest == math.MaxInt16 || int(before) <= depth) {
		return
	}
	e.seen[key] = int16(min(depth, math.MaxInt16))
	e.path = append(e.path, s)
	broken := e.brokenPromise(w)
	if broken == "" {
		broken = e.brokenFuture(w)
	}
	if broken != "" {
		e.fail(broken)
		return
	}
	e.successors(w)
	if e.broken == "" {
		e.path = e.path[:depth]
	}
}

func (e *explorer) effect(record int32, m *message, attempt int) *effect {
	effect := e.ledger.effect(record, m, attempt)
	if e.ledger.broken != "" {
		e.fail(e.ledger.broken)
	}
	return effect
}

// fail keeps the first broken promise, with the way to it.
func (e *explorer) fail(broken string) {
	if e.broken != "" {
		return
	}
	var b strings.Builder
	b.WriteString(broken)
	for i, s := range e.path {
		fmt.Fprintf(&b, "\n%4d  %s", i, s)
	}
	e.broken = b.String()
}
