package load

import (
	"math"
	"slices"
	"time"
)

// A Sample is what one round of one thing took.
type Sample struct {
	Times    []time.Duration // of each request, shortest first
	Took     time.Duration   // from the start to the last answer
	Statuses map[int]int     // how often each was answered
}

// NewSample makes a sample; it sorts the times in place.
func NewSample(times []time.Duration, took time.Duration, statuses map[int]int) Sample {
	slices.Sort(times)
	return Sample{Times: times, Took: took, Statuses: statuses}
}

// Quantile returns the shortest time that at least the share q of the requests
// did not exceed (the nearest rank); 0 of an empty sample.
func (s Sample) Quantile(q float64) time.Duration {
	if len(s.Times) == 0 {
		return 0
	}
	rank := int(math.Ceil(q*float64(len(s.Times)) - 1e-9))
	return s.Times[min(max(rank, 1), len(s.Times))-1]
}

// P50 is the median.
func (s Sample) P50() time.Duration { return s.Quantile(0.50) }

// P99 is the time that one of a hundred exceeds.
func (s Sample) P99() time.Duration { return s.Quantile(0.99) }

// Mean is the mean time; 0 of an empty sample.
func (s Sample) Mean() time.Duration {
	sum := time.Duration(0)
	for _, t := range s.Times {
		sum += t
	}
	return sum / time.Duration(max(1, len(s.Times)))
}

// PerSecond is how many were answered in a second.
func (s Sample) PerSecond() float64 {
	if s.Took <= 0 {
		return 0
	}
	return float64(len(s.Times)) / s.Took.Seconds()
}
