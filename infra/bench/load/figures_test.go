package load_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bench/load"
)

// hundred is a sample of 1 to 100 milliseconds, in no order, in two seconds.
func hundred() load.Sample {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration((i*37)%100+1)*time.Millisecond)
	}
	return load.NewSample(times, 2*time.Second, map[int]int{200: 100})
}

func TestQuantilesAreOfTheNearestRank(t *testing.T) {
	for q, want := range map[float64]time.Duration{0: 1, 0.01: 1, 0.011: 2, 0.5: 50, 0.505: 51, 0.99: 99, 0.991: 100, 1: 100} {
		if got := hundred().Quantile(q); got != want*time.Millisecond {
			t.Errorf("quantile %v: got %v, want %v", q, got, want*time.Millisecond)
		}
	}
	if got := hundred().Mean(); got != 50500*time.Microsecond {
		t.Errorf("mean: got %v", got)
	}
	if got := hundred().PerSecond(); got != 50 {
		t.Errorf("per second: got %v", got)
	}
	empty := load.Sample{}
	if empty.P99() != 0 || empty.Mean() != 0 || empty.PerSecond() != 0 {
		t.Errorf("got something of an empty sample")
	}
}

func TestASpreadIsLeastMedianAndMost(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   load.Spread
	}{
		{nil, load.Spread{}},
		{[]float64{3}, load.Spread{Min: 3, Median: 3, Max: 3}},
		{[]float64{3, 1, 2}, load.Spread{Min: 1, Median: 2, Max: 3}},
		{[]float64{9, 1, 2, 3}, load.Spread{Min: 1, Median: 2.5, Max: 9}},
	} {
		if got := load.SpreadOf(test.values); got != test.want {
			t.Errorf("%v: got %v, want %v", test.values, got, test.want)
		}
	}
}

