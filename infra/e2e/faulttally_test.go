package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/calls"
	"portcullis/infra/faults"
	"portcullis/internal/access"
)

// tallies count what was tried, and what came of it.
type tallies struct {
	mu      sync.Mutex
	byTrial map[string]int
	covered map[string]map[string]bool // the operations of each function that met a fault, and each with its table
}

func (r *tallies) add(job trial, outcome string, calls []faults.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byTrial[fmt.Sprintf("%-8s %-13s %s", job.kind, job.mode, outcome)]++
	for _, c := range calls {
		if c.Fault == faults.None || c.Function == "" {
			continue
		}
		if r.covered[c.Function] == nil {
			r.covered[c.Function] = map[string]bool{}
		}
		r.covered[c.Function][c.Name()] = true
		for table := range strings.SplitSeq(c.Resource, "+") {
			r.covered[c.Function][c.Name()+" "+table] = true
		}
	}
}

// checkCovered fails for every call that a function of the API can make, as its
// program and the record of calls say, and that no act has made and met a fault
// with: who adds a call adds an act that makes it.
func (r *tallies) checkCovered(t *testing.T) {
	names := []string{"authorizer"}
	for _, route := range access.Routes() {
		names = append(names, route.Function)
	}
	slices.Sort(names)
	recorded := callsOnRecord(t)
	count := 0
	for _, name := range slices.Compact(names) {
		can, err := calls.In(filepath.Join(*functions, name, "bootstrap"))
		if err != nil {
			t.Errorf("%s: %v (make functions builds it)", name, err)
		}
		all := slices.Concat(can, recorded[name])
		for _, wrong := range r.uncovered(name, all) {
			t.Error(wrong)
		}
		count += len(all)
	}
	t.Logf("faults were tried on what the functions can ask for: %d operations, and operations on a table", count)
}

// uncovered says which of the calls that a function can make have met no fault.
func (r *tallies) uncovered(function string, can []string) (wrong []string) {
	for _, call := range can {
		never, tried := calls.NeverMade(function, call), r.covered[function][call]
		if !never && !tried {
			wrong = append(wrong, fmt.Sprintf("function %s can make the call %s, and no act tries its faults", function, call))
		}
		if never && tried {
			wrong = append(wrong, fmt.Sprintf("function %s makes the call %s, which is said to be never made", function, call))
		}
	}
	return wrong
}

// callsOnRecord returns each function's operations on tables and indexes, from the
// record that a test of infra/local keeps.
func callsOnRecord(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../testdata/calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		a, err := faults.ParseAccess(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(a.Action, "dynamodb:") {
			table := strings.Replace(a.Resource, "/index/", "/", 1)
			recorded[a.Function] = append(recorded[a.Function], "dynamodb:"+a.Operation+" "+table)
		}
	}
	for function, all := range recorded {
		slices.Sort(all)
		recorded[function] = slices.Compact(all)
	}
	return recorded
}

func TestACallWithoutItsFaultsIsFound(t *testing.T) {
	r := &tallies{covered: map[string]map[string]bool{"unlock-user": {"dynamodb:GetItem": true, "dynamodb:UpdateItem": true}}}
	got := r.uncovered("unlock-user", []string{"dynamodb:DescribeEndpoints", "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"})
	want := []string{
		"function unlock-user can make the call dynamodb:Scan, and no act tries its faults",
		"function unlock-user makes the call dynamodb:UpdateItem, which is said to be never made",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

// log tells how much was tried.
func (r *tallies) log(t *testing.T, recordings []*recording, trials int) {
	points := map[string]bool{}
	calls := 0
	for _, recording := range recordings {
		calls += len(recording.points)
		for _, p := range recording.points {
			points[p.function+" "+p.place] = true
		}
	}
	t.Logf("%d acts make %d calls, of %d kinds (function, operation and store); %d faults were tried", len(recordings), calls, len(points), trials)
	for _, line := range slices.Sorted(maps.Keys(r.byTrial)) {
		t.Logf("%s: %d", line, r.byTrial[line])
	}
}
