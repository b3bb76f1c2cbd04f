package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// What the second audit entry of a policy change says, which is written only
// when the store did not take the change.
const (
	outcomeNotApplied = "not_applied"
	// outcomeUnknown: the store did not answer the write, and the question what
	// became of it got no answer, or one that came too soon to be the last word.
	outcomeUnknown = "unknown"
)

// What is done after a policy change has failed is bounded step by step, so that
// a store that hangs leaves the trail its time. Both steps and the answer must
// fit into the shortest timeout of a function, 3 s (template.yaml), and leave
// the change itself half of it.
const (
	// askTime bounds the question what became of the change.
	askTime = 500 * time.Millisecond
	// secondEntryTime bounds writing down what the store said to that.
	secondEntryTime = 500 * time.Millisecond
)

// A policyChange is a change of the policy with its audit entry. The entry
// comes first, because Parameter Store and DynamoDB share no transaction: a
// change that nobody can account for is worse than an entry too many.
type policyChange struct {
	policies PolicyReader
	trail    Appender
	newID    func() string
	entry    audit.Entry // without an id
	before   lockout.Policy
	write    func(context.Context) (lockout.Policy, error)
	// took reports whether the policy is what write was to make of it.
	took func(now lockout.Policy) bool
}

// make writes the entry, then the policy, and answers with the policy. Both
// end early enough before the deadline of ctx for afterFailure: a function that is
// stopped at its timeout could not say what became of the change.
func (c policyChange) make(ctx context.Context, n *note) (any, error) {
	inTime, cancel := endingBefore(ctx, askTime+secondEntryTime)
	defer cancel()
	if err := c.append(inTime, ""); err != nil {
		return nil, err
	}
	after, err := c.write(inTime)
	if err != nil {
		after, err = c.afterFailure(ctx, n, err)
	}
	if err != nil {
		return nil, shown(c.entry.Client, err)
	}
	n.Event = policyChanged
	return policyAnswerOf(c.entry.Client, after), nil
}

// afterFailure finds out what became of a write whose answer was an error: it
// may have been made all the same. If it was not, the trail is told so. A caller
// who has left does not end it.
func (c policyChange) afterFailure(ctx context.Context, n *note, failed error) (lockout.Policy, error) {
	ctx = context.WithoutCancel(ctx)
	outcome := outcomeNotApplied
	now, err := c.ask(ctx)
	switch {
	case err != nil:
		outcome = outcomeUnknown
	case c.took(now):
		return now, nil
	case errors.Is(failed, context.DeadlineExceeded):
		outcome = outcomeUnknown // it may still be on its way
	}
	ctx, cancel := context.WithTimeout(ctx, secondEntryTime)
	defer cancel()
	n.Trouble = c.append(ctx, outcome)
	return lockout.Policy{}, failed
}

func (c policyChange) ask(ctx context.Context) (lockout.Policy, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	return c.policies.Policy(ctx, c.entry.Client)
}

func (c policyChange) append(ctx context.Context, outcome string) error {
	entry := c.entry
	entry.ID, entry.Details.Outcome = c.newID(), outcome
	if err := c.trail.Append(ctx, entry); err != nil {
		return fmt.Errorf("writing audit entry: %w", err)
	}
	return nil
}
