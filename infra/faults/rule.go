package faults

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// A Rule says what becomes of a try. It is asked once for each, before anything
// is done, one try at a time.
type Rule func(Call) Kind

// At makes every try of the nth call of an operation fail, counted from 1 since
// the last [Proxy.Take]. name is a [Call.Name] or a [Call.Place].
func At(name string, nth int, kind Kind) Rule {
	return func(c Call) Kind {
		switch {
		case c.Place() == name && c.Nth == nth, c.Name() == name && c.NthOfName == nth:
			return kind
		}
		return None
	}
}

// Always makes every try of every call of the operations fail; of all
// operations, if none is named. The names are those of [At].
func Always(kind Kind, names ...string) Rule {
	return func(c Call) Kind {
		if len(names) == 0 || slices.Contains(names, c.Name()) || slices.Contains(names, c.Place()) {
			return kind
		}
		return None
	}
}

// Once lets a rule hold for the first try of each call alone: the SDK tries
// again and gets through.
func Once(rule Rule) Rule {
	return func(c Call) Kind {
		if c.Try > 1 {
			return None
		}
		return rule(c)
	}
}

// Random makes a share of all tries fail, from 0 to 1, each by one of the kinds.
// The same seed gives the same faults to the same tries in the same order.
func Random(seed uint64, share float64, kinds ...Kind) Rule {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, seed))
	return func(Call) Kind {
		mu.Lock()
		defer mu.Unlock()
		if random.Float64() >= share || len(kinds) == 0 {
			return None
		}
		return kinds[random.IntN(len(kinds))]
	}
}
