package lockout

import (
	"errors"
	"fmt"
)

// ErrUnavailable says that a store or the token mint gave no usable answer.
// Every implementation of an interface of this project wraps the failures of
// its backend in it, so that a caller can tell an outage from a bug. When it
// comes from an attempt, no verdict may be spoken.
var ErrUnavailable = errors.New("unavailable")

// ErrNotFound says that there is no such user or client.
var ErrNotFound = errors.New("not found")

// ErrBroken says that a record is none that the rule can have made. See
// [Record.Check].
var ErrBroken = errors.New("broken attempt record")

// A ConflictError says that what the caller saw is no longer so: another lock,
// another version of the policy, or a user who exists already.
type ConflictError struct {
	// Current is what holds now: a lock id, a policy or nothing. It is shown
	// to the caller.
	Current any
}

// Error names what holds now.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("conflict: current is %v", e.Current)
}