// The first round is slow for both: divided within a round, that is no spread.
func TestRatiosAreOfTheSameRound(t *testing.T) {
	of := func(times ...time.Duration) (samples []load.Sample) {
		for _, one := range times {
			samples = append(samples, load.NewSample([]time.Duration{one}, one, nil))
		}
		return samples
	}
	got := load.Ratio(of(200, 20, 40), of(100, 10, 20), load.P50)
	if want := (load.Spread{Min: 2, Median: 2, Max: 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	got = load.Ratio(of(200, 20, 30), of(0, 10, 20), load.P99)
	if want := (load.Spread{Min: 1.5, Median: 1.75, Max: 2}); got != want {
		t.Errorf("a round of nothing: got %v, want %v", got, want)
	}
	if got := load.Over(of(time.Second, 2*time.Second, 4*time.Second), load.PerSecond); got != (load.Spread{Min: 0.25, Median: 0.5, Max: 1}) {
		t.Errorf("per second: got %v", got)
	}
}

// The last four are the examples of R. G. Newcombe, "Two-sided confidence
// intervals for the single proportion", Statistics in Medicine 17 (1998), table I.
func TestWilsonHoldsTheShare(t *testing.T) {
	for _, test := range []struct {
		hits, n   int
		low, high float64
	}{
		{0, 0, 0, 1},
		{10, 10, 0.7225, 1},
		{81, 263, 0.2553, 0.3662},
		{15, 148, 0.0624, 0.1605},
		{0, 20, 0, 0.1611},
		{1, 29, 0.0061, 0.1718},
	} {
		low, high := load.Wilson(test.hits, test.n)
		if math.Abs(low-test.low) > 5e-5 || math.Abs(high-test.high) > 5e-5 {
			t.Errorf("%d of %d: got %.5f to %.5f, want %.4f to %.4f", test.hits, test.n, low, high, test.low, test.high)
		}
	}
}

func TestRoundsGoForthAndBack(t *testing.T) {
	var order, told []string
	thing := func(name string) load.Thing {
		before := func(context.Context) error { order = append(order, "-"); return nil }
		if name == "b" {
			before = nil
		}
		return load.Thing{Name: name, Before: before, Run: func(context.Context) (load.Sample, error) {
			order = append(order, name)
			return load.Sample{Took: time.Duration(len(order))}, nil
		}}
	}
	samples, err := load.Rounds(t.Context(), 3, []load.Thing{thing("a"), thing("b"), thing("c")},
		func(round int, name string, _ load.Sample) { told = append(told, fmt.Sprint(round, name)) })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "-ab-c-cb-a-ab-c" {
		t.Errorf("got order %s", got)
	}
	want := map[string][]load.Sample{
		"a": {{Took: 2}, {Took: 10}, {Took: 12}}, "b": {{Took: 3}, {Took: 8}, {Took: 13}}, "c": {{Took: 5}, {Took: 7}, {Took: 15}},
	}
	if diff := cmp.Diff(want, samples); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
	if got := strings.Join(told, " "); got != "0a 0b 0c 1c 1b 1a 2a 2b 2c" {
		t.Errorf("told of %s", got)
	}
	bad := errors.New("bad")
	_, err = load.Rounds(t.Context(), 3, []load.Thing{{Name: "d", Run: func(context.Context) (load.Sample, error) { return load.Sample{}, bad }}}, nil)
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "d, round 1") {
		t.Errorf("got error %v", err)
	}
	_, err = load.Rounds(t.Context(), 3, []load.Thing{{Name: "e", Before: func(context.Context) error { return bad }}}, nil)
	if !errors.Is(err, bad) {
		t.Errorf("before a round: got error %v", err)
	}
}

func TestATableReadsAsTextAndAsMarkdown(t *testing.T) {
	table := load.Table{Title: "Logins", Head: []string{"what", "p50"}, Words: 1}
	table.Add("right", load.Spread{Min: 1e6, Median: 31_449_000, Max: 2e9}.Text(load.Nanoseconds))
	table.Add("ünknown")
	var text, page strings.Builder
	if err := errors.Join(table.Text(&text), table.Markdown(&page)); err != nil {
		t.Fatal(err)
	}
	const wantText = "Logins\n" +
		"  what                    p50\n" +
		"  right    31.4ms (1ms to 2s)\n" +
		"  ünknown\n\n"
	const wantPage = "**Logins**\n\n" +
		"| what    |                p50 |\n" +
		"| ------- | -----------------: |\n" +
		"| right   | 31.4ms (1ms to 2s) |\n" +
		"| ünknown |                    |\n\n"
	if diff := cmp.Diff(wantText, text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantPage, page.String()); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
}

func TestNumbersAreShownWithThreeDigits(t *testing.T) {
	for n, want := range map[float64]string{0.954: "0.95", 63.42: "63.4", 12345.6: "12346"} {
		if got := load.Number(n); got != want {
			t.Errorf("%v: got %s, want %s", n, got, want)
		}
	}
	for ns, want := range map[float64]string{999: "999ns", 12_345: "12.3µs", 9_999_000: "10ms", 0: "0s"} {
		if got := load.Nanoseconds(ns); got != want {
			t.Errorf("%v ns: got %s, want %s", ns, got, want)
		}
	}
	if got := load.Times(1.0349); got != "1.035" {
		t.Errorf("a ratio: got %s", got)
	}
}

func TestRoundsAreWrittenAsBenchmarksAre(t *testing.T) {
	var b strings.Builder
	if err := load.WriteBench(&b, "Login/embedded/right/clients=8", []load.Sample{hundred()}); err != nil {
		t.Fatal(err)
	}
	const want = "BenchmarkLogin/embedded/right/clients=8 100 50000000 ns/op 99000000 p99-ns/op 50.00 answers/s\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheMachineIsDescribedInOneSentence(t *testing.T) {
	m := load.Machine{CPU: "CPU X", Cores: 2, Memory: 3900, Kernel: "6.1", Go: "go1.26 linux/amd64", Date: time.Date(2026, 11, 25, 22, 0, 0, 0, time.UTC)}
	if got, want := m.String(), "CPU X, 2 cores, 3900 MiB, kernel 6.1, go1.26 linux/amd64, 2026-11-25."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := load.ThisMachine(m.Date); got.CPU == "" || got.Kernel == "" || got.Cores < 1 || got.Go == "" {
		t.Errorf("got %+v", got)
	}
}

func TestGoBenchmarksAreRead(t *testing.T) {
	const text = `goos: linux
pkg: portcullis/internal/lockout
BenchmarkApply/charge-2         	     200	       340.2 ns/op	      16 B/op	       1 allocs/op
BenchmarkApply/charge-2         	     200	       300 ns/op	      16 B/op	       1 allocs/op
BenchmarkLogin/right/no_hash,_no-mint 	     200	       7 ns/op
PASS
ok  	portcullis/internal/lockout	1.5s
pkg: portcullis/internal/users
BenchmarkApply/charge-16        	     200	       1 ns/op
`
	got, err := load.ReadBench(strings.NewReader(text))
	want := []load.Result{
		{Package: "portcullis/internal/lockout", Name: "Apply/charge", Values: map[string][]float64{"ns/op": {340.2, 300}, "B/op": {16, 16}, "allocs/op": {1, 1}}},
		{Package: "portcullis/internal/lockout", Name: "Login/right/no_hash,_no-mint", Values: map[string][]float64{"ns/op": {7}}},
		{Package: "portcullis/internal/users", Name: "Apply/charge", Values: map[string][]float64{"ns/op": {1}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := load.ReadBench(strings.NewReader("BenchmarkX 1 y ns/op\n")); err == nil {
		t.Error("got no error of a value that is no number")
	}
}
