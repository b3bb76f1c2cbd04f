package lockout_test

import (
	"fmt"
	"slices"

	"portcullis/internal/lockout"
)

// A node is a gate with all that it has heard: the model's automaton of the gate
// is a tree of them, which is learned from the real gate as far as it is needed.
// A gate is deterministic, so what it does next depends on what it heard alone.
type node struct {
	origin
	name   uint32 // two nodes of one name have the same future
	bare   uint32 // the same, when no copies arrive any more
	parent *node
	heard  answer // the last one
	asks   call
	sends  *message // what it asks of the store
	end    ending

	charged    bool  // it heard that it is charged
	generation int64 // of the charge; -1 before
	reclaims   int64 // as the charge left them
	compared   bool
	faults     int  // of ours, that it met
	busy       int  // times it was refused so
	waited     bool // after one of them, or its time was up
	sent       []*message
	epoch      int // in which it got here
	children   map[sound]*node
	landings   []*node // see automaton.land
	checked    []int32 // the records whose sound was found to be the same
}

func (n *node) ended() bool { return n.asks.kind == callNone }

// slept reports whether the gate was asleep beyond its lifetime.
func (n *node) slept() bool { return n.epoch > n.began }

// A sound is as much of an answer as can matter to a gate. Answers that sound
// the same lead to the same node, and automaton.check makes sure of it.
type sound struct {
	view         uint32 // of the effect; see ledger
	lost, panics bool
	epoch        int8
}

// An automaton learns what the gate does.
type automaton struct {
	ledger   *ledger
	patience int  // refusals as busy that an attempt waits after, before its time is up
	faulty   bool // a comparison may give an error, or panic
	changing bool // attempts differ in their maximum
	roots    map[origin]*node
	ends     map[string]uint32
	nodes    int    // learned
	runs     int    // of the real gate
	broken   string // what a gate did that none may
}

func newAutomaton(l *ledger, s scope) *automaton {
	return &automaton{
		ledger: l, patience: s.patience, faulty: s.faulty, changing: s.changes > 0,
		roots: map[origin]*node{}, ends: map[string]uint32{},
	}
}

// begin returns the gate that has just begun.
func (m *automaton) begin(o origin) *node {
	if n, ok := m.roots[o]; ok {
		return n
	}
	n := &node{origin: o, generation: -1, epoch: o.began}
	if o.password == unreadable || o.password == unreadBug {
		n.faults++
	}
	m.ask(n)
	m.roots[o] = n
	return n
}

// ask lets the real gate say what it does, having heard all that the node has.
func (m *automaton) ask(n *node) {
	n.asks, n.end = m.run(n, n.heard)
	n.children = map[sound]*node{}
	m.nodes++
	switch {
	case n.asks.kind == callApply:
		n.sends = m.ledger.message(n.asks.transition)
	case n.asks.kind == callRead:
		n.sends = m.ledger.reading()
	case n.asks.kind == callCompare && !n.charged:
		m.broken = "a gate compares before it is charged"
	case n.asks.kind == callCompare && n.slept():
		m.broken = "a gate compares though it has outlived itself"
	case n.ended() && n.end.err != nil && n.end.ruling != "":
		m.broken = "a gate speaks beside an error"
	}
	m.named(n)
}

// run plays everything the node's ancestors heard to the gate, and last what the
// node hears.
func (m *automaton) run(n *node, last answer) (call, ending) {
	m.runs++
	s := &script{origin: n.origin}
	for up := n; up.parent != nil; up = up.parent {
		if up != n {
			last = up.heard
		}
		s.answers = append(s.answers, last)
	}
	slices.Reverse(s.answers)
	return s.run()
}

// named gives nodes of which nobody can tell any more how they came about one
// name: those that have ended, of which there is left what they said and what
// they sent, and those that only give their charge back before they end.
func (m *automaton) named(n *node) {
	_, refunds := n.asks.transition.(lockout.Refund)
	if !n.ended() && !refunds {
		n.name = uint32(m.nodes) << 1
		n.bare = n.name
		return
	}
	var key string
	switch ruling := n.end.ruling; {
	case refunds:
		key = fmt.Sprintf("sends %d of %d, %t %t %d", n.sends.id, n.generation, n.charged, n.compared, n.faults)
	case ruling == lockout.Wrong || ruling == lockout.Welcome:
		key = fmt.Sprintf("said %s of %d", ruling, n.generation)
	}
	if m.changing && n.charged {
		key += fmt.Sprintf(" charged in %d under %d", n.generation, n.maximum)
	}
	n.bare = m.intern(key)
	key += fmt.Sprintf(" %s, compared %t, sent", n.password, n.compared)
	for _, sent := range n.sent {
		key += fmt.Sprint(" ", sent.id)
	}
	n.name = m.intern(key)
}

func (m *automaton) intern(key string) uint32 {
	if _, ok := m.ends[key]; !ok {
		m.ends[key] = uint32(len(m.ends))<<1 | 1
	}
	return m.ends[key]
}

// hear returns the gate that hears the answer. It is made only when it is needed.
func (m *automaton) hear(n *node, s sound, record int32, hear func() answer) *node {
	child, ok := n.children[s]
	if ok {
		m.check(child, record, hear)
		return child
	}
	child = n.child(hear(), s)
	child.checked = append(child.checked, record)
	m.ask(child)
	n.children[s] = child
	return child
}

// agreeing is how many of the records that sound the same are really played.
const agreeing = 4

// check makes sure that a gate does the same when it hears an answer that sounds
// the same.
func (m *automaton) check(child *node, record int32, hear func() answer) {
	if len(child.checked) == agreeing || slices.Contains(child.checked, record) {
		return
	}
	child.checked = append(child.checked, record)
	asks, end := m.run(child, hear())
	same := asks.kind == child.asks.kind && end.ruling == child.end.ruling && end.remaining == child.end.remaining &&
		end.justLocked == child.end.justLocked && (end.err == nil) == (child.end.err == nil)
	if same && asks.kind == callApply {
		same = m.ledger.message(asks.transition) == child.sends
	}
	if !same {
		m.broken = "a gate makes a difference between answers that sound the same"
	}
}

// child is the node with one answer more, before its gate is asked.
func (n *node) child(a answer, s sound) *node {
	c := &node{
		origin: n.origin, parent: n, heard: a, charged: n.charged, generation: n.generation, reclaims: n.reclaims, compared: n.compared,
		faults: n.faults, busy: n.busy, waited: n.waited || n.asks.kind == callSleep, sent: n.sent, epoch: int(s.epoch),
	}
	if s.lost || s.panics || c.epoch > n.epoch && n.epoch == n.began {
		c.faults++
	}
	if n.asks.kind == callApply && !slices.Contains(n.sent, n.sends) {
		c.sent = append(slices.Clone(n.sent), n.sends)
		slices.SortFunc(c.sent, func(a, b *message) int { return a.id - b.id })
	}
	switch {
	case s.lost || s.panics:
	case n.asks.kind == callCompare:
		c.compared = true
	case n.asks.kind == callRead && slices.Contains(a.result.Record.InFlight, me):
		c.generation = a.result.Record.Generation
	case n.asks.kind == callApply:
		c.noteCharge(n.asks.transition, a.result)
	}
	return c
}

func (n *node) noteCharge(t lockout.Transition, result lockout.Result) {
	if _, ok := t.(lockout.Charge); !ok {
		return
	}
	switch result.Outcome {
	case lockout.Applied, lockout.Repeated:
		n.charged, n.generation, n.reclaims = true, result.Record.Generation, result.Record.Reclaims
	case lockout.RefusedBusy:
		n.busy++
	}
}
