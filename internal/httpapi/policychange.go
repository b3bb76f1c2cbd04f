package httpapi

import (
	"context"
	"fmt"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// What the second audit entry of a policy change says, which is written only
// when the store did not take the change.
const (
	outcomeNotApplied = "not_applied"
	// outcomeUnknown: the store answered neither the write nor the question
	// what became of it.
	outcomeUnknown = "unknown"
)

// followUpTime bounds what is done after a policy change has failed: asking
// what became of it and writing that down.
const followUpTime = 3 * time.Second

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

// make writes the entry, then the policy, and answers with the policy.
func (c policyChange) make(ctx context.Context, n *note) (any, error) {
	if err := c.append(ctx, ""); err != nil {
		return nil, err
	}
	after, err := c.write(ctx)
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
// may have been made all the same. If it was not, the trail is told so.
func (c policyChange) afterFailure(ctx context.Context, n *note, failed error) (lockout.Policy, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), followUpTime)
	defer cancel()
	outcome := outcomeNotApplied
	now, err := c.policies.Policy(ctx, c.entry.Client)
	switch {
	case err != nil:
		outcome = outcomeUnknown
	case c.took(now):
		return now, nil
	}
	n.Trouble = c.append(ctx, outcome)
	return lockout.Policy{}, failed
}

func (c policyChange) append(ctx context.Context, outcome string) error {
	entry := c.entry
	entry.ID, entry.Details.Outcome = c.newID(), outcome
	if err := c.trail.Append(ctx, entry); err != nil {
		return fmt.Errorf("writing audit entry: %w", err)
	}
	return nil
}
