package load

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// WriteBench writes one line for each round in the format of Go's benchmarks,
// which benchstat reads: the median as ns/op, and the other figures beside it.
// The name is one like Login/embedded/right/clients=8.
func WriteBench(w io.Writer, name string, samples []Sample) error {
	for _, s := range samples {
		_, err := fmt.Fprintf(w, "Benchmark%s %d %d ns/op %d p99-ns/op %.2f answers/s\n",
			name, len(s.Times), s.P50().Nanoseconds(), s.P99().Nanoseconds(), s.PerSecond())
		if err != nil {
			return err
		}
	}
	return nil
}

// A Result is what one benchmark gave, each time that it ran.
type Result struct {
	Package, Name string               // Name is without "Benchmark" and the number of cores
	Values        map[string][]float64 // by unit, such as "ns/op"
}

// ReadBench reads what go test -bench writes, in its order. Lines that are no
// results are passed over.
func ReadBench(r io.Reader) ([]Result, error) {
	var all []Result
	pkg := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if name, found := strings.CutPrefix(lines.Text(), "pkg: "); found {
			pkg = name
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := withoutCores(strings.TrimPrefix(fields[0], "Benchmark"))
		i := slices.IndexFunc(all, func(r Result) bool { return r.Package == pkg && r.Name == name })
		if i < 0 {
			i, all = len(all), append(all, Result{Package: pkg, Name: name, Values: make(map[string][]float64)})
		}
		for f := 2; f+1 < len(fields); f += 2 {
			value, err := strconv.ParseFloat(fields[f], 64)
			if err != nil {
				return all, fmt.Errorf("%s: %w", name, err)
			}
			all[i].Values[fields[f+1]] = append(all[i].Values[fields[f+1]], value)
		}
	}
	return all, lines.Err()
}

// withoutCores returns "Apply/charge" for "Apply/charge-8".
func withoutCores(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name
	}
	if _, err := strconv.Atoi(name[i+1:]); err != nil {
		return name
	}
	return name[:i]
}
