package lockout_test

import (
	"fmt"
	"reflect"
	"slices"

	"portcullis/internal/lockout"
)

// brokenStep returns how a single step breaks the rule, or nothing.
func brokenStep(before lockout.Record, t lockout.Transition, result lockout.Result) string {
	after := result.Record
	switch broken := ""; {
	case result.Outcome != lockout.Applied && !reflect.DeepEqual(before, after):
		return fmt.Sprintf("%T is refused as %s and changes the record", t, result.Outcome)
	case result.Outcome != lockout.Applied && result.Event != nil:
		return fmt.Sprintf("%T is refused as %s with an audit entry", t, result.Outcome)
	case result.Outcome != lockout.Applied:
		return ""
	default:
		if broken = brokenRecord(after); broken == "" {
			broken = brokenEffect(before, t, result)
		}
		if broken == "" {
			broken = brokenEvent(before, t, result)
		}
		return broken
	}
}

// brokenRecord returns why there may be no such record.
func brokenRecord(r lockout.Record) string {
	sorted := slices.Sorted(slices.Values(r.InFlight))
	switch {
	case r.Charged != r.Failed+len(r.InFlight):
		return "charged is not failed + in flight"
	case len(slices.Compact(sorted)) != len(r.InFlight):
		return "an attempt is in flight twice"
	case slices.ContainsFunc(r.Evidence, func(e lockout.Evidence) bool { return slices.Contains(r.InFlight, e.AttemptID) }):
		return "an attempt is in flight that is settled: a store that asks for no more counts it twice"
	case len(r.Evidence) != r.Failed:
		return "there is not one evidence for each failure"
	case r.Locked() != !r.LockedAt.IsZero():
		return "a lock and its time are not together"
	case r.Check() != nil:
		return "the stores would not read it: " + r.Check().Error()
	}
	return ""
}

// brokenEffect returns what a step may not do to any record.
func brokenEffect(before lockout.Record, t lockout.Transition, result lockout.Result) string {
	after := result.Record
	unlock, unlocks := t.(lockout.Unlock)
	_, succeeds := t.(lockout.Succeed)
	next := lockout.Record{Generation: before.Generation + 1, Reclaims: before.Reclaims}
	switch {
	case unlocks && (unlock.Seen.LockID != before.LockID || unlock.Seen.Generation != before.Generation || unlock.Seen.Failed != before.Failed):
		return "an unlock clears what its maker did not see"
	case before.Locked() && !unlocks && after.LockID != before.LockID:
		return "a lock ends, or changes, without an unlock"
	case (unlocks || succeeds) && !reflect.DeepEqual(next, after):
		return "more than the generation is left of what was cleared"
	case !unlocks && !succeeds && after.Generation != before.Generation:
		return "a generation begins without an unlock or a success"
	case !unlocks && !succeeds && after.Failed < before.Failed:
		return "a failure is forgotten"
	}
	fail, fails := t.(lockout.Fail)
	switch {
	case fails && after.Failed != before.Failed+1:
		return "a failure does not count as one"
	case fails && after.Locked() != (after.Failed >= fail.Maximum):
		return "a failure locks before the maximum, or does not at it"
	case !fails && !before.Locked() && after.Locked():
		return "something locks that is no failure"
	case !fails && after.Failed > before.Failed:
		return "something counts that is no failure"
	}
	return ""
}

// brokenEvent returns what is wrong with the audit entry of an applied step.
func brokenEvent(before lockout.Record, t lockout.Transition, result lockout.Result) string {
	e := result.Event
	_, unlocks := t.(lockout.Unlock)
	locks := !before.Locked() && result.Record.Locked()
	cleared, lock := result.Record, result.Record.LockID
	if unlocks {
		cleared, lock = before, before.LockID
	}
	switch {
	case (e != nil) != (locks || unlocks):
		return "an audit entry is missing, or is of nothing"
	case e == nil:
		return ""
	case e.LockID != lock || e.Failed != cleared.Failed || !reflect.DeepEqual(e.Evidence, cleared.Evidence):
		return "an audit entry does not tell what was locked or cleared"
	}
	return ""
}
