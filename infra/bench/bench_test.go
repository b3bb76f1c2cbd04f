package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bench/load"
)

// TestMain is the bare hash and the bare server too: the command starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && slices.Contains([]string{hashCommand, bareCommand}, os.Args[1]) {
		if err := command(context.Background(), os.Args[1:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// measured runs the command as short as it goes, and returns what it printed and
// what it kept for benchstat.
func measured(t *testing.T, arguments ...string) (printed, kept string) {
	t.Helper()
	local, out := filepath.Join(t.TempDir(), "local"), filepath.Join(t.TempDir(), "new", "http.txt")
	if text, err := exec.Command("go", "build", "-o", local, "../local").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	arguments = append([]string{
		"-local", local, "-functions", "../../.build/functions", "-out", out, "-markdown",
		"-clients", "1,4", "-rounds", "1", "-duration", "200ms", "-honest", "1s", "-idle", "0", "-tries", "1", "-many", "150",
	}, arguments...)
	var stdout, progress bytes.Buffer
	if err := run(t.Context(), arguments, &stdout, &progress); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), string(text)
}

// says wants patterns in a text, each somewhere.
func says(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(`(?m)` + pattern).MatchString(text) {
			t.Errorf("nothing matches %s in:\n%s", pattern, text)
		}
	}
}

func TestTheEmbeddedWorldIsMeasured(t *testing.T) {
	t.Parallel()
	printed, kept := measured(t, "-world", "embedded")
	says(t, printed,
		`^Measured at \d\d:\d\d: .*, \d{4}-\d\d-\d\d\.$`,
		`^\*\*The generator against a bare`,
		`^\| 2 s after a start with its data +\| +1 \| +\d+\.\d MiB \|`,
		`^\| 4 +\| right +\|`, `^\| 4 +\| wrong +\|`, `^\| 1 +\| bare hash`,
		`^\*\*embedded: refusals`, `^\| unknown `, `^\| unlock `,
		`^\| 300 +\| +\d \| +\d \| +\d+ \|`, `^\| 1000 +\| +\d \| +\d \| +\d+ \|`, // how many is for the tests of the rule
		`^\| attacked ÷ quiet`, `^\| the locked +\| +150 \|`,
		`^\| embedded: 1000 parallel guesses: compared = the maximum of 5 +\| \d to \d +\| (reached|missed)`,
		`^\| right login p50 ≤ 1\.10 × bare hash, 1 client +\| \d`,
		`^\| ready < 60 ms`, `^\| locked refusals a second ≥ 2 × Vault's, 4 clients .* see make bench-peers`,
	)
	says(t, kept,
		`^pkg: portcullis/infra/bench$`,
		`^BenchmarkLogin/embedded/clients=4/right \d+ \d+ ns/op \d+ p99-ns/op \d+\.\d\d answers/s$`,
		`^BenchmarkLogin/embedded/clients=4/bare-hash-bounded `, `^BenchmarkAttack/embedded/attacked `,
		`^BenchmarkList/embedded/a-page-of-50/users=150 `, `^BenchmarkLocked/embedded/clients=1/refused `,
	)
}

func TestTheFunctionsAreMeasured(t *testing.T) {
	t.Parallel()
	printed, kept := measured(t, "-world", "functions", "-only", "login,burst,list", "-duration", "1s")
	says(t, printed, `^\| 4 +\| right +\|`, `^\| 1 +\| wrong +\|`, `^\| 300 +\| +\d \|`, `^\| a page of 50 +\| +150 \|`)
	says(t, kept, `^BenchmarkLogin/functions/clients=1/wrong `)
	if strings.Contains(printed, "bare hash, 1 client") {
		t.Error("a goal of the embedded server is judged by the functions")
	}
}

