package lockout

import (
	"context"
	"time"
)

// Attempts keeps the records.
//
// An implementation MUST make each transition one atomic conditional write,
// with its event in the same transaction where the result has one, and MUST
// have it durable before it returns. It MUST return the outcome that the
// transition's own Apply gives on the record it found. Any transition may be
// sent twice: an implementation may retry a write whose answer was lost, since
// attempt ids make that safe. A key that is not stored has the zero Record.
//
// Errors wrap [ErrUnavailable]; after one, whether the write took effect is
// unknown. Implementations are safe for concurrent use.
type Attempts interface {
	// Apply runs one transition.
	Apply(ctx context.Context, key Key, t Transition) (Result, error)
	// Read returns the record, reading every write that was answered before.
	Read(ctx context.Context, key Key) (Record, error)
}

// Credentials finds what a password is compared with.
type Credentials[C Credential] interface {
	// Credential returns the user's credential, as last written. An unknown
	// user is not an error: it MUST give a credential that costs as much to
	// compare and never matches. Errors wrap [ErrUnavailable].
	Credential(ctx context.Context, key Key) (C, error)
}

// A Credential compares passwords.
type Credential interface {
	// Known reports whether there is such a user.
	Known() bool
	// Compare reports whether the password is the right one, in the same time
	// either way. An error means that it could not be compared, and is our
	// fault.
	Compare(ctx context.Context, password string) (bool, error)
}

// A Glance tells of a locked user for less than a refused charge costs. It is
// taken before anything is charged or read, so it can only refuse.
type Glance interface {
	// SeesLocked reports whether the user is locked. What it goes by MUST have been
	// so within the last second or so; where it does not know, or cannot tell, it
	// reports false and costs the attempt no more than time.
	SeesLocked(ctx context.Context, key Key) bool
	// SawLocked is told of each user whom a charge or a settlement found locked.
	SawLocked(key Key)
}

// A Clock is the time, as the gate sees it.
type Clock interface {
	// Now returns the time.
	Now() time.Time
	// Sleep returns after d, or with the context's error if that ends first.
	Sleep(ctx context.Context, d time.Duration) error
}
