package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A peak is the most memory that a process ever had, in bytes: once it asked for
// work, after its first event and after many.
type peak struct{ ready, first, many int }

// peaks reads the memory of one process of each function. Every other login is
// wrong.
func (b *bench) peaks(ctx context.Context, names []string) (map[string]peak, error) {
	all := map[string]peak{}
	for _, name := range append([]string{empty}, names...) {
		fmt.Fprintf(b.progress, "reading the memory of %s ...\n", name)
		got, err := b.peak(ctx, name)
		if err != nil {
			return nil, err
		}
		all[name] = got
	}
	return all, nil
}

func (b *bench) peak(ctx context.Context, name string) (got peak, err error) {
	p, _, err := b.ready(ctx, name, io.Discard)
	if err != nil {
		return got, err
	}
	defer p.Stop()
	if got.ready, err = highWater(p.PID()); err != nil {
		return got, err
	}
	for i := range b.invokings {
		if _, err := b.invoke(ctx, p, name, i%2 == 1); err != nil {
			return got, err
		}
		if i == 0 {
			if got.first, err = highWater(p.PID()); err != nil {
				return got, err
			}
		}
	}
	got.many, err = highWater(p.PID())
	return got, err
}

// highWaterLine is the line of proc_pid_status(5) that tells the most memory that a
// process had.
var highWaterLine = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

func highWater(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading how much memory a function had, which needs Linux: %w", err)
	}
	match := highWaterLine.FindSubmatch(text)
	if match == nil {
		return 0, fmt.Errorf("process %d has no VmHWM", pid)
	}
	kilobytes, err := strconv.Atoi(string(match[1]))
	return kilobytes << 10, err
}

// processorTime returns how long a process's threads ran so far, by
// /proc/PID/task/TID/schedstat, whose first number is that in nanoseconds.
func processorTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("reading how long a function ran, which needs Linux: found %d files, %w", len(files), err)
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		first, _, _ := strings.Cut(string(text), " ")
		ran, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += time.Duration(ran)
	}
	return sum, nil
}

// readMemorySizes returns the MemorySize of each function in the template, in MB.
func readMemorySizes(path string) (map[string]int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	type properties struct {
		MemorySize int    `yaml:"MemorySize"`
		CodeURI    string `yaml:"CodeUri"`
	}
	var tpl struct {
		Globals struct {
			Function properties `yaml:"Function"`
		} `yaml:"Globals"`
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tpl); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sizes := map[string]int{}
	for _, resource := range tpl.Resources {
		if resource.Type != "AWS::Serverless::Function" {
			continue
		}
		f := properties{MemorySize: tpl.Globals.Function.MemorySize}
		if err := resource.Properties.Decode(&f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		sizes[filepath.Base(f.CodeURI)] = f.MemorySize
	}
	return sizes, nil
}

func memoryTable(peaks map[string]peak, sizes map[string]int) table {
	t := table{
		title: "The most memory a function ever had, in MB",
		note:  "VmHWM of one process, which counts what it read of its own file. Every other login is wrong. What Lambda's own processes in a sandbox take is not in it.",
		head:  []string{"function", "ready", "after one event", "after many", "MemorySize", "of it"},
	}
	mb := func(bytes int) string { return fmt.Sprintf("%.1f", float64(bytes)/(1<<20)) }
	for _, name := range sortedKeys(peaks) {
		p, size, share := peaks[name], "-", "-"
		if n := sizes[name]; n > 0 {
			size, share = strconv.Itoa(n), fmt.Sprintf("%.0f %%", 100*float64(p.many)/float64(n<<20))
		}
		t.add(name, mb(p.ready), mb(p.first), mb(p.many), size, share)
	}
	return t
}
