package lockout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

const (
	lifetime = 10 * time.Second
	right    = "right horse 1"
)

var ana = lockout.NewKey("acme", "ana.silva")

// A bubbleClock is the clock of a synctest bubble.
type bubbleClock struct{}

func (bubbleClock) Now() time.Time { return time.Now() }

func (bubbleClock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A credential is that of one user whose password is right. While hold is set,
// a comparison waits for it.
type credential struct {
	known    bool
	hold     chan struct{}
	err      error
	compared atomic.Int64
	took     time.Duration
	reading  func()        // what happens during a read; nil for nothing
	during   func()        // what happens during a comparison; nil for nothing
	cores    chan struct{} // as many comparisons at once as it holds; nil for any
}

func (c *credential) Credential(context.Context, lockout.Key) (*credential, error) {
	if c.reading != nil {
		c.reading()
	}
	return c, c.err
}

func (c *credential) Known() bool { return c.known }

func (c *credential) Compare(ctx context.Context, password string) (bool, error) {
	c.compared.Add(1)
	if c.cores != nil {
		c.cores <- struct{}{}
		defer func() { <-c.cores }()
	}
	if c.during != nil {
		c.during()
	}
	time.Sleep(c.took)
	if c.hold != nil {
		<-c.hold
	}
	return password == right, nil
}

type gate = lockout.Gate[*credential]

func newGate(attempts lockout.Attempts, maximum int, c *credential) *gate {
	return &gate{
		Attempts: attempts, Credentials: c, Maximums: lockouttest.FixedMaximum(maximum), Clock: bubbleClock{},
		NewID: func() string { return ulid.Make().String() }, Jitter: func() float64 { return 0.5 }, Lifetime: lifetime,
	}
}

func attempt(t *testing.T, g *gate, password string) lockout.Verdict[*credential] {
	t.Helper()
	verdict, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: password, SourceIP: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

func record(t *testing.T, attempts lockout.Attempts) lockout.Record {
	t.Helper()
	r, err := attempts.Read(context.Background(), ana)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheMaximumOfFailuresLocks(t *testing.T) {
	for _, known := range []bool{true, false} {
		t.Run(fmt.Sprintf("known=%v", known), func(t *testing.T) {
			attempts := lockouttest.NewAttempts()
			g := newGate(attempts, 3, &credential{known: known})
			type said struct {
				Ruling     lockout.Ruling
				Remaining  int
				JustLocked bool
			}
			want := []said{{lockout.Wrong, 2, false}, {lockout.Wrong, 1, false}, {lockout.Locked, 0, true}, {lockout.Locked, 0, false}}
			for i, want := range want {
				v := attempt(t, g, "wrong")
				if diff := cmp.Diff(want, said{v.Ruling, v.Remaining, v.JustLocked}); diff != "" {
					t.Errorf("attempt %d (-want +got):\n%s", i+1, diff)
				}
			}
			if v := attempt(t, g, right); v.Ruling != lockout.Locked {
				t.Errorf("the right password: got %q, want locked", v.Ruling)
			}
			if got := record(t, attempts).ExpiresAt.IsZero(); got != known {
				t.Errorf("record never expires: got %v, want %v", got, known)
			}
		})
	}
}

func TestASuccessClearsTheCount(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(attempts, 3, &credential{known: true})
	attempt(t, g, "wrong")
	attempt(t, g, "wrong")
	if v := attempt(t, g, right); v.Ruling != lockout.Welcome || v.FailedBefore != 2 {
		t.Errorf("got %q after %d failures, want welcome after 2", v.Ruling, v.FailedBefore)
	}
	if diff := cmp.Diff(lockout.Record{Generation: 1}, record(t, attempts)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestAnUnknownUserIsNeverWelcome(t *testing.T) {
	g := newGate(lockouttest.NewAttempts(), 3, &credential{known: false})
	if v := attempt(t, g, right); v.Ruling != lockout.Wrong {
		t.Errorf("got %q, want wrong", v.Ruling)
	}
}

func TestKnownAndUnknownUsersCostTheSameStoreCalls(t *testing.T) {
	var calls [2][]string
	for i, known := range []bool{true, false} {
		attempts := lockouttest.NewAttempts()
		g := newGate(attempts, 3, &credential{known: known})
		for range 5 {
			attempt(t, g, "wrong")
		}
		for _, t := range attempts.Transitions() {
			calls[i] = append(calls[i], fmt.Sprintf("%T", t))
		}
	}
	if diff := cmp.Diff(calls[0], calls[1]); diff != "" {
		t.Errorf("store calls (-known +unknown):\n%s", diff)
	}
	if got, want := len(calls[0]), 3*2+2; got != want {
		t.Errorf("got %d store calls, want %d: %v", got, want, calls[0])
	}
}

// Twenty logins of 140 ms on two cores take 1.4 seconds: longer than one
// attempt waits when nobody gets in.
func TestParallelRightLoginsAllGetInHoweverSlowTheHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := lockouttest.NewAttempts()
		g := newGate(attempts, 5, &credential{known: true, took: 140 * time.Millisecond, cores: make(chan struct{}, 2)})
		var wait sync.WaitGroup
		for range 20 {
			wait.Go(func() {
				if v := attempt(t, g, right); v.Ruling != lockout.Welcome {
					t.Errorf("got %q, want welcome", v.Ruling)
				}
			})
		}
		wait.Wait()
	})
}

func TestWrongAttemptsInFlightLockNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := lockouttest.NewAttempts()
		held := &credential{known: true, hold: make(chan struct{})}
		g := newGate(attempts, 9, held)
		var wait sync.WaitGroup
		for range 9 {
			wait.Go(func() {
				if _, err := g.Attempt(context.Background(), lockout.Attempt{Key: ana, Password: "wrong"}); err == nil {
					t.Error("an attempt that outlived itself spoke its verdict")
				}
			})
		}
		synctest.Wait()
		begun := time.Now()
		if v := attempt(t, newGate(attempts, 9, &credential{known: true}), right); v.Ruling != lockout.Busy {
			t.Errorf("while nine are in flight: got %q, want busy", v.Ruling)
		}
		if waited := time.Since(begun); waited <= 0 || waited >= time.Second {
			t.Errorf("waited %v, want a moment under a second", waited)
		}
		if record(t, attempts).Locked() {
			t.Error("charges alone locked the user")
		}
		time.Sleep(lifetime + lockout.ClockSkew)
		later := newGate(attempts, 9, &credential{known: true})
		if v := attempt(t, later, right); v.Ruling != lockout.Welcome {
			t.Errorf("after the horizon: got %q, want welcome", v.Ruling)
		}
		close(held.hold)
		wait.Wait()
		if diff := cmp.Diff(lockout.Record{Generation: 1, Reclaims: 1}, record(t, attempts)); diff != "" {
			t.Errorf("the dead came back to life (-want +got):\n%s", diff)
		}
	})
}

