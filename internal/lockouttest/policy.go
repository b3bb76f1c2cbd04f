package lockouttest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis/internal/lockout"
)

// Policies is what a store of policies does. Every failure of its backend wraps
// [lockout.ErrUnavailable]. It is safe for concurrent use.
type Policies interface {
	// Policy returns [lockout.DefaultPolicy] while nothing is set.
	Policy(ctx context.Context, client string) (lockout.Policy, error)
	// Set MUST refuse a maximum that is not from 1 to 9, with an error that is
	// not ErrUnavailable. A version that is not the current one (0 while nothing
	// is set) is a [lockout.ConflictError] with the current [lockout.Policy];
	// nil stands for any version. The version MUST grow with each change.
	Set(ctx context.Context, client string, maximum int, version *int64, by string) (lockout.Policy, error)
	// Clear goes back to the default, also when nothing is set.
	Clear(ctx context.Context, client, by string) (lockout.Policy, error)
}

// TestPolicies runs the contract of a store of policies. Each open returns an
// empty store.
func TestPolicies(t *testing.T, open func(t *testing.T) Policies) {
	tests := []struct {
		name string
		run  func(t *testing.T, store Policies)
	}{
		{"a client that has set nothing has the default", startsWithTheDefault},
		{"a policy is read as it was set, with who set it and when", readsWhatWasSet},
		{"every number from 1 to 9 can be set", setsEveryMaximum},
		{"any other number is refused and changes nothing", refusesOtherMaximums},
		{"a version that is not the current one is a conflict", checksTheVersion},
		{"a policy that exists cannot be created", createsPoliciesOnce},
		{"a cleared policy is the default", clearsPolicies},
		{"the policies of two clients are apart", tellsPoliciesApart},
		{"changes at the same moment leave the policy of one that was answered", racesOfPolicies},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

// TestAtomicPolicies is for stores that check a version and write in one step:
// of many changes that saw the same version, exactly one is made.
func TestAtomicPolicies(t *testing.T, open func(t *testing.T) Policies) {
	for _, version := range []int64{0, 1} {
		store := open(t)
		if version == 1 {
			setPolicy(t, store, 5)
		}
		made := racePolicies(t, store, &version)
		if len(made) != 1 {
			t.Errorf("from version %d: got %d changes, want 1", version, len(made))
		}
	}
}

const policyActor = "acme/root"

// policySettled is how far the time in the answer to a change may be from the
// one that is read later: a store may know it to the second only.
const policySettled = 2 * time.Second

func wantPolicy(t *testing.T, store Policies, client string, want lockout.Policy) {
	t.Helper()
	got, err := store.Policy(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want, cmpopts.EquateApproxTime(policySettled)); diff != "" {
		t.Errorf("policy of %s: got -, want +:\n%s", client, diff)
	}
}

func setPolicy(t *testing.T, store Policies, maximum int) lockout.Policy {
	t.Helper()
	made, err := store.Set(t.Context(), "acme", maximum, nil, policyActor)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// wantPolicyConflict checks that a change was refused because of the version,
// and told what holds.
func wantPolicyConflict(t *testing.T, store Policies, err error) {
	t.Helper()
	conflict := (*lockout.ConflictError)(nil)
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v, want a ConflictError", err)
	}
	current, ok := conflict.Current.(lockout.Policy)
	if !ok {
		t.Fatalf("current: got %#v, want a Policy", conflict.Current)
	}
	wantPolicy(t, store, "acme", current)
}

func startsWithTheDefault(t *testing.T, store Policies) {
	wantPolicy(t, store, "acme", lockout.DefaultPolicy())
}

func readsWhatWasSet(t *testing.T, store Policies) {
	for version, by := range []string{"acme/root", "acme/Jos\u00e9", "acme/ana.silva"} {
		made, err := store.Set(t.Context(), "acme", 3+version, nil, by)
		if err != nil {
			t.Fatal(err)
		}
		want := lockout.Policy{
			Maximum: 3 + version, Source: lockout.SourceClient, Version: int64(version) + 1,
			UpdatedAt: made.UpdatedAt, UpdatedBy: by,
		}
		if diff := cmp.Diff(made, want); diff != "" || made.UpdatedAt.IsZero() || made.UpdatedAt.Location() != time.UTC {
			t.Errorf("set at %v; got -, want +:\n%s", made.UpdatedAt, diff)
		}
		wantPolicy(t, store, "acme", want)
	}
}

func setsEveryMaximum(t *testing.T, store Policies) {
	for maximum := lockout.MinMaximum; maximum <= lockout.MaxMaximum; maximum++ {
		wantPolicy(t, store, "acme", setPolicy(t, store, maximum))
	}
}

func refusesOtherMaximums(t *testing.T, store Policies) {
	refusesMaximums(t, store, lockout.DefaultPolicy())
	refusesMaximums(t, store, setPolicy(t, store, 7))
}

func refusesMaximums(t *testing.T, store Policies, before lockout.Policy) {
	t.Helper()
	for _, maximum := range []int{0, 10, -1, 11, 55, 1 << 40} {
		made, err := store.Set(t.Context(), "acme", maximum, nil, policyActor)
		if err == nil || errors.Is(err, lockout.ErrUnavailable) {
			t.Errorf("%d: got %v, %v, want an error of the caller's making", maximum, made, err)
		}
	}
	wantPolicy(t, store, "acme", before)
}

func checksTheVersion(t *testing.T, store Policies) {
	first := setPolicy(t, store, 7)
	second, err := store.Set(t.Context(), "acme", 3, &first.Version, policyActor)
	if err != nil {
		t.Fatal(err)
	}
	if second.Version <= first.Version {
		t.Errorf("version: got %d after %d, want it to grow", second.Version, first.Version)
	}
	for _, version := range []int64{0, first.Version, second.Version + 1, -1} {
		_, err := store.Set(t.Context(), "acme", 9, &version, policyActor)
		wantPolicyConflict(t, store, err)
	}
	wantPolicy(t, store, "acme", second)
}

func createsPoliciesOnce(t *testing.T, store Policies) {
	nothing, something := int64(0), int64(1)
	_, err := store.Set(t.Context(), "acme", 7, &something, policyActor)
	wantPolicyConflict(t, store, err)
	made, err := store.Set(t.Context(), "acme", 7, &nothing, policyActor)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Set(t.Context(), "acme", 3, &nothing, policyActor)
	wantPolicyConflict(t, store, err)
	wantPolicy(t, store, "acme", made)
}

func clearPolicy(t *testing.T, store Policies) {
	t.Helper()
	got, err := store.Clear(t.Context(), "acme", policyActor)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, lockout.DefaultPolicy()); diff != "" {
		t.Errorf("cleared; got -, want +:\n%s", diff)
	}
}

func clearsPolicies(t *testing.T, store Policies) {
	clearPolicy(t, store)
	for _, maximum := range []int{2, 8} {
		wantPolicy(t, store, "acme", setPolicy(t, store, maximum))
		clearPolicy(t, store)
		wantPolicy(t, store, "acme", lockout.DefaultPolicy())
	}
	clearPolicy(t, store)
}

func tellsPoliciesApart(t *testing.T, store Policies) {
	made := setPolicy(t, store, 2)
	other, err := store.Set(t.Context(), "acme-2", 8, nil, "acme-2/root")
	if err != nil {
		t.Fatal(err)
	}
	wantPolicy(t, store, "acme", made)
	wantPolicy(t, store, "acme-2", other)
	clearPolicy(t, store)
	wantPolicy(t, store, "acme-2", other)
}

func racesOfPolicies(t *testing.T, store Policies) {
	for round := range 3 {
		var version int64
		if round > 0 {
			version = setPolicy(t, store, 5).Version
		}
		made := racePolicies(t, store, &version)
		if len(made) == 0 {
			t.Error("nobody's change was made")
		}
		last, err := store.Policy(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if won, ok := made[last.Version]; !ok || won.Maximum != last.Maximum || won.UpdatedBy != last.UpdatedBy {
			t.Errorf("got %+v, want the change that was answered with its version, of %+v", last, made)
		}
	}
}

// racePolicies sets each maximum at the same moment, all having seen the same
// version, and returns the policies that were made, by their versions.
func racePolicies(t *testing.T, store Policies, version *int64) map[int64]lockout.Policy {
	t.Helper()
	var mu sync.Mutex
	var wait sync.WaitGroup
	made := map[int64]lockout.Policy{}
	for maximum := lockout.MinMaximum; maximum <= lockout.MaxMaximum; maximum++ {
		wait.Go(func() {
			policy, err := store.Set(t.Context(), "acme", maximum, version, policyActor)
			if conflict := (*lockout.ConflictError)(nil); errors.As(err, &conflict) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if other, ok := made[policy.Version]; ok {
				t.Errorf("two changes have one version: %+v and %+v", other, policy)
			}
			made[policy.Version] = policy
		})
	}
	wait.Wait()
	return made
}
