package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"portcullis/infra/child"
)

// What counts as flat: the median of the last third of the samples is at most
// this much above that of the middle third. The slack is for small numbers, of
// which one connection or one hash more is a large part.
const (
	flatFactor  = 1.25
	memorySlack = 8 << 20 // bytes
	filesSlack  = 8
	fewest      = 45 // samples that can be judged
	sampleEvery = time.Second
)

// A gauge samples the memory and the open files of a server's processes.
type gauge struct {
	server *server
	memory []int // bytes that are not mapped from files
	files  []int
	pid    int
}

// sample adds one sample. A server that was started anew begins anew.
func (g *gauge) sample() {
	pid := g.server.pid()
	if pid == 0 {
		return
	}
	if pid != g.pid {
		*g = gauge{server: g.server, pid: pid}
	}
	memory, files := 0, 0
	for _, p := range append(child.Of(pid), pid) {
		memory += privateMemory(p)
		files += openFiles(p)
	}
	if memory > 0 {
		g.memory, g.files = append(g.memory, memory), append(g.files, files)
	}
}

// verdict says whether both are flat.
func (g *gauge) verdict() (text string, flat bool) {
	switch {
	case len(g.memory) == 0:
		return "memory and files are not measured: that needs /proc (Linux) and a process of ours", true
	case len(g.memory) < fewest:
		return fmt.Sprintf("memory %s, %d files at the end; %d samples are too few to say whether that is flat",
			mebibytes(g.memory[len(g.memory)-1]), g.files[len(g.files)-1], len(g.memory)), true
	}
	memoryMiddle, memoryLast := thirds(g.memory)
	filesMiddle, filesLast := thirds(g.files)
	flat = isFlat(memoryMiddle, memoryLast, memorySlack) && isFlat(filesMiddle, filesLast, filesSlack)
	text = fmt.Sprintf("memory %s in the middle third, %s in the last; files %d, %d; over %d samples",
		mebibytes(memoryMiddle), mebibytes(memoryLast), filesMiddle, filesLast, len(g.memory))
	return text, flat
}

func isFlat(middle, last, slack int) bool {
	return float64(last) <= float64(middle)*flatFactor+float64(slack)
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// thirds returns the medians of the middle and of the last third.
func thirds(samples []int) (middle, last int) {
	third := len(samples) / 3
	return median(samples[third : 2*third]), median(samples[2*third:])
}

func median(samples []int) int { return slices.Sorted(slices.Values(samples))[len(samples)/2] }

// privateMemory returns the resident bytes of a process without those of mapped
// files: the embedded store maps its file, which grows with what is kept. It is
// 0 where there is no such process.
func privateMemory(pid int) int {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "statm"))
	if err != nil {
		return 0
	}
	var size, resident, shared int
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared); err != nil {
		return 0
	}
	return (resident - shared) * os.Getpagesize()
}

func openFiles(pid int) int {
	found, _ := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd")) // none where there is no process
	return len(found)
}