func TestDeadChargesAreNotReclaimedBeforeTheHorizon(t *testing.T) {
	for name, c := range map[string]struct {
		age  time.Duration
		want lockout.Ruling
	}{
		"just before": {lifetime + lockout.ClockSkew - time.Second, lockout.Busy},
		"just after":  {lifetime + lockout.ClockSkew + time.Millisecond, lockout.Wrong},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := lockouttest.NewAttempts()
				charge := lockout.Charge{AttemptID: "dead", Maximum: 1, At: time.Now()}
				if _, err := attempts.Apply(t.Context(), ana, charge); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.age)
				g := newGate(attempts, 2, &credential{known: true})
				g.Maximums = lockouttest.FixedMaximum(1)
				v := attempt(t, g, "wrong")
				if c.want == lockout.Wrong { // the only attempt there is, so it locks
					c.want = lockout.Locked
				}
				if v.Ruling != c.want || v.JustLocked != (c.want == lockout.Locked) {
					t.Errorf("got %q, want %q", v.Ruling, c.want)
				}
			})
		})
	}
}

// TestChargesOfAClockThatWasSetBackAreReclaimed: the dead were charged while the
// clock was an hour ahead, and nobody must wait for that hour. What a clock that is
// within the skew may have dated is waited for.
func TestChargesOfAClockThatWasSetBackAreReclaimed(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		want  lockout.Ruling
	}{
		"an hour ahead":                {time.Hour, lockout.Welcome},
		"just more than two may be":    {lockout.ClockSkew + 2*time.Second, lockout.Welcome},
		"as much as two clocks may be": {lockout.ClockSkew, lockout.Busy},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				attempts := lockouttest.NewAttempts()
				g := newGate(attempts, 2, &credential{known: true})
				for _, id := range []string{"dead", "dead too"} {
					charge := lockout.Charge{AttemptID: id, Maximum: 2, At: time.Now().Add(c.ahead)}
					if _, err := attempts.Apply(t.Context(), ana, charge); err != nil {
						t.Fatal(err)
					}
				}
				if v := attempt(t, g, right); v.Ruling != c.want {
					t.Errorf("got %q, want %q", v.Ruling, c.want)
				}
				time.Sleep(lifetime + 2*lockout.ClockSkew)
				if v := attempt(t, g, right); v.Ruling != lockout.Welcome {
					t.Errorf("after the horizon: got %q, want welcome", v.Ruling)
				}
			})
		})
	}
}

