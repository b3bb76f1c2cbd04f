// Package timing tells whether two kinds of requests can be told apart by how
// long they take. It asks each kind several times a round, in random order, and
// ranks the times of one round against each other: the Mann-Whitney U of each
// round, summed over the rounds (van Elteren's form of it), as the probability
// that one kind is the quicker one. Tests use it; it knows nothing of logins.
//
// The one decision a reader must know: what is judged is the size of that effect
// and not its significance. With samples enough any machine shows some
// difference that is significant and of no use to anybody, and a burst of noise
// shows one that is not there. So a pair is unlike only if its effect is beyond
// the bound in every one of several samples, each fresh; one within it clears
// the pair. No duration is compared with anything but another one of its round.
package timing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A Class is a kind of request.
type Class struct {
	Name string
	// Ask makes one request. n counts the requests of this class from 0, over
	// all samples, so that a class may use something fresh each time.
	Ask func(n int) error
}

// A Pair names two classes that must be alike.
type Pair struct{ One, Other string }

// A Gate says how the classes are sampled and judged.
type Gate struct {
	Rounds int // of one sample, 1 or more
	Repeat int // how often a class is asked in a round, 1 or more
	Tries  int // samples that must all be beyond the bound, 1 or more
	// Bound is the largest effect of what is alike, above 0 and below 0.5.
	Bound float64
	Rand  *rand.Rand
	Now   func() time.Time // MUST have a monotonic reading
}

// A Finding is what became of a pair.
type Finding struct {
	Pair
	// Effects has one number for each sample that was taken: the probability
	// that One is quicker than Other, less one half. 0 means that they cannot be
	// told apart, 0.5 that One is always quicker, -0.5 that Other is.
	Effects []float64
	Alike   bool
}

// String returns "known ~ unknown: +0.021".
func (f Finding) String() string {
	word := "~"
	if !f.Alike {
		word = "is not"
	}
	text := fmt.Sprintf("%s %s %s:", f.One, word, f.Other)
	for _, effect := range f.Effects {
		text += fmt.Sprintf(" %+.3f", effect)
	}
	return text
}

// Asked returns the most requests of one class that Compare makes, a first one
// included that is not timed.
func (g Gate) Asked() int { return 1 + g.Tries*g.Rounds*g.Repeat }

// Compare samples the classes and judges the pairs, in their order. Pairs that
// a sample clears are not sampled again. The error is the first of an Ask, or
// says that a pair names no class.
func (g Gate) Compare(classes []Class, pairs []Pair) ([]Finding, error) {
	findings := make([]Finding, len(pairs))
	for i, pair := range pairs {
		findings[i] = Finding{Pair: pair}
		for _, name := range []string{pair.One, pair.Other} {
			if !slices.ContainsFunc(classes, func(c Class) bool { return c.Name == name }) {
				return nil, fmt.Errorf("no class %q", name)
			}
		}
	}
	asked := make(map[string]int)
	for range g.Tries {
		wanted := open(classes, findings)
		if len(wanted) == 0 {
			break
		}
		times, err := g.sample(wanted, asked)
		if err != nil {
			return nil, err
		}
		g.judge(findings, times)
	}
	return findings, nil
}

// open returns the classes of the pairs that are not cleared yet.
func open(classes []Class, findings []Finding) []Class {
	var wanted []Class
	for _, c := range classes {
		if slices.ContainsFunc(findings, func(f Finding) bool { return !f.Alike && (f.One == c.Name || f.Other == c.Name) }) {
			wanted = append(wanted, c)
		}
	}
	return wanted
}

// judge adds a sample's effect to each pair that is not cleared yet.
func (g Gate) judge(findings []Finding, times map[string][][]time.Duration) {
	for i := range findings {
		f := &findings[i]
		if f.Alike {
			continue
		}
		effect := Effect(times[f.One], times[f.Other])
		f.Effects, f.Alike = append(f.Effects, effect), math.Abs(effect) <= g.Bound
	}
}

// sample returns the times of each class, by round. The first request of a
// class is not timed: it may open a connection or fill a cache.
func (g Gate) sample(classes []Class, asked map[string]int) (map[string][][]time.Duration, error) {
	times := make(map[string][][]time.Duration)
	for _, c := range classes {
		if asked[c.Name] > 0 {
			continue
		}
		if _, err := g.ask(c, asked); err != nil {
			return nil, err
		}
	}
	for range g.Rounds {
		round := make(map[string][]time.Duration)
		for _, i := range g.Rand.Perm(len(classes) * g.Repeat) {
			c := classes[i%len(classes)]
			took, err := g.ask(c, asked)
			if err != nil {
				return nil, err
			}
			round[c.Name] = append(round[c.Name], took)
		}
		for name, took := range round {
			times[name] = append(times[name], took)
		}
	}
	return times, nil
}

func (g Gate) ask(c Class, asked map[string]int) (time.Duration, error) {
	n := asked[c.Name]
	asked[c.Name]++
	began := g.Now()
	if err := c.Ask(n); err != nil {
		return 0, fmt.Errorf("%s, request %d: %w", c.Name, n, err)
	}
	return g.Now().Sub(began), nil
}

// Effect returns the probability that a time of x is shorter than one of y of
// the same round, less one half; a tie counts half. Both have the same rounds,
// and no round is empty.
func Effect(x, y [][]time.Duration) float64 {
	sum := 0.0
	for i := range x {
		sum += superiority(x[i], y[i])
	}
	return sum/float64(len(x)) - 0.5
}

// superiority is U/(nm), where U is Mann and Whitney's.
func superiority(x, y []time.Duration) float64 {
	u := 0.0
	for _, a := range x {
		for _, b := range y {
			switch {
			case a < b:
				u++
			case a == b:
				u += 0.5
			}
		}
	}
	return u / float64(len(x)*len(y))
}
