package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
	"portcullis/infra/launch"
)

// How often a start is measured in a round, and how long a server rests.
const (
	startsARound = 3
	restTime     = 2 * time.Second
	mebibyte     = 1 << 20
)

// The goals of the embedded server, which is one process.
const (
	restGoal  = 40e6 // bytes
	readyGoal = float64(60 * time.Millisecond)
)

// rest measures the memory of a server that nobody asks, before anybody has and
// after many have, and how long a start takes.
func (w *world) rest(ctx context.Context) error {
	table := load.Table{
		Title: w.name + ": memory of all processes",
		Head:  []string{"when", "processes", "RSS", "PSS"}, Words: 1,
	}
	tell := func(when string, m memory) memory {
		table.Add(when, fmt.Sprint(m.processes), mebibytes(m.rss), mebibytes(m.pss))
		return m
	}
	if err := pause(ctx, restTime); err != nil {
		return err
	}
	tell("2 s after a start that made the demo client", memoryOf(w.server.PID))
	var atRest memory
	if w.name == embeddedWorld {
		again, err := w.restAgain(ctx)
		if err != nil {
			return err
		}
		atRest = tell("2 s after a start with its data", again)
	}
	if err := w.use(ctx); err != nil {
		return err
	}
	tell(fmt.Sprintf("2 s after logins of %d clients", w.most()), memoryOf(w.server.PID))
	if w.name != embeddedWorld {
		w.report.table(table)
		return nil
	}
	fmt.Fprintf(w.progress, "bench: %s: resting for %v before the last reading of the memory\n", w.name, w.idle)
	if err := pause(ctx, w.idle); err != nil {
		return err
	}
	tell(fmt.Sprintf("%v after that", w.idle), memoryOf(w.server.PID))
	w.report.table(table)
	w.report.goal("memory at rest (RSS) < 40 MB, after a start with its data", fmt.Sprintf("%.1f MB", atRest.rss/1e6), atRest.rss < restGoal)
	return w.starts(ctx)
}

// restAgain reads the memory of a server whose data was there when it started.
func (w *world) restAgain(ctx context.Context) (memory, error) {
	folder := filepath.Join(w.folder, "rest")
	if _, err := w.start(ctx, folder); err != nil {
		return memory{}, err
	}
	server, err := launch.Local(w.local, nil, "-data", folder)
	if err != nil {
		return memory{}, err
	}
	defer server.Stop(stopTime)
	err = pause(ctx, restTime)
	if err != nil {
		return memory{}, err
	}
	m := memoryOf(server.PID)
	if m.processes == 0 {
		return m, errors.New("the server's memory cannot be read")
	}
	return m, nil
}

// use logs the largest crowd in for a while, and lets the server rest.
func (w *world) use(ctx context.Context) error {
	people, err := w.people(ctx, "right", w.most())
	if err != nil {
		return err
	}
	if _, err := w.rightly(people, w.most())(ctx); err != nil {
		return err
	}
	return pause(ctx, restTime)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// starts measures how long it takes from a server's start until it has answered,
// on a folder that is there and on a fresh one.
func (w *world) starts(ctx context.Context) error {
	fresh, existing := []float64{}, []float64{}
	kept := filepath.Join(w.folder, "kept")
	if _, err := w.start(ctx, kept); err != nil {
		return err
	}
	for i := range w.settings.rounds * startsARound {
		first, err := w.start(ctx, filepath.Join(w.folder, fmt.Sprintf("fresh-%d", i)))
		if err != nil {
			return err
		}
		again, err := w.start(ctx, kept)
		if err != nil {
			return err
		}
		fresh, existing = append(fresh, first), append(existing, again)
	}
	table := load.Table{
		Title: w.name + ": from the start to the first answer of GET /health, " + fmt.Sprint(len(fresh)) + " starts",
		Head:  []string{"folder", "time"}, Words: 1,
	}
	table.Add("with its data", load.SpreadOf(existing).Text(load.Nanoseconds))
	table.Add("fresh (it makes the demo client and hashes four passwords)", load.SpreadOf(fresh).Text(load.Nanoseconds))
	w.report.table(table)
	spread := load.SpreadOf(existing)
	w.report.goal("ready < 60 ms, with its data", spread.Text(load.Nanoseconds), spread.Median < readyGoal)
	return nil
}

// start starts a server, waits for its first answer and ends it.
func (w *world) start(ctx context.Context, folder string) (took float64, err error) {
	began := time.Now()
	server, err := launch.Local(w.local, nil, "-data", folder)
	if err != nil {
		return 0, err
	}
	defer server.Stop(stopTime)
	d := &desk{base: server.Base}
	err = d.send(ctx, load.NewRequest(server.Base, "GET", "/health", ""), http.StatusOK, nil)
	return float64(time.Since(began)), err
}

// A memory is what processes hold, in bytes. Pages that several share count
// in full for each in rss, and in parts in pss.
type memory struct {
	processes int
	rss, pss  float64
}

// memoryOf adds a process and those that it started.
func memoryOf(pid int) memory {
	var all memory
	for _, p := range append(child.Of(pid), pid) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "smaps_rollup"))
		if err != nil {
			continue // it has ended, or this is no Linux
		}
		all.processes++
		all.rss += kibibytes(text, "Rss")
		all.pss += kibibytes(text, "Pss")
	}
	return all
}

// kibibytes reads "Rss:   1234 kB" in bytes; 0 where there is no such line.
func kibibytes(text []byte, name string) float64 {
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == name+":" {
			n, _ := strconv.ParseFloat(string(fields[1]), 64) // 0 where it is none
			return n * 1024
		}
	}
	return 0
}

func mebibytes(n float64) string { return fmt.Sprintf("%.1f MiB", n/mebibyte) }
