package lockout

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// How the gate waits when a user's whole budget is in flight: six waits of 40 to
// 240 ms, each stretched or shrunk by up to 15 %, under a second in all. When
// somebody of that user gets in meanwhile, honest logins are waiting for each
// other (an integration with ten workers), the queue moves, and the waits begin
// anew, at most four times. Only the right password can move it.
const (
	busyTries    = 6
	busyStep     = 40 * time.Millisecond
	busySpread   = 0.15
	busyRenewals = 4
)

// RetryAfterBusy is how long a caller is asked to stay away who was refused
// because other attempts are in flight.
const RetryAfterBusy = time.Second

// ClockSkew is how far the clocks of two machines may differ. Lambda hosts
// keep theirs within milliseconds by the Amazon Time Sync Service; 30 s leaves
// room for one that does not.
const ClockSkew = 30 * time.Second

// UnknownUserRetention is how long the counter of an unknown user is kept
// after its last charge: long, so that waiting for a lock to vanish does not
// tell who exists.
const UnknownUserRetention = 90 * 24 * time.Hour

// How much of its time an attempt keeps for the end: cleanupTime for finding out
// what became of a charge and giving it back, when the store has just failed to
// answer, and the rest for the answer itself. Lambda kills a function at its
// deadline, and with it everything that was left for afterwards.
const (
	cleanupTime = 750 * time.Millisecond
	reserve     = cleanupTime + 250*time.Millisecond
)

// errOutlived says that an attempt is older than any attempt may be.
var errOutlived = fmt.Errorf("the attempt outlived itself: %w", ErrUnavailable)

// A Gate runs login attempts. It is safe for concurrent use.
type Gate[C Credential] struct {
	Attempts    Attempts
	Credentials Credentials[C]
	Maximums    Maximums
	Clock       Clock
	// NewID returns a new ULID, never one it returned before, on any machine.
	NewID func() string
	// Jitter returns a random number in [0, 1).
	Jitter func() float64
	// Lifetime is the longest that an attempt can live: its function's
	// timeout. An older charge is dead and may be reclaimed. It MUST be longer
	// than the second that is kept for the end.
	Lifetime time.Duration
	// Glance may be nil; then each attempt is charged.
	Glance Glance
}

// An Attempt is one request that wants a password compared.
type Attempt struct {
	Key       Key
	Password  string
	SourceIP  string
	UserAgent string
	RequestID string
}

// A Ruling is what the gate says to an attempt.
type Ruling string

// The rulings.
const (
	Welcome Ruling = "welcome" // the password is right
	Wrong   Ruling = "wrong"   // the password is wrong or the user unknown
	Locked  Ruling = "locked"  // the user is locked, perhaps by this attempt
	Busy    Ruling = "busy"    // other attempts of the user are in flight
)

// A Verdict is a ruling that is settled and may be spoken.
type Verdict[C Credential] struct {
	Ruling Ruling
	// Remaining is how many more failures the user may make, 1 or more, when
	// the ruling is Wrong.
	Remaining int
	// JustLocked says that this very attempt locked the user.
	JustLocked bool
	// FailedBefore is the number of failures that a Welcome cleared.
	FailedBefore int
	// Credential is the user's, when the ruling is Welcome.
	Credential C
}

// Attempt charges the attempt beside reading the credential, compares, settles
// and returns what may be said. On an error nothing may be said: the charge is
// given back where the store allows it, and else reclaimed in time.
//
// The attempt goes on when the caller's context is cancelled, since a caller
// could otherwise hang up before a failure is counted; the context's deadline
// holds, and so does the gate's lifetime.
func (g *Gate[C]) Attempt(ctx context.Context, a Attempt) (Verdict[C], error) {
	ctx, cancel := g.detach(ctx)
	defer cancel()
	if g.Glance == nil {
		return g.attempt(ctx, a)
	}
	if g.Glance.SeesLocked(ctx, a.Key) {
		return Verdict[C]{Ruling: Locked}, nil
	}
	verdict, err := g.attempt(ctx, a)
	if verdict.Ruling == Locked {
		g.Glance.SawLocked(a.Key)
	}
	return verdict, err
}

func (g *Gate[C]) attempt(ctx context.Context, a Attempt) (Verdict[C], error) {
	t := &try[C]{Gate: g, Attempt: a, id: g.NewID()}
	t.began, t.maximum = t.now(), g.Maximums.Maximum(ctx, a.Key.Client())
	reading := t.readCredential(ctx)
	charge, err := t.charge(ctx)
	read := <-reading
	if err != nil {
		return Verdict[C]{}, fmt.Errorf("charging attempt: %w", err)
	}
	switch charge.Outcome {
	case Applied, Repeated:
	case RefusedLocked:
		return Verdict[C]{Ruling: Locked}, nil
	case RefusedBusy:
		return Verdict[C]{Ruling: Busy}, nil
	default:
		return Verdict[C]{}, fmt.Errorf("charging attempt: refused as %s", charge.Outcome)
	}
	t.charged = charge.Record

	right, err := t.compareOrRefund(ctx, read)
	if err != nil {
		return Verdict[C]{}, fmt.Errorf("comparing password: %w", err)
	}
	return t.settle(ctx, right)
}

