package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/audit"
	"portcullis/internal/httpapi"
	"portcullis/internal/lockout"
	"portcullis/internal/lockouttest"
)

// A policyAnswer is what a route of the policy answers with.
type policyAnswer = map[string]any

func policyOf(maximum, version int) policyAnswer {
	if version == 0 {
		return policyAnswer{
			"client": "acme", "max_failed_login_attempts_portal": float64(5), "source": "default", "version": float64(0),
		}
	}
	return policyAnswer{
		"client": "acme", "max_failed_login_attempts_portal": float64(maximum), "source": "client",
		"version": float64(version), "updated_at": "2026-11-23T10:00:00.123Z", "updated_by": "acme/root",
	}
}

func stored(maximum int, version int64) lockout.Policy {
	return lockout.Policy{
		Maximum: maximum, Source: lockout.SourceClient, Version: version, UpdatedAt: start, UpdatedBy: "acme/root",
	}
}

// anEntry is the audit entry of a policy change, with its number for an id.
func anEntry(before, after int, outcome string) audit.Entry {
	return audit.Entry{
		Client: "acme", At: start, Action: audit.PolicyChanged, Actor: "acme/root", SourceIP: "203.0.113.9",
		RequestID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
		Details:   audit.Details{PreviousMaximum: before, Maximum: after, Outcome: outcome},
	}
}

// entries returns the trail without the ids, which must differ.
func (w *world) entries(t *testing.T) []audit.Entry {
	t.Helper()
	seen := map[string]bool{}
	var all []audit.Entry
	for _, entry := range w.trail.entries {
		if entry.ID == "" || seen[entry.ID] {
			t.Errorf("id %q is empty or there already", entry.ID)
		}
		seen[entry.ID] = true
		entry.ID = ""
		all = append(all, entry)
	}
	return all
}

func TestThePolicyIsReadAndChanged(t *testing.T) {
	tests := []struct {
		name    string
		before  lockout.Policy
		event   string
		want    policyAnswer
		entries []audit.Entry
	}{
		{"read before anybody set it", lockout.DefaultPolicy(), "get", policyOf(5, 0), nil},
		{"read after somebody set it", stored(3, 2), "get", policyOf(3, 2), nil},
		{"set for the first time", lockout.DefaultPolicy(), "put-7", policyOf(7, 1), []audit.Entry{anEntry(5, 7, "")}},
		{"set again", stored(3, 2), "put-7", policyOf(7, 3), []audit.Entry{anEntry(3, 7, "")}},
		{"set over the version seen", stored(3, 3), "put-7-over-version-3", policyOf(7, 4), []audit.Entry{anEntry(3, 7, "")}},
		{"set over no version", lockout.DefaultPolicy(), "put-7-over-version-0", policyOf(7, 1), []audit.Entry{anEntry(5, 7, "")}},
		{"cleared", stored(3, 2), "delete", policyOf(5, 0), []audit.Entry{anEntry(3, 5, "")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.policies.stored = test.before
			a := w.send(t, recorded(t, "policy/"+test.event))
			if diff := cmp.Diff(a.fields, test.want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
			}
			if diff := cmp.Diff(w.entries(t), test.entries); diff != "" {
				t.Errorf("trail (-got +want):\n%s", diff)
			}
			if got, want := w.log.last(t)["msg"] == "policy_changed", test.entries != nil; got != want {
				t.Errorf("logged as %v", w.log.last(t))
			}
		})
	}
}

func TestABadPolicyIsRefusedAndChangesNothing(t *testing.T) {
	maximum := wrongField("max_failed_login_attempts_portal")
	version := wrongField("version")
	refuses(t, "policy/refused", map[string]aRefusal{
		"zero": maximum, "ten": maximum, "negative": maximum, "minus-zero": maximum, "a-string": maximum, "a-fraction": maximum,
		"a-whole-fraction": maximum, "an-exponent": maximum, "null": maximum, "true": maximum, "an-array": maximum,
		"an-object": maximum, "out-of-range": maximum, "nothing": maximum, "duplicate-field": maximum,
		"negative-version": version, "version-of-the-wrong-type": version, "null-version": version,
		"fraction-of-a-version": version, "delete-with-a-query-parameter": version,
		"unknown-field": wrongField("max"), "no-body": notJSON, "trailing-JSON": notJSON, "wrong-content-type": unsupported,
		"delete-with-a-body": notJSON, "get-with-a-body": notJSON,
	}, func(t *testing.T, w *world) {
		if w.policies.stored != lockout.DefaultPolicy() || len(w.trail.entries) != 0 {
			t.Errorf("policy is %+v, trail %+v", w.policies.stored, w.trail.entries)
		}
	})
}

