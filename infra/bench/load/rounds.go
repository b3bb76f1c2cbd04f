package load

import (
	"context"
	"fmt"
)

// A Thing is one of what is compared.
type Thing struct {
	Name string
	// Before makes everything ready for a round, and is not measured. It may be nil.
	Before func(context.Context) error
	Run    func(context.Context) (Sample, error)
}

func (t Thing) round(ctx context.Context) (Sample, error) {
	if t.Before != nil {
		if err := t.Before(ctx); err != nil {
			return Sample{}, err
		}
	}
	return t.Run(ctx)
}

// Rounds runs all things n times, one after the other in each round, so that
// what the machine does meanwhile meets all of them. Every other round goes
// backwards: what follows upon another thing does not always follow it. It
// returns the samples of each thing by its name, in the order of the rounds.
// told may be nil; it hears of each sample.
func Rounds(ctx context.Context, n int, things []Thing, told func(round int, name string, s Sample)) (map[string][]Sample, error) {
	samples := make(map[string][]Sample, len(things))
	for round := range n {
		for i := range things {
			thing := things[i]
			if round%2 == 1 {
				thing = things[len(things)-1-i]
			}
			s, err := thing.round(ctx)
			if err != nil {
				return samples, fmt.Errorf("%s, round %d: %w", thing.Name, round+1, err)
			}
			samples[thing.Name] = append(samples[thing.Name], s)
			if told != nil {
				told(round, thing.Name, s)
			}
		}
	}
	return samples, nil
}
