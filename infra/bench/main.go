// Bench measures Portcullis against what it cannot be quicker than, the bare
// hash, and against itself: known and unknown users, quiet and attacked, few and
// many. It ends with tables, and with a line for each goal.
//
//	bench                                    # both worlds; make bench starts MiniStack for the second
//	bench -world embedded -only login -quick
//
// What is compared runs by turns in each round, and is divided round by round:
// settings.go lists the measures, world.go starts the servers, hash.go is the bare
// hash, processor.go reads what a process computes, report.go writes. Package load
// asks.
//
// The one decision a reader must know: a figure of one machine means little, so
// what counts are ratios of the same run, given as the median of the rounds and
// the two ends. No figure makes the command fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// sameSignal is how long after a signal another one is the first one again.
const sameSignal = 500 * time.Millisecond

func main() {
	// A server dies with the thread that started it; see package child.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), child.Endings()...)
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// command is one of the two programs that bench starts of itself, or bench.
func command(ctx context.Context, arguments []string) error {
	switch {
	case slices.Equal(arguments, []string{hashCommand}):
		return serveHashes(os.Stdin, os.Stdout)
	case slices.Equal(arguments, []string{bareCommand}):
		return serveBare(ctx, os.Stdout)
	}
	return run(ctx, arguments, os.Stdout, os.Stderr)
}

func run(ctx context.Context, arguments []string, stdout, stderr io.Writer) error {
	s, err := parse(arguments, stderr)
	if err != nil {
		return err
	}
	hash, err := startHash()
	if err != nil {
		return err
	}
	defer hash.stop()
	r := &report{machine: load.ThisMachine(time.Now()), arguments: arguments}
	b := &bench{settings: s, hash: hash, report: r, progress: stderr}
	fmt.Fprintf(stderr, "bench: %s\n", r.machine)
	measured := errors.Join(r.readGo(s.goFile), b.measure(ctx))
	if ctx.Err() != nil {
		measured = errors.New("stopped before the end; what follows is what was measured until then")
	}
	if s.out != "" {
		measured = errors.Join(measured, r.keep(s.out))
	}
	return errors.Join(measured, r.write(stdout, s.markdown))
}

// A bench is one run of the command.
type bench struct {
	settings
	hash     *hash
	report   *report
	progress io.Writer
}

// measure takes every measure that is wanted, one world after the other.
func (b *bench) measure(ctx context.Context) error {
	if b.wants("own") {
		if err := b.own(ctx); err != nil {
			return fmt.Errorf("own: %w", err)
		}
	}
	for _, name := range b.worlds {
		if err := b.inWorld(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// inWorld takes the measures of one world.
func (b *bench) inWorld(ctx context.Context, name string) error {
	if !slices.ContainsFunc(measures(), func(m measure) bool { return m.run != nil && b.wants(m.name) }) {
		return nil
	}
	w, err := b.open(ctx, name)
	if err != nil {
		return err
	}
	defer w.close()
	for _, m := range measures() {
		if m.run == nil || !b.wants(m.name) {
			continue
		}
		fmt.Fprintf(b.progress, "bench: %s: %s\n", name, m.about)
		if err := m.run(w, ctx); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// rounds runs things by turns, tells how it goes, and keeps the samples for
// benchstat under the title.
func (b *bench) rounds(ctx context.Context, title string, things []load.Thing) (map[string][]load.Sample, error) {
	samples, err := load.Rounds(ctx, b.settings.rounds, things, func(round int, name string, s load.Sample) {
		fmt.Fprintf(b.progress, "bench: %s: round %d of %d: %s: p50 %s, p99 %s, %s/s\n", title, round+1, b.settings.rounds, name,
			load.Nanoseconds(load.P50(s)), load.Nanoseconds(load.P99(s)), load.Number(s.PerSecond()))
	})
	for _, thing := range things {
		b.report.bench(title+"/"+thing.Name, samples[thing.Name])
	}
	return samples, err
}
