package lockout_test

import "portcullis/internal/lockout"

// land returns where the gate can come to by itself: it compares and it sleeps
// where nobody can notice, so that is done at once, with every result it may
// have.
func (m *automaton) land(n *node) []*node {
	if n.landings != nil {
		return n.landings
	}
	var results []sound
	switch n.asks.kind {
	case callCompare:
		results = append(results, sound{})
		if m.faulty {
			results = append(results, sound{lost: true}, sound{panics: true})
		}
	case callSleep:
		results = append(results, sound{lost: true})
		if n.busy <= m.patience {
			results = append(results, sound{})
		}
	default:
		n.landings = []*node{n}
		return n.landings
	}
	for _, s := range results {
		n.landings = append(n.landings, m.land(m.alone(n, s, n.epoch))...)
	}
	return n.landings
}

// alone lets the gate hear the result of a call that is its own affair.
func (m *automaton) alone(n *node, s sound, epoch int) *node {
	s.epoch = int8(epoch)
	return m.hear(n, s, -1, func() answer {
		a := answer{panics: s.panics, epoch: epoch}
		if s.lost {
			a.err = errLost
		}
		return a
	})
}

// later returns the nodes that the gate may be at instead of this one, if it was
// asleep, until its clock showed the epoch now, somewhere since the last answer of
// the store. It has sent nothing since, so nobody else can have noticed. A refund
// looks at no clock.
func (m *automaton) later(n *node, now, maximum int) []*node {
	var all []*node
	if _, refunds := n.asks.transition.(lockout.Refund); refunds {
		return nil
	}
	for at := n; ; at = at.parent {
		if at.parent == nil {
			if at.began != now || at.maximum != maximum {
				all = append(all, m.land(m.begin(origin{at.password, maximum, now}))...)
			}
			return all
		}
		if at.epoch != now {
			all = append(all, m.land(m.wake(at, now))...)
		}
		if at.parent.asks.shared() {
			return all
		}
	}
}

// wake returns the node whose last answer is heard only now.
func (m *automaton) wake(n *node, now int) *node {
	heard := n.heard
	heard.epoch = now
	var s sound
	for s = range n.parent.children {
		if n.parent.children[s] == n {
			break
		}
	}
	s.epoch = int8(now)
	return m.hear(n.parent, s, n.checked[0], func() answer { return heard })
}
