package lockout_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis/internal/lockout"
)

// How the model tells the time: epoch by epoch, each far longer than an attempt
// can live. So an attempt is alive in the epoch in which it began, and outlived
// in every later one. The lifetime is long, so that no test machine is too slow.
const (
	modelLifetime = 10 * time.Minute
	modelEpoch    = 24 * time.Hour
)

var modelStart = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func timeOf(epoch int) time.Time { return modelStart.Add(time.Duration(epoch) * modelEpoch) }

// epochOf is the epoch of a time that timeOf made, and -1 for none.
func epochOf(t time.Time) int {
	if t.IsZero() {
		return -1
	}
	return int(t.Sub(modelStart) / modelEpoch)
}

// An origin is what an attempt sets out with.
type origin struct {
	password guess
	maximum  int
	began    int // epoch
}

// A guess is the password of an attempt, and what it is compared with.
type guess string

const (
	goodGuess  guess = "right"
	badGuess   guess = "wrong"
	stranger   guess = "right, of an unknown user"
	unreadable guess = "of a credential that cannot be read"
	unreadBug  guess = "of a credential whose read panics"
)

var (
	errLost = fmt.Errorf("no answer: %w", lockout.ErrUnavailable)
	errBug  = errors.New("a bug")
)

// A call is something that the gate asks for and waits for.
type call struct {
	kind       callKind
	transition lockout.Transition // of a callApply
}

type callKind string

const (
	callNone    callKind = "" // the gate has ended
	callApply   callKind = "apply"
	callRead    callKind = "read"
	callCompare callKind = "compare"
	callSleep   callKind = "sleep"
)

// shared reports whether other attempts can notice the call, or it them.
func (c call) shared() bool { return c.kind == callApply || c.kind == callRead }

// An answer is what the gate hears, and in which epoch.
type answer struct {
	result lockout.Result // of a callApply; the record is that of a callRead too
	err    error
	panics bool
	epoch  int
}

// An ending is how the gate ended.
type ending struct {
	ruling     lockout.Ruling // empty with an error
	remaining  int
	justLocked bool
	err        error
}

// A script plays the answers to the real gate, and notes what it asks for when
// they are used up. It is every port of the gate.
type script struct {
	origin
	answers []answer
	epoch   int
	asked   call
	ids     int
}

// parked is the panic that leaves the gate at the call it waits for. Whatever
// the gate still asks for on the way out is parked as well.
type parked struct{}

func (s *script) ask(c call) answer {
	if s.asked.kind == callNone && len(s.answers) > 0 {
		a := s.answers[0]
		s.answers, s.epoch = s.answers[1:], a.epoch
		return a
	}
	if s.asked.kind == callNone {
		s.asked = c
	}
	panic(parked{})
}

// run returns what the gate asks for next, or how it ended.
func (s *script) run() (asked call, end ending) {
	defer func() {
		fault := recover()
		asked = s.asked
		switch {
		case fault == nil || asked.kind != callNone:
		case fault == errBug:
			end = ending{err: errBug}
		default:
			panic(fault)
		}
	}()
	gate := &lockout.Gate[scripted]{
		Attempts: s, Credentials: s, Maximums: s, Clock: s, NewID: s.newID,
		Jitter: func() float64 { return 0 }, Lifetime: modelLifetime,
	}
	s.epoch = s.began
	v, err := gate.Attempt(context.Background(), lockout.Attempt{Password: string(s.password)})
	return call{}, ending{v.Ruling, v.Remaining, v.JustLocked, err}
}

func (s *script) Apply(_ context.Context, _ lockout.Key, t lockout.Transition) (lockout.Result, error) {
	a := s.ask(call{kind: callApply, transition: t})
	return a.result, a.err
}

func (s *script) Read(context.Context, lockout.Key) (lockout.Record, error) {
	a := s.ask(call{kind: callRead})
	return a.result.Record, a.err
}

func (s *script) Credential(context.Context, lockout.Key) (scripted, error) {
	switch s.password {
	case unreadable:
		return scripted{}, errLost
	case unreadBug:
		panic(errBug)
	}
	return scripted{s}, nil
}

func (s *script) Maximum(context.Context, string) int { return s.maximum }

func (s *script) Now() time.Time { return timeOf(s.epoch) }

func (s *script) Sleep(context.Context, time.Duration) error { return s.ask(call{kind: callSleep}).err }

// me and myLock are the ids that the gate of every attempt is given, in this
// order. The world knows the attempts by other names.
const (
	me     = "me"
	myLock = "my lock"
)

func (s *script) newID() string {
	s.ids++
	switch s.ids {
	case 1:
		return me
	case 2:
		return myLock
	}
	return fmt.Sprintf("id %d", s.ids)
}

// scripted is the credential of a script.
type scripted struct{ script *script }

func (c scripted) Known() bool { return c.script.password != stranger }

func (c scripted) Compare(context.Context, string) (bool, error) {
	a := c.script.ask(call{kind: callCompare})
	if a.panics {
		panic(errBug)
	}
	return c.script.password != badGuess, a.err
}