// detach returns a context that a caller who hangs up cannot cancel, and that
// ends while there is time left to clean up.
func (g *Gate[C]) detach(ctx context.Context) (context.Context, context.CancelFunc) {
	life := g.Lifetime
	if deadline, ok := ctx.Deadline(); ok {
		life = min(life, time.Until(deadline))
	}
	return context.WithTimeout(context.WithoutCancel(ctx), life-reserve)
}

// afterwards returns a context for cleaning up when the attempt's own has
// ended.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// A try is an attempt on its way through the gate.
type try[C Credential] struct {
	*Gate[C]
	Attempt
	id         string
	began      time.Time // by the wall clock
	maximum    int
	charged    Record // as the charge left it
	credential C
	read       bool // the credential has been read
}

type credentialRead[C Credential] struct {
	credential C
	err        error
}

// readCredential begins the read, so that it runs beside the charge. It is
// waited for also when the charge is refused: a call that is broken off costs
// its connection, and one that is left behind runs into Lambda's freeze.
func (t *try[C]) readCredential(ctx context.Context) <-chan credentialRead[C] {
	done := make(chan credentialRead[C], 1)
	go func() {
		var read credentialRead[C]
		defer func() {
			if fault := recover(); fault != nil { // nobody else can, in this goroutine
				read.err = fmt.Errorf("reading credential: panic: %v\n%s", fault, debug.Stack())
			}
			done <- read
		}()
		read.credential, read.err = t.Credentials.Credential(ctx, t.Key)
	}()
	return done
}

// charge takes the attempt out of the budget, waiting a moment while others
// are in flight and taking dead ones back. Its result is applied, repeated,
// locked or busy.
func (t *try[C]) charge(ctx context.Context) (Result, error) {
	patience := patience{generation: -1, renewals: busyRenewals + 1}
	for {
		result, err := t.chargeOnce(ctx)
		if err != nil || result.Outcome != RefusedBusy || !patience.left(result.Record) {
			return result, err
		}
		reclaimed, err := t.reclaim(ctx, result.Record)
		if err != nil {
			return Result{}, err
		}
		if reclaimed {
			continue
		}
		if err := t.Clock.Sleep(ctx, patience.wait(t.Jitter())); err != nil {
			return result, nil
		}
	}
}

// A patience is how long an attempt still waits for others.
type patience struct {
	tries      int
	generation int64
	renewals   int
}

// left counts a try that found the budget taken, and reports whether another is
// due.
func (p *patience) left(r Record) bool {
	if r.Generation != p.generation && p.renewals > 0 {
		p.generation, p.tries = r.Generation, 0
		p.renewals--
	}
	p.tries++
	return p.tries <= busyTries
}

func (p *patience) wait(jitter float64) time.Duration {
	return time.Duration(float64(p.tries) * float64(busyStep) * (1 - busySpread + 2*busySpread*jitter))
}

// chargeOnce makes one charge. When the store fails, whether the charge was
// made is unknown, so it is given back if it is found to have been.
func (t *try[C]) chargeOnce(ctx context.Context) (Result, error) {
	result, err := t.Attempts.Apply(ctx, t.Key, Charge{AttemptID: t.id, Maximum: t.maximum, At: t.now()})
	if err == nil {
		return result, nil
	}
	late, cancel := afterwards(ctx)
	defer cancel()
	if record, readErr := t.Attempts.Read(late, t.Key); readErr == nil && record.inFlight(t.id) {
		t.charged = record
		t.giveBack(late)
	}
	return Result{}, err
}

// reclaim empties the set in flight if everything in it must be dead, and
// reports whether a new charge is worth trying at once.
func (t *try[C]) reclaim(ctx context.Context, seen Record) (bool, error) {
	now := t.now()
	reclaim := Reclaim{
		Generation: seen.Generation, ChargedAt: seen.ChargedAt,
		DeadBefore: now.Add(-t.Lifetime - ClockSkew), NotAfter: now.Add(ClockSkew),
	}
	if !reclaim.dead(seen.ChargedAt) {
		return false, nil
	}
	_, err := t.Attempts.Apply(ctx, t.Key, reclaim)
	return err == nil, err
}