func TestACallerWhoHangsUpIsCountedAllTheSame(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(attempts, 3, &credential{known: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Attempt(ctx, lockout.Attempt{Key: ana, Password: "wrong"}); err != nil {
		t.Fatal(err)
	}
	if got := record(t, attempts).Failed; got != 1 {
		t.Errorf("got %d failures, want 1", got)
	}
}

func TestAVerdictOfAnEarlierGenerationCountsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		want     lockout.Ruling
	}{
		"a wrong password is wrong": {"wrong", lockout.Wrong},
		"a right one is welcome":    {right, lockout.Welcome},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := lockouttest.NewAttempts()
			g := newGate(&between{Attempts: attempts, others: unlocked}, 3, &credential{known: true})
			if v := attempt(t, g, c.password); v.Ruling != c.want {
				t.Errorf("got %q, want %q", v.Ruling, c.want)
			}
			if diff := cmp.Diff(lockout.Record{Generation: 1}, record(t, attempts)); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestALockThatComesFirstRefusesARightPassword(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(&between{Attempts: attempts, others: lockedByOther}, 2, &credential{known: true})
	if v := attempt(t, g, right); v.Ruling != lockout.Locked || v.JustLocked {
		t.Errorf("got %q, want locked by somebody else", v.Ruling)
	}
}

// between lets others act between a charge and its settlement.
type between struct {
	lockout.Attempts
	others func(charged lockout.Record) []lockout.Transition
	done   bool
}

// unlocked is an unlock.
func unlocked(charged lockout.Record) []lockout.Transition {
	return []lockout.Transition{lockout.Unlock{Seen: charged}}
}

// lockedByOther is a failure that locks.
func lockedByOther(lockout.Record) []lockout.Transition {
	return []lockout.Transition{lockout.Charge{AttemptID: "other", Maximum: 2, At: noon}, fail("other", 0, 1)}
}

func (b *between) Apply(ctx context.Context, k lockout.Key, t lockout.Transition) (lockout.Result, error) {
	result, err := b.Attempts.Apply(ctx, k, t)
	if _, ok := t.(lockout.Charge); !ok || b.done {
		return result, err
	}
	b.done = true
	for _, other := range b.others(result.Record) {
		if _, err := b.Attempts.Apply(ctx, k, other); err != nil {
			return lockout.Result{}, err
		}
	}
	return result, err
}

// A machine that slept between its comparison and its settlement was taken for
// dead, its place went to somebody else, and an unlock (or a success) ended the
// generation: when it wakes it must not speak, or one more guess than the maximum
// has its answer.
func TestAnAttemptThatWasReclaimedSpeaksNoVerdictInALaterGeneration(t *testing.T) {
	for _, password := range []string{"wrong", right} {
		t.Run(password, func(t *testing.T) {
			attempts := lockouttest.NewAttempts()
			g := newGate(&between{Attempts: attempts, others: reclaimedAndCleared}, 1, &credential{known: true})
			v, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: password})
			if !errors.Is(err, lockout.ErrUnavailable) || v.Ruling != "" {
				t.Errorf("got verdict %q and error %v, want no verdict", v.Ruling, err)
			}
			if diff := cmp.Diff(lockout.Record{Generation: 1, Reclaims: 1}, record(t, attempts)); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

// reclaimedAndCleared takes the charge back, fails another one in its place, and
// unlocks.
func reclaimedAndCleared(charged lockout.Record) []lockout.Transition {
	reclaim := lockout.Reclaim{ChargedAt: charged.ChargedAt, DeadBefore: charged.ChargedAt.Add(1)}
	locked := charged
	for _, other := range append([]lockout.Transition{reclaim}, lockedByOther(charged)...) {
		locked = other.Apply(locked).Record
	}
	return append([]lockout.Transition{reclaim}, append(lockedByOther(charged), lockout.Unlock{Seen: locked})...)
}

var errFault = errors.New("fault")

// A fault at any call of a login gives an error and no verdict. The charge is
// given back, unless the failure it stood for was really written.
func TestAFaultOfTheStoreSpeaksNoVerdictAndGivesTheChargeBack(t *testing.T) {
	for _, password := range []string{"wrong", right} {
		for call := int64(1); call <= 2; call++ {
			for _, fault := range []lockouttest.Fault{lockouttest.FaultBefore, lockouttest.FaultAfter} {
				t.Run(fmt.Sprintf("password=%s/call=%d/%s", password, call, fault), func(t *testing.T) {
					attempts := lockouttest.NewAttempts()
					g := newGate(&lockouttest.Faulty{Attempts: attempts, FailAt: call, Fault: fault}, 1, &credential{known: true})
					v, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: password})
					if !errors.Is(err, lockout.ErrUnavailable) || v.Ruling != "" {
						t.Errorf("got verdict %q and error %v, want the fault alone", v.Ruling, err)
					}
					settled := call == 2 && fault == lockouttest.FaultAfter
					if got, want := record(t, attempts).Locked(), settled && password == "wrong"; got != want {
						t.Errorf("locked: got %v, want %v", got, want)
					}
					if got := record(t, attempts).InFlight; !settled && got != nil {
						t.Errorf("still in flight: %v", got)
					}
				})
			}
		}
	}
}

func TestACredentialThatCannotBeReadGivesTheChargeBack(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(attempts, 3, &credential{known: true, err: errFault})
	if _, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: right}); !errors.Is(err, errFault) {
		t.Errorf("got %v, want the fault", err)
	}
	if got := record(t, attempts).Charged; got != 0 {
		t.Errorf("got %d charged, want 0", got)
	}
}