func TestAStaleVersionIsAConflictAndLeavesNoEntry(t *testing.T) {
	w := newWorld(t)
	w.policies.stored = stored(3, 4)
	a := w.send(t, recorded(t, "policy/put-7-over-version-3"))
	if diff := cmp.Diff(a.fields["current"], any(policyOf(3, 4))); a.StatusCode != 409 || diff != "" {
		t.Errorf("status %d, current (-got +want):\n%s", a.StatusCode, diff)
	}
	if w.policies.stored != stored(3, 4) || len(w.trail.entries) != 0 {
		t.Errorf("policy is %+v, trail %+v", w.policies.stored, w.trail.entries)
	}
}

func TestAChangeThatTheStoreRefusesIsFollowedByAnEntryThatSaysSo(t *testing.T) {
	overtaken := &lockout.ConflictError{Current: stored(2, 4)}
	tests := []struct {
		name    string
		event   string
		refusal error
		status  int
		outcome string
		unread  bool // the store cannot be asked what became of it
	}{
		{"put, overtaken by another", "put-7-over-version-3", overtaken, 409, "not_applied", false},
		{"put, outage", "put-7", errOutage, 503, "not_applied", false},
		{"put, lasting outage", "put-7", errOutage, 503, "unknown", true},
		{"put, bug", "put-7", errors.New("nil map"), 500, "not_applied", false},
		{"delete, outage", "delete", errOutage, 503, "not_applied", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.policies.stored = stored(3, 3)
			w.policies.setting = func() error {
				if len(w.trail.entries) != 1 {
					t.Errorf("%d entries when the store is asked, want 1", len(w.trail.entries))
				}
				if test.unread {
					w.policies.readErr = errOutage
				}
				return test.refusal
			}
			a := w.send(t, recorded(t, "policy/"+test.event))
			if a.StatusCode != test.status {
				t.Errorf("got %d %s", a.StatusCode, a.Body)
			}
			after := 7
			if test.event == "delete" {
				after = 5
			}
			want := []audit.Entry{anEntry(3, after, ""), anEntry(3, after, test.outcome)}
			if diff := cmp.Diff(w.entries(t), want); diff != "" {
				t.Errorf("trail (-got +want):\n%s", diff)
			}
			if test.status == 409 {
				if diff := cmp.Diff(a.fields["current"], any(policyOf(2, 4))); diff != "" {
					t.Errorf("current (-got +want):\n%s", diff)
				}
			}
		})
	}
}

func TestAChangeWhoseAnswerWasLostIsAnsweredAsMade(t *testing.T) {
	for event, want := range map[string]policyAnswer{"put-7": policyOf(7, 4), "delete": policyOf(5, 0)} {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t)
			w.policies.stored = stored(3, 3)
			w.policies.lost = errOutage
			a := w.send(t, recorded(t, "policy/"+event))
			if diff := cmp.Diff(a.fields, want); a.StatusCode != 200 || diff != "" {
				t.Errorf("status %d, answer (-got +want):\n%s", a.StatusCode, diff)
			}
			if len(w.trail.entries) != 1 {
				t.Errorf("trail is %+v", w.trail.entries)
			}
		})
	}
}

func TestNoChangeIsMadeThatTheTrailDoesNotTake(t *testing.T) {
	for _, event := range []string{"put-7", "delete"} {
		t.Run(event, func(t *testing.T) {
			w := newWorld(t)
			w.policies.stored = stored(3, 3)
			w.trail.err = errOutage
			if a := w.send(t, recorded(t, "policy/"+event)); a.StatusCode != 503 || w.policies.stored != stored(3, 3) {
				t.Errorf("got %d %s, policy %+v", a.StatusCode, a.Body, w.policies.stored)
			}
		})
	}
}

func TestASecondEntryThatCannotBeWrittenIsLogged(t *testing.T) {
	w := newWorld(t)
	w.policies.setting = func() error {
		w.trail.err = errors.New("the trail is full")
		return &lockout.ConflictError{Current: stored(2, 4)}
	}
	a := w.send(t, recorded(t, "policy/put-7"))
	if got := w.log.last(t); a.StatusCode != 409 || !strings.Contains(fmt.Sprint(got["error"]), "the trail is full") {
		t.Errorf("got %d, logged as %v", a.StatusCode, got)
	}
}

