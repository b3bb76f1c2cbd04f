package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/bench/load"
)

// What the products answered when they were asked is in testdata.
func TestAnswersAreToldApart(t *testing.T) {
	for file, p := range map[string]product{"portcullis": &portcullis{}, "vault": &vault{}, "django": &django{}} {
		text, err := os.ReadFile(filepath.Join("testdata", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var recorded []struct {
			Name, Body string
			Status     int
			Verdict    verdict
		}
		if err := json.Unmarshal(text, &recorded); err != nil {
			t.Fatal(err)
		}
		seen := make(tally)
		for _, r := range recorded {
			seen[r.Verdict]++
			if got := p.judge(load.Answer{Status: r.Status, Body: []byte(r.Body)}); got != r.Verdict {
				t.Errorf("%s, %s: got %s, want %s", p.name(), r.Name, got, r.Verdict)
			}
		}
		if seen[right] == 0 || seen[wrong] == 0 || seen[locked] == 0 || seen[other] == 0 {
			t.Errorf("%s: only %v is recorded", p.name(), seen)
		}
	}
}

func TestAProductIsCheckedBeforeItIsMeasured(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*fake)
		want  error
	}{
		"one that locks":                        {func(*fake) {}, nil},
		"one that never locks":                  {func(f *fake) { f.neverLocks = true }, errUnlike},
		"one whose lock the right guess passes": {func(f *fake) { f.lockedGets = true }, errUnlike},
		"one that lets everybody in":            {func(f *fake) { f.careless = true }, errUnlike},
	} {
		f := newFake(t)
		test.spoil(f)
		if err := check(t.Context(), f); !errors.Is(err, test.want) {
			t.Errorf("%s: got error %v", name, err)
		}
		if locks := test.want == nil; locks != (f.unlocks == 1) {
			t.Errorf("%s: got %d unlocks", name, f.unlocks)
		}
	}
}

// benchOf is a bench with short steps.
func benchOf(t *testing.T, products ...product) *bench {
	t.Helper()
	s, err := parse([]string{"-guesses", "20", "-rounds", "2", "-starts", "1", "-bursts", "1", "-quiet", "0", "-load", "100ms", "-hidden", "0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return newBench(s, products, io.Discard)
}

func TestABurstCountsWhatIsCompared(t *testing.T) {
	f := newFake(t)
	b := benchOf(t, f)
	got, err := b.burst(t.Context(), f, -1)
	if err != nil {
		t.Fatal(err)
	}
	want := outcome{tally: tally{wrong: maximum, locked: 20 - maximum}, compared: maximum}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A product that counts after it compared compares all that are under way.
func TestABurstShowsAnOvershoot(t *testing.T) {
	f := newFake(t)
	f.late = new(sync.WaitGroup)
	f.late.Add(20)
	b := benchOf(t, f)
	got, err := b.burst(t.Context(), f, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got.compared != 20 || got.tally[wrong] != 20 {
		t.Errorf("got %+v, want 20 compared", got)
	}
}

func TestARightGuessIsHiddenAtItsPlace(t *testing.T) {
	f := newFake(t)
	f.neverLocks = true
	b := benchOf(t, f)
	for _, place := range []int{0, 7, 20} {
		got, err := b.burst(t.Context(), f, place)
		if err != nil {
			t.Fatal(err)
		}
		if want := (tally{right: 1, wrong: 20}); !got.gotIn || !cmp.Equal(got.tally, want) {
			t.Errorf("place %d: got %+v, want %v", place, got, want)
		}
	}
	f.careless = true
	if _, err := b.burst(t.Context(), f, -1); !errors.Is(err, errUnlike) {
		t.Errorf("wrong guesses that are let in: got error %v", err)
	}
}

// What is no verdict is counted; another verdict than the wanted one would make
// the figure one of something else.
func TestAStepWantsOneVerdict(t *testing.T) {
	f := newFake(t)
	b := benchOf(t, f)
	if _, err := b.ask(t.Context(), f, b.figures["fake"], 2, f.guess("ana", wrongPassword(0)), right); !errors.Is(err, errUnlike) {
		t.Errorf("wrong where right is wanted: got error %v", err)
	}
	f.busy = true
	sample, err := b.ask(t.Context(), f, b.figures["fake"], 2, f.guess("ana", rightPassword), right)
	if got := b.figures["fake"].odd; err != nil || got != len(sample.Times) {
		t.Errorf("got %d odd answers of %d, %v", got, len(sample.Times), err)
	}
}

func TestAWholeRunFillsEveryTable(t *testing.T) {
	f := newFake(t)
	b := benchOf(t, f, f) // beside itself
	b.markdown = filepath.Join(t.TempDir(), "page", "peers.md")
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.report(&out, load.Machine{CPU: "CPU X", Date: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(b.markdown)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CPU X", "5 (5 to 5)", "0 (0 to 0)", "of 4, ", "23.8 %", "clients: 32", "fake ÷ fake", "login ÷ hash", "MiB", "1ms (1ms to 1ms)", "2ms (2ms to 2ms)"} {
		if !strings.Contains(out.String(), want) || !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is not in the report:\n%s", want, out.String())
		}
	}
	if want := "1.00 at 1, 1.00 at 8, 1.00 at 32, where the goal is 2: not reached."; !strings.Contains(out.String(), want) {
		t.Errorf("the judgement is not in the report:\n%s", out.String())
	}
}

func TestTheGoalIsReachedAtEveryNumberOfClientsOrNot(t *testing.T) {
	b := newBench(settings{}, []product{&portcullis{}, &vault{}}, io.Discard)
	set := func(p product, n int, perSecond time.Duration) {
		b.figures[p.name()].refused[n] = []load.Sample{{Times: make([]time.Duration, 100), Took: 100 * time.Second / perSecond}}
	}
	for _, n := range clients() {
		set(b.products[0], n, 400)
		set(b.products[1], n, 200)
	}
	if got := b.judgement(); !strings.HasSuffix(got, ": reached.") {
		t.Errorf("got %s", got)
	}
	set(b.products[1], 8, 250)
	if got := b.judgement(); !strings.HasSuffix(got, ": not reached.") {
		t.Errorf("got %s", got)
	}
}

func TestWhatIsGivenWinsOverQuick(t *testing.T) {
	s, err := parse([]string{"-quick", "-rounds", "7"}, io.Discard)
	if err != nil || s.rounds != 7 || s.load != time.Second {
		t.Errorf("got %+v, %v; want 7 rounds of short steps", s, err)
	}
	for _, bad := range [][]string{{"-rounds", "0"}, {"-guesses", "9"}, {"-load", "1ms"}, {"-hidden", "-1s"}, {"more"}} {
		if _, err := parse(bad, io.Discard); err == nil {
			t.Errorf("%v: got no error", bad)
		}
	}
}

func TestMemoryIsReadFromTheRollup(t *testing.T) {
	text, err := os.ReadFile("testdata/smaps_rollup.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := rollup(text)
	if want := (memory{rss: 1736 << 10, pss: 343 << 10}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if _, err := rollup([]byte("no such process")); err == nil {
		t.Error("got no error for what is no rollup")
	}
}