// A store that hangs must leave time to give the charge back and to answer
// before Lambda kills the function at its deadline.
func TestAStoreThatHangsIsAnsweredAndCleanedUpBeforeTheDeadline(t *testing.T) {
	for _, hangs := range []lockout.Transition{lockout.Charge{}, lockout.Fail{}} {
		t.Run(fmt.Sprintf("%T", hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &hanging{Attempts: lockouttest.NewAttempts(), kind: fmt.Sprintf("%T", hangs)}
				deadline := time.Now().Add(lifetime / 2)
				ctx, cancel := context.WithDeadline(t.Context(), deadline)
				defer cancel()
				_, err := newGate(store, 1, &credential{known: true}).Attempt(ctx, lockout.Attempt{Key: ana, Password: "wrong"})
				if err == nil {
					t.Error("got a verdict from a store that hangs")
				}
				if left := time.Until(deadline); left <= 0 {
					t.Errorf("answered %v after the deadline", -left)
				}
				if got := record(t, store); got.Charged != 0 {
					t.Errorf("got %d charged, want the charge back", got.Charged)
				}
			})
		})
	}
}

// A hanging store makes the effect of one kind of transition and never answers.
type hanging struct {
	lockout.Attempts
	kind string
}

func (h *hanging) Apply(ctx context.Context, k lockout.Key, t lockout.Transition) (lockout.Result, error) {
	if fmt.Sprintf("%T", t) != h.kind {
		return h.Attempts.Apply(ctx, k, t)
	}
	if _, charge := t.(lockout.Charge); charge {
		if _, err := h.Attempts.Apply(ctx, k, t); err != nil {
			return lockout.Result{}, err
		}
	}
	<-ctx.Done()
	return lockout.Result{}, ctx.Err()
}

