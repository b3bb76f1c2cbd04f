package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What is told of a package, and what is marked.
const (
	listed = 50 * time.Microsecond
	dear   = 200 * time.Microsecond
)

// A work is what a package did before main.
type work struct {
	took          time.Duration
	bytes, allocs int
}

// A trace is the works of a process, by package.
type trace map[string]work

// traces starts each function, and the empty one, some times with the runtime
// telling what each package's initialization took.
func (b *bench) traces(ctx context.Context, names []string) (map[string][]trace, error) {
	all := map[string][]trace{}
	for round := range b.settings.traces {
		fmt.Fprintf(b.progress, "timing the packages, round %d of %d ...\n", round+1, b.settings.traces)
		for _, name := range append([]string{empty}, names...) {
			got, err := b.trace(ctx, name)
			if err != nil {
				return nil, err
			}
			all[name] = append(all[name], got)
		}
	}
	return all, nil
}

func (b *bench) trace(ctx context.Context, name string) (trace, error) {
	var output bytes.Buffer
	p, _, err := b.ready(ctx, name, &output, "GODEBUG=inittrace=1")
	if err != nil {
		return nil, err
	}
	p.Stop() // now the output is whole
	return readTrace(&output)
}

// initLine is what the runtime prints for GODEBUG=inittrace=1, as its package
// documentation has it.
var initLine = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock, (\d+) bytes, (\d+) allocs$`)

// readTrace reads a process's output. It is an error if that tells of no package.
func readTrace(output io.Reader) (trace, error) {
	text, err := io.ReadAll(output)
	if err != nil {
		return nil, err
	}
	got := trace{}
	for _, match := range initLine.FindAllStringSubmatch(string(text), -1) {
		took, err := time.ParseDuration(match[2] + "ms")
		if err != nil {
			return nil, err
		}
		size, _ := strconv.Atoi(match[3]) // digits, as the pattern has it
		allocs, _ := strconv.Atoi(match[4])
		got[match[1]] = work{took, size, allocs}
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("no package tells what it did before main: %.200q", text)
	}
	return got, nil
}

// middle returns the median of each package over some processes.
func middle(traces []trace) trace {
	all := map[string][]work{}
	for _, t := range traces {
		for name, w := range t {
			all[name] = append(all[name], w)
		}
	}
	got := trace{}
	for name, works := range all {
		slices.SortFunc(works, func(a, b work) int { return int(a.took - b.took) })
		got[name] = works[len(works)/2]
	}
	return got
}

// sum returns what all packages of a process did.
func (t trace) sum() (all work) {
	for _, w := range t {
		all.took += w.took
		all.bytes += w.bytes
		all.allocs += w.allocs
	}
	return all
}

func totalTable(all map[string][]trace) table {
	t := table{
		title: "What all packages do before main",
		note:  fmt.Sprintf("The median of %d processes of each function, by GODEBUG=inittrace=1.", len(all[empty])),
		head:  []string{"function", "ms", "beyond the empty function, ms", "KB", "allocations"},
	}
	took := func(name string) time.Duration {
		var sums []time.Duration
		for _, one := range all[name] {
			sums = append(sums, one.sum().took)
		}
		return median(sums)
	}
	for _, name := range sortedKeys(all) {
		s := middle(all[name]).sum()
		t.add(name, fmt.Sprintf("%.2f", ms(took(name))), fmt.Sprintf("%+.2f", ms(took(name)-took(empty))),
			fmt.Sprintf("%.0f", float64(s.bytes)/1000), strconv.Itoa(s.allocs))
	}
	return t
}

func packageTable(all map[string][]trace) table {
	t := table{
		title: fmt.Sprintf("Packages that work for %v or more before main, in any function", listed),
		note:  fmt.Sprintf("Medians; those above %v are marked. The first to touch a page of the program waits for it, so a package that does next to nothing can be among them.", dear),
		head:  []string{"package", "in the empty function, ms", "in the others, least and most, ms", "", "KB", "allocations", "functions"},
	}
	byPackage := map[string]map[string]work{}
	for name, traces := range all {
		for pkg, w := range middle(traces) {
			if byPackage[pkg] == nil {
				byPackage[pkg] = map[string]work{}
			}
			byPackage[pkg][name] = w
		}
	}
	most := func(pkg string) work { return mostOf(byPackage[pkg]) }
	packages := sortedKeys(byPackage)
	packages = slices.DeleteFunc(packages, func(pkg string) bool { return most(pkg).took < listed })
	slices.SortStableFunc(packages, func(a, b string) int { return int(most(b).took - most(a).took) })
	for _, pkg := range packages {
		t.add(packageRow(pkg, byPackage[pkg], len(all)-1)...)
	}
	return t
}

// packageRow tells of a package in the functions that have it, out of so many.
func packageRow(pkg string, in map[string]work, functions int) []string {
	inEmpty, mark := "-", ""
	if w, found := in[empty]; found {
		inEmpty = fmt.Sprintf("%.3f", ms(w.took))
	}
	var times []time.Duration
	var names []string
	for _, name := range sortedKeys(in) {
		if name != empty {
			times, names = append(times, in[name].took), append(names, name)
		}
	}
	between := "-"
	if len(times) > 0 {
		between = fmt.Sprintf("%.3f to %.3f", ms(slices.Min(times)), ms(slices.Max(times)))
	}
	most, who := mostOf(in), strings.Join(names, ", ")
	if most.took > dear {
		mark = "dear"
	}
	if len(names) == functions {
		who = "all"
	}
	return []string{pkg, inEmpty, between, mark, fmt.Sprintf("%.1f", float64(most.bytes)/1000), strconv.Itoa(most.allocs), who}
}

func mostOf(in map[string]work) (most work) {
	for _, w := range in {
		if w.took >= most.took {
			most = w
		}
	}
	return most
}
