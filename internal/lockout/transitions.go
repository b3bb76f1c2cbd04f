package lockout

import (
	"slices"
	"time"
)

// An Outcome says what became of a transition.
type Outcome string

// The outcomes. All but Applied leave the record as it was.
const (
	// Applied: the condition held and the effect is written.
	Applied Outcome = "applied"
	// Repeated: an earlier try of the same attempt did it, and its answer was
	// lost.
	Repeated Outcome = "repeated"
	// RefusedLocked: the user is locked.
	RefusedLocked Outcome = "locked"
	// RefusedBusy: the budget is taken by attempts that are in flight.
	RefusedBusy Outcome = "busy"
	// RefusedSuperseded: the generation has moved on; somebody cleared the
	// count.
	RefusedSuperseded Outcome = "superseded"
	// RefusedReclaimed: the charge is gone, or may have been when its generation
	// ended; it was taken for dead.
	RefusedReclaimed Outcome = "reclaimed"
	// RefusedSettled: the attempt has its verdict already. A charge that was on
	// its way for long and comes after it must not open it again, or a late copy
	// of its failure would count twice.
	RefusedSettled Outcome = "settled"
	// RefusedConflict: the record is not the one the caller saw.
	RefusedConflict Outcome = "conflict"
)

// A Result is a transition's outcome with the record as it stands after it.
type Result struct {
	Outcome Outcome
	Record  Record
	// Event is the audit entry that MUST be written together with the record,
	// or nil. Only an applied [Fail] that locks and an applied [Unlock] have
	// one.
	Event *Event
}

// A Transition is one step of the rule: a condition on the record and an
// effect. Apply is pure and MUST NOT change the slices of the record it is
// given.
type Transition interface {
	Apply(Record) Result
}

func refused(r Record, o Outcome) Result { return Result{Outcome: o, Record: r} }

func applied(r Record) Result { return Result{Outcome: Applied, Record: r} }

// Charge takes an attempt out of the budget, before the password is looked at.
// While Charged equals Failed at or above the maximum (it was lowered), one
// attempt at a time may still prove itself.
type Charge struct {
	AttemptID string // MUST be ours: a caller could send the same one twice
	Maximum   int
	At        time.Time
}

// Apply charges the attempt, or refuses it as locked, busy or settled.
func (t Charge) Apply(r Record) Result {
	switch {
	case r.Locked():
		return refused(r, RefusedLocked)
	case r.inFlight(t.AttemptID):
		return refused(r, Repeated)
	case r.holdsEvidence(t.AttemptID):
		return refused(r, RefusedSettled)
	case r.Charged >= t.Maximum && r.Charged != r.Failed:
		return refused(r, RefusedBusy)
	}
	r.Charged++
	r.ChargedAt = t.At
	r.InFlight = append(slices.Clone(r.InFlight), t.AttemptID)
	return applied(r)
}

// Fail settles a charged attempt as failed, and locks the user when that
// reaches the maximum.
type Fail struct {
	Generation int64 // of the charge
	Reclaims   int64 // as the charge left it
	Maximum    int
	Evidence   Evidence // its AttemptID is the attempt's
	// Lock is the audit entry to write if this failure locks. What is known
	// only then (the lock id, the count, the evidence) is filled in by Apply.
	Lock Event
	// ExpiresAt is set on the record of an unknown user, and zero for others.
	ExpiresAt time.Time
	// Seen is the record as the charge left it. A store that chooses between
	// its two writes by the count starts from here.
	Seen Record
}

// Apply counts the failure and keeps its evidence.
func (t Fail) Apply(r Record) Result {
	id := t.Evidence.AttemptID
	switch {
	case r.holdsEvidence(id):
		return refused(r, Repeated)
	case r.Locked():
		return refused(r, RefusedLocked)
	case r.Generation != t.Generation:
		return refused(r, r.passed(t.Reclaims))
	case !r.inFlight(id):
		return refused(r, RefusedReclaimed)
	}
	r = r.without(id)
	r.Failed++
	r.Evidence = append(slices.Clone(r.Evidence), t.Evidence)
	r.ExpiresAt = t.ExpiresAt
	if r.Failed < t.Maximum {
		return applied(r)
	}
	r.LockID, r.LockedAt = t.Lock.ID, t.Lock.At
	event := t.Lock.of(r, t.Maximum)
	event.ExpiresAt = t.ExpiresAt
	return Result{Outcome: Applied, Record: r, Event: &event}
}

