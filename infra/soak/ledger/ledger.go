// Package ledger keeps what clients of Portcullis were told, and says whether one
// order of events explains all of it.
//
// Requests overlap, so what happened first is often unknown, and an answer that
// was lost may or may not have been preceded by its effect. The ledger therefore
// follows every state that a user may be in, as a checker of linearizability
// does: each request took effect at one moment between its beginning and its
// answer, or never if it got none. It knows the rule as the API tells it (the
// count, the maximum, the lock), and nothing of charges, stores and machines.
//
// The one decision a reader must know: a verdict of "wrong" or "welcome" need not
// have had an effect of its own if somebody else cleared the count between the
// request and its answer. That is the rule of the generations: such an attempt
// belongs to a count that is gone.
package ledger

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Kind is what a request is about.
type Kind string

// The kinds.
const (
	Attempt Kind = "login"
	Unlock  Kind = "unlock"
	Forget  Kind = "forget" // a creation or deletion of the user, after which nothing is left
	Read    Kind = "read"   // of the user's count and lock, or of one of them
)

// A Verdict is what an attempt was told; "" if nothing was heard.
type Verdict string

// The verdicts.
const (
	Unheard Verdict = ""
	Welcome Verdict = "welcome"
	Wrong   Verdict = "wrong"
	Locked  Verdict = "locked"
	Busy    Verdict = "busy"
)

// A Guess says what was known of an attempt's password when it was sent.
type Guess string

// The guesses. Of one that is Unsure, the password was being changed.
const (
	Good   Guess = "good"
	Bad    Guess = "bad"
	Unsure Guess = "unsure"
)

// Unknown stands for a count that was not told.
const Unknown = -1

// An Op is one request with its answer.
type Op struct {
	User string
	Kind Kind
	// Began is when the request was sent, and Ended when its answer was there,
	// or when it was given up. Both have monotonic readings of one process.
	Began, Ended time.Time
	// Heard says that there was an answer that tells what happened. One of 503
	// does not.
	Heard     bool
	RequestID string // of the answer; "" if there was none
	// Dead says that nothing of an unheard request is left to take effect: its
	// server was killed.
	Dead bool

	Verdict   Verdict // of an Attempt
	Guess     Guess   // of an Attempt
	Remaining int     // of a Wrong one

	Locked bool // what an Unlock found, or a Read
	Failed int  // the same, or Unknown
}

func (o Op) String() string {
	text := fmt.Sprintf("%s of %s", o.Kind, o.User)
	switch {
	case !o.Heard:
		return text + ": unheard"
	case o.Kind == Attempt:
		return fmt.Sprintf("%s: %s guess, %s, %d remaining", text, o.Guess, o.Verdict, o.Remaining)
	case o.Kind == Forget:
		return text
	}
	return fmt.Sprintf("%s: locked %t, %d failed", text, o.Locked, o.Failed)
}

// A Setting is a change of the client's maximum. Until one was heard, none is
// followed by another.
type Setting struct {
	Maximum      int
	Began, Ended time.Time
	Heard        bool
}

// Rules are what depends on the server.
type Rules struct {
	First int // the maximum before any Setting
	// Linger is how long a request may still take effect that was given up.
	Linger time.Duration
	// Spread is how long after a Setting the maximum before it may be in force.
	Spread time.Duration
	// Fallback is a maximum that may be in force at any time, since the real one
	// could not be read; 0 if there is none.
	Fallback int
	// Stuck is how long an unheard attempt may keep its place in the budget.
	Stuck time.Duration
	// Retries says that a server may lose the answer to a write of its own, try
	// again and find it made. Then it answers by what the record is by that time:
	// with a later count, a lock that others made, or a count that is gone.
	Retries bool
}

// A Ledger is safe for concurrent use.
type Ledger struct {
	mu       sync.Mutex
	ops      map[string][]Op
	settings []Setting
}

// New returns an empty ledger.
func New() *Ledger { return &Ledger{ops: make(map[string][]Op)} }

// Add writes an operation down.
func (l *Ledger) Add(o Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops[o.User] = append(l.ops[o.User], o)
}

// Set writes a setting down; they come one after the other.
func (l *Ledger) Set(s Setting) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings = append(l.settings, s)
}

// Users returns who is in the ledger, sorted.
func (l *Ledger) Users() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name := range l.ops {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Ops returns what is written of a user, in the order of their beginnings.
func (l *Ledger) Ops(user string) []Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	ops := slices.Clone(l.ops[user])
	slices.SortStableFunc(ops, func(a, b Op) int { return a.Began.Compare(b.Began) })
	return ops
}

// maxima returns the maximums that may have been in force in some moment of an
// attempt, ascending.
func (l *Ledger) maxima(r Rules, o Op) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	possible := []int{r.First}
	for _, s := range l.settings {
		if s.Began.After(o.Ended) {
			break
		}
		if s.Heard && s.Ended.Add(r.Spread).Before(o.Began) {
			possible = possible[:0]
		}
		possible = append(possible, s.Maximum)
	}
	if r.Fallback > 0 {
		possible = append(possible, r.Fallback)
	}
	slices.Sort(possible)
	return slices.Compact(possible)
}
