package load

import "slices"

// A Spread is what several rounds gave.
type Spread struct{ Min, Median, Max float64 }

// SpreadOf sums values up; of an even number, the median is the mean of the
// middle two. There is none of no values: it is zero.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		median = (sorted[half-1] + sorted[half]) / 2
	}
	return Spread{Min: sorted[0], Median: median, Max: sorted[len(sorted)-1]}
}

// Ratios divides what two things gave in the same rounds, round by round: what
// slows a round down slows both. Both have the same rounds; one in which the
// other gave nothing is left out.
func Ratios(one, other []float64) []float64 {
	var ratios []float64
	for i := range one {
		if other[i] != 0 {
			ratios = append(ratios, one[i]/other[i])
		}
	}
	return ratios
}

// A Figure is a number that a sample has, such as [P50].
type Figure func(Sample) float64

// P50 is the median of a sample in nanoseconds.
func P50(s Sample) float64 { return float64(s.P50()) }

// P99 is the 99th percentile of a sample in nanoseconds.
func P99(s Sample) float64 { return float64(s.P99()) }

// PerSecond is how many requests of a sample were answered in a second.
func PerSecond(s Sample) float64 { return s.PerSecond() }

// Over sums the figure of the rounds up.
func Over(samples []Sample, f Figure) Spread { return SpreadOf(each(samples, f)) }

// Ratio divides the figure of two things round by round and sums that up.
func Ratio(one, other []Sample, f Figure) Spread {
	return SpreadOf(Ratios(each(one, f), each(other, f)))
}

func each(samples []Sample, f Figure) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = f(s)
	}
	return values
}
