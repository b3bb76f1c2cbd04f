package policy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"portcullis/internal/lockout"
)

// ErrOutOfRange says that a maximum is not a number from 1 to 9.
var ErrOutOfRange = errors.New("maximum out of range 1 to 9")

// allowedPattern makes SSM itself refuse any other value, also one typed into
// its console.
const allowedPattern = "^[1-9]$"

// setBy begins the description of a parameter; the actor follows.
const setBy = "set by "

const (
	// readBackTime bounds the look at a change that is made already.
	readBackTime = 2 * time.Second
	// readBackMargin is what must be left after it for answering: without that
	// much time, the change is not looked at.
	readBackMargin = 250 * time.Millisecond
)

// A Store keeps policies in the SSM Parameter Store. It is safe for concurrent
// use. Every failure of SSM wraps [lockout.ErrUnavailable]. The names of clients
// must be well-formed; whether they exist is not asked.
type Store struct {
	ssm   *ssm.Client
	stage string
}

// New returns the store of one stage, such as "prod".
func New(ssm *ssm.Client, stage string) *Store { return &Store{ssm: ssm, stage: stage} }

func (s *Store) parameter(client string) string {
	return "/portcullis/" + s.stage + "/clients/" + client + "/security/max-failed-login-attempts-portal"
}

// Maximum returns the number in force: the one that is set, else
// [lockout.DefaultMaximum]. If what is set is not a number from 1 to 9, it
// returns the default with an error that wraps [ErrOutOfRange]. It is one
// request to SSM; [Cache] makes it seldom.
func (s *Store) Maximum(ctx context.Context, client string) (int, error) {
	found, err := s.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(s.parameter(client))})
	if missing(err) {
		return lockout.DefaultMaximum, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading maximum: %w", unavailable(err))
	}
	return parseMaximum(aws.ToString(found.Parameter.Value))
}

// parseMaximum takes what SSM holds: one digit and nothing else.
func parseMaximum(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || len(value) != 1 || !lockout.ValidMaximum(n) {
		return lockout.DefaultMaximum, fmt.Errorf("reading maximum %.20q: %w", value, ErrOutOfRange)
	}
	return n, nil
}

// Policy returns a client's policy with who set it and when, from the history
// of the parameter; [lockout.DefaultPolicy] while nothing is set. A stored
// value out of range shows as the default that it counts as.
func (s *Store) Policy(ctx context.Context, client string) (lockout.Policy, error) {
	pages := ssm.NewGetParameterHistoryPaginator(s.ssm, &ssm.GetParameterHistoryInput{
		Name: aws.String(s.parameter(client)),
	})
	newest := lockout.DefaultPolicy()
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return lockout.DefaultPolicy(), nil
		}
		if err != nil {
			return lockout.Policy{}, fmt.Errorf("reading policy: %w", unavailable(err))
		}
		for _, p := range page.Parameters {
			if p.Version > newest.Version {
				newest = readPolicy(p)
			}
		}
	}
	return newest, nil
}

func readPolicy(p types.ParameterHistory) lockout.Policy {
	maximum, _ := parseMaximum(aws.ToString(p.Value))
	by, _ := strings.CutPrefix(aws.ToString(p.Description), setBy)
	return lockout.Policy{
		Maximum: maximum, Source: lockout.SourceClient, Version: p.Version,
		UpdatedAt: wholeSeconds(aws.ToTime(p.LastModifiedDate)), UpdatedBy: by,
	}
}

// Set sets a client's maximum and returns the new policy. version is the one
// the caller saw (0: nothing was set), or nil for whatever is there; if it is
// not the current one, the error is a [lockout.ConflictError] with the current
// [lockout.Policy]. A maximum out of range is [ErrOutOfRange] and never reaches
// SSM. by is "client/username".
func (s *Store) Set(ctx context.Context, client string, maximum int, version *int64, by string) (lockout.Policy, error) {
	if !lockout.ValidMaximum(maximum) {
		return lockout.Policy{}, fmt.Errorf("setting maximum %d: %w", maximum, ErrOutOfRange)
	}
	if version != nil {
		current, err := s.Policy(ctx, client)
		if err != nil {
			return lockout.Policy{}, err
		}
		if current.Version != *version {
			return lockout.Policy{}, &lockout.ConflictError{Current: current}
		}
	}
	mustBeNew := version != nil && *version == 0
	put, err := s.put(ctx, client, maximum, by, !mustBeNew)
	if exists := (*types.ParameterAlreadyExists)(nil); errors.As(err, &exists) {
		return s.settleCreation(ctx, client, maximum, by)
	}
	if err != nil {
		return lockout.Policy{}, fmt.Errorf("setting maximum: %w", unavailable(err))
	}
	return lockout.Policy{
		Maximum: maximum, Source: lockout.SourceClient, Version: put.Version,
		UpdatedAt: s.changedAt(ctx, client, put), UpdatedBy: by,
	}, nil
}

func (s *Store) put(ctx context.Context, client string, maximum int, by string, overwrite bool) (*ssm.PutParameterOutput, error) {
	return s.ssm.PutParameter(ctx, &ssm.PutParameterInput{
		Name:           aws.String(s.parameter(client)),
		Value:          aws.String(strconv.Itoa(maximum)),
		Description:    aws.String(setBy + by),
		AllowedPattern: aws.String(allowedPattern),
		Type:           types.ParameterTypeString,
		Tier:           types.ParameterTierStandard,
		Overwrite:      aws.Bool(overwrite),
	})
}

// settleCreation tells what a refused creation means. A first version that says
// just what we asked for is ours, from a request whose answer was lost.
func (s *Store) settleCreation(ctx context.Context, client string, maximum int, by string) (lockout.Policy, error) {
	current, err := s.Policy(ctx, client)
	if err != nil {
		return lockout.Policy{}, err
	}
	if current.Version == 1 && current.Maximum == maximum && current.UpdatedBy == by {
		return current, nil
	}
	return lockout.Policy{}, &lockout.ConflictError{Current: current}
}

// changedAt returns when SSM made a change, as [Store.Policy] will tell it. The
// answer to the change does not hold the time, so the policy is read again. When
// there is no time for that, or it fails, or shows another change, it is the
// time of SSM's answer: the change is made, so this must not become an error.
func (s *Store) changedAt(ctx context.Context, client string, put *ssm.PutParameterOutput) time.Time {
	answered, _ := awsmiddleware.GetServerTime(put.ResultMetadata)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < readBackTime+readBackMargin {
		return wholeSeconds(answered)
	}
	ctx, cancel := context.WithTimeout(ctx, readBackTime)
	defer cancel()
	if made, err := s.Policy(ctx, client); err == nil && made.Version == put.Version {
		return made.UpdatedAt
	}
	return wholeSeconds(answered)
}

// wholeSeconds is how exactly SSM's times are told: the time of an answer, its
// Date header, has no more.
func wholeSeconds(at time.Time) time.Time { return at.UTC().Truncate(time.Second) }

// Clear goes back to the default, which it returns. Nothing set is fine. SSM
// keeps no trace of who cleared it, so by is for the audit trail's sake alone.
func (s *Store) Clear(ctx context.Context, client, by string) (lockout.Policy, error) {
	_, err := s.ssm.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String(s.parameter(client))})
	if err != nil && !missing(err) {
		return lockout.Policy{}, fmt.Errorf("clearing maximum: %w", unavailable(err))
	}
	return lockout.DefaultPolicy(), nil
}

func missing(err error) bool {
	notFound := (*types.ParameterNotFound)(nil)
	return errors.As(err, &notFound)
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", lockout.ErrUnavailable, err) }
