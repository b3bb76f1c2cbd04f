package child

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Of returns the processes that a process started and that have not ended; none
// where there is no /proc.
func Of(pid int) []int {
	var all []int
	found, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is a good one
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// After the name, which may hold anything: the state and the parent.
		var state string
		var parent int
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		if _, err := fmt.Sscan(rest, &state, &parent); err != nil || parent != pid {
			continue
		}
		if n, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			all = append(all, n)
		}
	}
	return all
}
