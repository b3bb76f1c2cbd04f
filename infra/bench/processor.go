package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"portcullis/infra/bench/load"
	"portcullis/infra/child"
)

// tick is the unit of the times in /proc: USER_HZ, which is 100 wherever Go runs on
// Linux.
const tick = 10 * time.Millisecond

// spent returns the time that a process and those that it started have computed, on
// all cores; 0 where there is no /proc.
func spent(pid int) time.Duration {
	var all time.Duration
	for _, p := range append(child.Of(pid), pid) {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), "stat"))
		if err == nil {
			all += computed(text)
		}
	}
	return all
}

// computed reads the time of the user and of the system from a process's stat, the
// 14th and 15th field: proc_pid_stat(5). The name before them may hold anything.
func computed(stat []byte) time.Duration {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const user, system = 14 - 3, 15 - 3
	if len(fields) <= system {
		return 0
	}
	var ticks int
	for _, field := range [][]byte{fields[user], fields[system]} {
		n, _ := strconv.Atoi(string(field)) // 0 where it is none
		ticks += n
	}
	return time.Duration(ticks) * tick
}

// A meter notes what each round of a thing has computed for one request. Unlike
// the time that a request takes, it hardly depends on what else the machine does.
type meter map[string][]float64

// on puts the meter on a thing that the process works at.
func (m meter) on(pid int, thing load.Thing) load.Thing {
	run := thing.Run
	thing.Run = func(ctx context.Context) (load.Sample, error) {
		before := spent(pid)
		s, err := run(ctx)
		if err == nil {
			m[thing.Name] = append(m[thing.Name], float64(spent(pid)-before)/float64(len(s.Times)))
		}
		return s, err
	}
	return thing
}

// ratio divides two things round by round.
func (m meter) ratio(one, other string) load.Spread {
	return load.SpreadOf(load.Ratios(m[one], m[other]))
}