// compareOrRefund compares, and gives the charge back when that ends in
// anything but a verdict, a panic included.
func (t *try[C]) compareOrRefund(ctx context.Context, read credentialRead[C]) (right bool, err error) {
	compared := false
	defer func() {
		if !compared {
			t.refund(ctx)
		}
	}()
	right, err = t.compare(ctx, read)
	compared = err == nil
	return right, err
}

// compare compares the password with the credential. An attempt that has
// outlived itself, before or after, may have been reclaimed; it ends here, so
// that a machine that was asleep for a minute neither compares nor speaks beyond
// the budget.
func (t *try[C]) compare(ctx context.Context, read credentialRead[C]) (bool, error) {
	if read.err != nil {
		return false, read.err
	}
	t.credential, t.read = read.credential, true
	if t.outlived(ctx) {
		return false, errOutlived
	}
	right, err := read.credential.Compare(ctx, t.Password)
	if err == nil && t.outlived(ctx) {
		err = errOutlived
	}
	return right && read.credential.Known(), err
}

// outlived asks the wall clock too: a context's timer stands still while the
// machine sleeps.
func (t *try[C]) outlived(ctx context.Context) bool {
	return ctx.Err() != nil || t.now().Sub(t.began) >= t.Lifetime
}

// settle writes the verdict, and returns what may be said now that it is
// written.
func (t *try[C]) settle(ctx context.Context, right bool) (Verdict[C], error) {
	rule := t.ruleOnFailure
	var verdict Transition = t.failure()
	if right {
		rule, verdict = t.ruleOnSuccess, Succeed{
			AttemptID: t.id, Generation: t.charged.Generation, Reclaims: t.charged.Reclaims,
		}
	}
	result, err := t.Attempts.Apply(ctx, t.Key, verdict)
	if err != nil {
		t.refund(ctx)
		return Verdict[C]{}, fmt.Errorf("settling attempt: %w", err)
	}
	if result.Outcome == RefusedReclaimed {
		return Verdict[C]{}, fmt.Errorf("settling attempt: its charge was reclaimed: %w", ErrUnavailable)
	}
	return rule(result), nil
}

func (t *try[C]) failure() Fail {
	at := t.now()
	return Fail{
		Generation: t.charged.Generation,
		Reclaims:   t.charged.Reclaims,
		Maximum:    t.maximum,
		Evidence:   Evidence{AttemptID: t.id, At: at, SourceIP: t.SourceIP, UserAgent: t.UserAgent},
		Lock: Event{
			ID: t.NewID(), Kind: EventLock, At: at, Key: t.Key, Actor: ActorPortcullis,
			SourceIP: t.SourceIP, RequestID: t.RequestID,
		},
		ExpiresAt: t.expiry(),
		Seen:      t.charged,
	}
}

// ruleOnFailure says what a settled failure means. When the generation has
// moved on, nothing was counted and the password was wrong all the same.
func (t *try[C]) ruleOnFailure(result Result) Verdict[C] {
	if result.Record.Locked() {
		return Verdict[C]{Ruling: Locked, JustLocked: result.Outcome == Applied}
	}
	return Verdict[C]{Ruling: Wrong, Remaining: max(1, t.maximum-result.Record.Failed)}
}

// ruleOnSuccess says what a settled success means. When the generation has
// moved on, somebody else cleared the count, and the login is good.
func (t *try[C]) ruleOnSuccess(result Result) Verdict[C] {
	if result.Outcome == RefusedLocked {
		return Verdict[C]{Ruling: Locked}
	}
	return Verdict[C]{Ruling: Welcome, FailedBefore: t.charged.Failed, Credential: t.credential}
}

// refund gives the charge back, as well as the store allows. It is safe after
// a settlement whose answer was lost: a settled attempt is no longer in flight,
// and the refund is refused. An error is left to Reclaim.
func (t *try[C]) refund(ctx context.Context) {
	late, cancel := afterwards(ctx)
	defer cancel()
	t.giveBack(late)
}

func (t *try[C]) giveBack(ctx context.Context) {
	_, _ = t.Attempts.Apply(ctx, t.Key, Refund{
		AttemptID: t.id, Generation: t.charged.Generation, ExpiresAt: t.expiry(),
	})
}

// expiry returns when the record may be dropped: never, unless the credential
// is known to belong to nobody.
func (t *try[C]) expiry() time.Time {
	if !t.read || t.credential.Known() {
		return time.Time{}
	}
	return t.charged.ChargedAt.Add(UnknownUserRetention)
}

// now returns the time as stores keep it: UTC, to the millisecond.
func (t *try[C]) now() time.Time { return t.Clock.Now().UTC().Truncate(time.Millisecond) }
