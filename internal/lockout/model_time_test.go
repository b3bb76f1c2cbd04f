package lockout_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"portcullis/internal/lockout"
)

// The model knows epochs alone. What it takes for granted of real times is
// tested here: an attempt that is reclaimed has outlived itself, on its own
// clock, wherever it was asleep and however far within the skew the clocks of the
// two machines differ.

// A napping place is where an attempt falls asleep.
type nappingPlace string

const (
	beforeComparing nappingPlace = "before it compares"
	whileComparing  nappingPlace = "while it compares"
	beforeSettling  nappingPlace = "before it settles"
)

// A nap is an attempt that sleeps at a place, on a machine whose clock is behind
// the other's, while another attempt comes on the other machine.
type nap struct {
	place  nappingPlace
	charge time.Duration // how old it was when it was charged
	wakes  time.Duration // how old it is when it wakes, having just missed the other
	behind time.Duration // how far its clock is behind the other's
	other  guess
}

func (n nap) String() string {
	return fmt.Sprintf("charged after %v, awake after %v, %v behind, asleep %s, the other is %s", n.charge, n.wakes, n.behind, n.place, n.other)
}

func TestWhoIsReclaimedHasOutlivedItself(t *testing.T) {
	reclaimed, spared := 0, 0
	for _, n := range naps() {
		s := n.run()
		if s.record.Reclaims > 0 {
			reclaimed++
			n.checkReclaimed(t, s)
			continue
		}
		spared++
		if n.wakes > n.charge+modelLifetime+2*lockout.ClockSkew {
			t.Errorf("%v: long dead, and not reclaimed", n)
		}
	}
	t.Logf("%d attempts were reclaimed, %d were not", reclaimed, spared)
	if reclaimed == 0 || spared == 0 {
		t.Errorf("%d reclaimed and %d not: this tests nothing", reclaimed, spared)
	}
}

// checkReclaimed wants that an attempt whose place went to another neither
// compares nor speaks of a comparison.
func (n nap) checkReclaimed(t *testing.T, s *sleeper) {
	t.Helper()
	if n.wakes < modelLifetime {
		t.Errorf("%v: reclaimed while it may be alive", n)
	}
	if n.place == beforeComparing && s.compared {
		t.Errorf("%v: it compared", n)
	}
	if s.err == nil && s.verdict.Ruling != lockout.Locked {
		t.Errorf("%v: it says %s", n, s.verdict.Ruling)
	}
	if s.err != nil && !errors.Is(s.err, lockout.ErrUnavailable) {
		t.Errorf("%v: got %v, want unavailable", n, s.err)
	}
}

// naps are those around every time that matters, to the millisecond.
func naps() []nap {
	var naps []nap
	around := func(d time.Duration) []time.Duration {
		return []time.Duration{d - time.Millisecond, d, d + time.Millisecond}
	}
	for _, place := range []nappingPlace{beforeComparing, whileComparing, beforeSettling} {
		for _, other := range []guess{goodGuess, badGuess} {
			for _, charge := range []time.Duration{0, time.Millisecond, modelLifetime / 2, modelLifetime - time.Millisecond} {
				for _, behind := range []time.Duration{-lockout.ClockSkew, -time.Millisecond, 0, time.Millisecond, lockout.ClockSkew} {
					var wakes []time.Duration
					wakes = append(wakes, around(modelLifetime)...)
					wakes = append(wakes, around(charge+modelLifetime+lockout.ClockSkew)...)
					wakes = append(wakes, around(charge+modelLifetime+lockout.ClockSkew-behind)...)
					wakes = append(wakes, charge+modelLifetime+3*lockout.ClockSkew)
					for _, w := range wakes {
						naps = append(naps, nap{place, charge, w, behind, other})
					}
				}
			}
		}
	}
	return naps
}

// A sleeper is the attempt of a nap, at a maximum of one, with a store and all
// else that its gate needs.
type sleeper struct {
	fresh
	nap
	age      time.Duration // by its own clock
	told     bool          // when it began
	compared bool
	verdict  lockout.Verdict[sleepy]
	err      error
}

