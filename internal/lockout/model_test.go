package lockout_test

// The model check of the rule. TestEveryInterleavingKeepsTheRule explores, state
// by state, everything that a few login attempts of one user can come to, and
// checks in each state the five promises of the rule, that every verdict is true
// when it is spoken, and that nobody is stuck.
//
// What is explored is the real thing. The transitions of transitions.go are run
// on real records, once for each pair of them (model_ledger_test.go). What an
// attempt does next is asked of a real Gate: it runs until it makes a call whose
// answer it has not been given, and is left there (model_gate_test.go). A gate is
// deterministic, so the gates with all that they heard are the nodes of an
// automaton, and the real one runs once for each node (model_automaton_test.go).
// Sysadmins are real Unlockers in the same way (model_desk_test.go).
//
// What may happen, at any moment and in any order (model_moves_test.go): the
// store answers a call; it gives no answer, with the effect written or not; a
// copy of anything that was ever sent arrives, late or again; an attempt stops at
// any of its calls, and wakes after everybody took it for dead, or never (a
// crash); a user's attempts meet a full budget, wait, give up, and reclaim; a
// comparison fails or panics, a credential cannot be read, or there is no such
// user; the maximum changes; Sysadmins unlock, with or without the lock's id; a
// gate's clock is wrong, and shows another time at each look.
//
// Why it is enough. A Gate meets other attempts in the store alone, so all
// orders of their store calls are all there is; what lies between two calls of
// one gate nobody sees, except through the clock, and a gate that sleeps there is
// explored too. Attempts differ by name alone, so worlds that differ only in
// whose name is whose are one (worldKey). An attempt that has ended is told from
// another only by what it said and by what it sent. Which answers sound the same
// to a gate is a claim (viewOf), and automaton.check plays other records that
// should sound the same to the real gate. The rule's conditions know an attempt's
// own id, the count and the maximum, and no other attempt: so four attempts, at a
// maximum of up to three, leave one that meets a full budget whatever the maximum.
//
// The worlds are finite because each family of them bounds what may happen; its
// line says how. `make proof` takes wider bounds, and five attempts.
//
// What the model leaves out: real times (model_time_test.go), and whether a store
// does what the transitions say, which is for the contract of package lockouttest.
//
// TestEveryMutantOfTheRuleIsFound shows that it can fail: it changes the source
// text, one condition at a time, and wants a broken promise for each.

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var proof = flag.Bool("proof", false, "explore and mutate all that `make proof` does")

// A family is all worlds of a number of attempts: with every choice of their
// guesses and every maximum from 1 to 3.
type family struct {
	attempts int
	kinds    []guess
	scope
}

var (
	ordinary = []guess{goodGuess, badGuess}
	all      = []guess{goodGuess, badGuess, stranger, unreadable, unreadBug}
)

// families are explored by every test run, the small ones first.
func families() []family {
	return []family{
		{2, all, scope{losses: -1, epochs: 1, patience: 1, faulty: true}},
		{2, ordinary, scope{losses: 1, epochs: 2, patience: 7}},
		{2, ordinary, scope{desks: 1, losses: 1, clocks: 1}},
		{2, ordinary, scope{desks: 2, losses: 1, patience: 1}},
		{3, ordinary, scope{desks: 1, epochs: 1, patience: 1}},
		{2, ordinary, scope{desks: 1, losses: 1, lates: 1, epochs: 1, patience: 1, faulty: true}},
		{4, ordinary, scope{losses: -1, patience: 1}},
		{4, ordinary, scope{losses: 1, lates: 1, patience: 1}},
		{4, ordinary, scope{desks: 1, losses: 1, patience: 1}},
		{4, ordinary, scope{losses: 1, epochs: 1}},
		{4, ordinary, scope{changes: 1, losses: 1}},
		{4, ordinary, scope{desks: 1, epochs: 1}},
	}
}

// widerFamilies are explored by `make proof` as well.
func widerFamilies() []family {
	return []family{
		{2, all, scope{changes: 1, desks: 1, losses: 1, lates: 1, epochs: 1, faulty: true}},
		{2, ordinary, scope{desks: 2, losses: 1, lates: 1, patience: 1}},
		{3, ordinary, scope{desks: 1, clocks: 1}},
		{3, ordinary, scope{changes: 1, desks: 1, epochs: 1, patience: 1}},
		{3, ordinary, scope{desks: 1, losses: 1, lates: 1, epochs: 1}},
		{4, ordinary, scope{changes: 1, desks: 1, patience: 1}},
		{4, ordinary, scope{losses: -1, lates: -1, patience: 1}},
		{5, ordinary, scope{changes: 1}},
		{5, ordinary, scope{desks: 1, losses: 1}},
		{5, ordinary, scope{losses: 1, lates: 1, patience: 1}},
		{5, ordinary, scope{epochs: 1}},
		{5, ordinary, scope{losses: -1, patience: 1}},
	}
}

