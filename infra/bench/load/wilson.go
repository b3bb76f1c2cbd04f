package load

import "math"

// z95 is the normal quantile of a two-sided interval of 95 %.
const z95 = 1.959963984540054

// Wilson returns the interval that holds the true share with a confidence of
// 95 %, where n tries gave hits: E. B. Wilson, "Probable inference, the law of
// succession, and statistical inference", JASA 22 (1927). No tries say nothing:
// 0 to 1.
func Wilson(hits, n int) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	share, tries := float64(hits)/float64(n), float64(n)
	middle := share + z95*z95/(2*tries)
	width := z95 * math.Sqrt(share*(1-share)/tries+z95*z95/(4*tries*tries))
	scale := 1 + z95*z95/tries
	return max(0, (middle-width)/scale), min(1, (middle+width)/scale)
}