func (n nap) run() *sleeper {
	s := &sleeper{fresh: fresh{maximum: 1}, nap: n}
	gate := &lockout.Gate[sleepy]{
		Attempts: s, Credentials: s, Maximums: s, Clock: s, NewID: s.newID,
		Jitter: func() float64 { return 0 }, Lifetime: modelLifetime,
	}
	s.verdict, s.err = gate.Attempt(context.Background(), lockout.Attempt{})
	return s
}

// Now is the beginning once, and then how old the attempt is.
func (s *sleeper) Now() time.Time {
	if !s.told {
		s.told, s.age = true, s.charge
		return modelStart
	}
	return modelStart.Add(s.age)
}

func (s *sleeper) Apply(ctx context.Context, key lockout.Key, t lockout.Transition) (lockout.Result, error) {
	if _, charge := t.(lockout.Charge); !charge {
		s.sleep(beforeSettling)
		return s.fresh.Apply(ctx, key, t)
	}
	result, err := s.fresh.Apply(ctx, key, t)
	s.sleep(beforeComparing)
	return result, err
}

func (s *sleeper) Credential(context.Context, lockout.Key) (sleepy, error) { return sleepy{s}, nil }

// sleepy is the credential of a sleeper, who has the right password.
type sleepy struct{ *sleeper }

func (c sleepy) Known() bool { return true }

func (c sleepy) Compare(context.Context, string) (bool, error) {
	c.sleeper.compared = true
	c.sleep(whileComparing)
	return true, nil
}

// sleep lets the other attempt come at the end of the nap, if this is its place.
// When the other locks, somebody unlocks, so that a later generation is there.
func (s *sleeper) sleep(here nappingPlace) {
	if here != s.place || s.age == s.wakes {
		return
	}
	s.age = s.wakes
	other := &fresh{record: s.record, maximum: 1, now: modelStart.Add(s.wakes + s.behind), ids: 100}
	other.attempt(s.other)
	if other.record.Locked() {
		other.record = lockout.Unlock{Seen: other.record}.Apply(other.record).Record
	}
	s.record = other.record
}

// A gate that finds the budget taken waits for others, but not for ever, also
// when a queue moves and the generation with it.
func TestAGateWaitsOnlySoLong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, moves := range []float64{0, 0.05, 0.2, 0.5, 1} {
		for range 200 {
			q := &queue{fresh: fresh{maximum: 1}, moves: func() bool { return random.Float64() < moves }}
			gate := &lockout.Gate[freshCredential]{
				Attempts: q, Credentials: q, Maximums: q, Clock: q, NewID: q.newID,
				Jitter: random.Float64, Lifetime: modelLifetime,
			}
			v, err := gate.Attempt(context.Background(), lockout.Attempt{})
			if err != nil || v.Ruling != lockout.Busy {
				t.Fatalf("got %q and %v, want busy", v.Ruling, err)
			}
			q.check(t, moves)
		}
	}
}

// A queue is a store whose budget is always taken, by a living attempt, and whose
// generation may move on each time.
type queue struct {
	fresh
	moves  func() bool
	waited time.Duration
	waits  int
}

func (q *queue) Apply(context.Context, lockout.Key, lockout.Transition) (lockout.Result, error) {
	if q.moves() {
		q.record.Generation++
	}
	q.record.Charged, q.record.InFlight, q.record.ChargedAt = 1, []string{"other"}, q.Now()
	return lockout.Result{Outcome: lockout.RefusedBusy, Record: q.record}, nil
}

func (q *queue) Sleep(_ context.Context, d time.Duration) error {
	q.waits++
	q.waited += d
	if q.waits == 1000 { // as if its time were up
		return context.DeadlineExceeded
	}
	return nil
}

// check wants a second of waiting at most while the queue stands, and five while
// it moves. It counts the waits, since six are what a queue that stands is worth.
func (q *queue) check(t *testing.T, moves float64) {
	t.Helper()
	if q.waits < 6 {
		t.Errorf("moving at %v: got %d waits, want 6 or more", moves, q.waits)
	}
	if limit := time.Second; moves == 0 && q.waited >= limit {
		t.Errorf("standing: waited %v, want less than %v", q.waited, limit)
	}
	if limit := 5 * time.Second; q.waited >= limit {
		t.Errorf("moving at %v: waited %v, want less than %v", moves, q.waited, limit)
	}
}
