package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"portcullis/infra/simulate/flood"
)

func list(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range flood.Scenarios() {
		fmt.Fprintf(w, "%s\t%s\n", s.Name, s.About)
	}
	return w.Flush()
}

func facts(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "limit\tvalue\tsource")
	for _, f := range flood.Defaults().Facts() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Value, f.Source)
	}
	return w.Flush()
}

func heading(out io.Writer, s settings, scenario flood.Scenario) {
	fmt.Fprintf(out, "%s: %s, for %s; seed %d.\n", scenario.Name, scenario.About, scenario.Duration, s.seed)
	fmt.Fprintf(out, "An honest person comes back after a 429 or 503 as it asks, %d tries in all.\n", scenario.Patience)
}

// table prints what a run came to.
func table(out io.Writer, number int, name string, r flood.Result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%d. %s\n", number, name)
	fmt.Fprintf(w, "  people\t%d came; at last %s\n", r.People, shares(r.Ends, r.People))
	fmt.Fprintf(w, "  who got in waited\tp50 %s, p99 %s from the first try\n", round(r.P50), round(r.P99))
	fmt.Fprintf(w, "  their requests\t%s\n", shares(r.Statuses[true], total(r.Statuses[true])))
	if hostile := total(r.Statuses[false]); hostile > 0 {
		fmt.Fprintf(w, "  hostile requests\t%s\n", shares(r.Statuses[false], hostile))
	}
	fmt.Fprintf(w, "  passwords compared\t%d, at most %d of one user's budget; %d users locked\n", r.Compared, r.MostCompared, r.Locked)
	fmt.Fprintf(w, "  environments\t%d, of which %.1f work on the mean\n", r.Environments, r.Busy)
	if len(r.Met) == 0 {
		fmt.Fprintf(w, "  full\tnothing\n")
	}
	for i, m := range r.Met {
		label := "  then"
		if i == 0 {
			label = "  full first"
		}
		fmt.Fprintf(w, "%s\t%s, after %s; %d times\n", label, m.Limit, round(m.First), m.Times)
	}
	return w.Flush()
}

// statuses are the answers, in the order in which they are told.
func statuses() []int { return []int{200, 401, 423, 429, 503, 403} }

func shares(of map[int]int, all int) string {
	text := ""
	for _, status := range statuses() {
		if of[status] == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d %.2f %%", status, 100*float64(of[status])/float64(max(1, all)))
	}
	return text
}

func total(of map[int]int) int {
	sum := 0
	for _, n := range of {
		sum += n
	}
	return sum
}

func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}