// Succeed settles a charged attempt as succeeded, which clears the count.
type Succeed struct {
	AttemptID  string
	Generation int64 // of the charge
	Reclaims   int64 // as the charge left it
}

// Apply begins the next generation.
func (t Succeed) Apply(r Record) Result {
	switch {
	case r.Locked():
		return refused(r, RefusedLocked)
	case r.Generation != t.Generation:
		return refused(r, r.passed(t.Reclaims))
	case !r.inFlight(t.AttemptID):
		return refused(r, RefusedReclaimed)
	}
	return applied(r.next())
}

// Refund gives a charge back because we failed, not the user.
type Refund struct {
	AttemptID  string
	Generation int64 // of the charge
	// ExpiresAt is set on the record of an unknown user; zero leaves what is
	// there, since a refund may come before anybody knows.
	ExpiresAt time.Time
}

// Apply gives the charge back, if it is still there to give.
func (t Refund) Apply(r Record) Result {
	switch {
	case r.Generation != t.Generation:
		return refused(r, RefusedSuperseded)
	case !r.inFlight(t.AttemptID):
		return refused(r, RefusedReclaimed)
	}
	r = r.without(t.AttemptID)
	r.Charged--
	if !t.ExpiresAt.IsZero() {
		r.ExpiresAt = t.ExpiresAt
	}
	return applied(r)
}

// Reclaim takes back every charge in flight once all of them must be dead. A
// refused charge does not move ChargedAt: when the latest charge is older than
// any attempt can live, so are the others, unless a charge was so long on its way
// that it moved ChargedAt back, or a clock is wrong. Then an attempt that lives is
// taken back too, which costs it its verdict and breaks no promise: a reclaim is
// counted, and whose charge is from before it speaks no more.
type Reclaim struct {
	Generation int64
	ChargedAt  time.Time // as read
	DeadBefore time.Time // an attempt charged before this cannot be alive
	// NotAfter, unless zero, is the latest that a clock may show now. A charge that
	// is dated later was dated by a clock that has been set back since, and would
	// else shut the user out until that hour comes. An attempt that is alive all the
	// same finds its charge gone, and speaks no verdict.
	NotAfter time.Time
}

// Apply empties the set in flight. With nothing in it there is nothing to count.
func (t Reclaim) Apply(r Record) Result {
	switch {
	case r.Generation != t.Generation:
		return refused(r, RefusedSuperseded)
	case !r.ChargedAt.Equal(t.ChargedAt), !t.dead(r.ChargedAt), len(r.InFlight) == 0:
		return refused(r, RefusedConflict)
	}
	r.Charged = r.Failed
	r.InFlight = nil
	r.Reclaims++
	return applied(r)
}

// dead reports whether a charge of that time is none of an attempt that is alive.
func (t Reclaim) dead(charged time.Time) bool {
	return charged.Before(t.DeadBefore) || !t.NotAfter.IsZero() && charged.After(t.NotAfter)
}

// Unlock clears the lock and the count, and begins the next generation.
type Unlock struct {
	// Seen is the record the caller read. The entry's evidence is taken from
	// it, so the unlock is refused when a failure or a lock came since.
	Seen Record
	// Entry is the audit entry to write with it; what the record tells is
	// filled in by Apply.
	Entry Event
	// Maximum is the one in force, for the entry.
	Maximum int
}

// Apply forgets everything but the generation and the reclaims. The entry is about a user who
// exists, so it never expires, also when the record was a stranger's.
func (t Unlock) Apply(r Record) Result {
	if r.Generation != t.Seen.Generation || r.LockID != t.Seen.LockID || r.Failed != t.Seen.Failed {
		return refused(r, RefusedConflict)
	}
	event := t.Entry.of(r, t.Maximum)
	return Result{Outcome: Applied, Record: r.next(), Event: &event}
}