// The timer of a context stands still while a machine sleeps; the wall clock
// does not.
func TestAnAttemptOnAMachineThatSleptSpeaksNoVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		sleep    func(c *credential, nap func())
		compared int64
	}{
		"before the comparison": {func(c *credential, nap func()) { c.reading = nap }, 0},
		"during the comparison": {func(c *credential, nap func()) { c.during = nap }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			attempts, clock := lockouttest.NewAttempts(), lockouttest.NewClock(noon)
			sleepy := &credential{known: true}
			c.sleep(sleepy, func() { clock.Advance(lifetime) })
			g := newGate(attempts, 3, sleepy)
			g.Clock = clock
			_, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: right})
			if !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("got %v, want unavailable", err)
			}
			if got := sleepy.compared.Load(); got != c.compared {
				t.Errorf("got %d compared, want %d", got, c.compared)
			}
			if got := record(t, attempts).Charged; got != 0 {
				t.Errorf("got %d charged, want the charge back", got)
			}
		})
	}
}

func TestAPanicOfTheComparisonGivesTheChargeBack(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(attempts, 3, &credential{known: true, during: func() { panic("a bug") }})
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		attempt(t, g, right)
	}()
	if got := record(t, attempts).Charged; got != 0 {
		t.Errorf("got %d charged, want the charge back", got)
	}
}

func TestAPanicOfTheCredentialReadIsAnError(t *testing.T) {
	attempts := lockouttest.NewAttempts()
	g := newGate(attempts, 3, nil)
	if _, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: right}); err == nil {
		t.Error("got a verdict without a credential")
	}
	if got := record(t, attempts).Charged; got != 0 {
		t.Errorf("got %d charged, want the charge back", got)
	}
}

func TestABurstComparesExactlyTheMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &credential{known: true, took: 20 * time.Millisecond}
		g := newGate(lockouttest.NewAttempts(), 5, c)
		var wait sync.WaitGroup
		for range 1000 {
			wait.Go(func() { attempt(t, g, "wrong") })
		}
		wait.Wait()
		if got := c.compared.Load(); got != 5 {
			t.Errorf("got %d passwords compared, want 5", got)
		}
	})
}

func TestTheHiddenGuess(t *testing.T) {
	lockouttest.TestHiddenGuess(t, lockouttest.NewAttempts(), 400)
}

// A memory is a glance at whom it was told of, if it is to say so.
type memory struct {
	says bool
	saw  []lockout.Key
}

func (m *memory) SeesLocked(_ context.Context, key lockout.Key) bool {
	return m.says && slices.Contains(m.saw, key)
}

func (m *memory) SawLocked(key lockout.Key) { m.saw = append(m.saw, key) }

func TestAUserWhoIsSeenLockedIsRefusedWithoutACharge(t *testing.T) {
	attempts, c, m := lockouttest.NewAttempts(), &credential{known: true}, &memory{says: true}
	store := &lockouttest.Faulty{Attempts: attempts}
	g := newGate(store, 2, c)
	g.Glance = m
	attempt(t, g, "wrong")
	attempt(t, g, "wrong")
	before := store.Calls()
	if v := attempt(t, g, right); v.Ruling != lockout.Locked || v.JustLocked {
		t.Errorf("got %+v, want locked, and not by this", v)
	}
	if made := store.Calls() - before; made != 0 || c.compared.Load() != 2 {
		t.Errorf("%d calls of the store and %d comparisons, want none more", made, c.compared.Load())
	}
}

func TestTheGlanceIsToldOfTheLockedAlone(t *testing.T) {
	attempts, m := lockouttest.NewAttempts(), new(memory)
	g := newGate(attempts, 2, &credential{known: true})
	g.Glance = m
	for _, s := range []struct {
		password string
		told     int // by now
	}{{"wrong", 0}, {right, 0}, {"wrong", 0}, {"wrong", 1}, {right, 2}} {
		attempt(t, g, s.password)
		if len(m.saw) != s.told {
			t.Errorf("after %q: told of %d, want %d", s.password, len(m.saw), s.told)
		}
	}
	g.Attempts = &lockouttest.Faulty{Attempts: attempts, FailFrom: 1, Fault: lockouttest.FaultBefore}
	if _, err := g.Attempt(t.Context(), lockout.Attempt{Key: ana, Password: right}); err == nil || len(m.saw) != 2 {
		t.Errorf("got %v, told of %d; want an error, of which it is told nothing", err, len(m.saw))
	}
}
