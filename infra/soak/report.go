package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"portcullis/infra/faults"
	"portcullis/infra/soak/ledger"
)

// mostShown bounds the differences that are printed.
const mostShown = 20

// A report is what came of soaking a world.
type report struct {
	world   string
	took    time.Duration
	counts  *counts
	faults  map[faults.Count]int
	users   int // whom anybody tried, or made
	exact   int // of them, of whom every answer was heard
	members int // of them, who were there throughout
	certain int // of those, of whom the ledger leaves one count
	locks   int // entries of the trail
	unlocks int
	flat    string
	isFlat  bool

	differences []string
	book        *ledger.Ledger
}

func (r *report) differ(format string, arguments ...any) {
	r.differences = append(r.differences, fmt.Sprintf(format, arguments...))
}

// account compares what the ledger has of a member with the count that was read.
func (r *report) account(a ledger.Account, failed int) {
	r.members++
	if a.Low == a.High {
		r.certain++
	}
	if failed < a.Low || failed > a.High {
		r.differ("%q has %d failures, and the ledger %d to %d", a.User, failed, a.Low, a.High)
	}
}

// good reports whether nothing is wrong.
func (r *report) good() bool { return len(r.differences) == 0 && r.isFlat }

// write prints the summary.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "\nsoak: %s, %v\n", r.world, r.took.Round(time.Second))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, kind := range slices.Sorted(maps.Keys(r.counts.all)) {
		outcomes := r.counts.all[kind]
		var told []string
		for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
			told = append(told, fmt.Sprintf("%d × %s", outcomes[outcome], outcome))
		}
		fmt.Fprintf(table, "  %s\t%d\t%s\n", kind, r.counts.total(kind), strings.Join(told, ", "))
	}
	_ = table.Flush()
	fmt.Fprintf(w, "  %d operations on %d users, of %d of whom every answer was heard\n", r.counts.total(""), r.users, r.exact)
	fmt.Fprintf(w, "  %d users were there throughout, and of %d of them the ledger leaves one count\n", r.members, r.certain)
	fmt.Fprintf(w, "  the trail has %d locks and %d unlocks\n", r.locks, r.unlocks)
	if len(r.faults) > 0 {
		fmt.Fprintf(w, "  faults: %s\n", injected(r.faults))
	}
	fmt.Fprintf(w, "  %s\n", r.flat)
	if !r.isFlat {
		fmt.Fprintf(w, "  NOT FLAT: the last third is more than %.2f times the middle one\n", flatFactor)
	}
	fmt.Fprintf(w, "  differences: %d\n", len(r.differences))
	for _, difference := range r.differences[:min(mostShown, len(r.differences))] {
		fmt.Fprintf(w, "    %s\n", difference)
	}
}

// injected sums up the faults by kind.
func injected(counts map[faults.Count]int) string {
	kinds, tries := make(map[faults.Kind]int), 0
	for c, n := range counts {
		tries += n
		if c.Fault != faults.None {
			kinds[c.Fault] += n
		}
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d × %s", kinds[kind], kind))
	}
	return fmt.Sprintf("%s in %d tries of calls to the stores", strings.Join(parts, ", "), tries)
}
