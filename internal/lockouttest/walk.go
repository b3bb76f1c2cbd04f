package lockouttest

import (
	"cmp"
	"context"
	"slices"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// walkStart is when a walk begins: any time will do that is no special one.
var walkStart = time.Date(2026, 11, 23, 10, 4, 5, 123e6, time.UTC)

// A TB is a test, or one check of a property.
type TB interface {
	rapid.TB
	Context() context.Context
}

// A walk takes one user's record through a store and, beside it, through the
// transitions' own Apply.
type walk struct {
	t       TB
	fixture AttemptsFixture
	key     lockout.Key
	now     time.Time
	nextID  func() string
	record  lockout.Record            // what the store must hold
	events  *[]lockout.Event          // what the trail of the client must hold
	charged map[string]lockout.Record // by attempt, as its charge left the record
	first   map[string]lockout.Result // by event, what the transition that made it did
	seen    lockout.Record            // as of the last look
}

// A step makes the next transition from where the walk is, or does something
// else and returns nil.
type step func(w *walk) lockout.Transition

// newWalk begins at a user whom nobody has tried.
func newWalk(t TB, f AttemptsFixture) *walk {
	next := IDs()
	return &walk{
		t: t, fixture: f, now: walkStart, nextID: next, events: new([]lockout.Event),
		key:     lockout.NewKey("c"+next()[2:], "ana.silva"),
		charged: map[string]lockout.Record{}, first: map[string]lockout.Result{},
	}
}

// another begins at another user of the same client.
func (w *walk) another(username string) *walk {
	other := newWalk(w.t, w.fixture)
	other.key, other.events = lockout.NewKey(w.key.Client(), username), w.events
	return other
}

// take takes one step, compares the answer and what is stored, and returns the
// outcome.
func (w *walk) take(s step) lockout.Outcome {
	w.t.Helper()
	w.now = w.now.Add(time.Second)
	transition := s(w)
	if transition == nil {
		return ""
	}
	due := w.send(transition)
	w.checkStored(transition)
	return due.Outcome
}

// send sends a transition, compares the answer and returns the one that was due.
func (w *walk) send(transition lockout.Transition) lockout.Result {
	w.t.Helper()
	want := transition.Apply(w.record)
	got, err := w.fixture.Attempts.Apply(w.t.Context(), w.key, transition)
	if err != nil {
		w.t.Fatalf("%T: %v", transition, err)
	}
	w.compare(transition, got, w.dueAnswer(transition, got, want))
	w.record = want.Record
	if want.Event != nil {
		*w.events = append(*w.events, *want.Event)
		w.first[want.Event.ID] = want
	}
	if c, ok := transition.(lockout.Charge); ok && want.Outcome == lockout.Applied {
		w.charged[c.AttemptID] = want.Record
	}
	return want
}

// dueAnswer returns what the store had to answer, given what it did. A store
// whose answer got lost on the way may have sent the transition twice, and
// answers as it does to the second. To one that made its event before, it may
// answer what it did then: a transaction of DynamoDB is known by its token.
func (w *walk) dueAnswer(transition lockout.Transition, got, want lockout.Result) lockout.Result {
	if again := transition.Apply(want.Record); got.Outcome == again.Outcome && again.Outcome != lockout.Applied {
		return again
	}
	if got.Event != nil && want.Event == nil {
		if first, made := w.first[got.Event.ID]; made {
			return first
		}
	}
	return want
}

// compare compares an answer. The record that a lock or an unlock answers with
// may be older in what is in flight and was reclaimed: the store writes them on
// condition of the failures alone.
func (w *walk) compare(transition lockout.Transition, got, want lockout.Result) {
	w.t.Helper()
	if want.Event != nil {
		got.Record, want.Record = settled(got.Record), settled(want.Record)
	}
	if diff := gocmp.Diff(got, want, asStored); diff != "" {
		w.t.Errorf("%T answered (-got +want):\n%s", transition, diff)
	}
}

// settled is the record without what is in flight or was.
func settled(r lockout.Record) lockout.Record {
	r.InFlight, r.Charged, r.ChargedAt, r.Reclaims = nil, 0, time.Time{}, 0
	return r
}

// checkStored compares what is read back and, after a transition that may have
// an event, the trail.
func (w *walk) checkStored(after lockout.Transition) {
	w.t.Helper()
	w.checkRecord()
	switch after.(type) {
	case lockout.Fail, lockout.Unlock:
		compareTrail(w.t, w.fixture, w.key.Client(), *w.events)
	}
}

// checkRecord compares what is read back.
func (w *walk) checkRecord() {
	w.t.Helper()
	read, err := w.fixture.Attempts.Read(w.t.Context(), w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := gocmp.Diff(read, w.record, asStored); diff != "" {
		w.t.Errorf("read back (-got +want):\n%s", diff)
	}
}

// compareTrail compares a client's entries with the events that they are of.
func compareTrail(t TB, f AttemptsFixture, client string, events []lockout.Event) {
	t.Helper()
	want := make([]audit.Entry, 0, len(events))
	for _, e := range events {
		want = append(want, audit.FromEvent(e))
	}
	got := slices.SortedFunc(slices.Values(f.Entries(t, client)), byID)
	slices.SortFunc(want, byID)
	if diff := gocmp.Diff(got, want, asStored); diff != "" {
		t.Errorf("audit trail (-got +want):\n%s", diff)
	}
}

func byID(a, b audit.Entry) int { return cmp.Compare(a.ID, b.ID) }

// asStored compares what a store may change: the order of a set, the fraction
// of a second of an expiry, an empty list for none.
var asStored = gocmp.Options{
	cmpopts.EquateEmpty(),
	gocmp.FilterPath(
		func(p gocmp.Path) bool { return p.Last().String() == ".InFlight" },
		cmpopts.SortSlices(cmp.Less[string])),
	gocmp.FilterPath(
		func(p gocmp.Path) bool { return p.Last().String() == ".ExpiresAt" },
		gocmp.Comparer(func(a, b time.Time) bool { return a.Unix() == b.Unix() })),
	gocmp.Comparer(func(a, b lockout.Key) bool { return a == b }),
}

// later lets every attempt die.
func later(w *walk) lockout.Transition {
	w.now = w.now.Add(attemptLifetime + lockout.ClockSkew)
	return nil
}

// setBack sets the clock back, to so long before now.
func setBack(d time.Duration) step {
	return func(w *walk) lockout.Transition {
		w.now = w.now.Add(-d)
		return nil
	}
}

// look notes the record, for an unlock that comes too late.
func look(w *walk) lockout.Transition {
	w.seen = w.record
	return nil
}

func charge(id string, maximum int) step {
	return func(w *walk) lockout.Transition {
		return lockout.Charge{AttemptID: id, Maximum: maximum, At: w.now}
	}
}

func fail(id string, maximum int) step {
	return func(w *walk) lockout.Transition {
		return lockout.Fail{
			Generation: w.charged[id].Generation, Reclaims: w.charged[id].Reclaims, Maximum: maximum,
			Evidence: lockout.Evidence{AttemptID: id, At: w.now, SourceIP: "192.0.2.7", UserAgent: "curl/8 " + id},
			Lock: lockout.Event{
				ID: w.nextID(), Kind: lockout.EventLock, At: w.now, Key: w.key,
				Actor: lockout.ActorPortcullis, SourceIP: "192.0.2.7", RequestID: "request-" + id,
			},
			Seen: w.record,
		}
	}
}

// asCharged makes a failure that knows the record as its charge left it.
func asCharged(s step) step {
	return func(w *walk) lockout.Transition {
		f := s(w).(lockout.Fail)
		f.Seen = w.charged[f.Evidence.AttemptID]
		return f
	}
}

// blind makes a failure that knows nothing of the record.
func blind(s step) step {
	return func(w *walk) lockout.Transition {
		f := s(w).(lockout.Fail)
		f.Seen = lockout.Record{}
		return f
	}
}

// unknown makes a failure or a refund that of an unknown user.
func unknown(s step) step {
	return func(w *walk) lockout.Transition {
		expires := w.now.Add(lockout.UnknownUserRetention)
		switch made := s(w).(type) {
		case lockout.Fail:
			made.ExpiresAt = expires
			return made
		case lockout.Refund:
			made.ExpiresAt = expires
			return made
		default:
			return made
		}
	}
}

func succeed(id string) step {
	return func(w *walk) lockout.Transition {
		c := w.charged[id]
		return lockout.Succeed{AttemptID: id, Generation: c.Generation, Reclaims: c.Reclaims}
	}
}

func refund(id string) step {
	return func(w *walk) lockout.Transition {
		return lockout.Refund{AttemptID: id, Generation: w.charged[id].Generation}
	}
}

// reclaim reclaims from the record as it is.
func reclaim() step {
	return func(w *walk) lockout.Transition {
		return w.reclaim(w.record, w.now.Add(-attemptLifetime-lockout.ClockSkew))
	}
}

// reclaimFirst reclaims from the record as an attempt's charge left it.
func reclaimFirst(id string) step {
	return func(w *walk) lockout.Transition { return w.reclaim(w.charged[id], w.now) }
}

// reclaimAtLifetime reclaims when the latest charge is exactly as old as an
// attempt can become, which is not dead yet.
func reclaimAtLifetime() step {
	return func(w *walk) lockout.Transition { return w.reclaim(w.record, w.record.ChargedAt) }
}

func (w *walk) reclaim(seen lockout.Record, deadBefore time.Time) lockout.Transition {
	return lockout.Reclaim{
		Generation: seen.Generation, ChargedAt: seen.ChargedAt, DeadBefore: deadBefore, NotAfter: w.now.Add(lockout.ClockSkew),
	}
}

// unlock unlocks from the record as it is.
func unlock() step {
	return func(w *walk) lockout.Transition { return w.unlock(w.record) }
}

// unlockSeen unlocks from the record as of the last look.
func unlockSeen() step {
	return func(w *walk) lockout.Transition { return w.unlock(w.seen) }
}

func (w *walk) unlock(seen lockout.Record) lockout.Transition {
	return lockout.Unlock{Seen: seen, Maximum: 5, Entry: lockout.Event{
		ID: w.nextID(), Kind: lockout.EventUnlock, At: w.now, Key: w.key, Actor: "acme/root",
		SourceIP: "192.0.2.9", RequestID: "request-unlock", Reason: "called from her desk phone",
		IdentityConfirmedBy: "call-back",
	}}
}