// stuckPolicies answer nothing from the first change on; if they are readable,
// they still answer what the policy is.
type stuckPolicies struct {
	*policies
	readable bool
	asked    bool
}

func (s *stuckPolicies) Policy(ctx context.Context, client string) (lockout.Policy, error) {
	if s.asked && !s.readable {
		return s.hang(ctx)
	}
	return s.policies.Policy(ctx, client)
}

func (s *stuckPolicies) Set(ctx context.Context, _ string, _ int, _ *int64, _ string) (lockout.Policy, error) {
	return s.hang(ctx)
}

func (s *stuckPolicies) Clear(ctx context.Context, _, _ string) (lockout.Policy, error) {
	return s.hang(ctx)
}

func (s *stuckPolicies) hang(ctx context.Context) (lockout.Policy, error) {
	s.asked = true
	<-ctx.Done()
	return lockout.Policy{}, ctx.Err()
}

// A stuckTrail never answers.
type stuckTrail struct{}

func (stuckTrail) Append(ctx context.Context, _ audit.Entry) error {
	<-ctx.Done()
	return ctx.Err()
}

// changesIn sends a change that must be answered 503 before a deadline, on a
// clock of its own, and returns when it was answered.
func (w *world) changesIn(
	t *testing.T, deadline time.Duration, method string, p httpapi.PolicyWriter, trail httpapi.Appender,
) time.Duration {
	t.Helper()
	handler, event := httpapi.PutPolicy(w.edge, p, trail, lockouttest.IDs()), recorded(t, "policy/put-7")
	if method == "DELETE" {
		handler, event = httpapi.DeletePolicy(w.edge, p, trail, lockouttest.IDs()), recorded(t, "policy/delete")
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	began := time.Now()
	response, err := handler(ctx, event)
	if err != nil || response.StatusCode != 503 || ctx.Err() != nil {
		t.Errorf("got %d, %v, context %v: %s", response.StatusCode, err, ctx.Err(), response.Body)
	}
	return time.Since(began)
}

func TestAChangeThatHangsIsAccountedForBeforeTheDeadline(t *testing.T) {
	tests := []struct {
		name     string
		method   string
		deadline time.Duration
		readable bool
		took     time.Duration
		outcome  string
	}{
		{"put, and the policy can be read", "PUT", 10 * time.Second, true, 8500 * time.Millisecond, "unknown"},
		{"put, and nothing answers", "PUT", 10 * time.Second, false, 9 * time.Second, "unknown"},
		{"put in the shortest time of a function", "PUT", 3 * time.Second, false, 2 * time.Second, "unknown"},
		{"delete, and nothing answers", "DELETE", 10 * time.Second, false, 9 * time.Second, "unknown"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, after := newWorld(t), 7
				if test.method == "DELETE" {
					after = 5
				}
				w.policies.stored = stored(3, 3)
				p := &stuckPolicies{policies: w.policies, readable: test.readable}
				if took := w.changesIn(t, test.deadline, test.method, p, w.trail); took != test.took {
					t.Errorf("answered after %v, want %v", took, test.took)
				}
				want := []audit.Entry{anEntry(3, after, ""), anEntry(3, after, test.outcome)}
				if diff := cmp.Diff(w.entries(t), want); diff != "" {
					t.Errorf("trail (-got +want):\n%s", diff)
				}
			})
		})
	}
}

func TestATrailThatHangsIsAnsweredBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policies.stored = stored(3, 3)
		w.changesIn(t, 10*time.Second, "PUT", w.policies, stuckTrail{})
		if w.policies.stored != stored(3, 3) {
			t.Errorf("policy is %+v", w.policies.stored)
		}
	})
}

func TestAChangeWithoutTimeToAccountForItIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := &stuckPolicies{policies: w.policies}
		took := w.changesIn(t, 1500*time.Millisecond, "PUT", p, w.trail)
		if took != 0 || p.asked || len(w.trail.entries) != 0 {
			t.Errorf("answered after %v, store asked: %t, trail %+v", took, p.asked, w.trail.entries)
		}
	})
}

func TestTimesHaveThreeDecimalsAndAreUTC(t *testing.T) {
	w := newWorld(t)
	w.policies.stored = stored(3, 3)
	w.policies.stored.UpdatedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.FixedZone("EET", 2*60*60))
	a := w.send(t, recorded(t, "policy/get"))
	if got, want := a.fields["updated_at"], "2026-11-23T10:00:00.000Z"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
