package flood

import (
	"context"
	"time"

	"portcullis/internal/lockout"
)

// Apply runs one transition: the real one, on the record of the user, at the
// moment in which DynamoDB takes the write. The first charge begins the read of the
// user beside it.
func (v *visit) Apply(_ context.Context, _ lockout.Key, t lockout.Transition) (lockout.Result, error) {
	v.beginRead()
	if reclaim, ok := t.(lockout.Reclaim); ok {
		reclaim.ChargedAt, reclaim.DeadBefore = reclaim.ChargedAt.Add(shift), reclaim.DeadBefore.Add(shift)
		t = reclaim
	}
	var result lockout.Result
	take := func() bool {
		result = t.Apply(v.records[v.user])
		if !v.written(result) {
			return false
		}
		if result.Outcome == lockout.Applied {
			v.records[v.user] = result.Record
		}
		return true
	}
	err := v.send(t, take)
	if _, charges := t.(lockout.Charge); charges && err == nil {
		v.generation = result.Record.Generation
	}
	result.Record.ChargedAt = result.Record.ChargedAt.Add(-shift)
	return result, err
}

// send makes the write. One that is a transaction is made again by package
// attempts when it is throttled, and not by the SDK: eight tries, with waits of 20
// to 140 ms between.
func (v *visit) send(t lockout.Transition, take func() bool) error {
	const tries, first = 8, 20 * time.Millisecond
	until := v.until()
	if t.Apply(v.records[v.user]).Event == nil {
		return v.call(v.limits.Store, until, take)
	}
	for try := 1; ; try++ {
		done := take()
		v.pass(v.latency(v.limits.Store))
		if done {
			return nil
		}
		wait := time.Duration(float64(try) * float64(first) * (0.5 + v.random.Float64()))
		if try == tries || v.now+wait >= until {
			return errThrottled
		}
		v.pass(wait)
	}
}

// written takes a write's units from the tables, and reports whether all were
// there. A write that its condition refuses costs what an update costs.
func (v *visit) written(result lockout.Result) bool {
	before := v.records[v.user]
	units := v.shape.Written(before, result.Record)
	if result.Event == nil {
		return v.took(LimitAttempts, v.attempts.write(v.now, v.place, units))
	}
	if !v.took(LimitAttempts, v.attempts.write(v.now, v.place, 2*units)) {
		return false
	}
	if !v.took(LimitAudit, v.audit.write(v.now, newest, 2*v.shape.Entry(result.Record))) {
		return false
	}
	return !v.known || v.took(LimitIndex, v.index.write(v.now, v.spot, 1))
}

// newest is where each entry of a client's trail goes: its ids grow with time, so
// splitting its partition helps nobody.
const newest = 1

// Read returns the user's record.
func (v *visit) Read(context.Context, lockout.Key) (lockout.Record, error) {
	err := v.call(v.limits.Store, v.until(), func() bool {
		return v.took(LimitAttempts, v.attempts.read(v.now, v.place, 1))
	})
	record := v.records[v.user]
	record.ChargedAt = record.ChargedAt.Add(-shift)
	return record, err
}

// rememberedFor is how long a process remembers whom it saw locked: that of
// package attempts. The bound of its memory is left out, since one user is attacked
// where it matters.
const rememberedFor = 30 * time.Second

// SeesLocked answers for a user whom this process saw locked a moment ago by one
// eventually consistent read, as attempts.Memory does.
func (v *visit) SeesLocked(context.Context, lockout.Key) bool {
	seen, known := v.env.seenLock[v.user]
	if v.limits.Forgetful || !known || v.now-seen >= rememberedFor {
		return false
	}
	err := v.call(v.limits.Store, v.until(), func() bool {
		return v.took(LimitAttempts, v.attempts.read(v.now, v.place, 0.5))
	})
	if err != nil {
		return false
	}
	if !v.records[v.user].Locked() {
		delete(v.env.seenLock, v.user)
		return false
	}
	v.env.seenLock[v.user] = v.now
	return true
}

// SawLocked remembers the user.
func (v *visit) SawLocked(lockout.Key) { v.env.seenLock[v.user] = v.now }

// beginRead begins the read of the user, once.
func (v *visit) beginRead() {
	if v.read.begun {
		return
	}
	v.read.begun = true
	v.tryRead(1)
}

// tryRead is one try of it. It is no part of the coroutine.
func (v *visit) tryRead(try int) {
	done := v.took(LimitUsers, v.people.read(v.now, v.spot, 1))
	took := v.latency(v.limits.Store)
	switch {
	case done:
		v.after(took, func() { v.ended(false) })
	case try == v.limits.SendTries:
		v.after(took, func() { v.ended(true) })
	default:
		wait := took + v.backoff(try)
		if v.now+wait >= v.deadline {
			v.after(v.deadline-v.now, func() { v.ended(true) })
			return
		}
		v.after(wait, func() { v.tryRead(try + 1) })
	}
}

func (v *visit) ended(failed bool) {
	v.read.done, v.read.failed = true, failed
	if v.read.awaited {
		v.read.awaited = false
		v.resume()
	}
}

// awaitRead waits for the read, if it was begun and is under way.
func (v *visit) awaitRead() {
	if v.read.begun && !v.read.done {
		v.read.awaited = true
		v.yield(parked)
	}
}

// Credential returns the visit itself at once: the gate calls it in a goroutine
// of its own, where nothing of the simulation may be touched. What the read costs
// is waited for in Compare, which is the next that the gate does with it.
func (v *visit) Credential(context.Context, lockout.Key) (*visit, error) { return v, nil }

// Known reports whether there is such a user.
func (v *visit) Known() bool { return v.known }

// Compare takes the time of a hash, once the user is read.
func (v *visit) Compare(context.Context, string) (bool, error) {
	v.awaitRead()
	if v.read.failed || v.now >= v.deadline {
		return false, errThrottled
	}
	v.pass(v.limits.Hash)
	v.compare(v.user, v.generation)
	v.compared = true
	if v.now >= v.deadline {
		return false, errThrottled
	}
	return v.right, nil
}
