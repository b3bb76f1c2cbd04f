package lockout

import (
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
func (r Record) next() Record { return Record{Generation: r.Generation + 1} }
