// Coldstart measures what a function costs before and at its first event, beside a
// Lambda function that does nothing:
//
//	make bench-cold
//
// It starts each compiled function many times as the Lambda service would
// (package bootstrap), on AWS's interfaces emulated on this machine, and prints
// tables: how long the functions take from their start until they ask for work,
// for a first event and for a second; how large they are; what their packages do
// before main; and how much memory they come to need.
//
// The one decision a reader must know: a time counts only beside that of the
// empty function's start right before or after it. What is told is the median of
// such ratios, since a machine that others use too slows down both alike.
//
// It starts copies of the functions, whose pages are in the system's cache when it
// measures. What Lambda adds to a cold start, fetching the function and making a
// sandbox, is not in any figure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// settings are the command line.
type settings struct {
	functions, empty, local   string // what is compiled
	template, events          string // what is read
	rounds, traces, invokings int
	only                      []string
	markdown                  bool
}

func main() {
	// A process that dies with its parent dies with the thread that started it.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func parse(arguments []string, stderr io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("coldstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.functions, "functions", ".build/functions", "`folder` of the compiled functions, each as NAME/bootstrap")
	flags.StringVar(&s.empty, "empty", ".build/coldstart/empty/bootstrap", "the compiled `function` that does nothing")
	flags.StringVar(&s.local, "local", ".build/bin/local", "the compiled `program` infra/local, which makes the demo client")
	flags.StringVar(&s.template, "template", "template.yaml", "`file` that tells the functions' MemorySize")
	flags.StringVar(&s.events, "events", "infra/events", "`folder` of a sample event for each function")
	flags.IntVar(&s.rounds, "rounds", 20, "`times` that each function is started and timed")
	flags.IntVar(&s.traces, "traces", 7, "`times` that each function's packages are timed")
	flags.IntVar(&s.invokings, "invocations", 50, "`events` after which the memory is read")
	flags.Func("only", "measure these functions alone, a `list` with commas", func(list string) error {
		s.only = strings.Split(list, ",")
		return nil
	})
	flags.BoolVar(&s.markdown, "markdown", false, "print the tables as Markdown")
	if err := flags.Parse(arguments); err != nil {
		return s, err
	}
	switch {
	case flags.NArg() > 0:
		return s, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case s.rounds < 1 || s.traces < 1 || s.invokings < 1:
		return s, errors.New("-rounds, -traces and -invocations must be 1 or more")
	}
	return s, nil
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	s, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	names, err := s.names()
	if err != nil {
		return err
	}
	memorySizes, err := readMemorySizes(s.template)
	if err != nil {
		return err
	}
	unpacked, err := os.MkdirTemp("", "coldstart-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unpacked)
	fmt.Fprintln(stderr, "making the demo client ...")
	b, err := newBench(ctx, s, names, unpacked, stderr)
	if err != nil {
		return err
	}
	tables, err := b.measure(ctx, names, memorySizes)
	if err != nil {
		return err
	}
	return print(stdout, s.markdown, tables)
}

func (b *bench) measure(ctx context.Context, names []string, memorySizes map[string]int) ([]table, error) {
	starts, err := b.starts(ctx, names)
	if err != nil {
		return nil, err
	}
	traces, err := b.traces(ctx, names)
	if err != nil {
		return nil, err
	}
	peaks, err := b.peaks(ctx, names)
	if err != nil {
		return nil, err
	}
	sizes, err := b.sizes(names)
	if err != nil {
		return nil, err
	}
	return []table{
		startTable(starts), invocationTable(starts), sizeTable(sizes), totalTable(traces), packageTable(traces), memoryTable(peaks, memorySizes),
	}, nil
}

// names returns the functions to measure, sorted.
func (s settings) names() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(s.functions, "*", "bootstrap"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, path := range found {
		if name := filepath.Base(filepath.Dir(path)); s.only == nil || slices.Contains(s.only, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 || s.only != nil && len(names) != len(s.only) {
		return nil, fmt.Errorf("found %q in %s; make functions compiles them", names, s.functions)
	}
	return names, nil
}