func TestTheCommandLineIsRead(t *testing.T) {
	for _, test := range []struct {
		name      string
		arguments []string
		check     func(settings) bool
	}{
		{"nothing", nil, func(s settings) bool {
			return slices.Equal(s.worlds, []string{"embedded", "functions"}) && s.wants("own") && s.wants("list") && s.rounds == 5 &&
				slices.Equal(s.crowds, []int{1, 8, 32})
		}},
		{"one world and two measures", []string{"-world", "functions", "-only", "login,burst"}, func(s settings) bool {
			return slices.Equal(s.worlds, []string{"functions"}) && s.wants("login") && s.wants("burst") && !s.wants("own")
		}},
		{"quick", []string{"-quick"}, func(s settings) bool { return s.rounds == 2 && s.duration == time.Second && s.many == 1000 }},
		{"quick, but for what is said", []string{"-rounds", "3", "-quick"}, func(s settings) bool { return s.rounds == 3 && s.tries == 5 }},
	} {
		s, err := parse(test.arguments, io.Discard)
		if err != nil || !test.check(s) {
			t.Errorf("%s: got %+v, %v", test.name, s, err)
		}
	}
	var help strings.Builder
	if _, err := parse([]string{"-help"}, &help); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got error %v, want help", err)
	}
	for _, m := range measures() {
		says(t, help.String(), `^  `+m.name+` +`+regexp.QuoteMeta(m.about))
	}
}

func TestABadCommandLineIsRefused(t *testing.T) {
	for _, arguments := range [][]string{
		{"-world", "moon"}, {"-only", "logins"}, {"-rounds", "0"}, {"-duration", "10ms"}, {"-honest", "1ms"}, {"-idle", "-1s"},
		{"-tries", "0"}, {"-many", "99"}, {"-rate", "0"}, {"-clients", "8,1"}, {"-clients", "0"}, {"-clients", "1,"}, {"-no-such-flag"}, {"more"},
	} {
		if _, err := parse(arguments, io.Discard); err == nil {
			t.Errorf("%q: got no error", arguments)
		}
	}
}

func TestTheBareHashHashesForEveryClient(t *testing.T) {
	in := strings.NewReader(`{"Clients":3,"Duration":1}` + "\n" + `{"Clients":2,"Bounded":true,"Duration":1}` + "\n")
	var out bytes.Buffer
	if err := serveHashes(in, &out); err != nil {
		t.Fatal(err)
	}
	answers := json.NewDecoder(&out)
	for _, clients := range []int{3, 2} {
		var got hashed
		if err := answers.Decode(&got); err != nil || len(got.Times) != clients || got.Took < slices.Max(got.Times) {
			t.Errorf("%d clients: got %+v, %v; want a hash of each", clients, got, err)
		}
	}
}

func TestTheDenominatorIsTheQuickerHash(t *testing.T) {
	of := func(perSecond ...int) (samples []load.Sample) {
		for _, n := range perSecond {
			samples = append(samples, load.NewSample(make([]time.Duration, n), time.Second, nil))
		}
		return samples
	}
	if got := quicker(of(10, 30, 20), of(19, 21, 1)); got != free {
		t.Errorf("got %s, whose median is less", got)
	}
	if got := quicker(of(10, 30, 20), of(21, 21, 1)); got != bounded {
		t.Errorf("got %s, whose median is less", got)
	}
}

func TestMemoryIsReadFromARollup(t *testing.T) {
	text := []byte("55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:               13924 kB\nPss:                7505 kB\nPss_Dirty:          4000 kB\n")
	if rss, pss := kibibytes(text, "Rss"), kibibytes(text, "Pss"); rss != 13924*1024 || pss != 7505*1024 {
		t.Errorf("got %v and %v", rss, pss)
	}
	if got := kibibytes(text, "Swap"); got != 0 {
		t.Errorf("got %v of what is not there", got)
	}
	if runtime.GOOS == "linux" {
		if got := memoryOf(os.Getpid()); got.processes < 1 || got.rss < mebibyte || got.pss <= 0 || got.pss > got.rss {
			t.Errorf("got %+v of this process", got)
		}
	}
}

func TestTheTimeOfAProcessIsRead(t *testing.T) {
	const stat = "4711 (a) S 1 (b) R 1 4711 4711 0 -1 4194560 2011 0 1 0 120 30 7 8 20 0 9 0 123 1 2 3\n"
	if got := computed([]byte(stat)); got != 1500*time.Millisecond {
		t.Errorf("got %v, want 1.5s", got)
	}
	if got := computed([]byte("4711 (a) S 1")); got != 0 {
		t.Errorf("got %v of a line that is cut", got)
	}
	if runtime.GOOS == "linux" {
		for before := spent(os.Getpid()); spent(os.Getpid()) == before; { // the test's time bounds it
			hashOnce()
		}
	}
}

