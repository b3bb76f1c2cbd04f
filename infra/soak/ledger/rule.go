package ledger

// A state is what a user may be in.
type state struct {
	failed int
	locked bool
	locks  int // how often the user was locked so far
}

// An effect is what an operation may do to a state.
type effect struct {
	after  state
	clears bool // the count, so that attempts under way belong to one that is gone
	// told says that the operation was told of it. Otherwise the server's answer
	// came of a later look at its own write: what it was told must come true
	// before it ends.
	told bool
}

// idle reports whether the operation is explained in this state without having
// an effect.
func (p *pending) idle(s state) bool {
	switch {
	case !p.Heard, p.Verdict == Busy:
		return true
	case p.Kind == Attempt:
		return p.Verdict == Locked && s.locked
	case p.Kind == Read:
		return s.locked == p.Locked && (p.Failed == Unknown || p.Failed == s.failed)
	}
	return false
}

// superseded reports whether the operation is explained by somebody else's
// clearing the count while it was under way.
func (p *pending) superseded() bool {
	return p.Kind == Attempt && (p.Verdict == Wrong || p.Verdict == Welcome)
}

// effects returns what the operation may do in this state so that it is told
// what it was told.
func (p *pending) effects(s state) []effect {
	cleared := state{locks: s.locks}
	switch {
	case p.Kind == Read, p.Verdict == Busy:
		return nil
	case p.Kind == Forget:
		return []effect{{cleared, true, true}}
	case p.Kind == Unlock:
		if p.Heard && (p.Locked != s.locked || p.Failed != Unknown && p.Failed != s.failed) {
			return nil
		}
		return []effect{{cleared, true, true}}
	case s.locked:
		return nil // an attempt on a locked user does nothing
	}
	var all []effect
	told := p.Verdict == Welcome || !p.Heard
	if p.Guess != Bad && (told || p.retries && p.Verdict == Locked) {
		all = append(all, effect{cleared, true, told})
	}
	if p.Guess != Good {
		all = append(all, p.failures(s)...)
	}
	return all
}

// failures returns what a failed attempt may do in this state, by the maximums
// that may be in force.
func (p *pending) failures(s state) []effect {
	var all []effect
	for _, maximum := range p.maxima {
		after := state{failed: s.failed + 1, locks: s.locks}
		if after.failed >= maximum {
			after.locked, after.locks = true, s.locks+1
		}
		told := !p.Heard || p.told(after, maximum)
		if told || p.retries && p.Verdict != Welcome {
			all = append(all, effect{after: after, told: told})
		}
	}
	return all
}

// told reports whether an attempt that left this behind was told what it was.
func (p *pending) told(after state, maximum int) bool {
	left := maximum - after.failed
	switch p.Verdict {
	case Locked:
		return after.locked
	case Wrong:
		return !after.locked && (p.Remaining == left || p.retries && 1 <= p.Remaining && p.Remaining < left)
	}
	return false
}