// scopes returns the family's worlds, in no more than one order of the guesses:
// attempts differ by name alone.
func (f family) scopes() []scope {
	var scopes []scope
	for maximum := 1; maximum <= 3; maximum++ {
		for _, guesses := range choices(f.kinds, f.attempts) {
			s := f.scope
			s.maximum, s.guesses = maximum, guesses
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// choices returns every way to choose n of the kinds, each as often as one
// likes.
func choices(kinds []guess, n int) [][]guess {
	if n == 0 {
		return [][]guess{nil}
	}
	var found [][]guess
	for i, kind := range kinds {
		for _, rest := range choices(kinds[i:], n-1) {
			found = append(found, append([]guess{kind}, rest...))
		}
	}
	return found
}

func (f family) String() string {
	told := fmt.Sprintf("%d attempts", f.attempts)
	for _, may := range []struct {
		n    int
		what string
	}{
		{f.losses, "lost answers"}, {f.lates, "late copies"}, {f.epochs, "deaths of all in flight"}, {f.clocks, "epochs that clocks are wrong by"},
		{f.desks, "unlocks"}, {f.changes, "changes of the maximum"},
	} {
		switch {
		case may.n < 0:
			told += ", any number of " + may.what
		case may.n > 0:
			told += fmt.Sprintf(", up to %d %s", may.n, may.what)
		}
	}
	return told
}

// The race detector has nothing to find where one goroutine explores, and makes
// it six times slower: so a test with it has the model explored apart.
func TestEveryInterleavingKeepsTheRule(t *testing.T) {
	if raced {
		out, broken := exploreApart(t, nil)
		t.Log("explored without the race detector:\n", out)
		if broken != "" {
			t.Error("a promise is broken")
		}
		return
	}
	explored := families()
	if *proof {
		explored = append(explored, widerFamilies()...)
	}
	var total tally
	for i, f := range explored {
		var one tally
		began := time.Now()
		broken := one.explore(f.scopes())
		if broken != "" {
			t.Fatalf("%s; %s", f, broken)
		}
		t.Logf("%2d of %d: %s: %d states, %d steps (%v)",
			i+1, len(explored), f, one.worlds.Load(), one.steps.Load(), time.Since(began).Round(time.Second/10))
		total.add(&one)
	}
	t.Logf("in all %d states, %d steps between them, %d different transitions of records, %d runs of the real gate and unlocker",
		total.worlds.Load(), total.steps.Load(), total.effects.Load(), total.runs.Load())
}

// A tally counts what was explored.
type tally struct {
	worlds, steps, effects, runs atomic.Int64
}

func (y *tally) add(other *tally) {
	y.worlds.Add(other.worlds.Load())
	y.steps.Add(other.steps.Load())
	y.effects.Add(other.effects.Load())
	y.runs.Add(other.runs.Load())
}

// explorers is how many scopes are explored at once.
const explorers = 2

// explore explores the scopes until something is broken, and returns it.
func (y *tally) explore(scopes []scope) string {
	var broken atomic.Pointer[string]
	todo := make(chan scope)
	var wait sync.WaitGroup
	for range explorers {
		wait.Go(func() {
			for s := range todo {
				if broken.Load() != nil {
					continue
				}
				e := s.explore()
				y.note(e)
				if e.broken != "" {
					found := fmt.Sprintf("maximum %d, guesses %v: %s", s.maximum, s.guesses, e.broken)
					broken.CompareAndSwap(nil, &found)
				}
			}
		})
	}
	for _, s := range scopes {
		todo <- s
	}
	close(todo)
	wait.Wait()
	if found := broken.Load(); found != nil {
		return *found
	}
	return ""
}

func (y *tally) note(e *explorer) {
	y.worlds.Add(int64(len(e.seen)))
	y.steps.Add(int64(e.steps))
	y.effects.Add(int64(len(e.ledger.effects)))
	y.runs.Add(int64(e.gates.runs + e.office.runs))
}
