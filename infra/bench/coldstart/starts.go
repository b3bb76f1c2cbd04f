package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// A start is what one process took: until it asked for work, for its first event,
// and for a second; and the processor's time until it asked.
type start struct{ init, first, warm, processor time.Duration }

// A pair is a function's start and that of the empty function beside it.
type pair struct{ own, empty start }

// starts starts every function in every round, each beside the empty function,
// after one round that is not counted. Rounds begin with another function each,
// and what goes first in a pair changes too.
func (b *bench) starts(ctx context.Context, names []string) (map[string][]pair, error) {
	all := map[string][]pair{}
	for round := range b.rounds + 1 {
		fmt.Fprintf(b.progress, "starting each function, round %d of %d ...\n", round, b.rounds)
		for i := range names {
			name := names[(round+i)%len(names)]
			p, err := b.pair(ctx, name, (round+i)%2 == 0)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				all[name] = append(all[name], p)
			}
		}
	}
	return all, nil
}

func (b *bench) pair(ctx context.Context, name string, emptyFirst bool) (p pair, err error) {
	order := []string{name, empty}
	if emptyFirst {
		slices.Reverse(order)
	}
	for _, each := range order {
		s, err := b.once(ctx, each)
		if err != nil {
			return p, err
		}
		if each == empty {
			p.empty = s
		} else {
			p.own = s
		}
	}
	return p, nil
}

// once starts a function, gives it two events and stops it.
func (b *bench) once(ctx context.Context, name string) (s start, err error) {
	p, took, err := b.ready(ctx, name, io.Discard)
	if err != nil {
		return s, err
	}
	defer p.Stop()
	s.init = took
	if s.processor, err = processorTime(p.PID()); err != nil {
		return s, err
	}
	if s.first, err = b.invoke(ctx, p, name, false); err != nil {
		return s, err
	}
	s.warm, err = b.invoke(ctx, p, name, false)
	return s, err
}

// median returns the middle of the values, or of the two in the middle the
// larger.
func median[T int | int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// spread tells the least, the median and the most of some times.
func spread(times []time.Duration) string {
	return fmt.Sprintf("%.1f / %.1f / %.1f", ms(slices.Min(times)), ms(median(times)), ms(slices.Max(times)))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// collect reads one time of each start.
func collect(starts []start, read func(start) time.Duration) []time.Duration {
	var all []time.Duration
	for _, s := range starts {
		all = append(all, read(s))
	}
	return all
}

// sides returns the function's own starts, and those of the empty one beside them.
func sides(pairs []pair) (own, beside []start) {
	for _, p := range pairs {
		own, beside = append(own, p.own), append(beside, p.empty)
	}
	return own, beside
}

// The times of a start.
func initTime(s start) time.Duration      { return s.init }
func firstTime(s start) time.Duration     { return s.first }
func warmTime(s start) time.Duration      { return s.warm }
func processorOf(s start) time.Duration   { return s.processor }
func untilAnswered(s start) time.Duration { return s.init + s.first }

// ratio returns the median of the ratios within the pairs.
func ratio(pairs []pair, read func(start) time.Duration) float64 {
	var all []float64
	for _, p := range pairs {
		all = append(all, float64(read(p.own))/float64(read(p.empty)))
	}
	return median(all)
}

// The goals, as times of the empty function's.
const goal = 1.3

func startTable(all map[string][]pair) table {
	t := table{
		title: "From the start to the first request for work, in ms",
		note: fmt.Sprintf("Times are least / median / most of %d starts. A ratio is the median of those to the empty function's start beside it; the goal is %.1f.",
			count(all), goal),
		head: []string{"function", "ms", "empty beside it, ms", "ratio", "", "processor's ms", "ratio"},
	}
	for _, name := range sortedKeys(all) {
		own, beside := sides(all[name])
		took, missed := ratio(all[name], initTime), ""
		if took > goal {
			missed = "misses"
		}
		t.add(name, spread(collect(own, initTime)), spread(collect(beside, initTime)), fmt.Sprintf("%.2f", took), missed,
			fmt.Sprintf("%.1f", ms(median(collect(own, processorOf)))), fmt.Sprintf("%.2f", ratio(all[name], processorOf)))
	}
	return t
}

func invocationTable(all map[string][]pair) table {
	t := table{
		title: "The first event and the second, in ms",
		note: "Least / median / most. The login is a right one: one hash, two round trips to the store, the maximum, the token secret and the tokens. " +
			"The empty function's are those beside all others.",
		head: []string{"function", "first", "second", "start and first, median"},
	}
	row := func(name string, starts []start) {
		t.add(name, spread(collect(starts, firstTime)), spread(collect(starts, warmTime)),
			fmt.Sprintf("%.1f", ms(median(collect(starts, untilAnswered)))))
	}
	var nothing []start
	for _, name := range sortedKeys(all) {
		own, beside := sides(all[name])
		nothing = append(nothing, beside...)
		row(name, own)
	}
	row(empty, nothing)
	return t
}

// count returns how many starts there are of a function.
func count(all map[string][]pair) int {
	for _, pairs := range all {
		return len(pairs)
	}
	return 0
}
