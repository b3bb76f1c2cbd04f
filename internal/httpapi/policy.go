package httpapi

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis/internal/audit"
	"portcullis/internal/lockout"
)

// GetPolicy answers GET /clients/{client}/policy.
func GetPolicy(e Edge, policies PolicyReader) Handler {
	return serve(e, endpoint{route: "GET /clients/{client}/policy"}, func(ctx context.Context, r *request[empty]) (any, error) {
		policy, err := policies.Policy(ctx, r.Client)
		if err != nil {
			return nil, err
		}
		return policyAnswerOf(r.Client, policy), nil
	})
}

// PutPolicy answers PUT /clients/{client}/policy.
func PutPolicy(e Edge, policies PolicyWriter, trail Appender, newID func() string) Handler {
	p := endpoint{route: "PUT /clients/{client}/policy", body: requiredBody}
	return serve(e, p, func(ctx context.Context, r *request[policyBody]) (any, error) {
		maximum, version := int(r.Body.Maximum.value), r.Body.Version.pointer()
		before, err := policies.Policy(ctx, r.Client)
		if err != nil {
			return nil, err
		}
		if version != nil && *version != before.Version {
			return nil, shown(r.Client, &lockout.ConflictError{Current: before})
		}
		c := policyChange{
			policies: policies, trail: trail, newID: newID, before: before,
			entry: policyEntry(r.Client, r.Caller.String(), r.origin, before.Maximum, maximum, e.Now()),
			write: func(ctx context.Context) (lockout.Policy, error) {
				return policies.Set(ctx, r.Client, maximum, version, r.Caller.String())
			},
			took: func(now lockout.Policy) bool {
				return now.Version > before.Version && now.Maximum == maximum && now.UpdatedBy == r.Caller.String()
			},
		}
		return c.make(ctx, r.note)
	})
}

// DeletePolicy answers DELETE /clients/{client}/policy.
func DeletePolicy(e Edge, policies PolicyWriter, trail Appender, newID func() string) Handler {
	p := endpoint{route: "DELETE /clients/{client}/policy"}
	return serve(e, p, func(ctx context.Context, r *request[empty]) (any, error) {
		before, err := policies.Policy(ctx, r.Client)
		if err != nil {
			return nil, err
		}
		c := policyChange{
			policies: policies, trail: trail, newID: newID, before: before,
			entry: policyEntry(r.Client, r.Caller.String(), r.origin, before.Maximum, lockout.DefaultMaximum, e.Now()),
			write: func(ctx context.Context) (lockout.Policy, error) {
				return policies.Clear(ctx, r.Client, r.Caller.String())
			},
			took: func(now lockout.Policy) bool {
				return before.Source == lockout.SourceClient && now.Source == lockout.SourceDefault
			},
		}
		return c.make(ctx, r.note)
	})
}

type policyBody struct {
	Maximum whole `json:"max_failed_login_attempts_portal"`
	Version whole `json:"version"`
}

func (b policyBody) check() []fault {
	var faults []fault
	switch {
	case !b.Maximum.given:
		faults = append(faults, fault{"max_failed_login_attempts_portal", "is required"})
	case b.Maximum.value < lockout.MinMaximum || b.Maximum.value > lockout.MaxMaximum:
		faults = append(faults, fault{"max_failed_login_attempts_portal",
			fmt.Sprintf("must be a whole number from %d to %d", lockout.MinMaximum, lockout.MaxMaximum)})
	}
	if b.Version.value < 0 {
		faults = append(faults, fault{"version", "must be 0 or more"})
	}
	return faults
}

type policyAnswer struct {
	Client    string `json:"client"`
	Maximum   int    `json:"max_failed_login_attempts_portal"`
	Source    string `json:"source"`
	Version   int64  `json:"version"`
	UpdatedAt string `json:"updated_at,omitzero"`
	UpdatedBy string `json:"updated_by,omitzero"`
}

func policyAnswerOf(client string, p lockout.Policy) policyAnswer {
	return policyAnswer{
		Client: client, Maximum: p.Maximum, Source: p.Source, Version: p.Version,
		UpdatedAt: stamp(p.UpdatedAt), UpdatedBy: p.UpdatedBy,
	}
}

// shown spells the policy of a conflict as an answer does.
func shown(client string, err error) error {
	var conflict *lockout.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	current, ok := conflict.Current.(lockout.Policy)
	if !ok {
		return err
	}
	return &lockout.ConflictError{Current: policyAnswerOf(client, current)}
}

func policyEntry(client, actor string, from origin, before, after int, at time.Time) audit.Entry {
	return audit.Entry{
		Client: client, At: at.UTC().Truncate(time.Millisecond), Action: audit.PolicyChanged, Actor: actor,
		SourceIP: from.SourceIP, RequestID: from.RequestID,
		Details: audit.Details{PreviousMaximum: before, Maximum: after},
	}
}
