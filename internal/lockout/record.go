package lockout

import (
	"fmt"
	"slices"
	"time"
)

// A Record is what is stored about the attempts of one user. The zero Record
// is that of a user nobody has tried yet. Always
// Charged == Failed + len(InFlight); it is stored because a DynamoDB condition
// cannot add.
type Record struct {
	// Generation grows each time the count is cleared, by a success or an
	// unlock. A charge belongs to the generation it was made in.
	Generation int64
	// Reclaims counts how often charges were taken for dead. It grows through all
	// generations: an attempt that finds it as its own charge left it was not
	// among them, however long it slept and whatever the clocks said.
	Reclaims int64
	// InFlight is the set of attempts that are charged and not settled.
	InFlight []string
	// Charged counts the attempts taken out of the budget.
	Charged int
	// ChargedAt is when the latest attempt was charged, to the millisecond.
	ChargedAt time.Time
	// Failed counts the settled failures, 0 to 9.
	Failed int
	// Evidence tells of each settled failure, oldest first.
	Evidence []Evidence
	// LockID is the audit entry that recorded the lock; empty when the user
	// is not locked.
	LockID string
	// LockedAt is when the lock was written, to the millisecond.
	LockedAt time.Time
	// ExpiresAt is when a store may drop the record, to the second; zero for
	// never. Only records of unknown users expire, and nothing is ever decided
	// by a record's absence.
	ExpiresAt time.Time
}

// Evidence is what is kept of one failed attempt.
type Evidence struct {
	AttemptID string
	At        time.Time // UTC, to the millisecond
	SourceIP  string
	UserAgent string
}

// Locked reports whether the user is locked out. Login, the list of users and
// the console all ask this one function.
func (r Record) Locked() bool { return r.LockID != "" }

// Check returns an error if no transitions can have made the record: what a store
// holds may have been written by somebody else, and then nothing may be decided
// on it. A budget that does not add up would let more passwords be compared than
// it holds, and half a lock is no lock to [Record.Locked].
func (r Record) Check() error {
	inFlight := slices.Sorted(slices.Values(r.InFlight))
	for _, rule := range []struct {
		broken bool
		says   string
	}{
		{r.Charged != r.Failed+len(r.InFlight), "the charges are not the failures and what is in flight"},
		{len(slices.Compact(inFlight)) != len(r.InFlight), "an attempt is in flight twice"},
		{len(r.InFlight) > 0 && r.ChargedAt.IsZero(), "an attempt is in flight that was charged at no time"},
		{r.Failed < 0 || r.Failed > MaxMaximum, "no maximum allows so many failures"},
		{len(r.Evidence) != r.Failed, "the evidence is not of the failures"},
		{r.Locked() == r.LockedAt.IsZero(), "there is half a lock"},
		{r.Locked() && r.Failed == 0, "there is a lock without a failure"},
		{r.Generation < 0, "the generation is before the first"},
		{r.Reclaims < 0, "there are fewer reclaims than none"},
	} {
		if rule.broken {
			return fmt.Errorf("%w: %s", ErrBroken, rule.says)
		}
	}
	return nil
}

// inFlight reports whether the attempt is charged and not settled.
func (r Record) inFlight(id string) bool { return slices.Contains(r.InFlight, id) }

// holdsEvidence reports whether the attempt is settled as failed.
func (r Record) holdsEvidence(id string) bool {
	return slices.ContainsFunc(r.Evidence, func(e Evidence) bool { return e.AttemptID == id })
}

// without returns the record with one attempt out of the set in flight. It
// copies the set: a Record's slices are shared and never written to.
func (r Record) without(id string) Record {
	r.InFlight = slices.DeleteFunc(slices.Clone(r.InFlight), func(s string) bool { return s == id })
	if len(r.InFlight) == 0 {
		r.InFlight = nil
	}
	return r
}

// next returns the empty record of the following generation.
func (r Record) next() Record { return Record{Generation: r.Generation + 1, Reclaims: r.Reclaims} }

// passed says why a record refuses the verdict of another generation's charge.
// If it saw a reclaim since, the charge may have been taken back before its
// generation ended, and somebody else have had the place.
func (r Record) passed(reclaims int64) Outcome {
	if r.Reclaims != reclaims {
		return RefusedReclaimed
	}
	return RefusedSuperseded
}
