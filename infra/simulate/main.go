// Command simulate shows what is full first when many log in at once, and what
// the people feel who only want to log in.
//
//	go run ./infra/simulate -list
//	go run ./infra/simulate -scenario monday
//
// Each scenario is run several times: as deployed, and then with one limit after
// the other raised. The numbers come from a model (package flood) around the real
// gate; -limits prints what it takes for granted, with the source of each.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"portcullis/infra/simulate/flood"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// settings are what the flags set.
type settings struct {
	scenario string
	seed     uint64
	duration time.Duration
	hash     time.Duration
	list     bool
	limits   bool
	quiet    bool
}

func run(args []string, out, errs io.Writer) error {
	s, err := parse(args, errs)
	if err != nil {
		return err
	}
	switch {
	case s.list:
		return list(out)
	case s.limits:
		return facts(out)
	}
	for _, scenario := range flood.Scenarios() {
		if scenario.Name == s.scenario {
			return climb(s, scenario, out, errs)
		}
	}
	return fmt.Errorf("there is no scenario %q; -list tells which there are", s.scenario)
}

func parse(args []string, errs io.Writer) (settings, error) {
	var s settings
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&s.scenario, "scenario", "monday", "which `scenario` to run")
	f.Uint64Var(&s.seed, "seed", 1, "the seed of chance; the same one gives the same tables")
	f.DurationVar(&s.duration, "duration", 0, "how long visitors come, up to 5m; 0 is the scenario's own")
	f.DurationVar(&s.hash, "hash", 0, "one Argon2id hash on one vCPU; 0 is what was measured for infra/cost")
	f.BoolVar(&s.list, "list", false, "list the scenarios")
	f.BoolVar(&s.limits, "limits", false, "print the limits with their sources")
	f.BoolVar(&s.quiet, "quiet", false, "tell no progress")
	if err := f.Parse(args); err != nil {
		return settings{}, err
	}
	switch {
	case f.NArg() > 0:
		return settings{}, fmt.Errorf("unexpected argument %q", f.Arg(0))
	case s.duration < 0 || s.hash < 0 || s.hash > 5*time.Second:
		return settings{}, errors.New("-duration and -hash are times of 0s or more, and a hash takes 5s at most")
	}
	return s, nil
}

// climb runs the rungs of a scenario and prints a table of each.
func climb(s settings, scenario flood.Scenario, out, errs io.Writer) error {
	progress := errs
	if s.quiet {
		progress = io.Discard
	}
	limits := flood.Defaults()
	if s.hash > 0 {
		limits.Hash = s.hash
	}
	if s.duration > 0 {
		scenario.Duration = s.duration
	}
	heading(out, s, scenario)
	for i, rung := range scenario.Rungs {
		rung.Change(&scenario, &limits)
		fmt.Fprintf(progress, "%s, %d of %d: %s\n", scenario.Name, i+1, len(scenario.Rungs), rung.Name)
		result, err := flood.Simulate(scenario, limits, s.seed, progress)
		if err != nil {
			return fmt.Errorf("%s: %w", rung.Name, err)
		}
		if err := table(out, i+1, rung.Name, result); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\nThe design's answer. %s\n", scenario.Answer)
	return err
}
