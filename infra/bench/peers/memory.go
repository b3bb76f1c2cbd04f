package main

import (
	"bytes"
	"fmt"
	"os"

	"portcullis/infra/child"
)

// A memory is what a server holds, in bytes, with all processes that it started.
type memory struct {
	rss int // what is shared between its processes is in it once for each
	pss int // what is shared is divided among those that share it
}

// memoryOf reads the memory of a process and of those that it started.
func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return memory{}, err
	}
	all, err := rollup(text)
	if err != nil {
		return memory{}, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for _, started := range child.Of(pid) {
		m, err := memoryOf(started)
		if err != nil {
			return memory{}, err
		}
		all.rss, all.pss = all.rss+m.rss, all.pss+m.pss
	}
	return all, nil
}

// rollup reads a smaps_rollup: lines like "Rss:  1234 kB".
func rollup(text []byte) (memory, error) {
	found := make(map[string]int)
	for line := range bytes.Lines(text) {
		var name, unit string
		var n int
		if _, err := fmt.Sscan(string(line), &name, &n, &unit); err == nil && unit == "kB" {
			found[name] = n << 10
		}
	}
	m := memory{rss: found["Rss:"], pss: found["Pss:"]}
	if m.rss == 0 || m.pss == 0 {
		return memory{}, fmt.Errorf("no Rss and Pss in %.60q", text)
	}
	return m, nil
}
