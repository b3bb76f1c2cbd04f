package lockout_test

import (
	"fmt"
	"slices"
	"strings"
)

// The most that a world has room for.
const (
	roomForAttempts = 5
	roomForDesks    = 2
)

// A walker is one attempt in the world.
type walker struct {
	at      *node
	afloat  bool // a copy of what it sends now has arrived already
	counted int8 // 1 + the generation that its failure was counted in
	won     bool // its success was written
}

// A world is one state of the model: a record, the gates that work on it, and
// the Sysadmins. What may still go wrong is counted down where it is bounded.
type world struct {
	record  int32
	walkers [roomForAttempts]walker
	desks   [roomForDesks]*desk
	maximum int8 // in force
	epoch   int8
	changes int8 // of the maximum, that may still come
	losses  int8 // of answers
	lates   int8 // deliveries of a copy
}

// A worldKey names a world up to the names of its attempts, which the rule does
// not look at: two worlds with one key have the same future.
type worldKey struct {
	walkers [roomForAttempts]uint64
	desks   [roomForDesks]uint32
	rest    [8]int8
}

func (e *explorer) key(w *world) worldKey {
	r := &e.ledger.keys[w.record]
	k := worldKey{rest: [8]int8{
		int8(r.generation), int8(r.reclaims), r.chargedAt, w.maximum, w.epoch, w.changes, w.losses, w.lates,
	}}
	for i := range e.attempts {
		k.walkers[i] = e.keyOf(w, r, i)
	}
	slices.Sort(k.walkers[:e.attempts])
	for i, d := range w.desks {
		switch {
		case d != nil && d.ended() && w.lates == 0:
			k.desks[i] = goneDesk
		case d != nil:
			k.desks[i] = d.name
		}
	}
	return k
}

// goneDesk is the name of every desk that is closed, once no copies arrive.
const goneDesk = 1 << 31

func (e *explorer) keyOf(w *world, r *recordKey, i int) uint64 {
	a := &w.walkers[i]
	name := a.at.name
	if w.lates == 0 {
		name = a.at.bare
	}
	key := uint64(name)<<16 | uint64(a.counted)<<8
	for bit, set := range [...]bool{
		a.afloat, a.won, r.inFlight>>i&1 == 1, r.evidence>>i&1 == 1, r.lock == int8(i),
	} {
		if set {
			key |= 1 << bit
		}
	}
	lock := lockNames[i : i+1]
	for j, d := range w.desks {
		if d != nil && !d.ended() && d.request == lock {
			key |= 1 << (12 + j)
		}
		if d != nil && !d.ended() && d.seen.LockID == lock {
			key |= 1 << (14 + j)
		}
	}
	return key
}

// A step is how one world becomes another.
type step struct {
	what string
	who  int
	to   *node
	sent *message
}

func (s step) String() string {
	var b strings.Builder
	if s.who >= 0 {
		fmt.Fprintf(&b, "%c: ", attemptNames[s.who])
	}
	b.WriteString(s.what)
	if s.sent != nil && s.sent.transition != nil {
		fmt.Fprintf(&b, " %s", strings.TrimPrefix(fmt.Sprintf("%T", s.sent.transition), "lockout."))
	}
	switch {
	case s.to != nil && s.to.ended() && s.to.end.err != nil:
		fmt.Fprintf(&b, "; it ends with: %v", s.to.end.err)
	case s.to != nil && s.to.ended():
		fmt.Fprintf(&b, "; it says %s", s.to.end.ruling)
	case s.to != nil:
		fmt.Fprintf(&b, "; it asks for %s %s", s.to.asks.kind, strings.TrimPrefix(fmt.Sprintf("%T", s.to.asks.transition), "lockout."))
	}
	return b.String()
}
