package embedded

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"portcullis/internal/lockout"
)

// errMaximum says that a number may not be a client's maximum.
var errMaximum = fmt.Errorf("the maximum must be from %d to %d", lockout.MinMaximum, lockout.MaxMaximum)

// Policies keeps what each client decided about failed logins. It implements
// lockout.Maximums too, without a cache: a change is in force at once.
type Policies struct {
	store *Store
	now   func() time.Time
}

// policy is a lockout.Policy as it is stored.
type policy struct {
	Maximum   int       `json:"max_failed_login_attempts_portal"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
}

// Policy returns the policy of a client: as stored, or the default.
func (p *Policies) Policy(ctx context.Context, client string) (found lockout.Policy, err error) {
	err = p.store.view(ctx, func(tx *bbolt.Tx) (err error) {
		found, err = readPolicy(tx, client)
		return err
	})
	if err != nil {
		return lockout.Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	return found, nil
}

// Maximum returns the maximum in force for a client, and the default when it
// cannot be read.
func (p *Policies) Maximum(ctx context.Context, client string) int {
	found, err := p.Policy(ctx, client)
	if err != nil || !lockout.ValidMaximum(found.Maximum) {
		return lockout.DefaultMaximum
	}
	return found.Maximum
}

// Set makes the maximum the client's own and returns the policy it made. When a
// version is given and is not the current one, the error is a
// *lockout.ConflictError with the current policy.
func (p *Policies) Set(ctx context.Context, client string, maximum int, version *int64, by string) (lockout.Policy, error) {
	if !lockout.ValidMaximum(maximum) {
		return lockout.Policy{}, errMaximum
	}
	return p.change(ctx, client, func(tx *bbolt.Tx, current lockout.Policy) (lockout.Policy, error) {
		if version != nil && *version != current.Version {
			return current, &lockout.ConflictError{Current: current}
		}
		next := policy{
			Maximum: maximum, Version: current.Version + 1,
			UpdatedAt: p.now().UTC().Truncate(time.Millisecond), UpdatedBy: by,
		}
		return next.toPolicy(), put(tx, policiesBucket, client, next)
	})
}

// Clear forgets the client's own maximum and returns the default policy.
func (p *Policies) Clear(ctx context.Context, client, by string) (lockout.Policy, error) {
	return p.change(ctx, client, func(tx *bbolt.Tx, _ lockout.Policy) (lockout.Policy, error) {
		return lockout.DefaultPolicy(), tx.Bucket([]byte(policiesBucket)).Delete([]byte(client))
	})
}

// change replaces a policy by what next makes of the current one. A conflict is
// an answer, not a failure of the transaction.
func (p *Policies) change(
	ctx context.Context, client string, next func(*bbolt.Tx, lockout.Policy) (lockout.Policy, error),
) (lockout.Policy, error) {
	var made lockout.Policy
	var conflict *lockout.ConflictError
	err := p.store.write(ctx, func(tx *bbolt.Tx) (bool, error) {
		conflict = nil
		current, err := readPolicy(tx, client)
		if err != nil {
			return false, err
		}
		made, err = next(tx, current)
		if errors.As(err, &conflict) {
			return false, nil
		}
		return true, err
	})
	if err != nil {
		return lockout.Policy{}, fmt.Errorf("changing policy: %w", err)
	}
	if conflict != nil {
		return lockout.Policy{}, conflict
	}
	return made, nil
}

func readPolicy(tx *bbolt.Tx, client string) (lockout.Policy, error) {
	var stored policy
	found, err := get(tx, policiesBucket, client, &stored)
	if err != nil || !found {
		return lockout.DefaultPolicy(), err
	}
	return stored.toPolicy(), nil
}

func (stored policy) toPolicy() lockout.Policy {
	return lockout.Policy{
		Maximum: stored.Maximum, Source: lockout.SourceClient, Version: stored.Version,
		UpdatedAt: stored.UpdatedAt, UpdatedBy: stored.UpdatedBy,
	}
}
