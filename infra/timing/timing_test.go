package timing_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/infra/timing"
)

// A machine is a clock that only its requests move.
type machine struct {
	now    time.Time
	random *rand.Rand
}

// class returns a class whose n-th request takes what took(n) says, and noise
// of an exponential distribution, as that of a busy machine is.
func (m *machine) class(name string, noise time.Duration, took func(n int) time.Duration) timing.Class {
	return timing.Class{Name: name, Ask: func(n int) error {
		m.now = m.now.Add(took(n) + time.Duration(m.random.ExpFloat64()*float64(noise)))
		return nil
	}}
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// compare judges two classes of made-up times.
func compare(t *testing.T, noise time.Duration, one, other func(int) time.Duration) timing.Finding {
	t.Helper()
	m := &machine{now: time.Unix(0, 0), random: rand.New(rand.NewPCG(1, 2))}
	gate := timing.Gate{Rounds: 100, Repeat: 2, Tries: 3, Bound: 0.12, Rand: m.random, Now: func() time.Time { return m.now }}
	findings, err := gate.Compare(
		[]timing.Class{m.class("one", noise, one), m.class("other", noise, other)}, []timing.Pair{{One: "one", Other: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	return findings[0]
}

func TestClassesAreAlikeOrNot(t *testing.T) {
	const hash = 30 * time.Millisecond
	tests := []struct {
		name       string
		noise      time.Duration
		one, other func(int) time.Duration
		alike      bool
		samples    int
	}{
		{"the same time", 5 * time.Millisecond, always(hash), always(hash), true, 1},
		{"the same time without any noise", 0, always(hash), always(hash), true, 1},
		{"a difference far below the noise", 5 * time.Millisecond, always(hash), always(hash + 50*time.Microsecond), true, 1},
		{"a millisecond more", 2 * time.Millisecond, always(hash), always(hash + time.Millisecond), false, 3},
		{"a millisecond less", 2 * time.Millisecond, always(hash), always(hash - time.Millisecond), false, 3},
		{"a microsecond more without any noise", 0, always(hash), always(hash + time.Microsecond), false, 3},
		{"no hash", 20 * time.Millisecond, always(hash), always(time.Millisecond), false, 3},
		{"a burst in the first sample", time.Millisecond, always(hash), func(n int) time.Duration {
			if n < 150 {
				return 2 * hash
			}
			return hash
		}, true, 2},
		{"a difference that comes late", time.Millisecond, always(hash), func(n int) time.Duration {
			if n > 201 {
				return 2 * hash
			}
			return hash
		}, true, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := compare(t, test.noise, test.one, test.other)
			if got.Alike != test.alike || len(got.Effects) != test.samples {
				t.Errorf("got %s after %d samples, want alike %t after %d", got, len(got.Effects), test.alike, test.samples)
			}
		})
	}
}

// A machine that slows down slows every class of a round down, in any order.
func TestADriftOfTheMachineIsNoEffect(t *testing.T) {
	drift := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	if got := compare(t, time.Millisecond, drift, drift); !got.Alike {
		t.Errorf("got %s, want no effect", got)
	}
}

func TestTheEffectIsTheProbabilityLessOneHalf(t *testing.T) {
	tests := []struct {
		name string
		x, y [][]time.Duration
		want float64
	}{
		{"always quicker", [][]time.Duration{{1, 2}, {7}}, [][]time.Duration{{3, 4}, {8}}, 0.5},
		{"always slower", [][]time.Duration{{3, 4}, {8}}, [][]time.Duration{{1, 2}, {7}}, -0.5},
		{"ties", [][]time.Duration{{1, 1}}, [][]time.Duration{{1, 1}}, 0},
		{"three of four", [][]time.Duration{{1, 3}}, [][]time.Duration{{2, 4}}, 0.25},
		{"rounds are not mixed", [][]time.Duration{{1}, {100}}, [][]time.Duration{{2}, {50}}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := timing.Effect(test.x, test.y); math.Abs(got-test.want) > 1e-9 {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Each class is asked as often as the others in a round, and in another order
// each time; what a sample has cleared is not asked again.
func TestRoundsAreWholeAndInRandomOrder(t *testing.T) {
	var order []string
	class := func(name string) timing.Class {
		return timing.Class{Name: name, Ask: func(int) error { order = append(order, name); return nil }}
	}
	gate := timing.Gate{
		Rounds: 20, Repeat: 3, Tries: 2, Bound: 0.1, Rand: rand.New(rand.NewPCG(3, 4)),
		Now: func() time.Time { return time.Unix(0, 0) },
	}
	if _, err := gate.Compare([]timing.Class{class("a"), class("b")}, []timing.Pair{{One: "a", Other: "b"}}); err != nil {
		t.Fatal(err)
	}
	if len(order) != 2+20*6 {
		t.Fatalf("%d requests, want one sample and a first of each", len(order))
	}
	seen := make(map[[6]string]bool)
	for round := order[2:]; len(round) > 0; round = round[6:] {
		counts := make(map[string]int)
		for _, name := range round[:6] {
			counts[name]++
		}
		if diff := cmp.Diff(counts, map[string]int{"a": 3, "b": 3}); diff != "" {
			t.Fatalf("a round (-got +want):\n%s", diff)
		}
		seen[[6]string(round[:6])] = true
	}
	if len(seen) < 5 {
		t.Errorf("%d orders in 20 rounds", len(seen))
	}
}

func TestWhatGoesWrongIsTold(t *testing.T) {
	broken := errors.New("status 500")
	gate := timing.Gate{Rounds: 1, Repeat: 1, Tries: 1, Bound: 0.1, Rand: rand.New(rand.NewPCG(5, 6)), Now: time.Now}
	classes := []timing.Class{{Name: "a", Ask: func(int) error { return nil }}, {Name: "b", Ask: func(int) error { return broken }}}
	if _, err := gate.Compare(classes, []timing.Pair{{One: "a", Other: "b"}}); !errors.Is(err, broken) {
		t.Errorf("got %v, want that of the request", err)
	}
	if _, err := gate.Compare(classes, []timing.Pair{{One: "a", Other: "c"}}); err == nil {
		t.Error("a pair of a class that is not there was compared")
	}
}
