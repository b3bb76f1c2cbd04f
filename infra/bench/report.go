package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"portcullis/infra/bench/load"
)

// A report is what the command prints at the end.
type report struct {
	machine   load.Machine
	arguments []string
	tables    []load.Table
	goals     load.Table
	lines     strings.Builder // for benchstat
}

func (r *report) table(t load.Table) { r.tables = append(r.tables, t) }

// goal says whether a goal is reached; nobody is stopped by one that is not.
func (r *report) goal(goal, measured string, reached bool) {
	word := "missed"
	if reached {
		word = "reached"
	}
	r.goals.Add(goal, measured, word)
}

// elsewhere says that another command has the other half of a goal.
func (r *report) elsewhere(goal, measured, command string) {
	r.goals.Add(goal, measured, "see "+command)
}

// bench keeps samples for benchstat. A name of words becomes one of a path.
func (r *report) bench(name string, samples []load.Sample) {
	_ = load.WriteBench(&r.lines, strings.NewReplacer(",", "", " ", "-").Replace(name), samples) // memory takes everything
}

// readGo adds a table of what Go's benchmarks gave.
func (r *report) readGo(path string) error {
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	results, err := load.ReadBench(file)
	table := load.Table{
		Title: "Pure parts (Go benchmarks of one process), median (least to most)",
		Head:  []string{"package", "benchmark", "time", "bytes", "allocations"}, Words: 2,
	}
	for _, one := range results {
		table.Add(strings.TrimPrefix(one.Package, "portcullis/"), one.Name, load.SpreadOf(one.Values["ns/op"]).Text(load.Nanoseconds),
			load.Number(load.SpreadOf(one.Values["B/op"]).Median), fmt.Sprint(load.SpreadOf(one.Values["allocs/op"]).Median))
	}
	r.table(table)
	return err
}

// keep writes the samples to a file.
func (r *report) keep(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	head := fmt.Sprintf("goos: %s\ncpu: %s\npkg: portcullis/infra/bench\n", strings.Fields(r.machine.Go)[1], r.machine.CPU)
	return os.WriteFile(path, []byte(head+r.lines.String()), 0o644)
}

// write prints the tables, and the goals last.
func (r *report) write(w io.Writer, markdown bool) error {
	r.goals.Title, r.goals.Head, r.goals.Words = "Goals", []string{"goal", "measured", "verdict"}, 3
	tables := r.tables
	if len(r.goals.Rows) > 0 {
		tables = append(tables, r.goals)
	}
	command := "bench"
	for _, argument := range r.arguments {
		if argument == "" || strings.Contains(argument, " ") {
			argument = strconv.Quote(argument)
		}
		command += " " + argument
	}
	_, err := fmt.Fprintf(w, "\nMeasured at %s: %s\nCommand: `%s`\n\n", r.machine.Date.Format("15:04"), r.machine, command)
	for _, t := range tables {
		if markdown {
			err = errors.Join(err, t.Markdown(w))
		} else {
			err = errors.Join(err, t.Text(w))
		}
	}
	return err
}
