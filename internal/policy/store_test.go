package policy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
	"portcullis/internal/policy"
)

func TestStore(t *testing.T) {
	newID := lockouttest.IDs()
	lockouttest.TestPolicies(t, func(t *testing.T) lockouttest.Policies {
		return policy.New(ssm.NewFromConfig(lockouttest.AWS(t)), newID())
	})
}

// A fixture is an empty stage of the store, with a wire and SSM beside it.
type fixture struct {
	*policy.Store
	ssm       *ssm.Client
	wire      *lockouttest.Wire
	parameter string // of the client acme
}

func open(t *testing.T) fixture {
	t.Helper()
	wire := new(lockouttest.Wire)
	client := ssm.NewFromConfig(lockouttest.AWS(t), func(o *ssm.Options) { o.HTTPClient = wire })
	stage := lockouttest.IDs()()
	return fixture{
		Store: policy.New(client, stage), ssm: client, wire: wire,
		parameter: "/portcullis/" + stage + "/clients/acme/security/max-failed-login-attempts-portal",
	}
}

// put writes the parameter as somebody with rights in SSM could.
func (f fixture) put(t *testing.T, value string) {
	t.Helper()
	_, err := f.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &f.parameter, Value: &value, Type: types.ParameterTypeString, Overwrite: aws.Bool(true),
		AllowedPattern: aws.String("^[1-9]$"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSetWritesOneDigitThatSSMItselfChecks(t *testing.T) {
	f := open(t)
	if _, err := f.Set(t.Context(), "acme", 7, nil, "acme/root"); err != nil {
		t.Fatal(err)
	}
	found, err := f.ssm.GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{Name: &f.parameter})
	if err != nil {
		t.Fatal(err)
	}
	p := found.Parameters[0]
	got := []string{aws.ToString(p.Value), string(p.Type), string(p.Tier), aws.ToString(p.Description)}
	if diff := cmp.Diff(got, []string{"7", "String", "Standard", "set by acme/root"}); diff != "" {
		t.Errorf("parameter: got -, want +:\n%s", diff)
	}
	if sent := f.wire.Take()[0].Sent; !strings.Contains(sent, `"AllowedPattern":"^[1-9]$"`) {
		t.Errorf("request: got %s, want the pattern ^[1-9]$", sent)
	}
}

func TestMaximumIsWhatIsSet(t *testing.T) {
	f := open(t)
	for _, want := range []int{lockout.DefaultMaximum, 1, 9} {
		if want != lockout.DefaultMaximum {
			f.put(t, fmt.Sprint(want))
		}
		if got, err := f.Maximum(t.Context(), "acme"); err != nil || got != want {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
}

// MiniStack does not enforce AllowedPattern, so it takes each of these values
// although the pattern refuses them. Our own code must not lean on it: what is
// out of range counts as 5, and the caller is told.
func TestAStoredValueOutOfRangeCountsAsTheDefault(t *testing.T) {
	f := open(t)
	values := []string{"0", "10", "-1", "+5", "05", "5.0", " 7", "7\n", "unlimited", "null", "\u0667", "9223372036854775808"}
	for i, value := range values {
		f.put(t, value)
		if got, err := f.Maximum(t.Context(), "acme"); got != lockout.DefaultMaximum || !errors.Is(err, policy.ErrOutOfRange) {
			t.Errorf("%q: got %d, %v, want 5 and ErrOutOfRange", value, got, err)
		}
		got, err := f.Policy(t.Context(), "acme")
		if err != nil || got.Maximum != lockout.DefaultMaximum || got.Version != int64(i+1) {
			t.Errorf("%q: got %+v, %v, want 5 at version %d", value, got, err, i+1)
		}
	}
}

func TestSetRefusesWhatSSMWouldHaveRefused(t *testing.T) {
	f := open(t)
	for _, maximum := range []int{0, 10, -1} {
		if _, err := f.Set(t.Context(), "acme", maximum, nil, "acme/root"); !errors.Is(err, policy.ErrOutOfRange) {
			t.Errorf("%d: got %v, want ErrOutOfRange", maximum, err)
		}
	}
	if requests := f.wire.Take(); len(requests) > 0 {
		t.Errorf("requests: got %v, want none", requests)
	}
}

// SSM keeps a hundred versions and answers fifty at a time, oldest first.
func TestPolicyIsTheNewestOfALongHistory(t *testing.T) {
	f := open(t)
	const versions = 60
	for i := range versions {
		f.put(t, fmt.Sprint(1+i%9))
	}
	made, err := f.Set(t.Context(), "acme", 8, aws.Int64(versions), "acme/root")
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Policy(t.Context(), "acme")
	if err != nil || got.Version != versions+1 || got.Maximum != 8 || got.UpdatedBy != "acme/root" {
		t.Errorf("got %+v, %v, want %+v", got, err, made)
	}
}

func TestAChangeAnswersWithTheTimeThatIsReadLater(t *testing.T) {
	f := open(t)
	for version := range int64(3) {
		made, err := f.Set(t.Context(), "acme", 7, &version, "acme/root")
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Policy(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, made); diff != "" || made.UpdatedAt.Nanosecond() != 0 {
			t.Errorf("set at %v, want whole seconds; read -, answered +:\n%s", made.UpdatedAt, diff)
		}
	}
}

func TestAChangeThatCannotBeReadBackHasTheTimeOfItsAnswer(t *testing.T) {
	wire := new(lockouttest.Wire)
	wire.Lose("GetParameterHistory")
	store := policy.New(ssm.NewFromConfig(lockouttest.AWS(t), func(o *ssm.Options) {
		o.HTTPClient, o.RetryMaxAttempts = wire, 1
	}), lockouttest.IDs()())
	made, err := store.Set(t.Context(), "acme", 7, nil, "acme/root")
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(made.UpdatedAt); age < 0 || age > time.Minute || made.UpdatedAt.Nanosecond() != 0 {
		t.Errorf("set at %v, want a whole second just now", made.UpdatedAt)
	}
	var operations []string
	for _, exchange := range wire.Take() {
		operations = append(operations, exchange.Operation)
	}
	if diff := cmp.Diff(operations, []string{"PutParameter", "GetParameterHistory"}); diff != "" {
		t.Errorf("operations: got -, want +:\n%s", diff)
	}
}

// A writeOnlySSM takes every change as version 1, and never answers a question.
type writeOnlySSM struct{ operations []string }

func (s *writeOnlySSM) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	s.operations = append(s.operations, operation)
	if operation != "PutParameter" {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"Version": 1}`)),
		Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}},
	}, nil
}

func TestAChangeIsReadBackOnlyIfThereIsTime(t *testing.T) {
	readBack := []string{"PutParameter", "GetParameterHistory"}
	tests := []struct {
		name       string
		deadline   time.Duration // of the change; zero for none
		took       time.Duration
		operations []string
	}{
		{"a change without a deadline", 0, 2 * time.Second, readBack},
		{"a change with all its time", 10 * time.Second, 2 * time.Second, readBack},
		{"a change with just enough time", 2250 * time.Millisecond, 2 * time.Second, readBack},
		{"a change with too little time", 2249 * time.Millisecond, 0, readBack[:1]},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := lockouttest.AWS(t)
			synctest.Test(t, func(t *testing.T) {
				wire, ctx, began := new(writeOnlySSM), t.Context(), time.Now()
				store := policy.New(ssm.NewFromConfig(config, func(o *ssm.Options) { o.HTTPClient = wire }), "test")
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				made, err := store.Set(ctx, "acme", 7, nil, "acme/root")
				if took := time.Since(began); err != nil || took != test.took || !made.UpdatedAt.Equal(began) {
					t.Errorf("set at %v after %v, %v; want %v after %v", made.UpdatedAt, took, err, began, test.took)
				}
				if diff := cmp.Diff(wire.operations, test.operations); diff != "" {
					t.Errorf("operations (-got +want):\n%s", diff)
				}
			})
		})
	}
}

func TestAChangeWhoseAnswerWasLostIsMade(t *testing.T) {
	nothing := int64(0)
	for name, version := range map[string]*int64{"a creation": &nothing, "any version": nil} {
		t.Run(name, func(t *testing.T) {
			f := open(t)
			f.wire.Lose("PutParameter")
			made, err := f.Set(t.Context(), "acme", 7, version, "acme/root")
			if err != nil || made.Maximum != 7 || made.UpdatedBy != "acme/root" {
				t.Errorf("got %+v, %v, want 7", made, err)
			}
		})
	}
}

func TestEveryFailureOfSSMIsUnavailable(t *testing.T) {
	gone := policy.New(ssm.NewFromConfig(lockouttest.AWS(t), func(o *ssm.Options) {
		o.BaseEndpoint, o.RetryMaxAttempts = aws.String("http://127.0.0.1:1"), 1
	}), "test")
	version := int64(1)
	for name, call := range map[string]func(context.Context) error{
		"Maximum": func(ctx context.Context) error { _, err := gone.Maximum(ctx, "acme"); return err },
		"Policy":  func(ctx context.Context) error { _, err := gone.Policy(ctx, "acme"); return err },
		"Set":     func(ctx context.Context) error { _, err := gone.Set(ctx, "acme", 5, nil, "acme/root"); return err },
		"Set from a version": func(ctx context.Context) error {
			_, err := gone.Set(ctx, "acme", 5, &version, "acme/root")
			return err
		},
		"Clear": func(ctx context.Context) error { _, err := gone.Clear(ctx, "acme", "acme/root"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			if err := call(t.Context()); !errors.Is(err, lockout.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		})
	}
}
