package lockout_test

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/lockout"
)

// A desk is where a Sysadmin unlocks: a real Unlocker with all that it has
// heard, learned as the gates are.
type desk struct {
	request string // the lock that the Sysadmin saw; empty for whatever there is
	name    uint32
	parent  *desk
	heard   answer
	seen    lockout.Record // as it heard last

	asks     call
	sends    *message
	sent     []*message
	unlocked lockout.Unlocked
	err      error
	children map[sound]*desk
}

func (d *desk) ended() bool { return d.asks.kind == callNone }

// office learns what the Unlocker does.
type office struct {
	ledger *ledger
	roots  map[string]*desk
	names  map[string]uint32
	runs   int
}

func newOffice(l *ledger) *office {
	return &office{ledger: l, roots: map[string]*desk{}, names: map[string]uint32{}}
}

// open returns the desk at which the unlock of a lock is asked for.
func (o *office) open(request string) *desk {
	d, ok := o.roots[request]
	if !ok {
		d = &desk{request: request}
		o.ask(d)
		o.roots[request] = d
	}
	return d
}

func (o *office) hear(d *desk, s sound, hear func() answer) *desk {
	if child, ok := d.children[s]; ok {
		return child
	}
	child := &desk{request: d.request, parent: d, heard: hear(), seen: d.seen, sent: d.sent}
	if child.heard.err == nil {
		child.seen = child.heard.result.Record
	}
	if d.asks.kind == callApply {
		child.sent = append(child.sent[:len(child.sent):len(child.sent)], d.sends)
	}
	o.ask(child)
	d.children[s] = child
	return child
}

func (o *office) ask(d *desk) {
	o.runs++
	s := &unlockScript{request: d.request}
	for up := d; up.parent != nil; up = up.parent {
		s.answers = append([]answer{up.heard}, s.answers...)
	}
	d.asks = s.run(d)
	d.children = map[sound]*desk{}
	switch d.asks.kind {
	case callApply:
		d.sends = o.ledger.message(d.asks.transition)
	case callRead:
		d.sends = o.ledger.reading()
	}
	d.name = o.nameOf(d)
}

// nameOf leaves out whose the locks are: world.key tells it.
func (o *office) nameOf(d *desk) uint32 {
	key := fmt.Sprint(d.asks.kind, d.request != "", d.err != nil)
	if !d.ended() {
		key += fmt.Sprint(d.seen.Generation, " ", d.seen.Failed, d.seen.Locked())
	}
	for _, m := range d.sent {
		seen := m.transition.(lockout.Unlock).Seen
		key += fmt.Sprint(" ", seen.Generation, ".", seen.Failed, seen.Locked())
	}
	if _, ok := o.names[key]; !ok {
		o.names[key] = uint32(len(o.names) + 1)
	}
	return o.names[key]
}

// An unlockScript plays the answers to the real Unlocker, as a script does to
// the gate.
type unlockScript struct {
	request string
	answers []answer
	asked   call
}

func (s *unlockScript) run(d *desk) (asked call) {
	defer func() {
		if fault := recover(); fault != nil && s.asked.kind == callNone {
			panic(fault)
		}
		asked = s.asked
	}()
	unlocker := &lockout.Unlocker{
		Attempts: s, Maximums: s, Now: func() time.Time { return modelStart }, NewID: func() string { return "unlock" },
	}
	d.unlocked, d.err = unlocker.Unlock(context.Background(), lockout.UnlockRequest{LockID: s.request})
	return call{}
}

func (s *unlockScript) ask(c call) answer {
	if s.asked.kind == callNone && len(s.answers) > 0 {
		a := s.answers[0]
		s.answers = s.answers[1:]
		return a
	}
	if s.asked.kind == callNone {
		s.asked = c
	}
	panic(parked{})
}

func (s *unlockScript) Apply(_ context.Context, _ lockout.Key, t lockout.Transition) (lockout.Result, error) {
	a := s.ask(call{kind: callApply, transition: t})
	return a.result, a.err
}

func (s *unlockScript) Read(context.Context, lockout.Key) (lockout.Record, error) {
	a := s.ask(call{kind: callRead})
	return a.result.Record, a.err
}

func (s *unlockScript) Maximum(context.Context, string) int { return lockout.DefaultMaximum }