func TestAMeterDividesByTheRequests(t *testing.T) {
	m := meter{"a": {30, 20}, "b": {10, 10}}
	if got := m.ratio("a", "b"); got != (load.Spread{Min: 2, Median: 2.5, Max: 3}) {
		t.Errorf("got %v", got)
	}
	run := func(context.Context) (load.Sample, error) {
		hashOnce()
		return load.Sample{Times: make([]time.Duration, 4)}, nil
	}
	if _, err := m.on(os.Getpid(), load.Thing{Name: "c", Run: run}).Run(t.Context()); err != nil || len(m["c"]) != 1 {
		t.Errorf("got %v, %v; want one round", m["c"], err)
	}
}

func TestChanceIsJudgedByItsInterval(t *testing.T) {
	for in, want := range map[int]string{0: "reached", 5: "reached", 30: "missed"} {
		w := &world{bench: &bench{settings: settings{tries: 300}, report: new(report)}, name: "embedded"}
		w.tellChance(in)
		if got := w.report.goals.Rows[0][2]; got != want {
			t.Errorf("%d of 300: got %s, want %s", in, got, want)
		}
	}
}

// alike returns rounds of ten requests that each took as long, one after the other.
func alike(each ...time.Duration) (samples []load.Sample) {
	for _, one := range each {
		samples = append(samples, load.NewSample(slices.Repeat([]time.Duration{one}, 10), 10*one, nil))
	}
	return samples
}

func TestGoalsAreJudgedByTheMedianOfTheRatios(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name, world string
		clients     int
		right       []load.Sample
		want        string
	}{
		{"a login that takes a tenth longer", "embedded", 1, alike(110*ms, 109*ms, 220*ms), "reached"},
		{"a login that takes a little more", "embedded", 1, alike(111*ms, 112*ms, 100*ms), "missed"},
		{"95 of a hundred", "embedded", 8, alike(105*ms, 105*ms, 200*ms), "reached"},
		{"94 of a hundred", "embedded", 32, alike(107*ms, 107*ms, 100*ms), "missed"},
		{"functions", "functions", 1, alike(100*ms, 100*ms, 100*ms), ""},
	} {
		w := &world{bench: &bench{report: new(report)}, name: test.world}
		bare := alike(100*ms, 100*ms, 100*ms)
		w.tellLogins(new(load.Table), test.clients, map[string][]load.Sample{free: bare, bounded: bare, right: test.right, wrong: bare}, nil)
		got := ""
		for _, row := range w.report.goals.Rows {
			got += row[2]
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestAnAttackIsFeltBeyondTwiceTheQuietTime(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		name            string
		quiet, attacked []load.Sample
		refused         float64
		want            string
	}{
		{"twice as long", alike(10*ms, 10*ms, 10*ms), alike(20*ms, 20*ms, 20*ms), 1, "reached"},
		{"a little longer than that", alike(10*ms, 10*ms, 10*ms), alike(21*ms, 21*ms, 21*ms), 1, "missed"},
		{"one quiet round that was slow", alike(100*ms, 10*ms, 10*ms), alike(30*ms, 30*ms, 30*ms), 1, "missed"},
		{"one attacked round that was slow", alike(10*ms, 10*ms, 10*ms), alike(10*ms, 10*ms, 90*ms), 1, "missed"},
		{"an attack that was shed", alike(10*ms, 10*ms, 10*ms), alike(10*ms, 10*ms, 10*ms), 0.9, "missed"},
	} {
		w := &world{bench: &bench{report: new(report)}, name: "embedded"}
		w.tellAttack(test.quiet, test.attacked, alike(ms, ms, ms), test.refused)
		if got := w.report.goals.Rows[0]; got[2] != test.want || !strings.Contains(got[1], "1000 guesses/s") {
			t.Errorf("%s: got %q, want %s", test.name, got, test.want)
		}
	}
}

func TestRoundsArePooled(t *testing.T) {
	one := load.NewSample([]time.Duration{1, 5}, 10, nil)
	other := load.NewSample([]time.Duration{2, 3}, 20, nil)
	got := pooled([]load.Sample{one, other})
	if diff := cmp.Diff(load.Sample{Times: []time.Duration{1, 2, 3, 5}, Took: 30}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{1, 5}, one.Times); diff != "" {
		t.Errorf("the first round has changed (-want +got):\n%s", diff)
	}
}
