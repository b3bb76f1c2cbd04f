package infra_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheSimulationWaitsAsTheFunctionsDo compares the constants of the simulation,
// which may not import the packages that they are from, with theirs.
func TestTheSimulationWaitsAsTheFunctionsDo(t *testing.T) {
	tests := map[string]map[string]string{ // by package: theirs, and the simulation's
		"internal/environ": {"sendTries": "sendTries", "firstWait": "firstWait", "longestWait": "longestWait"},
		"internal/policy": {
			"freshTime": "policyFresh", "freshSpread": "policySpread", "failurePause": "policyPause",
			"flightTime": "policyFlight", "firstFlightTime": "policyFirstFlight",
		},
		"internal/lockout":  {"cleanupTime": "gateCleanup"},
		"internal/attempts": {"rememberedFor": "rememberedFor"},
	}
	sources := readSources(t)
	simulated := constantsOf(sources, "infra/simulate/flood")
	for folder, names := range tests {
		real := constantsOf(sources, folder)
		want, got := map[string]string{}, map[string]string{}
		for theirs, ours := range names {
			want[theirs], got[theirs] = real[theirs], simulated[ours]
			if want[theirs] == "" {
				t.Errorf("%s has no constant %s", folder, theirs)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("constants (-%s +infra/simulate/flood):\n%s", folder, diff)
		}
	}
}

// constantsOf returns the constants of a package by their names, as they are
// written.
func constantsOf(sources []source, folder string) map[string]string {
	all := map[string]string{}
	for _, s := range sources {
		if s.folder() == folder && !s.isTest() {
			maps.Copy(all, s.constants())
		}
	}
	return all
}
